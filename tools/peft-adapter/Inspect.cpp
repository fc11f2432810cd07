//===- Inspect.cpp - a table of what an adapter holds ---------------------===//

#include "AdapterFile.h"
#include "Commands.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <array>
#include <cmath>

using namespace llvm;
using namespace peft;

static std::string number(double value) {
  std::string text;
  raw_string_ostream(text) << format("%.5g", value);
  return text;
}

static double sumOfSquares(const std::vector<float> &values) {
  double sum = 0;
  for (float value : values)
    sum += double(value) * value;
  return sum;
}

/// ‖B A‖ by the traces of two r x r matrices: ‖B A‖² = tr(BᵀB A Aᵀ).
static double productNorm(const std::vector<float> &a, const std::vector<float> &b, int64_t r) {
  int64_t in = int64_t(a.size()) / r, out = int64_t(b.size()) / r;
  double sum = 0;
  for (int64_t i = 0; i < r; ++i)
    for (int64_t j = 0; j < r; ++j) {
      double aa = 0, bb = 0;
      for (int64_t k = 0; k < in; ++k)
        aa += double(a[i * in + k]) * a[j * in + k];
      for (int64_t k = 0; k < out; ++k)
        bb += double(b[k * r + i]) * b[k * r + j];
      sum += aa * bb;
    }
  return std::sqrt(std::max(sum, 0.0));
}

using Row = std::array<std::string, 6>;

/// Columns as wide as their widest text; numbers to the right.
static void printTable(raw_ostream &os, const std::vector<Row> &rows) {
  std::array<size_t, 6> widths{};
  for (const Row &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  for (const Row &row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string gap(widths[i] - row[i].size(), ' ');
      bool right = i == 2 || i == 3 || i == 5;
      line += (i ? "  " : "") + (right ? gap + row[i] : row[i] + gap);
    }
    os << StringRef(line).rtrim() << '\n';
  }
}

static Result<Row> describeRow(const SafetensorsFile &file, const Update &update) {
  Row row{update.target, update.method(), "-", "-", "", "-"};
  for (const SafetensorsTensor *tensor : update.tensors)
    row[4] += (row[4].empty() ? "" : " ") + shapeText(tensor->shape);
  Result<std::vector<float>> first = file.floats(update.tensors[0]->name);
  if (!first)
    return first.status();
  if (update.kind == Update::Kind::lora || update.kind == Update::Kind::embeddingLora) {
    Result<std::vector<float>> second = file.floats(update.tensors[1]->name);
    if (!second)
      return second.status();
    int64_t r = update.tensors[0]->shape[0];
    row[2] = std::to_string(r);
    row[3] = number(update.scale);
    row[5] = number(update.scale * productNorm(*first, *second, r));
  } else if (update.kind == Update::Kind::loraBias) {
    row[3] = number(update.scale);
    row[5] = number(update.scale * std::sqrt(sumOfSquares(*first)));
  } else { // what it replaces is not here: the norm of the values themselves
    row[5] = "(" + number(std::sqrt(sumOfSquares(*first))) + ")";
  }
  return row;
}

Status peft::inspectAdapter(const std::string &path) {
  Result<AdapterFile> adapter = AdapterFile::open(path);
  if (!adapter)
    return adapter.status();
  PEFT_TRY(adapter->describe());
  const auto &recipe = adapter->recipe();
  std::string text;
  raw_string_ostream os(text);
  os << adapter->tensors().path() << ": "
     << (!recipe          ? "trained parameters"
         : recipe->lora   ? "LoRA"
         : recipe->prompt ? "prompt tuning"
                          : "bottleneck adapter")
     << '\n';
  std::vector<Row> rows = {{"tensor", "method", "rank", "scale", "shapes", "norm of update (of values)"}};
  int64_t values = 0;
  for (const Update &update : adapter->updates()) {
    Result<Row> row = describeRow(adapter->tensors(), update);
    if (!row)
      return row.status();
    rows.push_back(std::move(*row));
    for (const SafetensorsTensor *tensor : update.tensors)
      values += tensor->elements();
  }
  printTable(os, rows);
  const size_t count = adapter->tensors().tensors().size();
  os << count << (count == 1 ? " tensor, " : " tensors, ") << values << " values\n";
  return printText(text);
}
