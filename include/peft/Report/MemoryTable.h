//===- MemoryTable.h - what fills the memory ------------------------------===//
//
// Reads the scheduled level (after peft-plan, before peft-outline) and says what the
// program will hold, by category. Needs no weights and no host compiler.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_REPORT_MEMORYTABLE_H
#define PEFT_REPORT_MEMORYTABLE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace peft {

struct MemoryRow {
  std::string category;
  uint64_t bytes;
  std::string note;
};

struct MemoryTable {
  explicit MemoryTable(mlir::ModuleOp module);

  std::vector<MemoryRow> rows; ///< parts of the arena
  uint64_t arena = 0;
  bool onGpu = false;
  std::vector<std::string> choices; ///< of a budget: what is not just kept
  uint64_t host = 0;                ///< activations that wait in the host's memory; not in the arena
  uint64_t mapped = 0;              ///< weights read where the file is mapped; not in the arena

  void print(llvm::raw_ostream &os) const;
};

/// The arena over one micro-step as SVG: time across, bytes up, coloured by category.
void printMemoryPicture(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace peft

#endif // PEFT_REPORT_MEMORYTABLE_H
