#!/usr/bin/env python3
"""Replays parity cases through compiled programs and compares them with what HF transformers and PEFT compute.

One line a case, 'ok' or 'FAILED' with the worst error of each kind; the exit code is 1 if one failed. docs/parity.md
tells the form of a case and the tolerances.
"""

import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import numpy  # noqa: F401
except ModuleNotFoundError:  # numpy lives in the environment that scripts/install_dependencies.sh makes
    python = os.path.join(ROOT, ".venv", "bin", "python")
    if not os.path.exists(python) or os.environ.get("PEFT_PARITY_AGAIN"):
        sys.exit("run.py: numpy is missing: run scripts/install_dependencies.sh, or pip install numpy")
    os.execve(python, [python, *sys.argv], {**os.environ, "PEFT_PARITY_AGAIN": "1"})

import compare
import safetensors_io
from cases import Case

JOBS = max(2, (os.cpu_count() or 2) // 2)  # host compilers at a time


class CaseFailed(Exception):
    """One line: the case can't be run to its end."""


def execute(command, log):
    """Runs a command; a failure's text is the first line of what it said."""
    # Passive waiting: several small programs share the cores.
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "CCACHE_DISABLE": "1"}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=environment)
    with open(log, "w") as file:
        file.write(" ".join(command) + "\n" + done.stdout + done.stderr)
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        told = [line for line in lines if "error" in line] or lines or [f"exit code {done.returncode}"]
        tool, text = os.path.basename(command[0]), told[0].strip()
        raise CaseFailed(text if text.startswith(tool + ":") else f"{tool}: {text}")


def find_model(case, models):
    places = [os.path.join(models, case.model), os.path.join(ROOT, "models", case.model)]
    if os.path.isfile(models):
        places.insert(0, models)
    for place in places:
        if os.path.exists(place):
            return place
    raise CaseFailed(f"model {case.model} is neither in {models} nor in models/")


def read_metrics(path):
    """{name: value of each step}; evaluation and summary rows have no loss."""
    rows = [json.loads(line) for line in open(path)]
    rows = [row for row in rows if "loss" in row]
    return {name: [row[name] for row in rows] for name in ("loss", "grad_norm", "learning_rate")}


def read_folder(folder):
    """All tensors of a folder's .safetensors files."""
    tensors = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        tensors.update(safetensors_io.load(path))
    return tensors


def measure(case, args, folder):
    """{kind: (worst, complaints)} of one case, all of whose files go to `folder`."""
    tools = os.path.join(args.build, "bin")
    model = find_model(case, args.models)
    program, out, gradients = (os.path.join(folder, name) for name in ("train", "out", "gradients.safetensors"))
    execute([os.path.join(tools, "peftc"), model, *case.compile_arguments(args.target), *args.option, "-o", program],
            os.path.join(folder, "peftc.log"))
    execute([program, *case.train_arguments(), "--dump-gradients", gradients, "--output_dir", out], os.path.join(folder, "train.log"))

    metrics = read_metrics(os.path.join(out, "metrics.jsonl"))
    expected = {name[len("grad."):]: value for name, value in case.tensors("expected").items() if name.startswith("grad.")}
    results = {
        "loss": compare.numbers("loss", case.json["loss"], metrics["loss"], case.loss_tolerance),
        "lr": compare.numbers("learning rate", case.json["lr"], metrics["learning_rate"], compare.LEARNING_RATE),
        "norm": compare.numbers("gradient norm", case.json["grad_norm"], metrics["grad_norm"], compare.GRAD_NORM),
    }
    if expected:  # a large model's case may come without
        results["gradient"] = compare.gradients(expected, safetensors_io.load(gradients), case.tensors("init"))
    final = case.tensors("final")
    if final is not None:
        results["final"] = compare.finals(final, read_folder(out), case.tensors("init"), expected)
    merged = case.tensors("merged")
    if merged is not None:
        target = os.path.join(folder, "merged")
        execute([os.path.join(tools, "peft-adapter"), "merge", model, out, "-o", target, "--dtype=f32"], os.path.join(folder, "merge.log"))
        results["merged"] = compare.merged(merged, read_folder(target))
    return results


def run_case(name, args, scratch):
    """(passed, the case's line)"""
    folder = os.path.join(scratch, name)
    shutil.rmtree(folder, ignore_errors=True)  # an old result must not be taken for a new one
    os.makedirs(folder)
    try:
        results = measure(Case(os.path.join(args.cases, name)), args, folder)
    except (CaseFailed, OSError, ValueError, KeyError) as error:
        text = f"missing {error}" if isinstance(error, KeyError) else str(error)
        return False, f"FAILED {name:30} {text}"
    errors = "  ".join(f"{kind} {worst:.1e}" for kind, (worst, _) in results.items())
    complaints = [text for _, texts in results.values() for text in texts]
    if not complaints:
        return True, f"ok     {name:30} {errors}"
    more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
    return False, f"FAILED {name:30} {errors}: {complaints[0]}{more}"


def main():
    here = os.path.join(ROOT, "test", "parity")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=os.path.join(here, "cases"), metavar="DIR", help="folder of case folders")
    parser.add_argument("--models", default=os.path.join(here, "models"), metavar="DIR", help="folder of the models they name, or one model")
    parser.add_argument("--target", default="cpu", help="of the compiler (default cpu)")
    parser.add_argument("--option", action="append", default=[], metavar="OPTION",
                        help="one more for peftc, as --option=--fuse-projections=on; may come again")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="DIR", help="of the compiler (default build)")
    parser.add_argument("--keep", metavar="DIR", help="keep programs, logs and outputs there")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of cases; all if none is named")
    args = parser.parse_args()
    for option in ("cases", "models", "build"):
        setattr(args, option, os.path.abspath(getattr(args, option)))
    if not os.path.isdir(args.cases):
        parser.error(f"no folder {args.cases}")
    there = sorted(name for name in os.listdir(args.cases) if os.path.exists(os.path.join(args.cases, name, "case.json")))
    unknown = [name for name in args.names if name not in there]
    if unknown:
        parser.error(f"no case '{unknown[0]}' in {args.cases}, which holds {', '.join(there) or 'none'}")

    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="peft-parity-") as temporary, ThreadPoolExecutor(JOBS) as pool:
        scratch = os.path.abspath(args.keep or temporary)
        for good, line in pool.map(lambda name: run_case(name, args, scratch), args.names or there):
            print(line, flush=True)
            passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
