//===- ArithInterfaces.cpp - gradients of upstream elementwise ops --------===//

#include "dialects/NN/NN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

#include "peft/Interfaces/Differentiable.cpp.inc"

namespace {

using Wanted = ArrayRef<bool>;
using Cotangents = SmallVector<Value>;

template <class Op> struct PointwiseRows : peft::RowwiseOpInterface::ExternalModel<PointwiseRows<Op>, Op> {
  bool isRowOperand(Operation *, unsigned) const { return true; }
};

// y = a + b:  da = dy,  db = dy
struct AddGradient : peft::DifferentiableOpInterface::ExternalModel<AddGradient, arith::AddFOp> {
  Cotangents buildVJP(Operation *, OpBuilder &, ValueRange dy, Wanted wanted) const {
    return {wanted[0] ? dy[0] : Value(), wanted[1] ? dy[0] : Value()};
  }
};

// y = a * b:  da = dy * b,  db = dy * a
struct MulGradient : peft::DifferentiableOpInterface::ExternalModel<MulGradient, arith::MulFOp> {
  Cotangents buildVJP(Operation *op, OpBuilder &builder, ValueRange dy, Wanted wanted) const {
    Cotangents result(2);
    for (unsigned i = 0; i < 2; ++i)
      if (wanted[i])
        result[i] = builder.create<arith::MulFOp>(op->getLoc(), dy[0], op->getOperand(1 - i));
    return result;
  }
};

} // namespace

void peft::registerArithInterfaces(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, arith::ArithDialect *) {
    arith::AddFOp::attachInterface<AddGradient, PointwiseRows<arith::AddFOp>>(*context);
    arith::MulFOp::attachInterface<MulGradient, PointwiseRows<arith::MulFOp>>(*context);
  });
}
