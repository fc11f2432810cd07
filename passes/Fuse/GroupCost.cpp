//===- GroupCost.cpp - what one product for several saves and costs -------===//

#include "passes/Fuse/GroupCost.h"

#include "peft/Support/Bytes.h"

#include <numeric>

using namespace mlir;
using namespace peft;

/// The largest that a kernel moves at once.
static constexpr int64_t piece = 16;

GroupCost::GroupCost(RankedTensorType x, ArrayRef<int64_t> widths) {
  const int64_t element = x.getElementTypeBitWidth() / 8, in = x.getShape().back(),
                rows = x.getNumElements() / in;
  saved = double(widths.size() - 1) * 4 * double(rows * in * element);
  const int64_t whole = std::accumulate(widths.begin(), widths.end(), int64_t(0));
  int64_t first = 0;
  for (int64_t width : widths) {
    const int64_t alone = std::gcd(piece, width * element),
                  within = std::gcd(std::gcd(piece, whole * element), first * element);
    // The product with B and its gradient read it, and the gradient with respect to it is written.
    cost +=
        3 * double(rows * width * element) * (double(piece) / double(within) - double(piece) / double(alone));
    alignment = std::min(alignment, within);
    first += width;
  }
  cost = std::max(cost, 0.0);
}

std::string GroupCost::why() const {
  std::string text = "saves " + printBytes(uint64_t(saved)) + " of passes over x and its gradient a step; ";
  text += cost > 0 ? "costs as much as " + printBytes(uint64_t(cost)) : std::string("costs nothing");
  return text + ", as its columns lie at multiples of " + std::to_string(alignment) + " bytes";
}
