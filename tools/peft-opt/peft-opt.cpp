//===- peft-opt.cpp - every pass and pipeline, on files -------------------===//

#include "peft/Pipelines/Pipelines.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  peft::registerAllDialects(registry);
  peft::registerAllPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "peft-mlir optimizer\n", registry));
}
