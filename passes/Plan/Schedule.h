//===- Schedule.h - one function becomes a line of runtime calls ----------===//
#ifndef PEFT_PASSES_PLAN_SCHEDULE_H
#define PEFT_PASSES_PLAN_SCHEDULE_H

#include "dialects/Peft/Peft.h"
#include "dialects/Train/Train.h"
#include "passes/Plan/Borders.h"
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
  /// a
  mlir::FlatSymbolRefAttr identity(mlir::Location loc);

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
  Scheduler(mlir::func::FuncOp source, mlir::func::FuncOp target, ScalarBodies &bodies,
            const Borders &borders);
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
  void scheduleConcat(nn::ConcatColumnsOp op);
  void scheduleLinear(nn::LinearOp op);
  void scheduleBordered(nn::BorderedLinearOp op);
  void scheduleApart(nn::BorderedLinearOp op);
  Value besideOf(nn::BorderedLinearOp op);

  /// The place of a value that is already computed.
  Value place(Value value) { return places.lookup(value); }
  llvm::SmallVector<Value> places_(mlir::ValueRange values);
  Value argument(llvm::StringRef name, mlir::Type type);
  /// A new buffer for `value`, named for the op that makes it. A part of concatenated columns is columns of
  /// the whole; an x with a border, and what lies in it, are columns of a wider buffer.
  Value allocate(Value value);
  Value allocate(mlir::Location loc, llvm::StringRef name, mlir::MemRefType type);
  /// A buffer with the rows of `value` and `columns` columns, named `name`.
  Value allocateRows(mlir::Location loc, llvm::StringRef name, Value value, int64_t columns);
  /// to = from
  void copy(mlir::Location loc, Value to, Value from);
  /// `name`, numbered where the function has one of it already.
  std::string unique(llvm::StringRef name);
  /// `operand`'s buffer if this op may overwrite it, else a new one.
  Value allocateInPlace(Operation *op, Value result, mlir::ValueRange candidates);
  /// Whether nothing that is made before `op` and read behind it lies in the columns of `view`.
  bool isFree(Value view, Operation *op);
  /// The op that `value`, or what is rotated of it alone, is a part of; null if it is none's.
  nn::ConcatColumnsOp concatOf(Value value);
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

  // Borders (ScheduleBorders.cpp).

  /// The xs and ss of the function's bordered products.
  void findBorders();
  /// The cotangent of a product's columns, side by side, goes where the product's result lies, if all of that
  /// is free where `op` makes it.
  void takeHomes(train::ElementwiseOp op);
  /// Where a border's `s` lies, with the columns that fill its width: beside x, unless it outlives x.
  Value allocateInner(Value s);
  /// Whether dy's products with each adapter's B, side by side, are one product of all dy with all of the
  /// border.
  bool isOneInner(nn::BorderedLinearOp op);
  void scheduleOneInner(nn::ConcatColumnsOp op);
  /// A frozen weight with its border, and parts of it.
  Value wholeWeight(llvm::StringRef symbol);
  Value weightItself(llvm::StringRef symbol);
  /// A product's weight, and by what it is multiplied there already. With `padded` as much more of the border
  /// as the place of `s` has more columns than it.
  std::pair<Value, double> weightPlace(Value weight, bool padded = false);
  /// Whether `op` rounds a parameter that lies rounded in a border, which is all that is read of it.
  bool isInBorder(train::ElementwiseOp op);

  mlir::func::FuncOp source, target;
  ScalarBodies &bodies;
  const Borders &borders;
  const TrainableRun trainable;
  mlir::OpBuilder builder;
  llvm::DenseMap<Value, Value> places;
  llvm::StringMap<Value> arguments;
  llvm::StringMap<unsigned> names;
  llvm::DenseMap<Value, std::pair<Value, Value>> quantized;
  llvm::DenseSet<Operation *> done;
  bool backward = false;
  llvm::DenseMap<Value, int64_t> widths;                      ///< of the borders of xs
  llvm::DenseMap<Value, llvm::SmallVector<Value, 1>> besides; ///< the xs that an s lies beside
  llvm::DenseMap<Value, llvm::StringRef>
      wholeInners;                     ///< of an s that is one product: the weight with the border
  llvm::DenseMap<Value, Value> homes;  ///< of concatenated columns: the value whose place they may take
  llvm::DenseMap<Value, Value> padded; ///< where an s lies, as wide as its border
  llvm::StringMap<Value> wholes;
  llvm::StringMap<Value> parts; ///< of wholes
  Value rounded;                ///< the copy of all trainable parameters, once something wants it
  llvm::StringMap<Value> roundedParts;
};

} // namespace peft

#endif // PEFT_PASSES_PLAN_SCHEDULE_H
