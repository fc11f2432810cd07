//===- Import.h - a checkpoint as nn IR -------------------------*- C++ -*-===//
//
// The first level: a checkpoint's configuration becomes one function from tokens
// to a loss, and its weights become `nn.parameter` symbols named by their keys.
// Weights are checked (name, shape), never read. A folder that holds config.json
// alone gives the same module.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_IMPORT_IMPORT_H
#define PEFT_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "peft/runtime/checkpoint.h"

namespace peft {

struct ImportOptions {
  int64_t batch = 1;         ///< rows of a micro-batch
  int64_t seqLen = 128;      ///< tokens of a row
  std::string dtype = "f32"; ///< what is computed in: f32 or bf16
};

/// The dialects that an imported module uses.
void registerImportDialects(mlir::DialectRegistry &registry);

/// The module of `checkpoint`, which was opened as `path`; null after a diagnostic
/// of one line. The context must know the dialects of registerImportDialects.
mlir::OwningOpRef<mlir::ModuleOp> importModel(mlir::MLIRContext &context, const Checkpoint &checkpoint,
                                              llvm::StringRef path, const ImportOptions &options);

/// Whether the weights have the names and shapes that the configuration asks for. Ok where there are none, or
/// where the model_type is unknown.
Status checkWeights(const Checkpoint &checkpoint);

} // namespace peft

#endif // PEFT_IMPORT_IMPORT_H
