//===- SaveModules.cpp - trained copies of modules_to_save ----------------===//
#include "passes/Adapt/Parameters.h"

namespace peft {
#define GEN_PASS_DEF_SAVEMODULESPASS
#include "passes/Adapt/Passes.h.inc"
} // namespace peft

using namespace mlir;
using namespace peft;
using namespace peft::adapt;

namespace {

bool isIn(StringRef module, StringRef saved) {
  return module == saved || (module.starts_with(saved) && module.drop_front(saved.size()).starts_with("."));
}

struct SaveModulesPass : peft::impl::SaveModulesPassBase<SaveModulesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Attribute mark = module->removeAttr(saveMark);
    if (!mark)
      return;
    auto saved = dyn_cast<ArrayAttr>(mark);
    if (!saved || !llvm::all_of(saved, llvm::IsaPred<StringAttr>)) {
      module.emitError("expected ") << saveMark << " to be a list of names, got " << mark;
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    SmallVector<nn::GetOp> gets;
    module.walk([&](nn::GetOp get) { gets.push_back(get); });
    for (Attribute entry : saved)
      if (failed(save(cast<StringAttr>(entry).getValue(), gets, symbols)))
        return signalPassFailure();

    // What is no longer read need not be mapped either.
    llvm::DenseSet<Operation *> originals, read;
    for (nn::GetOp get : gets) {
      Operation *parameter = symbols.lookup(get.getParameter());
      originals.insert(parameter);
      if (!get->use_empty())
        read.insert(parameter);
      else
        get.erase();
    }
    for (Operation *parameter : originals)
      if (!read.contains(parameter))
        symbols.erase(parameter);
  }

  LogicalResult save(StringRef saved, ArrayRef<nn::GetOp> gets, SymbolTable &symbols) {
    bool any = false;
    for (nn::GetOp get : gets)
      for (OpOperand &use : llvm::make_early_inc_range(get->getUses())) {
        StringRef reader = readingModule(use);
        if (!isIn(reader, saved))
          continue;
        // A tied head's copy is named by the head, whatever the key of the table it copies.
        auto original = symbols.lookup<nn::ParameterOp>(get.getParameter());
        std::string name = (peftPrefix + reader + "." + original.getSymName().rsplit('.').second).str();
        nn::ParameterOp copy = symbols.lookup<nn::ParameterOp>(name);
        if (!copy) {
          copy = original.clone();
          copy.setSymName(name);
          copy.setSource(original.getSourceKey());
          copy->setAttr(trainMark, StringAttr::get(&getContext(), name));
          symbols.insert(copy, std::next(original->getIterator()));
        }
        OpBuilder builder(get);
        use.set(builder.create<nn::GetOp>(get.getLoc(), get.getType(),
                                          FlatSymbolRefAttr::get(copy.getSymNameAttr())));
        any = true;
      }
    if (!any)
      return emitError(getOperation().getLoc()) << "modules_to_save: '" << saved << "' has no parameters";
    return success();
  }
};

} // namespace
