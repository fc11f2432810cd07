//===- HostCompiler.cpp - from C++ text to a training binary --------------===//

#include "HostCompiler.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;

template <class... Args> static Error fail(const char *format, Args... args) {
  return createStringError(inconvertibleErrorCode(), format, args...);
}

static Expected<std::string> findPrefix(StringRef argv0, StringRef prefix) {
  SmallString<256> path(prefix);
  if (path.empty()) {
    static int anchor;
    path = sys::path::parent_path(
        sys::path::parent_path(sys::fs::getMainExecutable(argv0.str().c_str(), &anchor)));
  }
  SmallString<256> library(path);
  sys::path::append(library, "lib", "libpeft_runtime.a");
  if (!sys::fs::exists(library))
    return fail("no runtime library at %s: build it with scripts/build.sh, or name its prefix with --runtime",
                library.c_str());
  return path.str().str();
}

bool peft::hostHasAVX512() {
  StringMap<bool> features = sys::getHostCPUFeatures();
  return all_of(ArrayRef<StringRef>{"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
                [&](StringRef name) { return features.lookup(name); });
}

/// nvcc of CUDA_HOME, of PATH, or where NVIDIA's installer puts it.
static Expected<std::string> findNvcc() {
  SmallVector<StringRef> folders;
  std::string home = sys::Process::GetEnv("CUDA_HOME").value_or("");
  if (!home.empty())
    folders.push_back(home += "/bin");
  for (ArrayRef<StringRef> where :
       {ArrayRef<StringRef>(folders), ArrayRef<StringRef>(), ArrayRef<StringRef>{"/usr/local/cuda/bin"}})
    if (ErrorOr<std::string> nvcc = sys::findProgramByName("nvcc", where))
      return *nvcc;
  return fail(
      "no nvcc, which compiles the emitted program for a GPU: scripts/install_cuda.sh installs it, or name a "
      "toolkit in CUDA_HOME, or stop at --emit=cpp");
}

using Arguments = SmallVector<std::string>;

static Expected<Arguments> gccCommand(const std::string &root, StringRef isa, StringRef source) {
  ErrorOr<std::string> compiler = sys::findProgramByName("g++");
  if (!compiler)
    return fail("no g++ in PATH, which compiles the emitted program: install it, or stop at --emit=cpp");
  Arguments args = {*compiler, "-std=c++17", "-O3", "-fopenmp", "-Wall", "-Wextra"};
  args.append({"-fno-math-errno", "-fno-trapping-math"});
  if (isa == "avx512")
    args.append({"-march=x86-64-v4", "-mprefer-vector-width=512"});
  else
    args.push_back("-march=x86-64-v3");
  // A program that moves to another machine takes oneDNN along, in its own folder.
  args.append({"-I" + root + "/include", source.str(), "-L" + root + "/lib", "-Wl,--whole-archive",
               "-lpeft_main", "-Wl,--no-whole-archive", "-Wl,--start-group", "-lpeft_runtime",
               "-lpeft_kernels_" + isa.str(), "-Wl,--end-group", root + "/lib/libdnnl.so.3",
               "-Wl,-rpath,$ORIGIN:" + root + "/lib"});
  return args;
}

static Expected<Arguments> nvccCommand(const std::string &root, StringRef source) {
  std::string link = root + "/lib/peft_cuda.link"; // where CMake found the libraries
  if (!sys::fs::exists(link))
    return fail("no CUDA kernels at %s: build them with scripts/build.sh --cuda", link.c_str());
  Expected<std::string> nvcc = findNvcc();
  if (!nvcc)
    return nvcc.takeError();
  return Arguments{*nvcc,
                   "-std=c++17",
                   "-O3",
                   "-gencode=arch=compute_80,code=sm_80",
                   "-gencode=arch=compute_90a,code=sm_90a",
                   "-Xcompiler=-fopenmp,-Wall,-Wextra",
                   "-I" + root + "/include",
                   source.str(),
                   "-L" + root + "/lib",
                   "-Xlinker=--whole-archive",
                   "-lpeft_main",
                   "-Xlinker=--no-whole-archive",
                   "-Xlinker=--start-group",
                   "-lpeft_runtime",
                   "-lpeft_kernels_cuda",
                   "-Xlinker=--end-group",
                   "--options-file=" + link};
}

Error peft::compileProgram(StringRef argv0, StringRef prefix, StringRef machine, StringRef source,
                           StringRef output) {
  Expected<std::string> root = findPrefix(argv0, prefix);
  if (!root)
    return root.takeError();
  Expected<Arguments> args =
      machine == "cuda" ? nvccCommand(*root, source) : gccCommand(*root, machine, source);
  if (!args)
    return args.takeError();
  std::string temporary = (output + ".tmp").str(), message;
  args->append({"-o", temporary});
  int code = sys::ExecuteAndWait(args->front(), SmallVector<StringRef>(args->begin(), args->end()),
                                 std::nullopt, {}, 0, 0, &message);
  if (code != 0) {
    (void)sys::fs::remove(temporary);
    return fail("%s failed on %s (exit code %d)%s%s", sys::path::filename(args->front()).str().c_str(),
                source.str().c_str(), code, message.empty() ? "" : ": ", message.c_str());
  }
  if (std::error_code error = sys::fs::rename(temporary, output)) {
    (void)sys::fs::remove(temporary);
    return fail("can't write %s: %s", output.str().c_str(), error.message().c_str());
  }
  return Error::success();
}

Expected<bool> peft::prefersBF16(StringRef argv0, StringRef prefix) {
  Expected<std::string> root = findPrefix(argv0, prefix);
  if (!root)
    return root.takeError();
  std::string probe = *root + "/bin/peft-probe";
  if (!sys::fs::exists(probe))
    return fail("no %s to choose a dtype with: give --dtype f32 or bf16", probe.c_str());
  // Exit code 0: bf16 is faster; 1: it is not, or this CPU lacks it.
  int code = sys::ExecuteAndWait(probe, {probe});
  if (code != 0 && code != 1)
    return fail("%s failed: give --dtype f32 or bf16", probe.c_str());
  return code == 0;
}
