//===- random.cpp - streams, initial values -----------------------===//

#include "peft/runtime/random.h"
#include "peft/runtime/philox.h"

#include <cmath>

namespace peft {

std::array<uint32_t, 4> philox(uint64_t key, uint64_t counter) {
  const rt::Philox drawn =
      rt::philox4x32(uint32_t(counter), uint32_t(counter >> 32), 0, 0, uint32_t(key), uint32_t(key >> 32));
  return {drawn.word[0], drawn.word[1], drawn.word[2], drawn.word[3]};
}

uint64_t mixSeeds(uint64_t a, uint64_t b) {
  const auto words = philox(a, b);
  return uint64_t(words[1]) << 32 | words[0];
}

uint64_t hashText(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text)
    hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  return hash;
}

uint32_t RandomStream::nextWord() {
  if (used == 4) {
    block = philox(key, counter++);
    used = 0;
  }
  return block[used++];
}

namespace {
// Open at both ends, so that its logarithm is finite.
double unit(uint32_t word) { return (double(word) + 0.5) * 0x1p-32; }
} // namespace

double RandomStream::nextUnit() { return unit(nextWord()); }

uint32_t RandomStream::nextBelow(uint32_t bound) {
  // Lemire: the high word of word * bound, without the few words that would favour some results.
  const uint32_t threshold = uint32_t(-bound) % bound;
  for (;;) {
    const uint64_t product = uint64_t(nextWord()) * bound;
    if (uint32_t(product) >= threshold)
      return uint32_t(product >> 32);
  }
}

void shuffle(std::vector<int32_t> &values, RandomStream &random) {
  for (size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[random.nextBelow(uint32_t(i))]);
}

void fillNormal(float *values, int64_t count, double deviation, uint64_t seed) {
  const double turn = 2 * std::acos(-1.0);
  for (int64_t i = 0; i < count; i += 4) {
    // Box-Muller: two words give two values.
    const auto words = philox(seed, uint64_t(i) / 4);
    double drawn[4];
    for (int pair = 0; pair < 4; pair += 2) {
      const double radius = deviation * std::sqrt(-2 * std::log(unit(words[pair])));
      const double angle = turn * unit(words[pair + 1]);
      drawn[pair] = radius * std::cos(angle);
      drawn[pair + 1] = radius * std::sin(angle);
    }
    for (int64_t j = i; j < count && j < i + 4; ++j)
      values[j] = float(drawn[j - i]);
  }
}

void fillUniform(float *values, int64_t count, double bound, uint64_t seed) {
  for (int64_t i = 0; i < count; i += 4) {
    const auto words = philox(seed, uint64_t(i) / 4);
    for (int64_t j = i; j < count && j < i + 4; ++j)
      values[j] = float(bound * (2 * unit(words[j - i]) - 1));
  }
}

} // namespace peft
