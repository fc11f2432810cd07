//===- checkpoint_read.cpp - tensors of a checkpoint into memory ----------===//

#include "checkpoint_state.h"
#include "convert.h"
#include "peft/runtime/fp8.h"
#include "peft/runtime/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace peft {

//===--- Elements ----------------------------------------------------------===//

/// Elements that are converted at a time: a multiple of every block, small enough for the stack.
static constexpr int64_t pieceElements = 4096;

template <class T> static void convertPiece(const Storage &storage, int64_t first, int64_t count, T *dst) {
  float values[pieceElements];
  if (storage.format == Storage::F64) {
    for (int64_t i = 0; i < count; ++i)
      values[i] = float(loadAs<double>(storage.data + 8 * (first + i)));
  } else {
    GgmlBlock block = blockOf(storage.type);
    dequantizeRow(storage.type, storage.data + first / block.elements * block.bytes, values, count);
  }
  for (int64_t i = 0; i < count; ++i)
    dst[i] = fromFloat<T>(values[i]);
}

/// dst = elements [first, first + count) as they lie in the file. `first` begins a block.
template <class T> static void convert(const Storage &storage, int64_t first, int64_t count, T *dst) {
  for (int64_t i = 0; i < count; i += pieceElements)
    convertPiece(storage, first + i, std::min(pieceElements, count - i), dst + i);
}

/// The row of the file that is HF's row `row`: an interleaved head has its halves' rows by turns.
static int64_t storedRow(const Storage &storage, int64_t row) {
  int64_t d = storage.headRows;
  if (!d)
    return row;
  int64_t inHead = row % d;
  return row - inHead + 2 * (inHead % (d / 2)) + inHead / (d / 2);
}

/// dst = the tensor in the layout of PEFT_NF4, from bitsandbytes' parts.
static void copyNf4(const CheckpointTensor &tensor, const Storage &storage, uint8_t *dst) {
  Nf4Layout layout(tensor.elements(), tensor.block, tensor.nested);
  auto copy = [&](int64_t at, const void *src, int64_t bytes) {
    if (bytes)
      std::memcpy(dst + at, src, size_t(bytes));
  };
  std::memset(dst, 0, size_t(layout.bytes)); // for the padding
  copy(0, storage.data, layout.codeBytes);
  copy(layout.absmax, storage.absmax, layout.blocks * (tensor.nested ? 1 : 4));
  if (!tensor.nested)
    return;
  copy(layout.nestedAbsmax, storage.nestedAbsmax, 4 * layout.groups);
  copy(layout.nestedMap, storage.nestedMap, 4 * 256);
  copy(layout.offset, &storage.offset, 4);
}

static std::vector<uint8_t> packedNf4(const CheckpointTensor &tensor, const Storage &storage) {
  std::vector<uint8_t> packed(size_t(nf4Bytes(tensor.elements(), tensor.block, tensor.nested)));
  copyNf4(tensor, storage, packed.data());
  return packed;
}

template <class T> static void readAll(const CheckpointTensor &tensor, const Storage &storage, T *dst) {
  int64_t n = tensor.elements();
  if (n == 0)
    return;
  if (storage.format == Storage::Nf4) {
    std::vector<uint8_t> packed = packedNf4(tensor, storage);
    return dequantizeNf4(packed.data(), n, tensor.block, tensor.nested, 0, n, dst);
  }
  // Rows that stay where they are need no care for their ends.
  int64_t unit = storage.headRows ? n / tensor.shape[0] : 8 * pieceElements;
#pragma omp parallel for
  for (int64_t first = 0; first < n; first += unit)
    convert(storage, storedRow(storage, first / unit) * unit, std::min(unit, n - first), dst + first);
}

//===--- Checkpoint --------------------------------------------------------===//

Status Checkpoint::checkReadable(const CheckpointTensor &tensor) const {
  if (state->storages[size_t(&tensor - state->tensors.data())].format != Storage::Opaque)
    return Status::ok();
  return Status::error(
      "'" + path() + "': tensor '" + tensor.name + "' is stored as " + tensor.type +
      ", which is not supported as a weight; supported are f32, f16, bf16, f64 and bitsandbytes nf4");
}

const void *Checkpoint::mapped(std::string_view name, peft_dtype_t dtype) const {
  const CheckpointTensor *tensor = find(name);
  if (!tensor)
    return nullptr;
  const Storage &storage = state->storages[size_t(tensor - state->tensors.data())];
  bool same = (dtype == PEFT_F32 && storage.type == GgmlType::F32) ||
              (dtype == PEFT_BF16 && storage.type == GgmlType::BF16) ||
              (dtype == PEFT_F16 && storage.type == GgmlType::F16);
  if (storage.format != Storage::Rows || !same || storage.headRows)
    return nullptr;
  bool aligned = reinterpret_cast<uintptr_t>(storage.data) % blockOf(storage.type).bytes == 0;
  return aligned ? storage.data : nullptr;
}

Status Checkpoint::read(std::string_view name, peft_dtype_t dtype, void *dst) const {
  Result<const CheckpointTensor *> found = get(name);
  if (!found)
    return found.status();
  const CheckpointTensor &tensor = **found;
  const Storage &storage = state->storages[size_t(&tensor - state->tensors.data())];
  PEFT_TRY(checkReadable(tensor));
  if (dtype == PEFT_F32)
    readAll(tensor, storage, static_cast<float *>(dst));
  else if (dtype == PEFT_BF16)
    readAll(tensor, storage, static_cast<bf16 *>(dst));
  else
    return Status::error("'" + path() + "': tensor '" + tensor.name + "' can be read as f32 or bf16 only");
  return Status::ok();
}

Status Checkpoint::readRows(std::string_view name, const int32_t *rows, int64_t count, float *dst) const {
  Result<const CheckpointTensor *> found = get(name);
  if (!found)
    return found.status();
  const CheckpointTensor &tensor = **found;
  const Storage &storage = state->storages[size_t(&tensor - state->tensors.data())];
  PEFT_TRY(checkReadable(tensor));
  if (tensor.shape.size() < 2)
    return Status::error("'" + path() + "': tensor '" + tensor.name +
                         "' has no rows: expected 2 dimensions, got " + std::to_string(tensor.shape.size()));
  for (int64_t i = 0; i < count; ++i)
    if (rows[i] < 0 || rows[i] >= tensor.shape[0])
      return Status::error("'" + path() + "': tensor '" + tensor.name + "' has " +
                           std::to_string(tensor.shape[0]) + " rows, row " + std::to_string(rows[i]) +
                           " is wanted");
  if (count == 0)
    return Status::ok();

  int64_t n = tensor.elements(), width = n / tensor.shape[0];
  std::vector<uint8_t> packed;
  if (storage.format == Storage::Nf4)
    packed = packedNf4(tensor, storage);
  for (int64_t i = 0; i < count; ++i) {
    if (storage.format == Storage::Nf4)
      dequantizeNf4(packed.data(), n, tensor.block, tensor.nested, rows[i] * width, width, dst + i * width);
    else
      convert(storage, storedRow(storage, rows[i]) * width, width, dst + i * width);
  }
  return Status::ok();
}

Result<bool> Checkpoint::sameValues(const CheckpointTensor &a, const CheckpointTensor &b) const {
  if (a.shape != b.shape || a.shape.size() < 2 || a.elements() == 0)
    return false;
  const int64_t rows = a.shape[0], width = a.elements() / rows;
  const int64_t step = std::max<int64_t>(1, (1 << 20) / width);
  std::vector<int32_t> indices;
  std::vector<float> left, right;
  for (int64_t row = 0; row < rows; row += step) {
    const int64_t count = std::min(step, rows - row);
    indices.resize(size_t(count));
    std::iota(indices.begin(), indices.end(), int32_t(row));
    left.resize(size_t(count * width));
    right.resize(left.size());
    PEFT_TRY(readRows(a.name, indices.data(), count, left.data()));
    PEFT_TRY(readRows(b.name, indices.data(), count, right.data()));
    if (std::memcmp(left.data(), right.data(), left.size() * sizeof(float)) != 0)
      return false;
  }
  return true;
}

Result<bool> Checkpoint::holdsValues(const CheckpointTensor &tensor, const std::vector<float> &values) const {
  if (int64_t(values.size()) != tensor.elements())
    return false;
  std::vector<float> own(values.size());
  PEFT_TRY(read(tensor.name, own.data()));
  return std::equal(own.begin(), own.end(), values.begin(), [](float mine, float theirs) {
    return std::fabs(mine - theirs) <= std::fabs(mine) / 128;
  });
}

Status Checkpoint::readNf4(std::string_view name, int64_t block, int64_t nested, uint8_t *dst) const {
  Result<const CheckpointTensor *> found = get(name);
  if (!found)
    return found.status();
  const CheckpointTensor &tensor = **found;
  const Storage &storage = state->storages[size_t(&tensor - state->tensors.data())];
  PEFT_TRY(checkNf4(block, nested));
  if (storage.format == Storage::Nf4) {
    if (int64_t(tensor.block) != block || int64_t(tensor.nested) != nested)
      return Status::error("'" + path() + "': tensor '" + tensor.name +
                           "' is stored as nf4 with block size " + std::to_string(tensor.block) +
                           " and nested block size " + std::to_string(tensor.nested) + ", expected " +
                           std::to_string(block) + " and " + std::to_string(nested) +
                           "; compile for the stored ones");
    copyNf4(tensor, storage, dst);
    return Status::ok();
  }
  std::vector<float> dense(size_t(tensor.elements()));
  PEFT_TRY(read(tensor.name, dense.data()));
  quantizeNf4(dense.data(), tensor.elements(), block, nested, dst);
  return Status::ok();
}

Status Checkpoint::readFp8(std::string_view name, uint8_t *dst) const {
  Result<const CheckpointTensor *> found = get(name);
  if (!found)
    return found.status();
  const CheckpointTensor &tensor = **found;
  if (tensor.shape.size() != 2)
    return Status::error("'" + path() + "': tensor '" + tensor.name + "' has " +
                         std::to_string(tensor.shape.size()) +
                         " dimensions: only a matrix can be quantized to fp8");
  const int64_t rows = tensor.shape[0], cols = tensor.shape[1];
  if (const void *halves = mapped(name, PEFT_BF16)) { // no copy of a large matrix where none is needed
    quantizeFp8(static_cast<const bf16 *>(halves), rows, cols, dst);
    return Status::ok();
  }
  std::vector<float> dense(size_t(tensor.elements()));
  PEFT_TRY(read(tensor.name, dense.data()));
  quantizeFp8(dense.data(), rows, cols, dst);
  return Status::ok();
}

} // namespace peft
