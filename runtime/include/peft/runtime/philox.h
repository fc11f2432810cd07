//===- philox.h - the counter-based generator of dropout masks ------------===//
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011): four random words are a pure function of a counter and a key, so the
// backward pass computes a mask again instead of reading a kept one.
//
// Dropout's use of it, the same on every target: element e of a tensor takes word
// e % 4 of key = (low half of seed, salt) and
// counter = (low half of e / 4, high half of e / 4, high half of seed, 0).
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_PHILOX_H
#define PEFT_RUNTIME_PHILOX_H

#include "peft/runtime/tensor.h"

namespace peft::rt {

inline constexpr uint32_t philoxMultiplier0 = 0xD2511F53u, philoxMultiplier1 = 0xCD9E8D57u;
inline constexpr uint32_t philoxWeyl0 = 0x9E3779B9u, philoxWeyl1 = 0xBB67AE85u;
inline constexpr int philoxRounds = 10;

struct Philox {
  uint32_t word[4];
};

PEFT_HD Philox philox4x32(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < philoxRounds; ++round) {
    uint64_t p0 = uint64_t(philoxMultiplier0) * c0, p1 = uint64_t(philoxMultiplier1) * c2;
    c0 = uint32_t(p1 >> 32) ^ c1 ^ k0;
    c2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
    c1 = uint32_t(p1);
    c3 = uint32_t(p0);
    k0 += philoxWeyl0;
    k1 += philoxWeyl1;
  }
  return {{c0, c1, c2, c3}};
}

/// The four words of elements 4 * group .. 4 * group + 3.
PEFT_HD Philox dropoutWords(uint64_t group, uint64_t seed, uint32_t salt) {
  return philox4x32(uint32_t(group), uint32_t(group >> 32), uint32_t(seed >> 32), 0, uint32_t(seed), salt);
}

/// An element is kept where its word is at least this: the smallest integer not
/// below p * 2^32. 2^32, which no word reaches, for p = 1.
PEFT_HD uint64_t dropoutThreshold(float p) {
  double scaled = double(p) * 4294967296.0;
  uint64_t floor = uint64_t(scaled);
  return floor + (double(floor) < scaled);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_PHILOX_H
