//===- device.h - the machine that kernels run on -------------------------===//
//
// Its memory, and running what was enqueued. A program links one implementation with
// its kernels: cpu/device.cpp, where all memory is the process's own and everything has
// run when a call returns, or cuda/device.cpp. One device a process; call from one
// thread.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_DEVICE_H
#define PEFT_RUNTIME_DEVICE_H

#include "peft/runtime/status.h"

#include <cstdint>
#include <functional>

namespace peft::device {

/// "cpu" or "cuda": the target of the programs that this implementation runs.
const char *target();

/// Takes the device and its libraries into use; what kernels find in peft_context_t::device. Calls after
/// the first return the same. An error says what is missing (no GPU, an older driver).
Result<void *> open();

/// Bytes of a GPU's own memory, whoever uses them; 0 on the CPU.
struct Memory {
  uint64_t free = 0, total = 0;
};
Memory memory();

/// Zeroed memory for kernels, aligned to PEFT_ALIGNMENT. An error says what was wanted
/// and, of a GPU, what is free.
Result<char *> allocate(uint64_t bytes);
void release(char *memory, uint64_t bytes);

/// Memory that the host and kernels read and write alike: scalars of a call.
Result<void *> allocateShared(uint64_t bytes);
void releaseShared(void *memory);

/// Between host memory and memory of `allocate`; done when they return.
Status upload(void *to, const void *from, uint64_t bytes);
Status uploadRows(char *to, uint64_t pitch, const void *from, uint64_t rowBytes, uint64_t rows);
Status download(void *to, const void *from, uint64_t bytes);
/// As upload, `rows` of `rowBytes` each that lie one behind the other at `from`, and `pitch` bytes apart at
/// `to`.
Status uploadRows(char *to, uint64_t pitch, const void *from, uint64_t rowBytes, uint64_t rows);
Status fillZero(void *memory, uint64_t bytes);
/// As upload, from memory of `allocateShared`: before whatever is enqueued next, but not yet when it returns.
/// `from` must stay as it is until `wait`.
Status uploadShared(void *to, const void *from, uint64_t bytes);

/// The part of the program's memory that the device's libraries work in.
void useWorkspace(char *memory, uint64_t bytes);

/// Whether every run must give the same bits (so at first), or sums may be formed in any order. Before the
/// first run.
void setDeterministic(bool on);

/// What the next runs' batches look like, segments [batch, seq] in host memory: a device may choose its
/// kernels by it.
void expectBatch(const int32_t *segments, int64_t batch, int64_t seq);

/// Whether kernels.h's FP8 products run here; the error says what they need.
Status multipliesFp8();

/// Whether kernels read the host's memory, a mapped file's say, where it is.
bool readsHostMemory();

/// Starts what `enqueue` calls; the host may do something else until `wait` or `download`. Equal `key`s
/// promise equal calls: the first run is made call by call, later ones may replay a captured graph.
Status start(uint64_t key, const std::function<void()> &enqueue);
/// Waits for all that was enqueued; what went wrong in it.
Status wait();
inline Status run(uint64_t key, const std::function<void()> &enqueue) {
  PEFT_TRY(start(key, enqueue));
  return wait();
}

/// What the device has chosen by timing, algorithms of matrix products say: the same choices give the same
/// bits. Loading takes those of a file, if there is one, and warns where they are of another card; nothing on
/// the CPU.
Status saveChoices(const std::string &path);
Status loadChoices(const std::string &path);

} // namespace peft::device

#endif // PEFT_RUNTIME_DEVICE_H
