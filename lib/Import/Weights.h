//===- Weights.h - nn.parameter for each tensor in use ----------*- C++ -*-===//
//
// Declares a frozen `nn.parameter` the first time a weight is read, and holds it
// against the checkpoint: it must be there with the expected shape. What is wrong is
// collected, so that one message can say how much; reading goes on meanwhile.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_LIB_IMPORT_WEIGHTS_H
#define PEFT_LIB_IMPORT_WEIGHTS_H

#include "Config.h"
#include "mlir/IR/Builders.h"
#include "peft/runtime/checkpoint.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

namespace peft {

class Weights {
public:
  /// Parameters are added where `declarations` stands, in the order of first use.
  Weights(mlir::OpBuilder declarations, const Checkpoint &checkpoint, const ModelConfig &config,
          mlir::FloatType element)
      : declarations(declarations), checkpoint(checkpoint), config(config), element(element) {}

  /// The dense value of `key`, read at `builder`. `quantizable`: a linear's matrix.
  mlir::Value read(mlir::OpBuilder &builder, llvm::StringRef key, llvm::ArrayRef<int64_t> shape,
                   bool quantizable = false);

  /// Ok, or the first thing that was wrong and the number of others.
  Status check() const;
  /// Tensors of the checkpoint that nothing has read, but for `known`.
  std::vector<std::string> unused(const CheckpointTensor *known) const;

private:
  nn::ParameterOp declare(llvm::StringRef key, llvm::ArrayRef<int64_t> shape, bool quantizable);
  const CheckpointTensor *find(llvm::StringRef key, llvm::ArrayRef<int64_t> shape);
  bool isReadInPlace(const CheckpointTensor &tensor) const;

  mlir::OpBuilder declarations;
  const Checkpoint &checkpoint;
  const ModelConfig &config;
  mlir::FloatType element;
  llvm::StringMap<nn::ParameterOp> declared;
  llvm::DenseSet<const CheckpointTensor *> used;
  std::vector<std::string> problems;
};

/// The location of everything that belongs to a module or a weight: its name.
inline mlir::Location nameLoc(mlir::Builder &builder, const llvm::Twine &name) {
  return mlir::NameLoc::get(builder.getStringAttr(name));
}

} // namespace peft

#endif // PEFT_LIB_IMPORT_WEIGHTS_H
