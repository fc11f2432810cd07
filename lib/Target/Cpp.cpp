//===- Cpp.cpp - from emitc to text ---------------------------------------===//

#include "peft/Target/Cpp.h"

#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace {

class Printer {
public:
  explicit Printer(raw_ostream &os) : os(os) {}

  LogicalResult print(Operation &op) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
        .Case([&](emitc::IncludeOp include) {
          os << "#include " << (include.getIsStandardInclude() ? '<' : '"') << include.getInclude()
             << (include.getIsStandardInclude() ? '>' : '"') << '\n';
          return success();
        })
        .Case([&](emitc::VerbatimOp verbatim) {
          os << indent << verbatim.getValue() << '\n';
          return success();
        })
        .Case([&](emitc::FuncOp function) { return print(function); })
        .Case([&](emitc::CallOpaqueOp call) { return print(call); })
        .Case([&](emitc::LiteralOp literal) {
          names[literal] = literal.getValue().str();
          return success();
        })
        .Case([&](emitc::AddOp add) { return binary(add, " + "); })
        .Case([&](emitc::MulOp mul) { return binary(mul, " * "); })
        .Case([&](emitc::ReturnOp ret) {
          if (ret.getOperand())
            os << indent << "return " << name(ret.getOperand()) << ";\n";
          return success();
        })
        .Default([](Operation *other) { return other->emitOpError("can't be printed as C++"); });
  }

private:
  std::string name(Value value) {
    std::string &text = names[value];
    if (text.empty()) {
      auto named = value.getDefiningOp() ? value.getDefiningOp()->getAttrOfType<StringAttr>("emitc.name")
                                         : StringAttr();
      text = named ? named.str() : "v" + std::to_string(++counter);
    }
    return text;
  }

  LogicalResult print(Type type) {
    if (auto opaque = dyn_cast<emitc::OpaqueType>(type))
      return os << opaque.getValue(), success();
    if (auto pointer = dyn_cast<emitc::PointerType>(type)) {
      if (failed(print(pointer.getPointee())))
        return failure();
      return os << (isa<emitc::PointerType>(pointer.getPointee()) ? "*" : " *"), success();
    }
    if (type.isF32())
      return os << "float", success();
    return emitError(UnknownLoc::get(type.getContext())) << "can't print type " << type << " as C++";
  }

  LogicalResult print(emitc::FuncOp function) {
    names.clear();
    counter = 0;
    os << '\n';
    if (auto doc = function->getAttrOfType<StringAttr>("emitc.doc"))
      os << "/// " << doc.getValue() << '\n';
    for (Attribute specifier :
         function.getSpecifiersAttr() ? function.getSpecifiersAttr().getValue() : ArrayRef<Attribute>())
      os << cast<StringAttr>(specifier).getValue() << ' ';
    if (function.getNumResults() == 0)
      os << "void";
    else if (failed(print(function.getResultTypes()[0])))
      return failure();
    os << ' ' << function.getName() << '(';
    for (BlockArgument argument : function.getArguments()) {
      os << (argument.getArgNumber() ? ", " : "");
      auto named = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "emitc.name");
      names[argument] = named ? named.str() : "x" + std::to_string(argument.getArgNumber());
      if (failed(print(argument.getType())))
        return failure();
      auto opaque = dyn_cast<emitc::OpaqueType>(argument.getType());
      bool bindsToName =
          isa<emitc::PointerType>(argument.getType()) || (opaque && opaque.getValue().ends_with("&"));
      os << (bindsToName ? "" : " ") << names[argument];
    }
    os << ") {\n";
    indent = "  ";
    for (Operation &op : function.getBody().front())
      if (failed(print(op)))
        return failure();
    indent = "";
    os << "}\n";
    return success();
  }

  LogicalResult print(emitc::CallOpaqueOp call) {
    os << indent;
    if (call.getNumResults()) {
      os << "const ";
      if (failed(print(call.getResult(0).getType())))
        return failure();
      os << ' ' << name(call.getResult(0)) << " = ";
    }
    os << call.getCallee();
    if (auto templates = call.getTemplateArgs()) {
      llvm::interleaveComma(*templates, os << '<',
                            [&](Attribute attr) { os << cast<emitc::OpaqueAttr>(attr).getValue(); });
      os << '>';
    }
    os << '(';
    if (auto args = call.getArgs()) {
      llvm::interleaveComma(*args, os, [&](Attribute attr) {
        if (auto index = dyn_cast<IntegerAttr>(attr))
          os << name(call.getOperand(index.getInt()));
        else
          os << cast<emitc::OpaqueAttr>(attr).getValue();
      });
    } else {
      llvm::interleaveComma(call.getOperands(), os, [&](Value operand) { os << name(operand); });
    }
    os << ");\n";
    return success();
  }

  template <class Op> LogicalResult binary(Op op, StringRef sign) {
    os << indent << "const float " << name(op.getResult()) << " = " << name(op->getOperand(0)) << sign
       << name(op->getOperand(1)) << ";\n";
    return success();
  }

  raw_ostream &os;
  StringRef indent;
  DenseMap<Value, std::string> names;
  unsigned counter = 0;
};

} // namespace

LogicalResult peft::translateToCpp(ModuleOp module, raw_ostream &os) {
  Printer printer(os);
  for (Operation &op : *module.getBody())
    if (failed(printer.print(op)))
      return failure();
  return success();
}
