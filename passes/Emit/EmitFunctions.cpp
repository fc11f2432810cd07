//===- EmitFunctions.cpp - functions become emitc -------------------------===//

#include "passes/Emit/EmitFunctions.h"
#include "peft/Support/Locations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace peft;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string peft::cppType(Type element) {
  if (element.isF32())
    return "float";
  if (element.isBF16())
    return "bf16";
  return element.isInteger(32) ? "int32_t" : "uint8_t";
}

std::string peft::cppNumber(double value) {
  for (int digits = 1; digits <= 17; ++digits) {
    char text[40];
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, nullptr) == value)
      return StringRef(text).find_first_of(".einf") == StringRef::npos ? std::string(text) + ".0" : text;
  }
  return "0.0";
}

std::string peft::cppString(StringRef text) {
  std::string result = "\"";
  for (char c : text)
    if (c == '\n')
      result += "\\n\"\n    \"";
    else if (static_cast<unsigned char>(c) < ' ')
      llvm::raw_string_ostream(result) << llvm::format("\\%03o", c);
    else
      result += c == '"' ? "\\\"" : c == '\\' ? "\\\\" : std::string(1, c);
  return result + "\"";
}

std::string peft::cppComment(StringRef text) {
  std::string result = "// " + text.str();
  for (char &c : result) // a folder's name must not end the comment or go on with it
    c = static_cast<unsigned char>(c) < ' ' || c == '\\' ? '_' : c;
  return result;
}

static std::string shapeOf(MemRefType type) {
  std::string text = "{";
  for (auto [i, extent] : llvm::enumerate(type.getShape()))
    text += (i ? ", " : "") + std::to_string(extent);
  return text + "}";
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

FunctionEmitter::FunctionEmitter(ModuleOp source, ModuleOp target)
    : source(source), builder(target.getContext()), moduleBuilder(OpBuilder::atBlockEnd(target.getBody())),
      places(source) {}

Attribute FunctionEmitter::opaque(const Twine &text) {
  return emitc::OpaqueAttr::get(builder.getContext(), text.str());
}

void FunctionEmitter::verbatim(const Twine &text) {
  builder.create<emitc::VerbatimOp>(builder.getUnknownLoc(), text.str());
}

/// C++ text as a type: an opaque one may not end in `*`, that is emitc.ptr's.
static Type emitcType(MLIRContext *context, StringRef text) {
  if (text.consume_back("*"))
    return emitc::PointerType::get(emitcType(context, text.rtrim()));
  return emitc::OpaqueType::get(context, text);
}

emitc::FuncOp FunctionEmitter::begin(StringRef name, ArrayRef<std::pair<StringRef, StringRef>> arguments) {
  SmallVector<Type> types;
  for (auto [type, _] : arguments)
    types.push_back(emitcType(builder.getContext(), type));
  auto function =
      moduleBuilder.create<emitc::FuncOp>(builder.getUnknownLoc(), name, builder.getFunctionType(types, {}));
  function.setSpecifiersAttr(builder.getStrArrayAttr({"static"}));
  for (auto [i, argument] : llvm::enumerate(arguments))
    function.setArgAttr(i, "emitc.name", builder.getStringAttr(argument.second));
  builder.setInsertionPointToStart(function.addEntryBlock());
  values.clear();
  names.clear();
  for (auto [_, argument] : arguments)
    unique(argument);
  unique("batch"); // those that emitEntry declares
  unique("update");
  lastComment.clear();
  return function;
}

void FunctionEmitter::emitScalar(func::FuncOp function) {
  // A C++ function returns one value: several are an rt::Floats.
  unsigned results = function.getNumResults();
  Type f32 = builder.getF32Type();
  Type returned = results == 1 ? f32
                               : emitc::OpaqueType::get(builder.getContext(),
                                                        "rt::Floats<" + std::to_string(results) + ">");
  auto scalar = moduleBuilder.create<emitc::FuncOp>(
      function.getLoc(), function.getName(), builder.getFunctionType(function.getArgumentTypes(), returned));
  scalar.setSpecifiersAttr(builder.getStrArrayAttr({"static", "PEFT_HD"}));
  builder.setInsertionPointToStart(scalar.addEntryBlock());
  values.clear();
  static constexpr StringLiteral letters[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  for (auto [i, from, to] : llvm::enumerate(function.getArguments(), scalar.getArguments())) {
    values[from] = to;
    if (i < std::size(letters))
      scalar.setArgAttr(i, "emitc.name", builder.getStringAttr(letters[i]));
  }
  for (Operation &op : function.getBody().front()) {
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values.lookup(operand));
    if (isa<arith::AddFOp>(op))
      values[op.getResult(0)] = builder.create<emitc::AddOp>(op.getLoc(), f32, operands[0], operands[1]);
    else if (isa<arith::MulFOp>(op))
      values[op.getResult(0)] = builder.create<emitc::MulOp>(op.getLoc(), f32, operands[0], operands[1]);
    else if (auto constant = dyn_cast<arith::ConstantOp>(op))
      values[constant] = builder.create<emitc::LiteralOp>(
          op.getLoc(), f32, cppNumber(cast<FloatAttr>(constant.getValue()).getValueAsDouble()) + "f");
    else if (isa<func::ReturnOp>(op))
      builder.create<emitc::ReturnOp>(
          op.getLoc(),
          results == 1
              ? operands[0]
              : builder.create<emitc::CallOpaqueOp>(op.getLoc(), TypeRange(returned), "rt::floats", operands)
                    .getResult(0));
    else {
      StringRef kind =
          nn::stringifyActivationKind(op.getAttrOfType<nn::ActivationKindAttr>("kind").getValue());
      std::string callee = "rt::" + kind.str() +
                           (isa<nn::ActivationGradOp>(op) ? "_grad"
                            : kind == "tanh"              ? "_"
                                                          : "");
      values[op.getResult(0)] =
          builder.create<emitc::CallOpaqueOp>(op.getLoc(), TypeRange(f32), callee, operands).getResult(0);
    }
  }
}

void FunctionEmitter::emitOutlined(func::FuncOp function, bool isChunk) {
  SmallVector<std::pair<StringRef, StringRef>> arguments = {
      {"const peft_context_t &", "ctx"},
      {"[[maybe_unused]] const peft_batch_t &", "batch"},
      {"const Place *", "at"}};
  if (isChunk)
    arguments.push_back({"int64_t", "chunk"});
  begin(function.getName(), arguments);
  for (BlockArgument argument : function.getArguments()) {
    StringRef name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "exec.name");
    values[argument] =
        tensor(function.getLoc(), name, argument.getType(), "at[" + Twine(argument.getArgNumber()) + "]");
  }
  emitBody(function);
}

void FunctionEmitter::emitEntry(func::FuncOp function) {
  StringRef name = function.getName();
  bool isUpdate = name == "update";
  begin(name, {{"const peft_context_t *", "context"},
               {isUpdate ? "const peft_update_t *" : "const peft_batch_t *", "arguments"},
               {"const float **", name == "forward" ? "logits_out"
                                  : isUpdate        ? "grad_norm_out"
                                                    : "loss_sum_out"}});
  verbatim("const peft_context_t &ctx = *context;");
  verbatim(isUpdate ? "const peft_update_t &update = *arguments;"
                    : "const peft_batch_t &batch = *arguments;");
  emitBody(function);
}

void FunctionEmitter::emitBody(func::FuncOp function) {
  SmallVector<Operation *> runs;
  for (Operation &op : function.getBody().front()) {
    auto call = dyn_cast<exec::CallOp>(op);
    bool continues = call && !call.getCount() && !runs.empty() &&
                     cast<exec::CallOp>(runs.back()).getCallee() == call.getCallee();
    if (!runs.empty() && !continues) {
      emitRuns(runs);
      runs.clear();
    }
    if (call && !call.getCount())
      runs.push_back(&op);
    else if (exec::isPlace(&op))
      emitPlace(&op);
    else if (isa<exec::OutputOp>(op))
      emitOutput(&op);
    else if (!isa<func::ReturnOp>(op))
      emitCall(&op);
  }
  builder.create<emitc::ReturnOp>(function.getLoc(), Value());
}

/// The name, numbered where the function has one of it already.
std::string FunctionEmitter::unique(StringRef name) {
  std::string text = name.str();
  for (unsigned n = 2; !names.insert(text).second; ++n)
    text = (name + "_" + Twine(n)).str();
  return text;
}

Value FunctionEmitter::tensor(Location loc, StringRef name, Type type, const Twine &place) {
  auto memref = cast<MemRefType>(type);
  std::string element = cppType(memref.getElementType());
  SmallVector<Attribute> args{opaque("ctx"), opaque(place), opaque(shapeOf(memref))};
  if (!memref.getLayout().isIdentity()) // columns
    args.push_back(opaque(Twine(exec::rowStride(memref))));
  auto call = builder.create<emitc::CallOpaqueOp>(
      loc, TypeRange(emitc::OpaqueType::get(builder.getContext(), "Tensor<" + element + ">")), "rt::tensor",
      ValueRange(), builder.getArrayAttr(args), builder.getArrayAttr({opaque(element)}));
  call->setAttr("emitc.name", builder.getStringAttr(unique(name)));
  return call.getResult(0);
}

/// A place that nothing or only a table mentions needs no name here.
void FunctionEmitter::emitPlace(Operation *op) {
  if (op->use_empty())
    return;
  if (auto argument = dyn_cast<exec::ArgumentOp>(op)) {
    auto memref = dyn_cast<MemRefType>(argument.getType());
    StringRef name = argument.getName();
    std::string text = name == "update" || name == "chunk" ? name.str() : "batch." + name.str();
    if (!memref) {
      values[argument] = builder.create<emitc::LiteralOp>(
          op->getLoc(), emitc::OpaqueType::get(op->getContext(), "auto"), text);
      return;
    }
    auto call = builder.create<emitc::CallOpaqueOp>(
        op->getLoc(), TypeRange(emitc::OpaqueType::get(op->getContext(), "Tensor<const int32_t>")),
        "rt::input", ValueRange(), builder.getArrayAttr({opaque(text), opaque(shapeOf(memref))}),
        ArrayAttr());
    call->setAttr("emitc.name", builder.getStringAttr(unique(name)));
    values[argument] = call.getResult(0);
    return;
  }
  bool onlyTables = llvm::all_of(op->getUses(), [](OpOperand &use) {
    if (exec::isPlace(use.getOwner())) // parts of it, which have names of their own
      return true;
    auto call = dyn_cast<exec::CallOp>(use.getOwner());
    return call && !(call.getCount() && use.getOperandNumber() + 1 == call->getNumOperands());
  });
  if (onlyTables)
    return;
  std::string name;
  if (auto buffer = dyn_cast<exec::BufferOp>(op))
    name = buffer.getName().str();
  else if (auto slice = dyn_cast<exec::SliceOp>(op))
    name = slice.getName().str();
  else if (auto columns = dyn_cast<exec::ColumnsOp>(op))
    name = columns.getName().str();
  else if (auto rows = dyn_cast<exec::RowsOp>(op))
    name = rows.getName().str();
  else if (auto flat = dyn_cast<exec::FlatOp>(op))
    name = flat.getPart().str();
  else
    name = (isa<exec::GradientOp>(op) ? "grad_" : "") +
           op->getAttrOfType<FlatSymbolRefAttr>("parameter").getValue().str();
  for (char &c : name)
    if (!isalnum(c))
      c = '_';
  if (values.count(op->getResult(0)) == 0)
    values[op->getResult(0)] = tensor(op->getLoc(), name, op->getResult(0).getType(), places.place(op));
}

/// Which module of the model the next calls belong to.
void FunctionEmitter::comment(Operation *op) {
  std::string key = moduleKey(op->getLoc()).str();
  if (cast<func::FuncOp>(op->getParentOp()).isPrivate()) // one function for all layers
    if (size_t at = key.find("layers."); at != std::string::npos)
      if (size_t dot = key.find('.', at + 7); dot != std::string::npos)
        key = key.substr(dot + 1);
  if (key.empty() || key == lastComment)
    return;
  lastComment = key;
  verbatim(cppComment(key));
}

/// The body, and as bits which of its results are stored, and which are summed.
ArrayAttr FunctionEmitter::masks(exec::MapWeightGradsOp op) {
  unsigned results = source.lookupSymbol<func::FuncOp>(op.getBody()).getNumResults();
  SmallVector<Attribute> all{opaque(op.getBody())};
  for (ArrayRef<int64_t> indices : {op.getStored(), op.getGradOf()}) {
    std::string bits(results, '0');
    for (int64_t i : indices)
      bits[results - 1 - i] = '1';
    all.push_back(opaque("0b" + bits));
  }
  return builder.getArrayAttr(all);
}

void FunctionEmitter::emitCall(Operation *op) {
  comment(op);
  if (auto call = dyn_cast<exec::CallOp>(op)) { // a chunked part
    std::string name = table(op);
    builder.create<emitc::CallOpaqueOp>(
        op->getLoc(), TypeRange(), "rt::forEachChunk", ValueRange{values.lookup(call.getCount())},
        builder.getArrayAttr({opaque("ctx"), opaque("batch"), opaque(call.getCallee()), opaque(name),
                              builder.getIndexAttr(0), opaque(Twine(*call.getSize()))}),
        ArrayAttr());
    return;
  }
  auto call = cast<exec::RuntimeCallOpInterface>(op);
  SmallVector<Value> operands;
  SmallVector<Attribute> args{opaque("ctx")};
  for (Value operand : op->getOperands()) {
    args.push_back(builder.getIndexAttr(operands.size()));
    operands.push_back(values.lookup(operand));
  }
  if (call.lacksOptionalOperand())
    args.push_back(opaque("{}"));
  for (Attribute attr : call.getCallAttributes()) {
    if (auto all = dyn_cast<ArrayAttr>(attr)) {
      args.push_back(opaque(borders(cast<exec::FillBordersOp>(op))));
      args.push_back(opaque(Twine(all.size())));
    } else if (auto flag = dyn_cast<BoolAttr>(attr))
      args.push_back(opaque(flag.getValue() ? "true" : "false"));
    else if (auto integer = dyn_cast<IntegerAttr>(attr))
      args.push_back(opaque(Twine(integer.getInt())));
    else if (auto number = dyn_cast<FloatAttr>(attr))
      args.push_back(opaque(cppNumber(number.getValueAsDouble())));
    else {
      args.push_back(opaque(array(attr, isa<exec::MapWeightGradsOp>(op) ? "scales" : "inv_freq")));
      args.push_back(opaque(Twine(cast<DenseArrayAttr>(attr).size())));
    }
  }
  ArrayAttr templates;
  if (auto map = dyn_cast<exec::MapOp>(op))
    templates = builder.getArrayAttr({opaque(map.getBody())});
  else if (auto summing = dyn_cast<exec::MapWeightGradsOp>(op))
    templates = masks(summing);
  else if (auto fill = dyn_cast<exec::FillBordersOp>(op))
    templates = builder.getArrayAttr({opaque(cppType(fill.getElement()))});
  else if (int t = call.getElementTypeOperand(); t >= 0)
    templates = builder.getArrayAttr(
        {opaque(cppType(cast<MemRefType>(op->getOperand(t).getType()).getElementType()))});
  builder.create<emitc::CallOpaqueOp>(op->getLoc(), TypeRange(), ("rt::" + call.getCallee()).str(), operands,
                                      builder.getArrayAttr(args), templates);
}

void FunctionEmitter::emitOutput(Operation *op) {
  auto output = cast<exec::OutputOp>(op);
  auto name =
      values.lookup(output.getValue()).getDefiningOp()->getAttrOfType<StringAttr>("emitc.name").getValue();
  verbatim("*" + output.getName() + "_out = " + name + ".data;");
}
