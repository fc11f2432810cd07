//===- Columns.cpp - what reads and writes columns of wider matrices ------===//

#include "peft/Analysis/Columns.h"

#include "dialects/Exec/Exec.h"
#include "dialects/NN/NN.h"
#include "dialects/Train/Train.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace peft;

bool peft::isPointwise(Operation *op) {
  return isa<nn::ActivationOp, nn::ActivationGradOp, nn::ResidualOp, nn::CastOp, arith::AddFOp, arith::MulFOp,
             train::ElementwiseOp>(op);
}

bool peft::takesColumns(OpOperand &operand) {
  unsigned i = operand.getOperandNumber();
  return llvm::TypeSwitch<Operation *, bool>(operand.getOwner())
      .Case<nn::LinearOp, nn::RopeOp, nn::RMSNormOp, nn::DropoutOp>([&](auto) { return i == 0; })
      .Case([&](nn::LinearAddOp) { return i < 2; })
      .Case<nn::LinearWeightGradOp, nn::RMSNormWeightGradOp, nn::SumRowsOp, nn::SplitColumnsOp>(
          [](auto) { return true; })
      .Case([&](nn::BorderedLinearOp op) { return op.getAcc() && i == op->getNumOperands() - 1; })
      .Case([&](nn::AttentionOp) { return i < 3; })
      .Case([&](nn::AttentionGradOp) { return i < 5; })
      .Case([&](nn::RMSNormGradOp) { return i != 2; })
      .Case([](train::OffloadOp) { return true; })
      .Default([](Operation *op) { return isPointwise(op); });
}

bool peft::writesColumns(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto attention = dyn_cast_or_null<nn::AttentionOp>(op))
    return value == attention.getOut();
  return op && (isPointwise(op) ||
                isa<nn::LinearOp, nn::LinearAddOp, nn::BorderedLinearOp, nn::RopeOp, nn::RMSNormOp,
                    nn::RMSNormGradOp, nn::DropoutOp, nn::AttentionGradOp, nn::ConcatColumnsOp>(op));
}

Value peft::wholeOf(Value place) {
  while (place && isa_and_nonnull<exec::ColumnsOp, exec::RowsOp>(place.getDefiningOp()))
    place = place.getDefiningOp()->getOperand(0);
  return place;
}

std::pair<int64_t, int64_t> peft::columnsIn(Value place) {
  auto type = cast<MemRefType>(place.getType());
  int64_t first = 0, width = type.getRank() ? type.getShape().back() : 1;
  for (; isa_and_nonnull<exec::ColumnsOp, exec::RowsOp>(place.getDefiningOp());
       place = place.getDefiningOp()->getOperand(0))
    if (auto columns = place.getDefiningOp<exec::ColumnsOp>())
      first += int64_t(columns.getFirst());
  return {first, first + width};
}
