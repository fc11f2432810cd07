//===- peft-adapter.cpp - looks at, compares and merges adapters ----------===//

#include "Commands.h"

#include "peft/Support/Output.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

#include <cmath>

using namespace llvm;

static cl::SubCommand inspectCommand("inspect", "what an adapter does to which tensor, and how much");
static cl::SubCommand compareCommand("compare", "keys, shapes and distance of two adapters");
static cl::SubCommand mergeCommand("merge", "a model folder of a base and an adapter, or of a base alone");

static cl::opt<std::string> inspected(cl::Positional, cl::Required, cl::desc("ADAPTER"),
                                      cl::sub(inspectCommand));

static cl::opt<std::string> compareA(cl::Positional, cl::Required, cl::desc("A"), cl::sub(compareCommand));
static cl::opt<std::string> compareB(cl::Positional, cl::Required, cl::desc("B"), cl::sub(compareCommand));
static cl::opt<double> tolerance("tolerance", cl::desc("exit with 1 beyond this relative distance"),
                                 cl::init(INFINITY), cl::sub(compareCommand));

static cl::opt<std::string> base(cl::Positional, cl::Required, cl::desc("BASE"), cl::sub(mergeCommand));
static cl::opt<std::string> adapter(cl::Positional, cl::desc("[ADAPTER]"), cl::sub(mergeCommand));
static cl::opt<std::string> output("o", cl::Required, cl::desc("folder to make"), cl::value_desc("folder"),
                                   cl::sub(mergeCommand));
static cl::opt<std::string> dtype("dtype", cl::desc("f32, bf16, f16 or keep (default)"), cl::init("keep"),
                                  cl::sub(mergeCommand));
static cl::opt<std::string> shardSize("max-shard-size",
                                      cl::desc("of a weights file, as 5GB (default) or 200MB"),
                                      cl::init("5GB"), cl::sub(mergeCommand));

/// What every failure of these tools exits with.
static constexpr int badInput = 2;

static int fail(const std::string &message) {
  WithColor::error(errs(), "peft-adapter") << message << '\n';
  return badInput;
}

/// Decimal units, as transformers counts them.
static uint64_t bytesOf(StringRef text) {
  uint64_t unit = text.consume_back("GB")   ? 1000000000
                  : text.consume_back("MB") ? 1000000
                  : text.consume_back("KB") ? 1000
                                            : 1;
  uint64_t number = 0;
  return text.getAsInteger(10, number) || number > UINT64_MAX / unit ? 0 : number * unit;
}

peft::Status peft::printText(const std::string &text) {
  Error error = writeOutput("-", text);
  return error ? Status::error(toString(std::move(error))) : Status::ok();
}

static int merge(const char *program) {
  if (dtype != "f32" && dtype != "bf16" && dtype != "f16" && dtype != "keep")
    return fail("--dtype: expected f32, bf16, f16 or keep, got " + dtype);
  uint64_t shardBytes = bytesOf(shardSize);
  if (!shardBytes)
    return fail("--max-shard-size: expected a size as 5GB, got " + shardSize);
  peft::Status status = peft::mergeAdapter({base, adapter, output, dtype, shardBytes, program});
  if (status)
    status = peft::printText(output + "\n");
  return status ? 0 : fail(status.message());
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  if (!cl::ParseCommandLineOptions(argc, argv,
                                   "peft-adapter: looks at, compares and merges what was trained\n", &errs()))
    return badInput;
  if (inspectCommand) {
    peft::Status status = peft::inspectAdapter(inspected);
    return status ? 0 : fail(status.message());
  }
  if (compareCommand) {
    peft::Result<bool> same = peft::compareAdapters(compareA, compareB, tolerance);
    return same ? (*same ? 0 : 1) : fail(same.status().message());
  }
  if (mergeCommand)
    return merge(argv[0]);
  return fail("expected inspect, compare or merge; --help tells more");
}
