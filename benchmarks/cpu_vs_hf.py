#!/usr/bin/env python3
"""Our step beside HF transformers + PEFT's on this machine: tokens/s and peak memory.

    cpu_vs_hf.py MODEL.gguf --python VENV/bin/python [--dtypes f32,bf16] [--modes eager,compile] [--rounds 2]

compiles MODEL with LoRA r=16 on every linear by build/bin/peftc, then runs the two
in turn, --rounds times, so that a busy minute hits both. Each number is the best of
its rounds. Writes benchmarks/results/cpu-DATE.json and prints a Markdown table.
ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 in the environment keeps both sides off AMX.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def measure(command, threads):
    """The JSON of the last line that the program prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    if done.returncode != 0:
        tail = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {tail[0]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def compile_binary(args, dtype):
    output = os.path.join(args.work, f"train-{dtype}-{args.batch}x{args.seq_len}")
    command = [args.peftc, args.model, "--lora", "r=16,alpha=32,targets=all-linear", "--batch", str(args.batch),
               "--seq-len", str(args.seq_len), "--dtype", dtype, "-o", output]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return output


def better(best, new):
    """Of two runs the faster one."""
    return new if best is None or new["tokens_per_second"] > best["tokens_per_second"] else best


def faster(best, new):
    """Of two runs of the products alone the smaller sums, by our kernels and by oneDNN's."""
    if best is None:
        return new
    ours, onednn = (min(runs, key=lambda run: run["gemm_seconds"]) for runs in ((best, new), (best["onednn"], new["onednn"])))
    return {**ours, "onednn": onednn}


def compare(args, dtype):
    binary = args.binary or compile_binary(args, dtype)
    ours_command = [binary, "--bench", str(args.steps), "--threads", str(args.threads)]
    peer_command = [args.python, os.path.join(HERE, "peers", "hf_peft_cpu.py"), args.model, "--dtype", dtype,
                    "--batch", str(args.batch), "--seq-len", str(args.seq_len), "--threads", str(args.threads)]
    ours, peers, gemms = None, {}, None
    for _ in range(args.rounds):
        ours = better(ours, measure(ours_command, args.threads))
        if args.gemms: # the floor, in the same minutes
            floor = measure([args.gemms, dtype, str(args.batch * args.seq_len)], args.threads)
            gemms = faster(gemms, floor)
        for mode in args.modes:
            peers[mode] = better(peers.get(mode), measure([*peer_command, "--mode", mode], args.threads))
    fastest = max(peers.values(), key=lambda run: run["tokens_per_second"])
    share = {"gemms": gemms, "gemm_share": gemms["gemm_seconds"] / ours["step_seconds"],
             "onednn_gemm_share": gemms["onednn"]["gemm_seconds"] / ours["step_seconds"]} if gemms else {}
    return {"dtype": dtype, "ours": ours, "peers": peers, **share,
            "speed_ratio": ours["tokens_per_second"] / fastest["tokens_per_second"],
            "memory_ratio": ours["peak_rss_bytes"] / fastest["peak_rss_bytes"]}


def cpu_name():
    with open("/proc/cpuinfo") as file:
        lines = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in lines.items()}
    wanted = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")
    return fields.get("model name", platform.machine()), [flag for flag in wanted if flag in fields.get("flags", "").split()]


def version():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() or "unknown"


def row(name, dtype, run, ratio=""):
    return f"| {name} | {dtype} | {run['tokens_per_second']:.0f} | {run['peak_rss_bytes'] / 2**30:.2f} | {ratio} |"


def table(results):
    lines = ["| program | dtype | tokens/s | peak RSS, GiB | against HF's best |", "|---|---|---|---|---|"]
    for result in results:
        for mode, run in result["peers"].items():
            lines.append(row(f"HF + PEFT, {mode}", result["dtype"], run))
        ratio = f"{result['speed_ratio']:.2f}x speed, {result['memory_ratio']:.2f}x memory"
        if "gemm_share" in result:
            ratio += (f"; products at oneDNN's rate {100 * result['onednn_gemm_share']:.0f} % of our step, "
                      f"at ours {100 * result['gemm_share']:.0f} %")
        lines.append(row("**peft-mlir**", result["dtype"], result["ours"], ratio))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .gguf file or a Hugging Face folder")
    parser.add_argument("--python", required=True, metavar="FILE", help="a Python with torch, transformers, peft and gguf")
    parser.add_argument("--peftc", default=os.path.join(ROOT, "build", "bin", "peftc"))
    parser.add_argument("--binary", help="a compiled program to measure in place of compiling one")
    parser.add_argument("--gemms", metavar="FILE", help="benchmarks/step_gemms.cpp, compiled: SmolLM2's products alone")
    parser.add_argument("--dtypes", default="f32", type=lambda text: text.split(","))
    parser.add_argument("--modes", default="eager", type=lambda text: text.split(","))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq-len", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--work", default=os.path.join(ROOT, "out", "bench"), help="where compiled programs go")
    args = parser.parse_args()
    if args.binary and len(args.dtypes) != 1:
        parser.error("--binary was compiled for one dtype; name it with --dtypes")
    os.makedirs(args.work, exist_ok=True)
    try:
        results = [compare(args, dtype) for dtype in args.dtypes]
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"cpu_vs_hf.py: {error}")
    name, flags = cpu_name()
    now = datetime.datetime.now(datetime.timezone.utc)
    report = {"date": now.isoformat(timespec="seconds"), "version": version(), "cpu": name, "cpu_flags": flags,
              "onednn_max_cpu_isa": os.environ.get("ONEDNN_MAX_CPU_ISA"),
              "threads": args.threads, "batch": args.batch, "seq_len": args.seq_len, "model": os.path.basename(args.model),
              "rounds": args.rounds, "results": results}
    path = os.path.join(HERE, "results", f"cpu-{now:%Y%m%d-%H%M}.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    print(f"{name} ({', '.join(flags)}), {args.threads} threads, {report['model']}, {args.batch} x {args.seq_len} tokens; "
          f"{os.path.relpath(path, ROOT)}\n\n{table(results)}")


if __name__ == "__main__":
    main()
