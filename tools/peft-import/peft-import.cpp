//===- peft-import.cpp - a model folder or .gguf file to nn IR ------------===//
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "peft/Import/Import.h"
#include "peft/Support/Output.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;

static llvm::cl::OptionCategory category("peft-import options");
static llvm::cl::opt<std::string> model(llvm::cl::Positional, llvm::cl::Required, llvm::cl::cat(category),
                                        llvm::cl::desc("MODEL (a folder with config.json, or a .gguf file)"));
static llvm::cl::opt<int64_t> batch("batch", llvm::cl::desc("Rows of a micro-batch"), llvm::cl::init(1),
                                    llvm::cl::cat(category));
static llvm::cl::opt<int64_t> seqLen("seq-len", llvm::cl::desc("Tokens of a row"), llvm::cl::init(128),
                                     llvm::cl::cat(category));
static llvm::cl::opt<std::string> dtype("dtype", llvm::cl::desc("What is computed in: f32 or bf16"),
                                        llvm::cl::init("f32"), llvm::cl::cat(category));
static llvm::cl::opt<std::string> output("o",
                                         llvm::cl::desc("Where the IR goes (default: -, standard output)"),
                                         llvm::cl::value_desc("file"), llvm::cl::init("-"),
                                         llvm::cl::cat(category));

/// What every failure of these tools exits with.
static constexpr int badInput = 2;

static int fail(const std::string &message) {
  llvm::WithColor::error(llvm::errs(), "peft-import") << message << "\n";
  return badInput;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  registerAsmPrinterCLOptions(); // --mlir-print-debuginfo and its like
  if (!llvm::cl::ParseCommandLineOptions(argc, argv, "a model folder or .gguf file to nn IR\n",
                                         &llvm::errs()))
    return badInput;

  peft::Result<peft::Checkpoint> checkpoint = peft::Checkpoint::open(model);
  if (!checkpoint)
    return fail(checkpoint.status().message());

  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([](Diagnostic &diagnostic) {
    bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
    (isError ? llvm::WithColor::error(llvm::errs(), "peft-import")
             : llvm::WithColor::warning(llvm::errs(), "peft-import"))
        << diagnostic << "\n";
  });
  peft::ImportOptions options;
  options.batch = batch;
  options.seqLen = seqLen;
  options.dtype = dtype;
  OwningOpRef<ModuleOp> module = peft::importModel(context, *checkpoint, model, options);
  if (!module)
    return badInput;

  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  if (llvm::Error error = peft::writeOutput(output, text))
    return fail(llvm::toString(std::move(error)));
  return 0;
}
