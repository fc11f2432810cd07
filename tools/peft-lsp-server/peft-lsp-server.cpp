//===- peft-lsp-server.cpp - our IR in an editor --------------------------===//

#include "peft/Pipelines/Pipelines.h"

#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  peft::registerAllDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
