//===- HostCompiler.cpp - from C++ text to a training binary --------------===//

#include "HostCompiler.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace llvm;

template <class... Args>
static Error fail(const char *format, Args... args) {
  return createStringError(inconvertibleErrorCode(), format, args...);
}

static Expected<std::string> findPrefix(StringRef argv0, StringRef prefix) {
  SmallString<256> path(prefix);
  if (path.empty()) {
    static int anchor;
    path = sys::path::parent_path(sys::path::parent_path(sys::fs::getMainExecutable(argv0.str().c_str(), &anchor)));
  }
  SmallString<256> library(path);
  sys::path::append(library, "lib", "libpeft_runtime.a");
  if (!sys::fs::exists(library))
    return fail("no runtime library at %s: build it with scripts/build.sh, or name its prefix with --runtime",
                library.c_str());
  return path.str().str();
}

Error peft::compileProgram(StringRef argv0, StringRef prefix, StringRef source, StringRef output) {
  Expected<std::string> root = findPrefix(argv0, prefix);
  if (!root)
    return root.takeError();
  ErrorOr<std::string> compiler = sys::findProgramByName("g++");
  if (!compiler)
    return fail("no g++ in PATH, which compiles the emitted program: install it, or stop at --emit=cpp");
  std::string temporary = (output + ".tmp").str(), include = "-I" + *root + "/include", lib = "-L" + *root + "/lib";
  SmallVector<StringRef> args = {*compiler, "-std=c++17", "-O3", "-march=x86-64-v3", "-fopenmp", "-fno-math-errno",
                                 "-fno-trapping-math", "-Wall", "-Wextra", include, source, lib,
                                 "-Wl,--whole-archive", "-lpeft_main", "-Wl,--no-whole-archive", "-lpeft_runtime", "-ldnnl",
                                 "-o", temporary};
  std::string message;
  int code = sys::ExecuteAndWait(*compiler, args, std::nullopt, {}, 0, 0, &message);
  if (code != 0) {
    sys::fs::remove(temporary);
    return fail("g++ failed on %s (exit code %d)%s%s", source.str().c_str(), code, message.empty() ? "" : ": ",
                message.c_str());
  }
  if (std::error_code error = sys::fs::rename(temporary, output)) {
    sys::fs::remove(temporary);
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
