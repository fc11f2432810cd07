#!/usr/bin/env python3
"""Checks the gradient of every differentiable op: compiles programs/*.mlir into one binary and runs it.

A line a program, then 'N passed, N failed'. Fails too where an op that implements
DifferentiableOpInterface, an adapter node or a kind of activation stands in no program, and
where an op of nn or peft has no gradient and docs/differentiation.md doesn't say why.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PIPELINES = {
    "": ["--peft-fuse-elementwise"],  # the one pass that scheduling can't do without
    "_fused": ["--peft-fuse=head-chunk=4"],  # more than one chunk
}


def read(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


def defined_ops():
    """(op, base class, traits) of nn and peft but for what vector-Jacobian products are made of, which comes last."""
    for dialect, path in (("nn", "dialects/NN/NNOps.td"), ("peft", "dialects/Peft/PeftOps.td")):
        forward, _ = read(path).split("Gradients\n//===")
        for base, name, traits in re.findall(r'^def \w+ : (\w+)<"(\w+)"([^{]*)\{', forward, re.M):
            yield f"{dialect}.{name}", base, traits


def differentiable_ops():
    """'nn.linear', ...: what must be checked, by the definitions of the dialects."""
    ops = [op for op, base, traits in defined_ops() if base == "NN_Model" or "DifferentiableOpInterface" in traits]
    for name in re.findall(r"arith::(\w+)Op::attachInterface", read("dialects/NN/ArithInterfaces.cpp")):
        ops.append("arith." + name.lower())
    for name in re.findall(r"OpRewritePattern<adapter::(\w+)Op>", read("passes/Adapt/DecomposeAdapters.cpp")):
        ops.append("peft." + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())
    kinds = re.search(r"def NN_ActivationKind .*?\]>;", read("dialects/NN/NNDialect.td"), re.S).group()
    ops += [f"nn.activation {kind}" for kind in re.findall(r'EnumAttrCase<"(\w+)"', kinds)]
    return list(dict.fromkeys(ops))


def programs():
    """{name: text} of all modules."""
    found = {}
    folder = os.path.join(HERE, "programs")
    for file in sorted(os.listdir(folder)):
        for text in read(os.path.join(folder, file)).split("// -----\n"):
            name = re.search(r'nn\.name = "(\w+)"', text).group(1)
            assert name not in found, f"two programs are called {name}"
            found[name] = text
    return found


def run(command, text=None):
    """Standard output; the whole of standard error is shown if it fails."""
    result = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        raise RuntimeError(f"{os.path.basename(command[0])} failed:\n{result.stderr}")
    return result.stdout


def compile_program(build, folder, name, suffix, text):
    """The object file of one program."""
    tool = lambda tool: os.path.join(build, "bin", tool)
    ir = run([tool("peft-opt"), "--peft-decompose-adapters", "--peft-train", *PIPELINES[suffix], "--peft-place",
              "--peft-finish", "-"], text)
    source = os.path.join(folder, name + suffix + ".cpp")
    with open(source, "w") as file:
        file.write(run([tool("peft-translate"), "--peft-to-cpp"], ir))
    target = compile_cpp(folder, source)
    run(["objcopy", f"--redefine-sym=peft_program_query={name + suffix}_query", target])
    return target


def compile_cpp(folder, source):
    """An object file; all emitted programs share one precompiled header."""
    header = os.path.join(folder, "common.h")
    target = header + ".gch" if source == header else os.path.join(folder, os.path.basename(source) + ".o")
    kind = ["-x", "c++-header"] if source == header else ["-include", header, "-Winvalid-pch"]
    run(["g++", "-std=c++17", "-O1", "-march=x86-64-v3", "-fopenmp", "-Wall", "-Wextra", "-Werror", "-I" + folder,
         "-I" + os.path.join(ROOT, "runtime/include"), *kind, "-c", source, "-o", target])
    return target


def check(build, folder, names, objects):
    """(passed, failed) of check.cpp, linked with all programs."""
    with open(os.path.join(folder, "programs.inc"), "w") as file:
        file.writelines(f"PEFT_PROGRAM({name})\n" for name in names)
    objects = objects + [compile_cpp(folder, os.path.join(HERE, "check.cpp"))]
    binary = os.path.join(folder, "check")
    run(["g++", "-fopenmp", *objects, "-o", binary, "-L" + os.path.join(build, "lib"), "-Wl,--start-group",
         "-lpeft_runtime", "-lpeft_kernels_avx2", "-Wl,--end-group", os.path.join(build, "lib", "libdnnl.so.3"), "-Wl,-rpath," + os.path.join(build, "lib")])
    # The tensors are tiny: threads would only wait for each other.
    result = subprocess.run([binary], stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    lines = result.stdout.splitlines()
    summary = re.fullmatch(r"(\d+) passed, (\d+) failed", lines[-1]) if lines else None
    print("\n".join(lines[:-1] if summary else lines + [f"FAILED check: it ended with {result.returncode}"]))
    return (int(n) for n in summary.groups()) if summary else (0, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="a finished build")
    parser.add_argument("names", nargs="*", help="programs to check; all if none is named")
    args = parser.parse_args()
    found = programs()
    text = "".join(found.values())
    missing = [op for op in differentiable_ops() if not re.search(rf"= {re.escape(op)}\b", text)]
    for op in missing:
        print(f"FAILED {op}: no program in test/gradients/programs has it")
    page, known = read("docs/differentiation.md"), differentiable_ops()
    for op in (op for op, _, _ in defined_ops() if op not in known and f"`{op}`" not in page):
        print(f"FAILED {op}: it has no gradient, and docs/differentiation.md doesn't say why")
        missing.append(op)
    if args.names:
        found = {name: found[name] for name in args.names}

    broken = 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        with open(os.path.join(folder, "common.h"), "w") as file:
            file.write('#include "peft/runtime/program.h"\n')
        compile_cpp(folder, file.name)
        jobs = {name: [pool.submit(compile_program, args.build, folder, name, suffix, text) for suffix in PIPELINES]
                for name, text in found.items()}
        objects, compiled = [], []
        for name, parts in jobs.items():
            try:
                objects += [part.result() for part in parts]
                compiled.append(name)
            except RuntimeError as error:
                print(f"FAILED {name}: {error}")
                broken += 1
        passed, failed = check(args.build, folder, compiled, objects) if compiled else (0, 0)
    failed += broken + len(missing)
    print(f"{passed} passed, {failed} failed")
    return int(failed != 0)


if __name__ == "__main__":
    sys.exit(main())
