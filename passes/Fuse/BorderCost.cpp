//===- BorderCost.cpp - what a border of a weight saves and costs ---------===//

#include "passes/Fuse/BorderCost.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace peft;

int64_t peft::borderWidth(int64_t rank) { return int64_t(llvm::alignTo(uint64_t(rank), 64)); }

BorderCost::BorderCost(RankedTensorType x, RankedTensorType y, int64_t rank) : width(borderWidth(rank)) {
  constexpr double flops = 650e12, bytes = 4e12; // a second
  double elements = double(x.getNumElements() + y.getNumElements());
  const unsigned elementBytes = x.getElementTypeBitWidth() / 8;
  saved = 2 * elements * elementBytes / bytes;
  cost = 2 * elements * double(width) / flops;
}

std::string BorderCost::why() const {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(
      "saves %.3g ms of passes over its result and its gradient; costs %.3g ms, as its sums are %d longer",
      1e3 * saved, 1e3 * cost, int(width));
  return text;
}
