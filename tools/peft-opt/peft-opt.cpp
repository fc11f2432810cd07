//===- peft-opt.cpp - every pass and pipeline, on files -------------------===//

#include "peft/Pipelines/Pipelines.h"
#include "peft/Support/Output.h"

#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"

static int fail(const std::string &message) {
  llvm::errs() << "peft-opt: " << message << '\n';
  return 2;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  mlir::DialectRegistry registry;
  peft::registerAllDialects(registry);
  peft::registerAllPasses();
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "peft-mlir optimizer\n", registry);
  mlir::MlirOptMainConfig config = mlir::MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects())
    return mlir::asMainReturnCode(mlir::MlirOptMain(llvm::outs(), nullptr, registry, config));

  std::string message, text;
  std::unique_ptr<llvm::MemoryBuffer> file = mlir::openInputFile(input, &message);
  if (!file)
    return fail(message);
  llvm::raw_string_ostream os(text);
  if (failed(mlir::MlirOptMain(os, std::move(file), registry, config)))
    return 2;
  if (llvm::Error error = peft::writeOutput(output, text))
    return fail(toString(std::move(error)));
  return 0;
}
