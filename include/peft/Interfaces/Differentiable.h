//===- Differentiable.h - interfaces that the training passes ask ---------===//
#ifndef PEFT_INTERFACES_DIFFERENTIABLE_H
#define PEFT_INTERFACES_DIFFERENTIABLE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace peft {

/// Marks ops whose result is rather computed twice than kept for the backward pass.
template <class ConcreteType>
class CheapToRecompute : public mlir::OpTrait::TraitBase<ConcreteType, CheapToRecompute> {};

/// Attaches DifferentiableOpInterface and RowwiseOpInterface to the elementwise
/// ops of `arith` that model graphs use.
void registerArithInterfaces(mlir::DialectRegistry &registry);

} // namespace peft

#include "peft/Interfaces/Differentiable.h.inc"

#endif // PEFT_INTERFACES_DIFFERENTIABLE_H
