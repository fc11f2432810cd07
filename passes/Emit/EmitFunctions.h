//===- EmitFunctions.h - functions become emitc ---------------------------===//
#ifndef PEFT_PASSES_EMIT_EMITFUNCTIONS_H
#define PEFT_PASSES_EMIT_EMITFUNCTIONS_H

#include "passes/Emit/Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace peft {

/// Where parameters lie, by symbol.
struct ParameterPlaces {
  explicit ParameterPlaces(mlir::ModuleOp module);
  /// As C++: "W(12)" or a number of bytes.
  std::string place(mlir::Operation *op) const;
  /// Bytes into the arena.
  uint64_t offsetOf(mlir::Operation *op) const;

  llvm::StringMap<uint64_t> index;
  llvm::StringMap<uint64_t> offset;
  uint64_t gradient = 0, optimizer = 0, trainableBytes = 0;
};

/// Emits the functions of a scheduled module at the end of `target`.
class FunctionEmitter {
public:
  FunctionEmitter(mlir::ModuleOp source, mlir::ModuleOp target);

  void emitScalar(mlir::func::FuncOp function);
  void emitOutlined(mlir::func::FuncOp function, bool isChunk);
  void emitEntry(mlir::func::FuncOp function);

private:
  void emitBody(mlir::func::FuncOp function);
  void emitPlace(mlir::Operation *op);
  void emitCall(mlir::Operation *op);
  void emitOutput(mlir::Operation *op);
  void emitRuns(llvm::ArrayRef<mlir::Operation *> calls);
  void comment(mlir::Operation *op);
  mlir::emitc::FuncOp begin(llvm::StringRef name,
                            llvm::ArrayRef<std::pair<llvm::StringRef, llvm::StringRef>> arguments);
  /// "CALLEE_places", numbered where one callee has several tables.
  std::string tableName(exec::CallOp call);
  std::string table(mlir::Operation *call);
  std::string unique(llvm::StringRef name);
  void verbatim(const llvm::Twine &text);
  mlir::Attribute opaque(const llvm::Twine &text);
  mlir::Value tensor(mlir::Location loc, llvm::StringRef name, mlir::Type type, const llvm::Twine &place);
  mlir::ArrayAttr masks(exec::MapWeightGradsOp op);
  /// `static const float inv_freq[] = {...}` at module level, once for equal contents; those of floats are
  /// called `stem`.
  std::string array(mlir::Attribute values, llvm::StringRef stem);
  /// `static const rt::Border borders[] = {...}` before the function.
  std::string borders(exec::FillBordersOp op);

  mlir::ModuleOp source;
  mlir::OpBuilder builder;       ///< inside the current function
  mlir::OpBuilder moduleBuilder; ///< before it
  ParameterPlaces places;
  llvm::DenseMap<mlir::Value, mlir::Value> values;
  llvm::DenseMap<mlir::Attribute, std::string> arrays;
  llvm::StringSet<> names; // of the function's tensors
  llvm::StringMap<unsigned> tables;
  std::string lastComment;
};

/// "float", "peft::bf16", "int32_t", "uint8_t".
std::string cppType(mlir::Type element);
/// A number as C++ that reads back as the same.
std::string cppNumber(double value);
/// A string literal.
std::string cppString(llvm::StringRef text);
/// One line of comment.
std::string cppComment(llvm::StringRef text);

/// The tables and the query symbol, as text.
std::string programTables(mlir::ModuleOp module, const ParameterPlaces &places);

} // namespace peft

#endif // PEFT_PASSES_EMIT_EMITFUNCTIONS_H
