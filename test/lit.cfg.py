# How lit runs these tests: every .mlir file under this folder whose RUN lines say what to do.
#
#   lit -v test                       all of them, with the tools of build/bin
#   lit -v test --param roundtrip=1   the same, each input printed and read back first
#   lit -v test --param build=DIR     with the tools of another build

import os
import sys

import lit.formats

LLVM_TOOLS = "/usr/lib/llvm-19/bin"  # FileCheck, not, split-file

here = os.path.dirname(os.path.abspath(__file__))
build = os.path.abspath(lit_config.params.get("build") or os.environ.get("PEFT_BUILD") or os.path.join(here, "..", "build"))
tools = os.path.join(build, "bin")
if not os.path.exists(os.path.join(tools, "peft-opt")):
    lit_config.fatal(f"no peft-opt in {tools}: build first, or name the build folder with --param build=DIR")

config.name = "peft-mlir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs", "parity", "interop", "scripts", "gradients", "e2e"]
config.test_source_root = here
config.test_exec_root = os.path.join(build, "test")

config.environment["PATH"] = os.pathsep.join([tools, LLVM_TOOLS, config.environment.get("PATH", "")])
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
config.substitutions.append(("%python", f'"{sys.executable}"'))

# Every input of peft-opt is also printed and parsed again, as text and as bytecode.
roundtrip = lit_config.params.get("roundtrip") or os.environ.get("PEFT_ROUNDTRIP")
if roundtrip and roundtrip != "0":
    # Only the command itself: not a path that holds the word.
    config.substitutions.append((r"(?<![\w/.-])peft-opt(?![\w/.-])", "peft-opt --verify-roundtrip"))
