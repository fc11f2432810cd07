//===- MergedTensor.cpp - base values with updates applied ----------------===//

#include "MergedTensor.h"

#include "peft/runtime/tensor.h"

#include <cmath>
#include <cstring>

using namespace peft;

Status peft::checkUpdate(const Update &update, const CheckpointTensor &tensor) {
  const std::vector<int64_t> &shape = tensor.shape;
  const SafetensorsTensor &first = *update.tensors[0];
  auto misfit = [&](const std::string &got) {
    return Status::error(first.name + ": expected to fit " + tensor.name + " " + shapeText(shape) +
                         " of the base, got " + got + "; is this the model that it was trained on?");
  };
  if (update.kind == Update::Kind::lora || update.kind == Update::Kind::embeddingLora) {
    // Linear: A [r, in], B [out, r]. Embedding: A [r, rows], B [width, r].
    int64_t in = first.shape[1], out = update.tensors[1]->shape[0];
    auto expected =
        update.kind == Update::Kind::lora ? std::vector<int64_t>{out, in} : std::vector<int64_t>{in, out};
    return shape == expected
               ? Status::ok()
               : misfit("A " + shapeText(first.shape) + " and B " + shapeText(update.tensors[1]->shape));
  }
  if (update.kind == Update::Kind::tokens) {
    if (shape.size() != 2 || shape[1] != first.shape[1])
      return misfit(shapeText(first.shape));
    for (int32_t row : update.rows)
      if (row < 0 || row >= shape[0])
        return Status::error(first.name + ": token " + std::to_string(row) + " is outside of the base's " +
                             std::to_string(shape[0]));
    return Status::ok();
  }
  return first.shape == shape ? Status::ok() : misfit(shapeText(first.shape));
}

/// w [rows, columns] += scale * b a, with a [r, columns], b [rows, r] and every row of the product rounded as
/// a whole.
static void addProduct(std::vector<float> &w, const std::vector<float> &a, const std::vector<float> &b,
                       int64_t r, float scale) {
  const int64_t columns = int64_t(a.size()) / r, rows = int64_t(b.size()) / r;
  std::vector<float> product(static_cast<size_t>(columns));
  for (int64_t i = 0; i < rows; ++i) {
    std::fill(product.begin(), product.end(), 0.0f);
    for (int64_t k = 0; k < r; ++k) {
      const float factor = b[size_t(i * r + k)], *row = &a[size_t(k * columns)];
      for (int64_t j = 0; j < columns; ++j)
        product[size_t(j)] += factor * row[j];
    }
    float *target = &w[size_t(i * columns)];
    for (int64_t j = 0; j < columns; ++j)
      target[j] += scale * product[size_t(j)];
  }
}

static std::vector<float> transposed(const std::vector<float> &m, int64_t rows) {
  const int64_t columns = int64_t(m.size()) / rows;
  std::vector<float> result(m.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result[size_t(j * rows + i)] = m[size_t(i * columns + j)];
  return result;
}

Status TensorMerger::apply(const Update &update, const CheckpointTensor &tensor) {
  std::vector<std::vector<float>> parts;
  for (const SafetensorsTensor *part : update.tensors) {
    Result<std::vector<float>> floats = adapter->floats(part->name);
    if (!floats)
      return floats.status();
    parts.push_back(std::move(*floats));
  }
  const float scale = float(update.scale);
  switch (update.kind) {
  case Update::Kind::whole:
  case Update::Kind::base:
    values = std::move(parts[0]);
    break;
  case Update::Kind::lora:
    addProduct(values, parts[0], parts[1], update.tensors[0]->shape[0], scale);
    break;
  case Update::Kind::embeddingLora: { // (B A)^T = A^T B^T
    int64_t r = update.tensors[0]->shape[0];
    addProduct(values, transposed(parts[1], update.tensors[1]->shape[0]), transposed(parts[0], r), r, scale);
    break;
  }
  case Update::Kind::loraBias:
    for (size_t i = 0; i < values.size(); ++i)
      values[i] += scale * parts[0][i];
    break;
  case Update::Kind::tokens: {
    const size_t width = size_t(tensor.shape[1]);
    for (size_t i = 0; i < update.rows.size(); ++i)
      std::copy_n(&parts[0][i * width], width, &values[size_t(update.rows[i]) * width]);
    break;
  }
  case Update::Kind::unmergeable:
    break; // refused before anything is written
  }
  return Status::ok();
}

Result<const void *> TensorMerger::merge(const MergedTensor &tensor) {
  const bool f32 = tensor.type == SafetensorsType::F32, f16 = tensor.type == SafetensorsType::F16;
  if (tensor.updates.empty())
    if (const void *mapped = base.mapped(tensor.source->name, f32 ? PEFT_F32 : f16 ? PEFT_F16 : PEFT_BF16))
      return mapped;
  values.resize(size_t(tensor.source->elements()));
  PEFT_TRY(base.read(tensor.source->name, values.data()));
  for (const Update *update : tensor.updates)
    PEFT_TRY(apply(*update, *tensor.source));
  if (f32)
    return static_cast<const void *>(values.data());
  halves.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (f16) {
      const auto half = static_cast<_Float16>(values[i]);
      if (std::isfinite(values[i]) && !std::isfinite(float(half)))
        return Status::error(tensor.name + ": " + std::to_string(values[i]) +
                             " is too large for f16; use --dtype bf16 or f32");
      std::memcpy(&halves[i], &half, 2);
    } else {
      const bf16 rounded = fromFloat<bf16>(values[i]);
      std::memcpy(&halves[i], &rounded, 2);
    }
  }
  return static_cast<const void *>(halves.data());
}
