//===- fake_program.cpp - a program small enough to write by hand ---------===//

#include "fake_program.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <iterator>
#include <limits>

namespace peft::test {

Faults faults;

namespace {

constexpr uint64_t countA = fakeRank * fakeWidth, countB = fakeVocab * fakeRank, count = countA + countB;
constexpr uint64_t gradientOffset = count * 4, optimizerOffset = 2 * count * 4, headOffset = 4 * count * 4;
constexpr uint64_t headBytes = fakeVocab * fakeWidth * 4, logitsOffset = headOffset + headBytes;
constexpr uint64_t arenaBytes = logitsOffset + fakeBatch * fakeVocab * 4;
enum { Embed, Head, A, B };

const peft_parameter_t parameters[] = {
    {"embed.weight",
     nullptr,
     PEFT_F32,
     PEFT_DENSE,
     0,
     0,
     2,
     {fakeVocab, fakeWidth},
     0,
     0,
     PEFT_INIT_CHECKPOINT,
     0,
     nullptr,
     PEFT_MAPPED,
     headBytes,
     0},
    {"head.weight",
     nullptr,
     PEFT_F32,
     PEFT_DENSE,
     0,
     0,
     2,
     {fakeVocab, fakeWidth},
     0,
     0,
     PEFT_INIT_CHECKPOINT,
     0,
     nullptr,
     headOffset,
     headBytes,
     0},
    {"base_model.model.head.lora_A.weight",
     nullptr,
     PEFT_F32,
     PEFT_DENSE,
     0,
     0,
     2,
     {fakeRank, fakeWidth},
     0,
     1,
     PEFT_INIT_UNIFORM,
     0.3,
     nullptr,
     0,
     countA * 4,
     gradientOffset},
    {"base_model.model.head.lora_B.weight",
     nullptr,
     PEFT_F32,
     PEFT_DENSE,
     0,
     0,
     2,
     {fakeVocab, fakeRank},
     0,
     1,
     PEFT_INIT_ZEROS,
     0,
     nullptr,
     countA * 4,
     countB * 4,
     gradientOffset + countA * 4},
};

const peft_memory_t memory[] = {
    {"adapters", count * 4}, {"gradients", count * 4}, {"optimizer", 2 * count * 4}};

const float *weight(const peft_context_t *ctx, int index) {
  return static_cast<const float *>(ctx->weights[index]);
}
float *floats(const peft_context_t *ctx, uint64_t offset) {
  return reinterpret_cast<float *>(ctx->arena + offset);
}

/// e and A e and the logits of one token.
void forwardToken(const peft_context_t *ctx, int32_t token, float noise, float *e, float *h, float *logits) {
  for (int64_t i = 0; i < fakeWidth; ++i)
    e[i] = noise * weight(ctx, Embed)[token * fakeWidth + i];
  for (int64_t r = 0; r < fakeRank; ++r) {
    h[r] = 0;
    for (int64_t i = 0; i < fakeWidth; ++i)
      h[r] += weight(ctx, A)[r * fakeWidth + i] * e[i];
  }
  for (int64_t v = 0; v < fakeVocab; ++v) {
    logits[v] = 0;
    for (int64_t i = 0; i < fakeWidth; ++i)
      logits[v] += weight(ctx, Head)[v * fakeWidth + i] * e[i];
    for (int64_t r = 0; r < fakeRank; ++r)
      logits[v] += weight(ctx, B)[v * fakeRank + r] * h[r];
  }
}

/// Loss of one position; with `scale` != 0 also its gradients.
float position(const peft_context_t *ctx, int32_t token, int32_t target, float noise, float scale) {
  float e[fakeWidth], h[fakeRank], logits[fakeVocab];
  forwardToken(ctx, token, noise, e, h, logits);
  float sum = 0;
  for (const float logit : logits)
    sum += std::exp(logit);
  const float loss = std::log(sum) - logits[target];
  if (scale == 0)
    return loss;
  float *gradA = floats(ctx, gradientOffset), *gradB = gradA + countA;
  for (int64_t v = 0; v < fakeVocab; ++v) {
    const float d = scale * (std::exp(logits[v]) / sum - float(v == target));
    for (int64_t r = 0; r < fakeRank; ++r) {
      const float dh = d * weight(ctx, B)[v * fakeRank + r];
      gradB[v * fakeRank + r] += d * h[r];
      for (int64_t i = 0; i < fakeWidth; ++i)
        gradA[r * fakeWidth + i] += dh * e[i];
    }
  }
  return loss;
}

float allPositions(const peft_context_t *ctx, const peft_batch_t *batch, float noise, float scale) {
  float sum = 0;
  for (int64_t i = 0; i < fakeBatch * fakeSeqLen; ++i) {
    const bool lastOfRow = (i + 1) % fakeSeqLen == 0;
    if (lastOfRow || batch->segments[i + 1] == 0 || batch->segments[i + 1] != batch->segments[i] ||
        batch->labels[i + 1] == -100)
      continue;
    sum += position(ctx, batch->input_ids[i], batch->labels[i + 1], noise, scale);
  }
  return sum;
}

/// What an entry point returns lies outside the arena's planned parts here.
float returned = 0;

void microStep(const peft_context_t *ctx, const peft_batch_t *batch, const float **lossSum) {
  const int64_t now = faults.microSteps++;
  if (now == faults.signalAt)
    raise(faults.signal);
  const float noise = faults.noise ? 1 + 0.1f * float(batch->seed % 5) : 1;
  returned = allPositions(ctx, batch, noise, batch->loss_scale);
  if (now == faults.nanAt)
    returned = std::numeric_limits<float>::quiet_NaN();
  *lossSum = &returned;
}

void evaluateBatch(const peft_context_t *ctx, const peft_batch_t *batch, const float **lossSum) {
  returned = allPositions(ctx, batch, 1, 0);
  *lossSum = &returned;
}

void forward(const peft_context_t *ctx, const peft_batch_t *batch, const float **logits) {
  float e[fakeWidth], h[fakeRank];
  for (int64_t row = 0; row < fakeBatch; ++row)
    forwardToken(ctx, batch->input_ids[row * fakeSeqLen + batch->rows[row]], 1, e, h,
                 floats(ctx, logitsOffset) + row * fakeVocab);
  *logits = floats(ctx, logitsOffset);
}

void update(const peft_context_t *ctx, const peft_update_t *u, const float **norm) {
  float *p = floats(ctx, 0), *g = floats(ctx, gradientOffset), *m = floats(ctx, optimizerOffset),
        *v = m + count;
  float squares = 0;
  for (uint64_t i = 0; i < count; ++i)
    squares += g[i] * g[i];
  returned = std::sqrt(squares);
  *norm = &returned;
  const float clip = u->max_grad_norm > 0 ? std::min(1.0f, u->max_grad_norm / (returned + 1e-6f)) : 1;
  const float bias1 = 1 - std::pow(u->beta1, float(u->step)), bias2 = 1 - std::pow(u->beta2, float(u->step));
  for (uint64_t i = 0; i < count; ++i) {
    const float gradient = clip * g[i];
    p[i] *= 1 - u->learning_rate * u->weight_decay;
    m[i] = u->beta1 * m[i] + (1 - u->beta1) * gradient;
    v[i] = u->beta2 * v[i] + (1 - u->beta2) * gradient * gradient;
    p[i] -= u->learning_rate / bias1 * m[i] / (std::sqrt(v[i] / bias2) + u->epsilon);
    g[i] = 0;
  }
  if (u->step - 1 == faults.infiniteAt)
    p[3] = std::numeric_limits<float>::infinity();
}

} // namespace

peft_program_t fakeProgram(const std::string &model) {
  peft_program_t program{};
  program.version = PEFT_ABI_VERSION;
  program.name = "fake";
  program.target = "cpu";
  program.isa = "";
  program.model = model.c_str();
  program.recipe = R"({"base_model_name_or_path": "someone/fake", "peft_type": "LORA", "r": 2})";
  program.optimizer = "adamw";
  program.dtype = PEFT_F32;
  program.batch = fakeBatch;
  program.seq_len = fakeSeqLen;
  program.vocab_size = fakeVocab;
  program.parameters = parameters;
  program.parameter_count = std::size(parameters);
  program.memory = memory;
  program.memory_count = std::size(memory);
  program.arena_bytes = arenaBytes;
  program.trainable_count = count;
  program.gradient_offset = gradientOffset;
  program.optimizer_offset = optimizerOffset;
  program.optimizer_slots = 2;
  program.deterministic = 1;
  program.micro_step = microStep;
  program.evaluate = evaluateBatch;
  program.forward = forward;
  program.update = update;
  return program;
}

} // namespace peft::test
