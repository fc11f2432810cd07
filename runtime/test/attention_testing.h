//===- attention_testing.h - attention's definition, for its tests --------===//

#ifndef PEFT_RUNTIME_TEST_ATTENTION_TESTING_H
#define PEFT_RUNTIME_TEST_ATTENTION_TESTING_H

#include "kernel_testing.h"

namespace peft::rt::attention_testing {

struct Case {
  int64_t batch, seq, heads, kvHeads, dim, window;
  Ints segments;
  float scale() const { return float(1 / std::sqrt(double(dim))); }
  int64_t qSize() const { return batch * seq * heads * dim; }
  int64_t kSize() const { return batch * seq * kvHeads * dim; }
  bool sees(int64_t b, int64_t i, int64_t j) const {
    return j <= i && segments[b * seq + i] == segments[b * seq + j] && (window == 0 || i - j < window);
  }
};

inline Ints oneSegment(int64_t batch, int64_t seq) { return Ints(batch * seq, 1); }

/// Runs of the given lengths, then padding; every row shifted by one against the last.
inline Ints packed(int64_t batch, int64_t seq, const Ints &lengths) {
  Ints segments;
  for (int64_t b = 0; b < batch; ++b) {
    Ints row;
    for (size_t s = 0; s < lengths.size(); ++s)
      row.insert(row.end(), lengths[s] + (s == 0 ? b : 0), int32_t(s + 1));
    row.resize(seq, 0);
    segments.insert(segments.end(), row.begin(), row.end());
  }
  return segments;
}

/// Segments 0, 1, 2, 0, 1, ... of `length` tokens each.
inline Ints recurring(int64_t batch, int64_t seq, int64_t length) {
  Ints segments;
  for (int64_t i = 0; i < batch * seq; ++i)
    segments.push_back(int32_t(i % seq / length % 3));
  return segments;
}

/// What both passes should give; q, k and v are one vector, so are their gradients.
struct Expected {
  Doubles o, lse, gradient;
};

inline Expected expected(const Case &c, const Doubles &qkv, const Doubles &dout) {
  Expected result;
  result.o.resize(c.qSize());
  result.lse.resize(c.batch * c.heads * c.seq);
  result.gradient.resize(qkv.size());
  const double *q = qkv.data(), *k = q + c.qSize(), *v = k + c.kSize();
  double *dq = result.gradient.data(), *dk = dq + c.qSize(), *dv = dk + c.kSize();
  Doubles weights(c.seq);
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t i = 0; i < c.seq; ++i) {
        auto keyAt = [&](int64_t j) {
          return ((b * c.seq + j) * c.kvHeads + h / (c.heads / c.kvHeads)) * c.dim;
        };
        const int64_t row = ((b * c.seq + i) * c.heads + h) * c.dim;
        double sum = 0, delta = 0;
        for (int64_t j = 0; j <= i; ++j) {
          double score = 0;
          for (int64_t d = 0; d < c.dim; ++d)
            score += q[row + d] * k[keyAt(j) + d];
          sum += weights[j] = c.sees(b, i, j) ? std::exp(score * c.scale()) : 0;
        }
        for (int64_t j = 0; j <= i; ++j)
          for (int64_t d = 0; d < c.dim; ++d)
            result.o[row + d] += weights[j] / sum * v[keyAt(j) + d];
        result.lse[(b * c.heads + h) * c.seq + i] = std::log(sum);
        for (int64_t d = 0; d < c.dim; ++d)
          delta += dout[row + d] * result.o[row + d];
        for (int64_t j = 0; j <= i; ++j) {
          const double p = weights[j] / sum;
          if (p == 0)
            continue;
          double dp = 0;
          for (int64_t d = 0; d < c.dim; ++d)
            dp += dout[row + d] * v[keyAt(j) + d];
          const double ds = p * (dp - delta) * c.scale();
          for (int64_t d = 0; d < c.dim; ++d) {
            dv[keyAt(j) + d] += p * dout[row + d];
            dq[row + d] += ds * k[keyAt(j) + d];
            dk[keyAt(j) + d] += ds * q[row + d];
          }
        }
      }
  return result;
}

inline Doubles part(const Doubles &all, int64_t begin, int64_t count) {
  return Doubles(all.begin() + begin, all.begin() + begin + count);
}

} // namespace peft::rt::attention_testing

#endif // PEFT_RUNTIME_TEST_ATTENTION_TESTING_H
