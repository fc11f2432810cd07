#!/usr/bin/env python3
"""Where the time of one step of a program goes, by kernel, as Nsight Compute times them.

    gpu_profile.py PROGRAM [--top N] [--output FILE.json]

The program is one of `peftc --target cuda`. It runs once unobserved, so that all choices of algorithms are in its cache,
then `--bench 1` under ncu: the first step, which goes kernel by kernel and not through a graph. Prints a Markdown
table: a kernel is its name and grid, so that products of different shapes stand apart.
"""

import argparse
import collections
import csv
import json
import re
import subprocess
import sys
import tempfile


def short(name):
    """A kernel's name without namespaces, arguments and parameters of no interest."""
    name = re.sub(r"\((anonymous namespace|int|bool|[A-Za-z_:]*)\)", "", name)
    name = re.sub(r"\b(peft|rt|cutlass|cublasLt|cudnn|std|void|unnamed)(::| )", "", name)
    return re.sub(r"\(.*$", "", name).strip()[:90]


def profile(program):
    subprocess.run([program, "--bench", "3"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.NamedTemporaryFile(suffix=".csv") as log:
        subprocess.run(["ncu", "--csv", "--page", "raw", "--print-units", "base", "--clock-control", "none", "--metrics", "gpu__time_duration.sum",
                        "--log-file", log.name, program, "--bench", "1"], check=True, stdout=subprocess.DEVNULL)
        with open(log.name) as file:
            lines = [line for line in file if line.startswith('"')]
    kernels = collections.OrderedDict()
    for row in csv.DictReader(lines):
        if not row["ID"].strip():
            continue  # the line of units
        entry = kernels.setdefault((short(row["Kernel Name"]), row["Grid Size"].replace(" ", "")), [0, 0.0])
        entry[0] += 1
        entry[1] += float(row["gpu__time_duration.sum"].replace(",", "")) / 1e6
    return [{"kernel": name, "grid": grid, "launches": count, "ms": ms} for (name, grid), (count, ms) in kernels.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--top", type=int, default=40)
    parser.add_argument("--output", metavar="FILE")
    args = parser.parse_args()
    try:
        kernels = sorted(profile(args.program), key=lambda kernel: -kernel["ms"])
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        sys.exit(f"gpu_profile.py: {error}")
    if args.output:
        with open(args.output, "w") as file:
            json.dump(kernels, file, indent=1)
    print("| kernel | grid | launches | ms | us each |\n|---|---|---|---|---|")
    for kernel in kernels[:args.top]:
        print(f"| {kernel['kernel']} | {kernel['grid']} | {kernel['launches']} | {kernel['ms']:.2f} | {1000 * kernel['ms'] / kernel['launches']:.1f} |")
    print(f"| all | | {sum(k['launches'] for k in kernels)} | {sum(k['ms'] for k in kernels):.2f} | |")


if __name__ == "__main__":
    main()
