//===- Search.h - which values to keep under a budget ---------------------===//
//
// Equal layers are equal: what is chosen is one value of a layer (a kind) in as many layers as
// it takes. Each step is judged by the plan itself.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_PASSES_BUDGET_SEARCH_H
#define PEFT_PASSES_BUDGET_SEARCH_H

#include "passes/Budget/CostModel.h"
#include "passes/Budget/StepParts.h"

#include <string>
#include <vector>

namespace peft {

/// A copy of the module as it is marked now, after buildPlanningPasses; null if one fails.
mlir::OwningOpRef<mlir::ModuleOp> planned(mlir::ModuleOp module, llvm::StringRef target, bool deterministic);
/// Its arena.
std::optional<uint64_t> plannedArena(mlir::ModuleOp module, llvm::StringRef target, bool deterministic);

/// One value of a layer, in all layers; or those that lie side by side in one product's result, whose memory
/// is free when all of them are.
struct Kind {
  llvm::SmallVector<std::string> names; ///< "mlp.gate_proj"
  llvm::SmallVector<llvm::SmallVector<mlir::Operation *, 1>>
      layers;             ///< the ops that make it, first layer first
  uint64_t bytes = 0;     ///< of all
  llvm::StringRef choice; ///< "recompute" or "offload", if any are marked
  unsigned marked = 0;    ///< the first so many of `layers` are
};

class MemorySearch {
public:
  MemorySearch(mlir::ModuleOp module, llvm::StringRef target, bool deterministic, bool mayOffload);

  /// Marks what meets the budget, or as much as there is; the arena then, the least found if it is too large.
  std::optional<uint64_t> run(uint64_t budget);
  /// "recomputed: layers 0-30: mlp.gate_proj, mlp.up_proj", a line each.
  std::vector<std::string> describe() const;

private:
  struct Move {
    double cost; ///< seconds for a byte
    unsigned number;
    Kind *kind;
    llvm::StringRef choice;
    unsigned count;
  };

  /// Cheapest first: to mark what is not, or to mark otherwise what is.
  std::vector<Move> moves(bool mayChange);
  /// Takes the cheapest move that makes the arena smaller; false if none does.
  bool step();
  /// As few layers of `kind` as the budget allows, `least` at least. Of all but the kind that was chosen last
  /// no more than one can go back (the last layer's, which the backward part reads at once): few sets of
  /// equal layers.
  void trim(Kind &kind, unsigned least, uint64_t budget);
  void mark(Kind &kind, llvm::StringRef choice, unsigned count);
  /// What the marks add to a step's time.
  double seconds() const;

  mlir::ModuleOp module;
  std::string target;
  bool deterministic, mayOffload;
  Machine machine;
  StepParts parts;
  std::vector<Kind> kinds;
  std::vector<Kind *> chosen;
  uint64_t arena = 0;
  double forwardSeconds = 0, backwardSeconds = 0;
};

} // namespace peft

#endif // PEFT_PASSES_BUDGET_SEARCH_H
