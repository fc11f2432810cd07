//===- generate.cpp - prompts continued -----------------------------------===//

#include "peft/runtime/generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace peft {

Result<Prompts> Prompts::open(const std::string &path, const BatchShape &shape) {
  auto file = SafetensorsFile::open(path);
  if (!file)
    return file.status();
  auto ids = file->ints("input_ids");
  if (!ids)
    return ids.status();
  auto offsets = readDocumentOffsets(*file, int64_t(ids->size()));
  if (!offsets)
    return offsets.status();
  Prompts prompts;
  prompts.metadata = file->metadata();
  for (const int32_t id : *ids)
    if (id < 0 || id >= shape.vocabSize)
      return Status::error(path + ": token " + std::to_string(id) + " is outside the model's vocabulary of " +
                           std::to_string(shape.vocabSize));
  for (size_t i = 0; i + 1 < offsets->size(); ++i) {
    const int64_t length = (*offsets)[i + 1] - (*offsets)[i];
    if (length == 0 && shape.virtualTokens == 0)
      return Status::error(path + ": prompt " + std::to_string(i) + " is empty");
    if (length >= shape.seqLen)
      return Status::error(path + ": prompt " + std::to_string(i) + " has " + std::to_string(length) +
                           " tokens, the program's rows hold " + std::to_string(shape.seqLen) +
                           " with the new ones; shorten it, or compile with a longer --seq-len");
    prompts.tokens.emplace_back(ids->begin() + (*offsets)[i], ids->begin() + (*offsets)[i + 1]);
  }
  if (const auto ends = prompts.metadata.find("eos_token_id"); ends != prompts.metadata.end())
    for (const char *at = ends->second.c_str(); *at;) {
      char *end = nullptr;
      prompts.endTokens.insert(int32_t(strtol(at, &end, 10)));
      if (end == at || (*end && *end != ','))
        return Status::error(path + ": eos_token_id: expected numbers with commas, got '" + ends->second +
                             "'");
      at = *end ? end + 1 : end;
    }
  return prompts;
}

namespace {

/// The rows of one batch while they grow.
class Continuation {
public:
  Continuation(const Weights &weights, const Prompts &prompts, const Sampling &sampling, uint64_t seed)
      : weights(weights), prompts(prompts), sampling(sampling), seed(seed),
        shape(batchShape(weights.program())) {}

  /// Continues prompts first, first + 1, ... into their places of `results`.
  Status run(size_t first, int64_t maxNewTokens, std::vector<std::vector<int32_t>> &results) {
    const size_t count = std::min(size_t(shape.batch), prompts.tokens.size() - first);
    batch.clear(shape);
    lengths.assign(size_t(shape.batch), 0);
    finished.assign(count, false);
    std::vector<RandomStream> random;
    for (size_t row = 0; row < count; ++row) {
      random.emplace_back(mixSeeds(seed, first + row));
      for (const int32_t token : prompts.tokens[first + row])
        append(row, token);
    }
    for (int64_t i = 0; i < maxNewTokens && std::count(finished.begin(), finished.end(), false); ++i) {
      auto logits = forward();
      if (!logits)
        return logits.status();
      for (size_t row = 0; row < count; ++row) {
        if (finished[row])
          continue;
        const float *own = *logits + int64_t(row) * shape.vocabSize;
        if (!std::all_of(own, own + shape.vocabSize, [](float logit) { return std::isfinite(logit); }))
          return Status::error(
              "prompt " + std::to_string(first + row) +
              ": the logits are not finite: the adapter's or the model's values are damaged; "
              "--adapter off tells which");
        const int32_t token = sampleToken(own, shape.vocabSize, sampling, random[row]);
        results[first + row].push_back(token);
        finished[row] = prompts.endTokens.count(token) || lengths[row] + 1 >= shape.seqLen;
        append(row, token);
      }
    }
    return Status::ok();
  }

private:
  void append(size_t row, int32_t token) {
    const size_t at = row * size_t(shape.seqLen) + size_t(lengths[row]);
    batch.inputIds[at] = token;
    batch.positions[at] = lengths[row];
    batch.segments[at] = 1;
    ++lengths[row];
  }

  Result<const float *> forward() {
    std::vector<int32_t> rows(lengths.size());
    for (size_t row = 0; row < rows.size(); ++row) // virtual tokens come before the given ones
      rows[row] = std::max(0, int32_t(shape.virtualTokens) + lengths[row] - 1);
    return weights.runner().forward(batch, rows);
  }

  const Weights &weights;
  const Prompts &prompts;
  const Sampling &sampling;
  const uint64_t seed;
  const BatchShape shape;
  MicroBatch batch;
  std::vector<int32_t> lengths;
  std::vector<bool> finished;
};

} // namespace

Result<std::vector<std::vector<int32_t>>> generate(const Weights &weights, const Prompts &prompts,
                                                   const Sampling &sampling, int64_t maxNewTokens,
                                                   uint64_t seed) {
  std::vector<std::vector<int32_t>> results(prompts.tokens.size());
  Continuation continuation(weights, prompts, sampling, seed);
  for (size_t first = 0; first < results.size(); first += size_t(weights.program().batch))
    PEFT_TRY(continuation.run(first, maxNewTokens, results));
  return results;
}

Status writeGenerated(const std::string &path, const std::vector<std::vector<int32_t>> &tokens,
                      const std::map<std::string, std::string> &metadata) {
  std::vector<int32_t> ids;
  std::vector<int64_t> offsets = {0};
  for (const std::vector<int32_t> &row : tokens) {
    ids.insert(ids.end(), row.begin(), row.end());
    offsets.push_back(int64_t(ids.size()));
  }
  return writeSafetensors(path,
                          {{"input_ids", SafetensorsType::I32, {int64_t(ids.size())}, ids.data()},
                           {"doc_offsets", SafetensorsType::I64, {int64_t(offsets.size())}, offsets.data()}},
                          metadata);
}

} // namespace peft
