//===- peftc.cpp - a checkpoint and a recipe become a training program ----===//
//
// Import, adapt, train, fuse, place, emit, host compiler: the whole way in one
// command, each level through the same pipeline that peft-opt runs on files.
//
//===----------------------------------------------------------------------===//

#include "HostCompiler.h"

#include "passes/Adapt/Passes.h"
#include "peft/Import/Import.h"
#include "peft/Pipelines/Pipelines.h"
#include "peft/Recipe/Recipe.h"
#include "peft/Report/MemoryTable.h"
#include "peft/Support/Bytes.h"
#include "peft/Support/Output.h"
#include "peft/Target/Cpp.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace mlir;

namespace {

enum class Emit { imported, adapted, training, fused, exec, emitc, cpp, memory, binary };

cl::OptionCategory category("peftc");
cl::opt<std::string> model(cl::Positional, cl::Required, cl::desc("MODEL (a folder or a .gguf file)"),
                           cl::cat(category));
cl::opt<std::string> positionalRecipe(cl::Positional, cl::desc("[adapter_config.json]"), cl::cat(category));
cl::opt<std::string> deterministic("deterministic",
                                   cl::desc("on or off (default on): on a GPU, the same bits in every run"),
                                   cl::init("on"), cl::cat(category));
cl::opt<std::string> recipe("recipe", cl::desc("HF PEFT's or AdapterHub's adapter_config.json"),
                            cl::cat(category));
cl::opt<std::string> lora("lora", cl::desc("r=16,alpha=32,targets=all-linear"), cl::cat(category));
cl::opt<std::string> promptTuning("prompt-tuning", cl::desc("tokens=8"), cl::cat(category));
cl::opt<std::string> bottleneck("bottleneck", cl::desc("reduction=16,activation=relu"), cl::cat(category));
cl::opt<bool> full("full", cl::desc("train every parameter"), cl::cat(category));
cl::opt<bool> bitfit("bitfit", cl::desc("train every bias"), cl::cat(category));
cl::opt<std::string> regex("train", cl::desc("train the parameters whose name this regular expression finds"),
                           cl::cat(category));
cl::opt<std::string> quantize("quantize",
                              cl::desc("nf4, nf4,double, fp8 or none: storage of the frozen matrices"),
                              cl::cat(category));
cl::opt<int64_t> batch("batch", cl::desc("rows of a micro-batch (default 4)"), cl::init(4),
                       cl::cat(category));
cl::opt<int64_t> seqLen("seq-len", cl::desc("tokens of a row (default 256)"), cl::init(256),
                        cl::cat(category));
cl::opt<std::string> dtype("dtype", cl::desc("auto, f32 or bf16 (default auto)"), cl::init("auto"),
                           cl::cat(category));
cl::opt<std::string> vectors("isa",
                             cl::desc("vectors of the program: auto, avx2 or avx512 (default auto: what this "
                                      "machine has; bf16 needs avx512)"),
                             cl::init("auto"), cl::cat(category));
cl::opt<std::string> optimizer("optim", cl::desc("adamw or sgd (default adamw)"), cl::init("adamw"),
                               cl::cat(category));
cl::opt<std::string> target("target", cl::desc("cpu or cuda (default cpu)"), cl::init("cpu"),
                            cl::cat(category));
cl::opt<std::string> memory("memory",
                            cl::desc("budget of the arena, as 24GiB: compute again or keep, as fits"),
                            cl::cat(category));
cl::opt<std::string> offload(
    "offload",
    cl::desc("whether a budget may move activations to the host's memory: auto (on a GPU), on or off"),
    cl::init("auto"), cl::cat(category));
cl::opt<std::string> fuseProjections(
    "fuse-projections",
    cl::desc(
        "one product for q, k and v, one for gate and up, and adapters within a layer's product: auto (on a "
        "GPU in bf16), on or off"),
    cl::init("auto"), cl::cat(category));
cl::opt<int64_t> headChunk(
    "head-chunk",
    cl::desc("labelled rows of the head at a time (default: half of the rows, 256 to 512, to 2048 on cuda)"),
    cl::init(256), cl::cat(category));
cl::opt<std::string> output("o", cl::desc("output file (default: train, or standard output)"),
                            cl::cat(category));
cl::opt<std::string> memorySvg("memory-svg", cl::desc("write a picture of the arena over the step"),
                               cl::cat(category));
cl::opt<std::string> runtimePrefix("runtime", cl::desc("prefix of an installed runtime"), cl::cat(category));
cl::opt<bool> quiet("quiet", cl::desc("no progress, no table"), cl::cat(category));
cl::opt<Emit> emit("emit", cl::desc("where to stop"), cl::init(Emit::binary), cl::cat(category),
                   cl::values(clEnumValN(Emit::imported, "mlir", "imported nn IR"),
                              clEnumValN(Emit::adapted, "adapted", "with adapter nodes"),
                              clEnumValN(Emit::training, "training", "the joint graph"),
                              clEnumValN(Emit::fused, "fused", "after fusion"),
                              clEnumValN(Emit::exec, "exec", "the planned schedule"),
                              clEnumValN(Emit::emitc, "emitc", "C++ text in waiting"),
                              clEnumValN(Emit::cpp, "cpp", "C++ text"),
                              clEnumValN(Emit::memory, "memory", "the memory table"),
                              clEnumValN(Emit::binary, "binary", "a training program (default)")));

int fail(const Twine &message) {
  errs() << "peftc: " << message << '\n';
  return 2;
}

void progress(const Twine &what) {
  if (!quiet && emit == Emit::binary)
    errs() << "peftc: " << what << '\n';
}

/// Few enough rows that the logits stay small, enough that each pass over the head's matrix is worth it and
/// that a kernel over the rows fills a GPU: with narrow hidden states the product back to them wants more.
/// The same under a budget, which changes no bit.
int64_t rowsOfHead(ModuleOp module) {
  if (headChunk.getNumOccurrences())
    return headChunk;
  int64_t most = 512;
  if (target == "cuda") {
    auto hidden = module->getAttrOfType<IntegerAttr>("nn.hidden_size");
    most = hidden && hidden.getInt() > 2048 ? 1024 : 2048;
  }
  return std::clamp<int64_t>(batch * seqLen / 2, 256, most);
}

/// Writes to -o or standard output.
int write(llvm::function_ref<LogicalResult(raw_ostream &)> print, StringRef path = output) {
  std::string text;
  raw_string_ostream os(text);
  if (failed(print(os)))
    return 2;
  if (llvm::Error error = peft::writeOutput(path, text))
    return fail(toString(std::move(error)));
  return 0;
}

int writeModule(ModuleOp module) {
  return write([&](raw_ostream &os) {
    // Locations are part of the IR: layers are told apart by them.
    module.print(os, OpPrintingFlags().enableDebugInfo());
    os << '\n';
    return success();
  });
}

void setRecipe(peft::AdaptOptions &options) {
  options.recipe = (recipe.empty() ? positionalRecipe : recipe).getValue();
  options.lora = lora.getValue();
  options.promptTuning = promptTuning.getValue();
  options.bottleneck = bottleneck.getValue();
  options.method = full            ? "full"
                   : bitfit        ? "bias"
                   : regex.empty() ? std::string()
                                   : "regex:" + regex.getValue();
  options.quantize = quantize.getValue();
}

/// Runs one level's pipeline.
template <class Build> LogicalResult run(ModuleOp module, Build build) {
  PassManager pm(module.getContext());
  build(pm);
  return pm.run(module);
}

int compile(MLIRContext &context, StringRef argv0) {
  if (const std::string binary = output.empty() ? "train" : output.getValue();
      emit == Emit::binary && sys::fs::is_directory(binary))
    return fail("can't write " + binary + ": it is a folder; name a file with -o");
  // First what the user's files say: it takes no time.
  peft::Result<peft::Checkpoint> checkpoint = peft::Checkpoint::open(model);
  if (!checkpoint)
    return fail(checkpoint.status().message());
  if (emit == Emit::binary && !checkpoint->hasWeights())
    return fail(model + " has no weights to train from; without them, stop at --emit=memory or --emit=cpp");
  peft::AdaptOptions adapt;
  setRecipe(adapt);
  if (emit != Emit::imported) {
    Expected<peft::Recipe> read = peft::buildRecipe(
        {adapt.recipe, adapt.lora, adapt.promptTuning, adapt.bottleneck, adapt.method, adapt.quantize});
    if (!read)
      return fail(toString(read.takeError()));
  }

  peft::ImportOptions import;
  import.batch = batch;
  import.seqLen = seqLen;
  import.dtype = dtype;
  if (dtype == "auto") {
    // Nothing is to be run when we stop before the binary: f32 is what every CPU can, bf16 what every GPU
    // should.
    Expected<bool> bf16 = target == "cuda" ? Expected<bool>(true)
                          : emit == Emit::binary && vectors != "avx2"
                              ? peft::prefersBF16(argv0, runtimePrefix)
                              : Expected<bool>(false);
    if (!bf16)
      return fail(toString(bf16.takeError()));
    import.dtype = *bf16 ? "bf16" : "f32";
    progress("dtype " + import.dtype);
  }
  progress("import " + model);
  OwningOpRef<ModuleOp> module = peft::importModel(context, *checkpoint, model, import);
  if (!module)
    return 2;
  if (emit == Emit::imported)
    return writeModule(*module);

  peft::TrainOptions train;
  train.optimizer = optimizer.getValue();
  train.fuseProjections =
      fuseProjections == "on" || (fuseProjections == "auto" && target == "cuda" && import.dtype == "bf16");
  peft::FuseOptions fuse;
  fuse.headChunk = rowsOfHead(*module);
  peft::PlanOptions plan;
  plan.target = target.getValue();
  plan.deterministic = deterministic == "on";
  plan.memory = memory.getValue();
  plan.offload = offload.getValue();
  if (failed(run(*module, [&](OpPassManager &pm) { peft::buildAdaptPipeline(pm, adapt); })))
    return 2;
  if (emit == Emit::adapted)
    return writeModule(*module);
  train.keepCheap = peft::layersToKeep(*module, train, fuse, plan);
  if (failed(run(*module, [&](OpPassManager &pm) { peft::buildTrainPipeline(pm, train); })))
    return 2;
  if (emit == Emit::training)
    return writeModule(*module);
  if (failed(run(*module, [&](OpPassManager &pm) { peft::buildFusePipeline(pm, fuse); })))
    return 2;
  if (emit == Emit::fused)
    return writeModule(*module);
  if (failed(run(*module, [&](OpPassManager &pm) { peft::buildPlanPipeline(pm, plan); })))
    return 2;

  if (!memorySvg.empty())
    if (int code = write([&](raw_ostream &os) { return peft::printMemoryPicture(*module, os), success(); },
                         memorySvg))
      return code;
  if (emit == Emit::memory)
    return write([&](raw_ostream &os) { return peft::MemoryTable(*module).print(os), success(); });
  if (emit == Emit::exec)
    return writeModule(*module);
  if (emit == Emit::binary && !quiet)
    peft::MemoryTable(*module).print(errs());
  if (failed(run(*module, [&](OpPassManager &pm) { peft::buildEmitPipeline(pm); })))
    return 2;
  if (emit == Emit::emitc)
    return writeModule(*module);
  auto printCpp = [&](raw_ostream &os) { return peft::translateToCpp(*module, os); };
  if (emit == Emit::cpp)
    return write(printCpp);

  // The text stays beside the binary: it is meant to be read.
  std::string binary = output.empty() ? "train" : output.getValue();
  output = binary + (target == "cuda" ? ".cu" : ".cpp");
  if (int code = write(printCpp))
    return code;
  progress("compile " + output);
  if (target == "cuda")
    vectors = "cuda";
  else if (vectors == "auto") // a bf16 program starts only where there is AVX-512
    vectors = import.dtype == "bf16" || peft::hostHasAVX512() ? "avx512" : "avx2";
  if (llvm::Error error = peft::compileProgram(argv0, runtimePrefix, vectors, output, binary))
    return fail(toString(std::move(error)));
  progress("wrote " + binary);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(
          argc, argv, "peftc: a checkpoint and a PEFT recipe become one training program\n", &errs()))
    return 2;
  if (fuseProjections != "auto" && fuseProjections != "on" && fuseProjections != "off")
    return fail("unknown --fuse-projections '" + fuseProjections + "': expected auto, on or off");
  if (target != "cpu" && target != "cuda")
    return fail("unknown target '" + target + "': expected cpu or cuda");
  if (deterministic != "on" && deterministic != "off")
    return fail("--deterministic: expected on or off, got '" + deterministic + "'");
  if (deterministic == "off" && target == "cpu")
    return fail("--deterministic=off has nothing to give on a CPU, where sums have one order; it goes with "
                "--target=cuda");
  if (dtype != "auto" && dtype != "f32" && dtype != "bf16")
    return fail("unknown dtype '" + dtype + "': expected auto, f32 or bf16");
  if (vectors != "auto" && vectors != "avx2" && vectors != "avx512")
    return fail("unknown isa '" + vectors + "': expected auto, avx2 or avx512");
  if (vectors == "avx2" && dtype == "bf16")
    return fail("--dtype bf16 needs --isa avx512: only processors with AVX-512 have bf16 products");
  if (Expected<uint64_t> bytes = peft::parseBytes(memory.empty() ? "1" : memory.getValue()); !bytes)
    return fail("--memory: " + toString(bytes.takeError()));
  if (offload != "auto" && offload != "on" && offload != "off")
    return fail("unknown offload '" + offload + "': expected auto, on or off");
  if (batch < 1 || seqLen < 2 || headChunk < 1)
    return fail("expected --batch >= 1, --seq-len >= 2 and --head-chunk >= 1");
  if (!recipe.empty() && !positionalRecipe.empty())
    return fail("two recipes: '" + positionalRecipe + "' and --recipe '" + recipe + "'");
  DialectRegistry registry;
  peft::registerAllDialects(registry);
  peft::registerImportDialects(registry);
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  // One line a diagnostic: the cause, and where in the checkpoint it lies.
  context.getDiagEngine().registerHandler([](Diagnostic &diagnostic) {
    bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
    errs() << "peftc: "
           << (isError                                                   ? ""
               : diagnostic.getSeverity() == DiagnosticSeverity::Warning ? "warning: "
                                                                         : "note: ");
    if (auto name = dyn_cast<NameLoc>(diagnostic.getLocation()))
      errs() << name.getName().strref() << ": ";
    errs() << diagnostic << '\n';
    for (Diagnostic &note : diagnostic.getNotes())
      errs() << "peftc: note: " << note << '\n';
  });
  return compile(context, argv[0]);
}
