#!/usr/bin/env python3
"""Runs the test suites of a finished build and adds their results up.

One function a suite; each returns (passed, failed). A suite that crashes or that
finds nothing to run has failed, so that a broken setup never looks green.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
RESULTS = os.path.join(BUILD, "test-results")
LIT = "/usr/lib/llvm-19/build/utils/lit/lit.py"
FUZZ_RUNS = 100_000


def execute(command, **more):
    """(exit code, output); the output is shown as it comes."""
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", **more)
    lines = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    return process.wait(), "".join(lines)


def fresh(name):
    """A path for a result file that is not there yet: an old one must not be counted again."""
    path = os.path.join(RESULTS, name)
    if os.path.exists(path):
        os.unlink(path)
    return path


def run_lit():
    """FileCheck tests of the compiler and the tools; what peft-opt reads is also printed and read back."""
    report = fresh("lit.json")
    configured = os.path.join(BUILD, "test")
    where = configured if os.path.exists(os.path.join(configured, "lit.site.cfg.py")) else os.path.join(ROOT, "test")
    code, _ = execute([sys.executable, LIT, "-v", "--output", report, where], env={**os.environ, "PEFT_ROUNDTRIP": "1"})
    if not os.path.exists(report):
        return 0, 1
    with open(report) as file:
        codes = [test["code"] for test in json.load(file)["tests"]]
    passed = sum(code in ("PASS", "XFAIL", "FLAKYPASS") for code in codes)
    failed = sum(code in ("FAIL", "XPASS", "UNRESOLVED", "TIMEOUT") for code in codes)
    return passed, max(failed, int(code != 0))


def run_runtime():
    """GoogleTests of the runtime, through ctest."""
    report = fresh("runtime.xml")
    code, _ = execute(["ctest", "--test-dir", os.path.join(BUILD, "runtime"), "--output-on-failure", "--no-tests=error",
                       "--output-junit", report])
    if not os.path.exists(report):
        return 0, 1
    states = [case.get("status") for case in ElementTree.parse(report).getroot().iter("testcase")]
    passed = states.count("run")
    failed = sum(state not in ("run", "disabled") for state in states)
    return passed, max(failed, int(code != 0))


def unit_tests(*folders):
    """(passed, failed) of the unittest files in some folders."""
    passed = failed = 0
    for folder in folders:
        code, output = execute([sys.executable, "-B", "-m", "unittest", "discover", "-s", folder])
        ran = re.search(r"^Ran (\d+) tests?", output, re.M)
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", output))
        skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", output))
        total = int(ran.group(1)) if ran else 0
        bad = max(bad, int(code != 0 or total == 0))
        passed, failed = passed + max(total - skipped - bad, 0), failed + bad
    return passed, failed


def lines_of(command):
    """(passed, failed) of a program that prints a line a case whose first word tells."""
    code, output = execute(command)
    words = [line.split(None, 1)[0].rstrip(":").lower() for line in output.splitlines() if line.strip()]
    passed = sum(word in ("ok", "pass", "passed") for word in words)
    failed = sum(word in ("fail", "failed", "error") for word in words)
    return passed, max(failed, int(code != 0))


def run_python():
    """Unit tests of peft-data and peft-adapter, of the parity runner and of these scripts."""
    return unit_tests("test/tools/peft-data", "test/tools/peft-adapter", "test/parity", "test/scripts")


def run_gradients():
    """Every differentiable op, compiled and run, against difference quotients."""
    return lines_of([sys.executable, "-B", "test/gradients/run.py"])


def run_e2e():
    """From model and data to adapter with the real tools; an installed tree; bad input."""
    return unit_tests("test/e2e")


def run_parity():
    """Compiled programs against the numbers of HF transformers and PEFT; one line a case, its first word tells."""
    command = [sys.executable, "-B", "test/parity/run.py", "--cases", "test/parity/cases", "--models", "test/parity/models"]
    # Adapters apart, then within the layers' products, as on a GPU.
    fused = ["--option=--fuse-projections=on", "llama-lora-all-linear", "llama-lora-patterns", "mistral-lora", "qwen3-lora"]
    runs = lines_of(command), lines_of(command + fused)
    return tuple(sum(numbers) for numbers in zip(*runs))


def fuzzers():
    """[(name, program, corpus folder or None)] of what build/fuzz holds."""
    found = []
    for folder, _, files in os.walk(os.path.join(BUILD, "fuzz")):
        if "CMakeFiles" in folder:
            continue
        for name in files:
            path = os.path.join(folder, name)
            if re.search(r"(^|[-_])fuzz(er)?([-_]|$)", name) and os.access(path, os.X_OK):
                reader = re.sub(r"[-_]?fuzz(er)?[-_]?", "", name)
                corpus = os.path.join(ROOT, "runtime/fuzz/corpus", reader)
                found.append((name, path, corpus if os.path.isdir(corpus) else None))
    return sorted(found)


def run_fuzz():
    """The fuzz targets, each on its corpus and 100,000 inputs made of it; one test a target."""
    passed = failed = 0
    for name, program, corpus in fuzzers():
        scratch = os.path.join(RESULTS, name + "-new")
        shutil.rmtree(scratch, ignore_errors=True)
        os.makedirs(scratch)
        # New inputs go to the scratch folder, never into the sources.
        arguments = [f"-runs={FUZZ_RUNS}", "-seed=1", "-rss_limit_mb=2048", "-verbosity=0",
                     f"-artifact_prefix={RESULTS}/{name}-crash-"]
        code, _ = execute([program, *arguments, scratch, *([corpus] if corpus else [])])
        print(f"{'ok' if code == 0 else 'FAILED'} {name}")
        passed, failed = passed + (code == 0), failed + (code != 0)
    return passed, failed


SUITES = {"lit": run_lit, "runtime": run_runtime, "python": run_python, "gradients": run_gradients, "e2e": run_e2e,
          "parity": run_parity, "fuzz": run_fuzz}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}; all if none is named")
    args = parser.parse_args()
    unknown = [name for name in args.suites if name not in SUITES]
    if unknown:
        parser.error(f"unknown suite '{unknown[0]}', expected one of {', '.join(SUITES)}")
    os.makedirs(RESULTS, exist_ok=True)
    rows = []
    for name in args.suites or SUITES:
        print(f"\n=== {name}: {SUITES[name].__doc__.splitlines()[0]}", flush=True)
        begin = time.monotonic()
        try:
            passed, failed = SUITES[name]()
        except Exception as error:  # a suite that breaks the driver has failed; the others still run
            print(f"{name}: {type(error).__name__}: {error}")
            passed, failed = 0, 1
        if passed + failed == 0:
            print(f"{name}: no tests were found")
            failed = 1
        rows.append((name, passed, failed, time.monotonic() - begin))
    print()
    for name, passed, failed, seconds in rows:
        print(f"{name:9} {passed:5} passed {failed:4} failed {seconds:7.1f} s")
    failed = sum(row[2] for row in rows)
    print(f"{sum(row[1] for row in rows)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
