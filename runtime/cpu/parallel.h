//===- parallel.h - how kernels share their work among threads ------------===//
//
// Work is split so that no two threads write the same element, and so that the
// order of every sum depends on the number of threads at most. Regions that are too
// small to be worth waking the others run on the caller alone.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CPU_PARALLEL_H
#define PEFT_RUNTIME_CPU_PARALLEL_H

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <omp.h>

namespace peft::rt {

/// Elements below which a memory-bound loop stays on one thread: waking the others
/// costs a few microseconds.
inline constexpr int64_t parallelElements = 16384;

/// body(begin, end) on consecutive parts of [0, n), one a thread. `elements` is the
/// size of the whole work.
template <class Body> void parallelFor(int64_t n, int64_t elements, Body body) {
#pragma omp parallel if (elements > parallelElements)
  {
    int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    int64_t begin = n * thread / threads, end = n * (thread + 1) / threads;
    if (begin < end)
      body(begin, end);
  }
}

/// The same with parts that begin at multiples of 16, for the columns of a sum that
/// every thread forms over all rows: cache lines aren't shared.
template <class Body> void parallelColumns(int64_t n, int64_t elements, Body body) {
  parallelFor((n + 15) / 16, elements,
              [&](int64_t begin, int64_t end) { body(begin * 16, std::min(end * 16, n)); });
}

/// Memory of one thread, kept until the thread ends, because fresh pages cost more than
/// a small kernel takes. Grows to the largest request.
class Scratch {
public:
  ~Scratch() { free(memory); }
  /// `count` floats at a multiple of 64 bytes; what was there before is lost.
  float *floats(int64_t count) {
    size_t bytes = (size_t(count) * sizeof(float) + 63) / 64 * 64;
    if (bytes > size) {
      free(memory);
      memory = static_cast<float *>(aligned_alloc(64, bytes));
      if (!memory)
        abort();
      size = bytes;
    }
    return memory;
  }
  /// The calling thread's.
  static Scratch &mine() {
    static thread_local Scratch scratch;
    return scratch;
  }

private:
  float *memory = nullptr;
  size_t size = 0;
};

} // namespace peft::rt

#endif // PEFT_RUNTIME_CPU_PARALLEL_H
