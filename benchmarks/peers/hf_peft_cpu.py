#!/usr/bin/env python3
"""The peer on the CPU: a LoRA step of HF transformers + PEFT in the shape of the binary's --bench.

    hf_peft_cpu.py MODEL.gguf|FOLDER [--dtype f32|bf16] [--batch 4] [--seq-len 256] [--threads 2] [--mode eager|compile]

needs PyPI's torch, transformers, peft and gguf. LoRA r=16 on every linear, every
row labelled, random tokens. Prints one line of JSON; the first steps are warm-up.
"""

import argparse
import json
import os
import statistics
import time

import peft
import torch
import transformers

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def peak_rss():
    """VmHWM in bytes: what the kernel counted for the binary too."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def load(path, dtype):
    where = {"pretrained_model_name_or_path": path}
    if path.endswith(".gguf"):
        where = {"pretrained_model_name_or_path": os.path.dirname(path) or ".", "gguf_file": os.path.basename(path)}
    model = transformers.AutoModelForCausalLM.from_pretrained(**where, dtype=dtype, attn_implementation="sdpa")
    model.config.use_cache = False
    config = peft.LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=TARGETS, task_type="CAUSAL_LM")
    return peft.get_peft_model(model, config).train()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq-len", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mode", choices=["eager", "compile"], default="eager")
    parser.add_argument("--steps", type=int, default=6, help="timed ones")
    parser.add_argument("--warmup", type=int, default=3)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.dtype]
    model = load(args.model, dtype)
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=2e-4)
    forward = torch.compile(model) if args.mode == "compile" else model
    ids = torch.randint(10, 40000, (args.batch, args.seq_len), generator=torch.Generator().manual_seed(0))
    seconds = []
    for _ in range(args.warmup + args.steps):
        begin = time.perf_counter()
        # The adapter's float32 matrices meet bf16 activations: autocast, as Trainer does it.
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.dtype == "bf16"):
            loss = forward(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - begin)
    median = statistics.median(seconds[args.warmup:])
    print(json.dumps({
        "tokens_per_second": args.batch * args.seq_len / median, "step_seconds": median, "peak_rss_bytes": peak_rss(),
        "loss": loss.item(), "trainable": sum(p.numel() for p in trainable), "dtype": args.dtype, "mode": args.mode,
        "batch": args.batch, "seq_len": args.seq_len, "threads": args.threads, "first_step_seconds": seconds[0],
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}}))


if __name__ == "__main__":
    main()
