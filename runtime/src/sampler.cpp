//===- sampler.cpp - the next token from its logits -----------------------===//

#include "peft/runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace peft {

int32_t likeliestToken(const float *logits, int64_t vocabulary) {
  return int32_t(std::max_element(logits, logits + vocabulary) - logits);
}

int32_t sampleToken(const float *logits, int64_t vocabulary, const Sampling &sampling, RandomStream &random) {
  if (!sampling.draw)
    return likeliestToken(logits, vocabulary);
  const auto likelier = [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  };
  std::vector<int32_t> tokens(static_cast<size_t>(vocabulary));
  std::iota(tokens.begin(), tokens.end(), 0);
  int64_t kept = sampling.topK > 0 ? std::min(sampling.topK, vocabulary) : vocabulary;
  std::partial_sort(tokens.begin(), tokens.begin() + kept, tokens.end(), likelier);

  std::vector<double> weights(static_cast<size_t>(kept));
  double sum = 0;
  for (int64_t i = 0; i < kept; ++i) {
    weights[size_t(i)] =
        std::exp((double(logits[tokens[size_t(i)]]) - double(logits[tokens[0]])) / sampling.temperature);
    sum += weights[size_t(i)];
  }
  // top-p: the shortest run of likeliest tokens whose probability reaches it.
  double held = 0;
  for (int64_t i = 0; i < kept; ++i) {
    held += weights[size_t(i)];
    if (held >= sampling.topP * sum) {
      kept = i + 1;
      break;
    }
  }
  double point = random.nextUnit() * held;
  for (int64_t i = 0; i < kept; ++i)
    if ((point -= weights[size_t(i)]) < 0)
      return tokens[size_t(i)];
  return tokens[size_t(kept - 1)];
}

} // namespace peft
