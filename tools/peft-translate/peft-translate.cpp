//===- peft-translate.cpp - IR to text ------------------------------------===//

#include "peft/Pipelines/Pipelines.h"
#include "peft/Report/MemoryTable.h"
#include "peft/Support/Output.h"
#include "peft/Target/Cpp.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"

using Print = llvm::LogicalResult (*)(mlir::ModuleOp, llvm::raw_ostream &);

/// A translation whose text is written whole, or an error.
static void add(llvm::StringRef name, llvm::StringRef description, Print print) {
  auto write = [print](mlir::ModuleOp op, llvm::raw_ostream &os) -> llvm::LogicalResult {
    std::string text;
    llvm::raw_string_ostream printed(text);
    if (failed(print(op, printed)))
      return mlir::failure();
    auto *path = static_cast<llvm::cl::opt<std::string> *>(llvm::cl::getRegisteredOptions().lookup("o"));
    // What mlirTranslateMain opened: it looks at no error itself.
    llvm::Error error = peft::writeOutput(static_cast<llvm::raw_fd_ostream &>(os), path->getValue(), text);
    if (!error)
      return mlir::success();
    llvm::errs() << "peft-translate: " << toString(std::move(error)) << '\n';
    return mlir::failure();
  };
  (void)mlir::TranslateFromMLIRRegistration(
      name, description, write, [](mlir::DialectRegistry &registry) { peft::registerAllDialects(registry); });
}

int main(int argc, char **argv) {
  add("peft-to-cpp", "emitc as C++", peft::translateToCpp);
  add("memory", "the memory table of a planned schedule", [](mlir::ModuleOp op, llvm::raw_ostream &os) {
    return peft::MemoryTable(op).print(os), mlir::success();
  });
  add("memory-svg", "the arena over the step of a planned schedule, as a picture",
      [](mlir::ModuleOp op, llvm::raw_ostream &os) {
        return peft::printMemoryPicture(op, os), mlir::success();
      });
  return failed(mlir::mlirTranslateMain(argc, argv, "peft-mlir translation driver\n")) ? 2 : 0;
}
