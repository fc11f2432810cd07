//===- random.h - random numbers that depend on nothing but their seed ----===//
//
// Philox4x32-10 (philox.h): the n-th block of four words is a function of a key and
// of n, so that a resumed run needs no saved state. No global state; every function
// may be called from several threads at once.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_RANDOM_H
#define PEFT_RUNTIME_RANDOM_H

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace peft {

/// The words of block `counter` under `key`.
std::array<uint32_t, 4> philox(uint64_t key, uint64_t counter);

/// One seed out of two: order matters.
uint64_t mixSeeds(uint64_t a, uint64_t b);
/// FNV-1a, 64 bits.
uint64_t hashText(std::string_view text);

/// A stream of random values; not shared between threads.
class RandomStream {
public:
  explicit RandomStream(uint64_t seed) : key(seed) {}
  uint32_t nextWord();
  /// Uniform in (0, 1).
  double nextUnit();
  /// Uniform in [0, bound). REQUIRES: 0 < bound < 2^32
  uint32_t nextBelow(uint32_t bound);

private:
  uint64_t key, counter = 0;
  std::array<uint32_t, 4> block{};
  unsigned used = 4;
};

/// Fisher-Yates.
void shuffle(std::vector<int32_t> &values, RandomStream &random);

/// values[i] ~ N(0, deviation^2), or U(-bound, bound).
void fillNormal(float *values, int64_t count, double deviation, uint64_t seed);
void fillUniform(float *values, int64_t count, double bound, uint64_t seed);

} // namespace peft

#endif // PEFT_RUNTIME_RANDOM_H
