//===- Schedule.h - one function becomes a line of runtime calls ----------===//
#ifndef PEFT_PASSES_PLAN_SCHEDULE_H
#define PEFT_PASSES_PLAN_SCHEDULE_H

#include "dialects/Peft/Peft.h"
#include "dialects/Train/Train.h"
#include "passes/Plan/Passes.h"

#include "llvm/ADT/StringMap.h"

namespace peft {

/// The scalar functions of a module: equal bodies exist once.
class ScalarBodies {
public:
  explicit ScalarBodies(mlir::ModuleOp module) : module(module) {}
  /// The function that does what `op`'s region does.
  mlir::FlatSymbolRefAttr get(train::ElementwiseOp op);
  /// a + b
  mlir::FlatSymbolRefAttr sum(mlir::Location loc);

private:
  mlir::ModuleOp module;
  llvm::StringMap<mlir::FlatSymbolRefAttr> byText;
};

/// The memref on which a value of `type` lies; bytes for an encoded weight.
mlir::MemRefType bufferType(mlir::RankedTensorType type);

/// A parameter's name in emitted text, from its key: "q_proj_lora_A", "input_layernorm_weight".
std::string parameterName(llvm::StringRef key);

/// Where each trainable parameter and each stack begins in the run of all parameters, in floats, and their
/// number: each begins at a multiple of PEFT_ALIGNMENT.
struct TrainableRun {
  explicit TrainableRun(mlir::ModuleOp module);
  llvm::StringMap<int64_t> first;
  int64_t floats = 0;
  int64_t largest = 0; ///< parameter, in floats
};

/// Builds the scheduled form of one entry function.
class Scheduler {
public:
  Scheduler(mlir::func::FuncOp source, mlir::func::FuncOp target, ScalarBodies &bodies);
  mlir::LogicalResult run();

private:
  using Value = mlir::Value;
  using Operation = mlir::Operation;

  mlir::LogicalResult schedule(mlir::Block &block);
  mlir::LogicalResult schedule(Operation *op);
  mlir::LogicalResult scheduleChunks(train::ChunkRowsOp op);
  void scheduleMap(train::ElementwiseOp op);
  void scheduleAccumulate(train::AccumulateOp op);
  void scheduleUpdate(Operation *op);
  mlir::LogicalResult scheduleSplit(nn::SplitColumnsOp op);
  mlir::LogicalResult scheduleConcat(nn::ConcatColumnsOp op);

  /// The place of a value that is already computed.
  Value place(Value value) { return places.lookup(value); }
  llvm::SmallVector<Value> places_(mlir::ValueRange values);
  Value argument(llvm::StringRef name, mlir::Type type);
  /// A new buffer for `value`, named for the op that makes it. A part of concatenated columns is columns of
  /// the whole.
  Value allocate(Value value);
  Value allocate(mlir::Location loc, llvm::StringRef name, mlir::MemRefType type);
  /// `name`, numbered where the function has one of it already.
  std::string unique(llvm::StringRef name);
  /// `operand`'s buffer if this op may overwrite it, else a new one.
  Value allocateInPlace(Operation *op, Value result, mlir::ValueRange candidates);
  bool diesAt(Value value, Operation *op);
  /// Where a product that is added to `acc` goes: there, unless it reads it or another op will.
  Value addTarget(Operation *op, Value acc, mlir::ValueRange read);
  /// The place of a trainable parameter as the model computes with it: its part of one rounded copy of all of
  /// them, made where the function begins. Null if `op` is no such rounding, or if a parameter is so large
  /// that a copy costs memory.
  Value roundedParameter(train::ElementwiseOp op);
  /// The dense values of an NF4 weight, in a temporary.
  Value dequantize(mlir::Location loc, Value encoded);
  /// The rows of x as FP8 products read them, codes and scales: made once for all that read x.
  std::pair<Value, Value> quantizeRows(mlir::Location loc, Value x);
  /// Where a sum over rows goes: the gradient it is accumulated to, or a zeroed buffer.
  Value sumTarget(Value sum);
  std::string nameOf(Value value);

  mlir::func::FuncOp source, target;
  ScalarBodies &bodies;
  const TrainableRun trainable;
  mlir::OpBuilder builder;
  llvm::DenseMap<Value, Value> places;
  llvm::StringMap<Value> arguments;
  llvm::StringMap<unsigned> names;
  llvm::DenseMap<Value, std::pair<Value, Value>> quantized;
  llvm::DenseSet<Value> reused;
  llvm::DenseSet<Operation *> done;
  bool backward = false;
  Value rounded; ///< the copy of all trainable parameters, once something wants it
  llvm::StringMap<Value> roundedParts;
};

} // namespace peft

#endif // PEFT_PASSES_PLAN_SCHEDULE_H
