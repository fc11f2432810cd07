//===- FitMemory.cpp - a step that fits a budget --------------------------===//

#include "passes/Budget/Search.h"

#include "passes/Budget/Late.h"
#include "passes/Differentiate/Passes.h"
#include "peft/Report/MemoryTable.h"
#include "peft/Support/Bytes.h"

#include <tuple>

namespace peft {
#define GEN_PASS_DEF_FITMEMORYPASS
#include "passes/Budget/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;

/// "frozen weights 14.96 GiB, workspace 1.13 GiB": the rows of the memory table that make up most of it,
/// largest first.
static std::string whatTakes(ModuleOp module, StringRef target, bool deterministic) {
  OwningOpRef<ModuleOp> copy = planned(module, target, deterministic);
  MemoryTable table(*copy);
  llvm::sort(table.rows, [](const MemoryRow &a, const MemoryRow &b) {
    return std::tie(b.bytes, a.category) < std::tie(a.bytes, b.category);
  });
  std::string text;
  for (const MemoryRow &row : table.rows)
    if (row.bytes >= table.arena / 50)
      text += (text.empty() ? "" : ", ") + row.category + " " + printBytes(row.bytes);
  return text;
}

namespace {

struct FitMemory : peft::impl::FitMemoryPassBase<FitMemory> {
  using FitMemoryPassBase::FitMemoryPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (memory.empty())
      return;
    if (offload != "auto" && offload != "on" && offload != "off") {
      module.emitError("unknown offload '") << offload << "': expected auto, on or off";
      return signalPassFailure();
    }
    llvm::Expected<uint64_t> budget = parseBytes(memory);
    if (!budget) {
      module.emitError("memory: ") << llvm::toString(budget.takeError());
      return signalPassFailure();
    }
    std::optional<uint64_t> arena = plannedArena(module, target, deterministic);
    if (!arena)
      return signalPassFailure(); // a pass has said why
    if (*arena <= *budget)
      return;
    if (auto step = module.lookupSymbol<func::FuncOp>(kMicroStep))
      computeLate(step);
    MemorySearch search(module, target, deterministic,
                        offload == "on" || (offload == "auto" && target == "cuda"));
    arena = search.run(*budget);
    if (!arena)
      return signalPassFailure();
    if (*arena > *budget) {
      module.emitError("a budget of ")
          << printBytes(*budget) << " is too small: the least possible is " << printBytes(*arena) << " ("
          << *arena << " bytes): " << whatTakes(module, target, deterministic);
      return signalPassFailure();
    }
    SmallVector<Attribute> lines;
    for (const std::string &line : search.describe())
      lines.push_back(StringAttr::get(&getContext(), line));
    module->setAttr("exec.choices", ArrayAttr::get(&getContext(), lines));
  }
};

} // namespace
