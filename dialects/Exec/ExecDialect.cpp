//===- ExecDialect.cpp - the exec dialect ---------------------------------===//
#include "dialects/Exec/Exec.h"

#include "peft/Support/Names.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace peft::exec;

#include "dialects/Exec/ExecDialect.cpp.inc"
#include "dialects/Exec/ExecInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/Exec/ExecAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/Exec/ExecOps.cpp.inc"

void ExecDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Exec/ExecAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Exec/ExecOps.cpp.inc"
      >();
}

LogicalResult MapOp::verify() {
  if (getOutputs() > getTensors().size())
    return emitOpError("expected ") << getOutputs() << " outputs among its tensors, got "
                                    << getTensors().size() << " tensors";
  return success();
}

/// Rows and columns of a matrix whose rows may have several dimensions.
static std::pair<int64_t, int64_t> extentsOf(Type type) {
  auto memref = cast<MemRefType>(type);
  int64_t cols = memref.getRank() ? memref.getShape().back() : 1;
  return {memref.getNumElements() / cols, cols};
}

/// The other extent of a matrix that has `cols` rows or `cols` columns; 0 if it has neither.
static int64_t thinExtent(Type type, int64_t cols) {
  auto memref = cast<MemRefType>(type);
  if (memref.getRank() != 2)
    return 0;
  return memref.getDimSize(0) == cols   ? memref.getDimSize(1)
         : memref.getDimSize(1) == cols ? memref.getDimSize(0)
                                        : 0;
}

static LogicalResult verifyIndices(MapWeightGradsOp op, StringRef list, ArrayRef<int64_t> indices,
                                   size_t tensors) {
  if (indices.size() != tensors)
    return op.emitOpError("expected a tensor of '")
           << list << "' for each index, got " << tensors << " for " << indices.size();
  for (auto [i, index] : llvm::enumerate(indices))
    if (index < 0 || (i && index <= indices[i - 1]))
      return op.emitOpError("expected ascending indices of '") << list << "', got " << index << " at " << i;
  return success();
}

LogicalResult MapWeightGradsOp::verify() {
  if (failed(verifyIndices(*this, "stores", getStored(), getOutputs().size())) ||
      failed(verifyIndices(*this, "grads", getGradOf(), getGrads().size())))
    return failure();
  if (getGrads().empty() || getThins().size() != getGrads().size() || getScales().size() != getGrads().size())
    return emitOpError("expected gradients, with a thin tensor and a scale for each, got ")
           << getGrads().size() << ", " << getThins().size() << " and " << getScales().size();
  if (getInputs().empty())
    return emitOpError("expected an operand of the body");
  for (Value value : getOperands())
    if (Type element = cast<MemRefType>(value.getType()).getElementType();
        llvm::is_contained(getGrads(), value) ? !element.isF32() : !element.isBF16())
      return emitOpError("expected gradients in f32 and all else in bf16, got ") << value.getType();

  ArrayRef<int64_t> shape = cast<MemRefType>(getInputs().front().getType()).getShape();
  auto [rows, cols] = extentsOf(getInputs().front().getType());
  for (ValueRange values : {ValueRange(getInputs()), ValueRange(getOutputs())})
    for (Value value : values)
      if (cast<MemRefType>(value.getType()).getShape() != shape)
        return emitOpError("expected results and operands of one shape, got ")
               << value.getType() << " beside " << getInputs().front().getType();
  for (auto [g, thin] : llvm::zip_equal(getGrads(), getThins())) {
    auto [thinRows, rank] = extentsOf(thin.getType());
    if (rank > maxRank || thinRows != rows || thinExtent(g.getType(), cols) != rank)
      return emitOpError("expected a gradient of ")
             << cols << " by at most " << maxRank << " and as many columns of " << rows << " rows, got "
             << g.getType() << " with " << thin.getType();
  }
  return success();
}

LogicalResult MapWeightGradsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto body = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getBodyAttr());
  if (!body)
    return emitOpError("names ") << getBodyAttr() << ", which is no function";
  for (ArrayRef<int64_t> indices : {getStored(), getGradOf()})
    if (!indices.empty() && indices.back() >= int64_t(body.getNumResults()))
      return emitOpError("wants result ")
             << indices.back() << " of " << getBodyAttr() << ", which has " << body.getNumResults();
  return success();
}

// copy(x, x) -> nothing
LogicalResult CopyOp::canonicalize(CopyOp op, PatternRewriter &rewriter) {
  if (op.getX() != op.getY())
    return failure();
  rewriter.eraseOp(op);
  return success();
}

void BufferOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getName());
}

void SliceOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getName());
}

LogicalResult SliceOp::verify() {
  auto from = cast<MemRefType>(getSource().getType()), to = cast<MemRefType>(getResult().getType());
  if (from.getRank() != 1 || from.getElementType() != to.getElementType())
    return emitOpError("expected a vector of ") << to.getElementType() << " to slice, got " << from;
  if (int64_t end = int64_t(getFirst()) + to.getNumElements(); end > from.getNumElements())
    return emitOpError("ends at element ") << end << " of " << from.getNumElements();
  return success();
}

int64_t peft::exec::rowStride(MemRefType type) {
  if (type.getRank() && llvm::any_of(type.getShape(), [](int64_t extent) { return extent <= 0; }))
    return 0;
  int64_t cols = type.getRank() ? type.getShape().back() : 1;
  if (type.getLayout().isIdentity())
    return cols;
  auto layout = dyn_cast<StridedLayoutAttr>(type.getLayout());
  if (!layout || type.getRank() < 2 || layout.getStrides().back() != 1)
    return 0;
  // One row behind the other at one distance, whichever dimensions they are rows of.
  int64_t stride = layout.getStrides()[type.getRank() - 2], next = stride;
  for (int64_t i = type.getRank() - 2; i >= 0; next *= type.getDimSize(i--))
    if (layout.getStrides()[i] != next)
      return 0;
  return stride >= cols ? stride : 0;
}

void ColumnsOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getName());
}

/// `width` columns of a matrix from `first` on; null where it has no columns.
static MemRefType columnsOf(MemRefType source, int64_t first, int64_t width) {
  if (source.getRank() < 2)
    return nullptr;
  SmallVector<int64_t> shape(source.getShape()), strides(source.getRank(), 1);
  shape.back() = width;
  for (int64_t i = source.getRank() - 2, next = rowStride(source); i >= 0; next *= shape[i--])
    strides[i] = next;
  auto outer = dyn_cast<StridedLayoutAttr>(source.getLayout());
  auto layout = StridedLayoutAttr::get(source.getContext(), (outer ? outer.getOffset() : 0) + first, strides);
  return MemRefType::get(shape, source.getElementType(), layout);
}

void ColumnsOp::build(OpBuilder &builder, OperationState &state, StringRef name, Value source, int64_t first,
                      int64_t width) {
  build(builder, state, columnsOf(cast<MemRefType>(source.getType()), first, width),
        builder.getStringAttr(name), source, builder.getI64IntegerAttr(first));
}

LogicalResult ColumnsOp::verify() {
  auto source = cast<MemRefType>(getSource().getType()), type = cast<MemRefType>(getType());
  if (source.getRank() < 2)
    return emitOpError("expected a matrix, got ") << source;
  if (int64_t end = int64_t(getFirst()) + type.getShape().back(); end > source.getShape().back())
    return emitOpError("ends at column ") << end << " of " << source.getShape().back();
  if (MemRefType expected = columnsOf(source, getFirst(), type.getShape().back()); type != expected)
    return emitOpError("expected ") << expected << ", got " << type;
  return success();
}

void RowsOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), getName());
}

void RowsOp::build(OpBuilder &builder, OperationState &state, StringRef name, Value source, int64_t first,
                   int64_t count) {
  auto type = cast<MemRefType>(source.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.front() = count;
  build(builder, state, MemRefType::get(shape, type.getElementType(), type.getLayout()),
        builder.getStringAttr(name), source, builder.getI64IntegerAttr(first));
}

LogicalResult RowsOp::verify() {
  auto source = cast<MemRefType>(getSource().getType()), type = cast<MemRefType>(getType());
  if (source.getRank() != 2)
    return emitOpError("expected a matrix of two dimensions, got ") << source;
  auto expected = MemRefType::get({type.getShape().front(), source.getDimSize(1)}, source.getElementType(),
                                  source.getLayout());
  if (type != expected)
    return emitOpError("expected ") << expected << ", got " << type;
  if (int64_t end = int64_t(getFirst()) + type.getDimSize(0); end > source.getDimSize(0))
    return emitOpError("ends at row ") << end << " of " << source.getDimSize(0);
  return success();
}

void ParameterOp::getAsmResultNames(function_ref<void(Value, StringRef)> setName) {
  setName(getResult(), valueName(getParameter()));
}
