#!/usr/bin/env python3
"""Do HF PEFT and a compiled program read each other's adapters and mean the same by them?

    hf_roundtrip.py --train out/train --model MODEL.gguf|FOLDER --adapter out/adapter --data eval.safetensors
                    [--prompts prompts.safetensors] [--documents 20]

Run it with a Python that has torch, transformers, peft, gguf and safetensors (PyPI):
    python3 -m venv hf && hf/bin/pip install torch transformers peft gguf safetensors
It is not part of the test suite, which needs none of these. The program has to be one of --dtype f32: HF computes in
float32 here, and bf16 is some 1e-3 off. Four checks:
    1. the base model: our loss is HF's
    2. our adapter, read by PeftModel.from_pretrained: our loss is HF's
    3. an adapter that HF PEFT saved, read by us: our loss is HF's (with a recipe for embed_tokens or lm_head, PEFT
       saves the base's table too)
    4. with --prompts: our greedy tokens are those that HF's logits choose, but for near ties
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

LOSS_TOLERANCE = 1e-3  # relative
TIE = 1e-2  # logits closer than this may be ordered either way


def documents(path, limit=None):
    """[(ids, labels or None)] of one of peft-data's files."""
    tensors = load_file(path)
    offsets = tensors["doc_offsets"].tolist()
    spans = list(zip(offsets[:-1], offsets[1:]))[:limit]
    labels = tensors.get("labels")
    return [(tensors["input_ids"][a:b].long(), None if labels is None else labels[a:b].long()) for a, b in spans]


def write_documents(path, found):
    lengths = torch.tensor([0] + [len(ids) for ids, _ in found])
    save_file({"input_ids": torch.cat([ids for ids, _ in found]).int(), "labels": torch.cat([l for _, l in found]).int(),
               "doc_offsets": lengths.cumsum(0).long()}, path, {"format": "peft-data", "format_version": "1"})


@torch.no_grad()
def hf_loss(model, found):
    """Summed cross-entropy of every labelled token over their number, each document alone."""
    total, count = 0.0, 0
    for ids, labels in found:
        logits = model(input_ids=ids[None]).logits[0, :-1].float()
        total += torch.nn.functional.cross_entropy(logits, labels[1:], ignore_index=-100, reduction="sum").item()
        count += int((labels[1:] != -100).sum())
    return total / count


def our_loss(args, data, adapter):
    command = [args.train, "evaluate", "--eval_data", data, "--adapter", adapter]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = re.search(r"'eval_loss': ([0-9.eE+-]+)", done.stdout)
    if done.returncode != 0 or not found:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return float(found.group(1))


def load(path):
    where = {"pretrained_model_name_or_path": path}
    if path.endswith(".gguf"):
        where = {"pretrained_model_name_or_path": os.path.dirname(path) or ".", "gguf_file": os.path.basename(path)}
    return AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32).eval()


@torch.no_grad()
def tokens_differ(args, model, adapter, folder):
    """How many of our greedy tokens are not (nearly) the likeliest for HF, and of how many."""
    output = os.path.join(folder, "generated.safetensors")
    subprocess.run([args.train, "generate", "--prompts", args.prompts, "--adapter", adapter, "--max_new_tokens", "16",
                    "--output", output], check=True, stdout=subprocess.DEVNULL)
    wrong = total = 0
    for (prompt, _), (new, _) in zip(documents(args.prompts), documents(output)):
        if len(new) >= len(prompt) and torch.equal(new[: len(prompt)], prompt):
            new = new[len(prompt):]
        logits = model(input_ids=torch.cat([prompt, new])[None]).logits[0].float()
        for i, token in enumerate(new.tolist()):
            row = logits[len(prompt) + i - 1]
            wrong += int(row.max() - row[token] > TIE)
            total += 1
    return wrong, total


class Report:
    failed = 0

    def loss(self, name, ours, theirs):
        difference = abs(ours - theirs) / abs(theirs)
        self.line(name, difference <= LOSS_TOLERANCE, f"ours {ours:.6f}, HF {theirs:.6f}, relative difference {difference:.1e}")

    def line(self, name, good, text):
        self.failed += not good
        print(f"{'ok' if good else 'FAILED'} {name}: {text}", flush=True)


def hf_adapter(args, found, folder, report):
    """An adapter with our recipe and random matrices, made and saved by HF PEFT alone."""
    config = LoraConfig.from_pretrained(args.adapter)
    config.inference_mode = False
    model = get_peft_model(load(args.model), config).eval()
    torch.manual_seed(7)
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "lora_embedding_A" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    saved = os.path.join(folder, "hf-adapter")
    model.save_pretrained(saved)
    report.loss("an adapter that HF PEFT saved", our_loss(args, args.subset, saved), hf_loss(model, found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", required=True, help="the compiled program")
    parser.add_argument("--model", required=True, help="the .gguf file or folder that it was compiled from")
    parser.add_argument("--adapter", required=True, help="what it trained")
    parser.add_argument("--data", required=True, help="documents with labels")
    parser.add_argument("--prompts", help="for greedy generation")
    parser.add_argument("--documents", type=int, default=20, help="how many of the documents to take")
    args = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        found = documents(args.data, args.documents)
        args.subset = os.path.join(folder, "subset.safetensors")
        write_documents(args.subset, found)
        base = load(args.model)
        report.loss("base model", our_loss(args, args.subset, "off"), hf_loss(base, found))
        ours = PeftModel.from_pretrained(base, args.adapter).eval()
        report.loss("our adapter in HF PEFT", our_loss(args, args.subset, args.adapter), hf_loss(ours, found))
        if args.prompts:
            wrong, total = tokens_differ(args, ours, args.adapter, folder)
            report.line("greedy tokens", wrong == 0 and total > 0, f"{wrong} of {total} are not the likeliest for HF")
        del base, ours
        hf_adapter(args, found, folder, report)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
