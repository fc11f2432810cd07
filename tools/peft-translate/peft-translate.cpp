//===- peft-translate.cpp - IR to text ------------------------------------===//

#include "peft/Pipelines/Pipelines.h"
#include "peft/Report/MemoryTable.h"
#include "peft/Target/Cpp.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"

int main(int argc, char **argv) {
  auto dialects = [](mlir::DialectRegistry &registry) { peft::registerAllDialects(registry); };
  mlir::TranslateFromMLIRRegistration cpp(
      "peft-to-cpp", "emitc as C++", [](mlir::ModuleOp op, llvm::raw_ostream &os) { return peft::translateToCpp(op, os); },
      dialects);
  mlir::TranslateFromMLIRRegistration memory(
      "memory", "the memory table of a planned schedule",
      [](mlir::ModuleOp op, llvm::raw_ostream &os) {
        peft::MemoryTable(op).print(os);
        return mlir::success();
      },
      dialects);
  mlir::TranslateFromMLIRRegistration picture(
      "memory-svg", "the arena over the step of a planned schedule, as a picture",
      [](mlir::ModuleOp op, llvm::raw_ostream &os) {
        peft::printMemoryPicture(op, os);
        return mlir::success();
      },
      dialects);
  return failed(mlir::mlirTranslateMain(argc, argv, "peft-mlir translation driver\n"));
}
