//===- CostModel.cpp - about how long an op takes -------------------------===//

#include "passes/Budget/CostModel.h"

#include "dialects/Peft/Peft.h"
#include "dialects/Train/Train.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace peft;

Machine Machine::of(StringRef target) {
  return target == "cuda" ? Machine{750e12, 4e12, 45e9} : Machine{1e12, 50e9, 10e9};
}

static RankedTensorType tensorOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static double bytesOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? double(tensor.getNumElements()) * tensor.getElementTypeBitWidth() / 8 : 8;
}

/// Two for each of x's rows and each weight.
static double productFlops(Value x, Value weight) {
  RankedTensorType type = tensorOf(x);
  const int64_t rows = type.getNumElements() / type.getShape().back();
  return 2.0 * double(rows) * double(tensorOf(weight).getNumElements());
}

/// Half of the square, as attention is causal; `products` of them.
static double attentionFlops(Value q, double products) {
  RankedTensorType type = tensorOf(q);
  return products * double(type.getNumElements()) * double(type.getDimSize(1));
}

double peft::secondsOf(Operation *op, const Machine &machine) {
  if (isa<nn::GetOp, nn::SplitColumnsOp, nn::ConcatColumnsOp>(op) || op->getNumOperands() == 0)
    return 0;
  if (auto chunks = dyn_cast<train::ChunkRowsOp>(op)) {
    double seconds = 0;
    for (Operation &inner : chunks.getBody().front().without_terminator())
      seconds += secondsOf(&inner, machine);
    return seconds * double(tensorOf(chunks.getTargets()).getNumElements()) / double(chunks.getChunk());
  }
  double flops =
      llvm::TypeSwitch<Operation *, double>(op)
          .Case<nn::LinearOp, nn::LinearAddOp, nn::BorderedLinearOp, adapter::QuantizedLinearOp,
                adapter::QuantizedLinearAddOp>([](auto o) { return productFlops(o.getX(), o.getWeight()); })
          .Case([](nn::LinearWeightGradOp o) { return productFlops(o.getX(), o.getResult()); })
          .Case([](nn::AttentionOp o) { return attentionFlops(o.getQ(), 2); })
          .Case([](nn::AttentionGradOp o) { return attentionFlops(o.getQ(), 5); })
          .Default([](Operation *) { return 0.0; });
  double bytes = 0;
  for (Type type : op->getOperandTypes())
    bytes += bytesOf(type);
  for (Type type : op->getResultTypes())
    bytes += bytesOf(type);
  return std::max(flops / machine.flops, bytes / machine.bandwidth);
}
