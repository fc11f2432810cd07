#!/usr/bin/env python3
"""Our LoRA step on a GPU beside other programs' on the same machine: tokens/s and memory.

    gpu_bench.py --build BUILD --case FOLDER:BATCH:SEQ ... [--peer FOLDER:NAME:COMMAND ...] [--output FILE.json]

Each case is a model folder; LoRA r=16 on every linear, bf16, every row labelled, random tokens. A peer's COMMAND runs
right after ours on its folder and prints a line of JSON with tokens_per_s and peak_gib (of its allocator). Ours are the
arena with all workspaces and, beside it, what the driver counts for the process. Prints a Markdown table.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def last_json(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, shell=isinstance(command, str))
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        tail = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{command}: exit code {done.returncode}: {tail}")
    return json.loads(lines[-1])


def query(fields):
    return subprocess.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"], stdout=subprocess.PIPE,
                          text=True).stdout.strip()


class DriverMemory:
    """The most that the driver said was in use while it ran, MiB."""

    def __enter__(self):
        self.most, self.running = 0, True
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while self.running:
            self.most = max(self.most, int(query("memory.used").splitlines()[0] or 0))
            time.sleep(0.2)

    def __exit__(self, *_):
        self.running = False
        self.thread.join()


def run_case(args, case, work):
    folder, batch, seq = case.rsplit(":", 2)
    program = os.path.join(work, os.path.basename(folder))
    subprocess.run([os.path.join(args.build, "bin", "peftc"), folder, "--target", "cuda", "--dtype", "bf16", "--quiet", "--batch", batch,
                    "--seq-len", seq, "--lora", "r=16,alpha=32,targets=all-linear", *args.option, "-o", program], check=True)
    with DriverMemory() as memory:
        ours = last_json([program, "--bench", str(args.steps)])
    ours["driver_mib"] = memory.most
    peers = {}
    for text in args.peer:
        where, name, command = text.split(":", 2)
        if where == folder:
            peers[name] = last_json(command)
    return {"model": os.path.basename(folder), "batch": int(batch), "seq_len": int(seq), "ours": ours, "peers": peers}


def table(results):
    lines = ["| shape | program | tokens/s | GiB | ours against it |", "|---|---|---|---|---|"]
    for result in results:
        ours, shape = result["ours"], f"{result['model']}, {result['batch']} x {result['seq_len']}"
        lines.append(f"| {shape} | **peft-mlir** | {ours['tokens_per_second']:.0f} | {ours['arena_bytes'] / 2**30:.1f} "
                     f"(driver: {ours['driver_mib'] / 1024:.1f}) | |")
        for name, peer in result["peers"].items():
            lines.append(f"| | {name} | {peer['tokens_per_s']:.0f} | {peer['peak_gib']:.1f} | "
                         f"{ours['tokens_per_second'] / peer['tokens_per_s']:.2f}x speed, "
                         f"{ours['arena_bytes'] / 2**30 / peer['peak_gib']:.2f}x memory |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--case", action="append", required=True, metavar="FOLDER:BATCH:SEQ")
    parser.add_argument("--peer", action="append", default=[], metavar="FOLDER:NAME:COMMAND")
    parser.add_argument("--option", action="append", default=[], help="of peftc")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--output", metavar="FILE")
    args = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as work:
            results = [run_case(args, case, work) for case in args.case]
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"gpu_bench.py: {error}")
    now = datetime.datetime.now(datetime.timezone.utc)
    report = {"date": now.isoformat(timespec="seconds"), "gpu": query("name"), "driver": query("driver_version"), "results": results}
    if args.output:
        with open(args.output, "w") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
    print(f"{report['gpu']}, driver {report['driver']}, {now:%Y-%m-%d}\n\n{table(results)}")


if __name__ == "__main__":
    main()
