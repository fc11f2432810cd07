//===- DecoderBlock.h - one decoder block for all families ------*- C++ -*-===//
#ifndef PEFT_LIB_IMPORT_DECODERBLOCK_H
#define PEFT_LIB_IMPORT_DECODERBLOCK_H

#include "Weights.h"

namespace peft {

/// Builds the parts of a decoder; `positions` and `segments` are [batch, seq].
class Decoder {
public:
  Decoder(mlir::OpBuilder &builder, const ModelConfig &config, Weights &weights, mlir::Value positions,
          mlir::Value segments)
      : b(builder), config(config), weights(weights), positions(positions), segments(segments) {}

  mlir::Value embedding(mlir::Value ids, llvm::StringRef module);
  /// The residual stream after layer `index`.
  mlir::Value block(mlir::Value x, int64_t index);
  mlir::Value norm(mlir::Value x, const llvm::Twine &module, int64_t width);
  mlir::Value linear(mlir::Value x, const llvm::Twine &module, int64_t outputs, bool bias);
  /// A linear whose matrix is another module's, and dense.
  mlir::Value tiedLinear(mlir::Value x, llvm::StringRef module, llvm::StringRef key, int64_t outputs);

private:
  mlir::Value attention(mlir::Value x, const std::string &module, int64_t window);
  mlir::Value feedForward(mlir::Value x, const std::string &module);
  mlir::Value apply(mlir::Value x, mlir::Value weight, mlir::Value bias, llvm::StringRef module);

  mlir::OpBuilder &b;
  const ModelConfig &config;
  Weights &weights;
  mlir::Value positions, segments;
};

} // namespace peft

#endif // PEFT_LIB_IMPORT_DECODERBLOCK_H
