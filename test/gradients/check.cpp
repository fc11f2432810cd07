//===- check.cpp - gradients of compiled programs against differences -----===//
//
// Every program of programs/*.mlir is linked in here, as it is after differentiation
// and once more after fusion. All of their inputs that could be are trainable
// parameters, so each component of each gradient is compared with a difference
// quotient of the program's own loss:
//
//   f'(x) = (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h + O(h^4)
//
// Values are multiples of 1/64 and h is 1/64: sums of them are exact, in bfloat16 too.
// What is left is the rounding of a float32 loss (about 2e-6), some 1e-4 in the
// quotient; a component may be off by 0.2 % of the largest of its tensor.
//
//===----------------------------------------------------------------------===//

#include "peft/runtime/abi.h"
#include "peft/runtime/arena.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#define PEFT_PROGRAM(name)                                                                                   \
  extern "C" const peft_program_t *name##_query(uint32_t);                                                   \
  extern "C" const peft_program_t *name##_fused_query(uint32_t);
#include "programs.inc"
#undef PEFT_PROGRAM

namespace {

constexpr float kStep = 1.0f / 64;
constexpr double kTolerance = 2e-3;
constexpr float kLossScale = 0.25f;
constexpr int64_t kBatch = 2, kSeq = 7;

// Two documents in the first row; one and padding in the second. 9 rows have a label.
const int32_t ids[] = {3, 1, 5, 2, 7, 0, 5, 8, 2, 2, 6, 4, 1, 1};
const int32_t labels[] = {3, 1, -100, 10, 7, 0, 5, 8, 2, 9, 6, 4, -100, -100};
const int32_t positions[] = {0, 1, 2, 3, 0, 1, 2, 0, 1, 2, 3, 4, 0, 1};
const int32_t segments[] = {1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 0, 0};

/// Numbers that are the same everywhere (Numerical Recipes' LCG).
class Numbers {
public:
  uint32_t below(uint32_t n) { return (state = state * 1664525u + 1013904223u) / 65536u % n; }
  /// A multiple of 1/64, 1/4 to 1 in size: no kink of relu is within 2h.
  float value() { return float(16 + below(49)) / 64 * (below(2) ? 1 : -1); }

private:
  uint32_t state = 20;
};

/// The bytes of an encoded weight: any codes, absolute maxima near 1.
void fillNF4(const peft_parameter_t &p, unsigned char *bytes, Numbers &numbers) {
  const uint64_t count = p.dims[0] * p.dims[1], blocks = (count + p.block - 1) / p.block;
  uint64_t at = 0;
  for (; at < (count + 1) / 2; ++at)
    bytes[at] = numbers.below(256);
  const auto floats = [&](uint64_t n, auto next) {
    at = (at + 3) / 4 * 4;
    for (uint64_t i = 0; i < n; ++i, at += 4) {
      const float value = next(i);
      memcpy(bytes + at, &value, 4);
    }
  };
  if (p.nested == 0)
    return floats(blocks, [&](uint64_t) { return std::fabs(numbers.value()); });
  at = (at + 3) / 4 * 4;
  for (uint64_t i = 0; i < blocks; ++i)
    bytes[at++] = numbers.below(256);
  floats((blocks + p.nested - 1) / p.nested, [](uint64_t) { return 0.5f; });
  floats(256, [](uint64_t i) { return (float(i) - 128) / 128; });
  floats(1, [](uint64_t) { return 1.0f; });
}

/// One program, with memory and values of its own.
class Subject {
public:
  explicit Subject(const peft_program_t *program) : program(program) {
    arena = std::move(*peft::Arena::allocate(program->arena_bytes));
    Numbers numbers;
    for (uint64_t i = 0; i < program->parameter_count; ++i) {
      const peft_parameter_t &p = program->parameters[i];
      if (p.offset == PEFT_MAPPED)
        frozen.emplace_back(p.bytes);
      char *data =
          p.offset == PEFT_MAPPED ? reinterpret_cast<char *>(frozen.back().data()) : arena.data() + p.offset;
      weights.push_back(data);
      if (p.encoding == PEFT_NF4)
        fillNF4(p, reinterpret_cast<unsigned char *>(data), numbers);
      else if (p.pitch)
        for (int64_t row = 0; row < p.dims[0]; ++row)
          std::generate_n(reinterpret_cast<float *>(data) + row * p.pitch, p.dims[1],
                          [&] { return numbers.value(); });
      else
        std::generate_n(reinterpret_cast<float *>(data), p.bytes / 4, [&] { return numbers.value(); });
    }
  }

  float microStep() const { return run(program->micro_step); }
  float evaluate() const { return run(program->evaluate); }
  float *values(uint64_t i) const { return static_cast<float *>(const_cast<void *>(weights[i])); }
  const float *gradient(uint64_t i) const {
    return reinterpret_cast<const float *>(arena.data() + program->parameters[i].gradient_offset);
  }

  /// The loss as @forward sees it: the logits of one position of every row after another.
  double lossOfForward() const {
    double loss = 0;
    for (int64_t s = 0; s < program->virtual_tokens + kSeq - 1; ++s) {
      const std::vector<int32_t> rows(kBatch, int32_t(s));
      peft_batch_t batch = input();
      batch.rows = rows.data();
      const peft_context_t context = {arena.data(), weights.data(), /*device=*/nullptr, /*host=*/nullptr};
      const float *logits = nullptr;
      program->forward(&context, &batch, &logits);
      const int64_t next = s + 1 - program->virtual_tokens; // the token that it predicts
      for (int64_t b = 0; b < kBatch; ++b, logits += program->vocab_size) {
        const int64_t at = b * kSeq + next;
        const bool isFirst = next == 0; // a prompt's last token is in segment 1
        if (next < 0 || labels[at] < 0 || segments[at] == 0 ||
            segments[at] != (isFirst ? 1 : segments[at - 1]))
          continue;
        double sum = 0;
        for (int64_t v = 0; v < program->vocab_size; ++v)
          sum += std::exp(double(logits[v]) - logits[labels[at]]);
        loss += std::log(sum);
      }
    }
    return loss;
  }

  const peft_program_t *program;

private:
  static peft_batch_t input() { return {ids, labels, positions, segments, kLossScale, /*seed=*/5, nullptr}; }

  float run(void (*entry)(const peft_context_t *, const peft_batch_t *, const float **)) const {
    const peft_context_t context = {arena.data(), weights.data(), /*device=*/nullptr, /*host=*/nullptr};
    const peft_batch_t batch = input();
    const float *loss = nullptr;
    entry(&context, &batch, &loss);
    return *loss;
  }

  peft::Arena arena;
  std::vector<std::vector<char>> frozen;
  std::vector<const void *> weights;
};

double quotient(const Subject &subject, float &value) {
  const float x = value;
  const auto at = [&](float y) {
    value = y;
    return double(subject.microStep());
  };
  const double near = at(x + kStep) - at(x - kStep), far = at(x + 2 * kStep) - at(x - 2 * kStep);
  value = x;
  return (8 * near - far) / (12 * kStep);
}

std::string complaint(const char *what, double expected, double got) {
  char text[160];
  snprintf(text, sizeof text, "%s: expected %.6g, got %.6g", what, expected, got);
  return text;
}

/// Empty, or what is wrong.
std::string check(const Subject &subject, double &worst) {
  const peft_program_t &program = *subject.program;
  const double loss = subject.microStep();
  if (!std::isfinite(loss) || loss <= 0)
    return complaint("loss of 9 labels", 20, loss);
  const bool hasDropout = strstr(program.name, "dropout") != nullptr;
  if (!hasDropout && std::fabs(subject.evaluate() - loss) > 1e-5 * loss)
    return complaint("loss of @evaluate", loss, subject.evaluate());
  if (double forward = subject.lossOfForward(), same = subject.evaluate();
      std::fabs(forward - same) > 1e-4 * same)
    return complaint("loss of the logits of @forward", same, forward);

  subject.microStep(); // gradients are added to: twice as much now
  std::vector<std::vector<double>> gradients;
  for (uint64_t i = 0; i < program.parameter_count; ++i) {
    const peft_parameter_t &p = program.parameters[i];
    gradients.emplace_back();
    for (uint64_t k = 0; p.trainable && k < p.bytes / 4; ++k)
      gradients[i].push_back(subject.gradient(i)[k] / (2.0 * kLossScale));
  }
  for (uint64_t i = 0; i < program.parameter_count; ++i) {
    std::vector<double> expected;
    double largest = 0;
    for (uint64_t k = 0; k < gradients[i].size(); ++k) {
      expected.push_back(quotient(subject, subject.values(i)[k]));
      largest = std::max(largest, std::fabs(expected[k]));
    }
    if (!gradients[i].empty() && largest < 1e-2)
      return std::string("@") + program.parameters[i].name +
             " has no influence on the loss: nothing is checked";
    for (uint64_t k = 0; k < gradients[i].size(); ++k) {
      const double error = std::fabs(gradients[i][k] - expected[k]) / largest;
      worst = std::max(worst, error);
      if (!(error <= kTolerance))
        return complaint(
            ("gradient of @" + std::string(program.parameters[i].name) + "[" + std::to_string(k) + "]")
                .c_str(),
            expected[k], gradients[i][k]);
    }
  }
  return "";
}

int failures = 0, passes = 0;

void report(const char *name, const peft_program_t *plain, const peft_program_t *fused) {
  const Subject subjects[] = {Subject(plain), Subject(fused)};
  std::string error;
  double worst = 0;
  for (const Subject &subject : subjects)
    if (error.empty())
      if (error = check(subject, worst); !error.empty())
        error += &subject == subjects ? "" : " (fused)";
  if (const double a = subjects[0].microStep(), b = subjects[1].microStep();
      error.empty() && std::fabs(a - b) > 1e-5 * a)
    error = complaint("loss after fusion", a, b);
  if (error.empty())
    printf("ok %s (largest error %.2g)\n", name, worst);
  else
    printf("FAILED %s: %s\n", name, error.c_str());
  ++(error.empty() ? passes : failures);
}

} // namespace

int main() {
#define PEFT_PROGRAM(name)                                                                                   \
  report(#name, name##_query(PEFT_ABI_VERSION), name##_fused_query(PEFT_ABI_VERSION));
#include "programs.inc"
  printf("%d passed, %d failed\n", passes, failures);
  return failures != 0;
}
