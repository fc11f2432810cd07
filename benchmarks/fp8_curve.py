#!/usr/bin/env python3
"""The loss of a LoRA run on a base in FP8 beside that on the same base dense, step by step on the same batches.

    fp8_curve.py --model MODEL --data TRAIN.safetensors --eval_data EVAL.safetensors --target cuda [--output FILE.json]

compiles MODEL with LoRA r=16 on every linear once for each of --bases, trains both with one seed, so that step i of either
sees the same documents, and evaluates what came out. Prints a Markdown table of the losses and of their differences, and the
cosine between the two gradients of the first four batches; FILE keeps every step. With ./quickstart's files these are SmolLM2 and its WordNet definitions:

    --model models/SmolLM2-135M-Instruct.Q4_1.gguf --data out/data/train.safetensors --eval_data out/data/eval.safetensors

Where there is no compiler, --program BASE=PATH names a program that was compiled elsewhere.
"""

import argparse
import datetime
import json
import math
import operator
import os
import struct
import subprocess
import sys
import tempfile
from array import array

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WINDOW = 20  # steps that a row of the table takes the mean of


def checked(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        tail = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {tail}")
    return done.stdout


def compile_program(args, base, work):
    program = os.path.join(work, f"train-{base.replace(',', '-')}")
    checked([os.path.join(args.build, "bin", "peftc"), args.model, "--target", args.target, "--dtype", args.dtype, "--quiet",
             "--quantize", base, "--batch", str(args.batch), "--seq-len", str(args.seq_len), "--lora",
             "r=16,alpha=32,targets=all-linear", "-o", program])
    return program


def training(args, program, output, steps, *options):
    checked([program, "--model", args.model, "--data", args.data, "--output_dir", output, "--max_steps", str(steps),
             "--learning_rate", str(args.learning_rate), "--warmup_steps", "5", "--logging_steps", "1", "--save_strategy", "no",
             "--disable_tqdm", "on", "--seed", str(args.seed), *options])


def first_gradient(args, program):
    """All of it as one vector, in the order of the keys: of B alone, as A's is zero while B is."""
    path = program + "-gradients.safetensors"
    training(args, program, program + "-first", 1, "--gradient_accumulation_steps", "4", "--dump_gradients", path)
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        values = array("f")
        start = file.tell()
        for key in sorted(key for key in header if key.endswith("lora_B.weight")):
            begin, end = header[key]["data_offsets"]
            file.seek(start + begin)
            values.frombytes(file.read(end - begin))
    return values


def cosine(a, b):
    dot = lambda x, y: math.fsum(map(operator.mul, x, y))
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def train(args, program):
    """The losses of all steps, and the evaluation's before and after."""
    output = program + "-run"
    training(args, program, output, args.steps)
    with open(os.path.join(output, "metrics.jsonl")) as file:
        losses = [round(line["loss"], 5) for line in map(json.loads, file) if "loss" in line]
    if len(losses) != args.steps:
        raise RuntimeError(f"{output}/metrics.jsonl: expected {args.steps} losses, got {len(losses)}")

    def evaluation(adapter):
        said = checked([program, "evaluate", "--model", args.model, "--eval_data", args.eval_data, "--adapter", adapter])
        return float(said.split("'eval_loss': ")[1].split(",")[0])

    return {"losses": losses, "eval_before": evaluation("off"), "eval_after": evaluation(output)}


def differences(dense, other):
    """Of two curves, `other` - `dense`, relative to `dense`."""
    parts = [(b - a) / a for a, b in zip(dense["losses"], other["losses"])]
    return {"mean": sum(parts) / len(parts), "rms": math.sqrt(sum(d * d for d in parts) / len(parts)),
            "largest": max(parts, key=abs), "at_step": 1 + max(range(len(parts)), key=lambda i: abs(parts[i])),
            "last_window": sum(parts[-WINDOW:]) / len(parts[-WINDOW:]),
            "eval_before": other["eval_before"] / dense["eval_before"] - 1, "eval_after": other["eval_after"] / dense["eval_after"] - 1}


def table(bases, runs, report):
    names = ["dense" if base == "none" else base for base in bases]
    lines = ["| steps | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    steps = len(runs[bases[0]]["losses"])
    for begin in range(0, steps, WINDOW):
        means = [sum(part) / len(part) for part in (runs[base]["losses"][begin:begin + WINDOW] for base in bases)]
        lines.append(f"| {begin + 1} to {min(begin + WINDOW, steps)} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")
    for when in ("before", "after"):
        lines.append(f"| evaluation {when} | " + " | ".join(f"{runs[base]['eval_' + when]:.4f}" for base in bases) + " |")
    for base, d in report.items():
        lines.append(f"\n{base} against dense, of a step's loss: mean {100 * d['mean']:+.3f} %, rms {100 * d['rms']:.3f} %, "
                     f"largest {100 * d['largest']:+.3f} % (step {d['at_step']}), last {WINDOW} steps {100 * d['last_window']:+.3f} %; "
                     f"evaluation before {100 * d['eval_before']:+.3f} %, after {100 * d['eval_after']:+.3f} %; "
                     f"cosine of the first gradients {runs[base]['gradient_cosine']:.4f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--eval_data", required=True)
    parser.add_argument("--target", default="cuda", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="bf16", choices=["bf16", "f32"])
    parser.add_argument("--bases", default="none fp8", help="of peftc's --quantize, the dense one first")
    parser.add_argument("--program", action="append", default=[], metavar="BASE=PATH", help="compiled already")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq-len", type=int, default=128)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--output", metavar="FILE")
    args = parser.parse_args()
    bases, given = args.bases.split(), dict(text.split("=", 1) for text in args.program)
    runs = {}
    try:
        with tempfile.TemporaryDirectory() as work:
            for base in bases:
                program = os.path.join(work, f"given-{base}")
                if base in given:
                    os.symlink(os.path.abspath(given[base]), program)
                else:
                    program = compile_program(args, base, work)
                runs[base] = train(args, program)
                gradient = first_gradient(args, program)
                dense = gradient if base == bases[0] else dense
                runs[base]["gradient_cosine"] = cosine(dense, gradient)
    except (RuntimeError, OSError) as error:
        sys.exit(f"fp8_curve.py: {error}")
    report = {base: differences(runs[bases[0]], runs[base]) for base in bases[1:]}
    if args.output:
        settings = {key: getattr(args, key) for key in ("target", "dtype", "batch", "seq_len", "steps", "learning_rate", "seed")}
        with open(args.output, "w") as file:
            json.dump({"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                       "model": os.path.basename(args.model.rstrip("/")), **settings, "runs": runs, "differences": report}, file)
            file.write("\n")
    print(table(bases, runs, report))


if __name__ == "__main__":
    main()
