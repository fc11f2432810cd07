"""Programs on a GPU: the bits of a run, of a resumed one, bf16 beside float32, and FP8 beside both and the CPU's.
scripts/gpu_suite.sh runs it."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from support import config, documents, must, scratch, tool, weights, write_data, write_model

SHAPE = config(hidden_size=128, intermediate_size=256, num_attention_heads=2, num_key_value_heads=1)
OPTIONS = {"f32": ["--dtype", "f32"], "bf16": ["--dtype", "bf16"]}
FP8 = {"fp8": ["--dtype", "bf16", "--quantize", "fp8"], "fp8-f32": ["--dtype", "f32", "--quantize", "fp8"]}
CAPABILITY = subprocess.run(["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"], stdout=subprocess.PIPE, text=True).stdout
HAS_FP8 = CAPABILITY.startswith("9.0")


class ProgramOnGpu(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        cls.model = write_model(os.path.join(cls.folder, "model"), SHAPE, weights(SHAPE))
        cls.data = write_data(os.path.join(cls.folder, "data.safetensors"), documents())
        kinds = {**OPTIONS, **(FP8 if HAS_FP8 else {})}
        cls.programs = {name: cls.compile(name, "cuda", options) for name, options in kinds.items()}

    @classmethod
    def compile(cls, name, target, options):
        program = os.path.join(cls.folder, name)
        must(tool("peftc"), cls.model, "--target", target, *options, "--lora", "r=4,targets=all-linear,dropout=0.1", "--batch", "2",
             "--seq-len", "64", "--quiet", "-o", program)
        return program

    def train(self, dtype, name, *options):
        out = os.path.join(self.folder, f"{dtype}-{name}")
        must(self.programs[dtype], "--data", self.data, "--output_dir", out, "--learning_rate", "1e-3", "--logging_steps", "1",
             "--max_steps", "12", *options)
        return out

    def read(self, folder, name="adapter_model.safetensors"):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    def losses(self, folder):
        rows = [json.loads(line) for line in self.read(folder, "metrics.jsonl").decode().splitlines()]
        return [row["loss"] for row in rows if "loss" in row]

    def test_the_same_seed_gives_the_same_bits(self):
        for dtype in self.programs:
            first, second = self.train(dtype, "first"), self.train(dtype, "second")
            self.assertEqual(self.read(first), self.read(second), dtype)
            self.assertEqual(self.losses(first), self.losses(second), dtype)

    def test_a_resumed_run_has_the_bits_of_an_unbroken_one(self):
        for dtype in self.programs:
            whole = self.train(dtype, "whole", "--save_steps", "5")
            resumed = self.train(dtype, "resumed", "--resume_from_checkpoint", os.path.join(whole, "checkpoint-5"))
            self.assertEqual(self.read(whole), self.read(resumed), dtype)

    def test_bf16_follows_float32(self):
        exact, rounded = (self.losses(self.train(dtype, "curve")) for dtype in ("f32", "bf16"))
        self.assertLess(exact[-1], exact[0])
        for a, b in zip(exact, rounded):
            self.assertLess(abs(a - b), 0.02 * a)

    @unittest.skipUnless(HAS_FP8, "this GPU is not of compute capability 9.0")
    def test_fp8_follows_the_dense_base(self):
        exact = self.losses(self.train("f32", "dense"))
        for name in FP8:
            losses = self.losses(self.train(name, "beside"))
            self.assertNotEqual(exact[0], losses[0])
            for a, b in zip(exact, losses):
                self.assertLess(abs(a - b), 0.03 * a, name)

    @unittest.skipUnless(HAS_FP8, "this GPU is not of compute capability 9.0")
    def test_fp8_follows_the_cpu(self):
        gpu = self.losses(self.train("fp8-f32", "gpu"))
        self.programs["cpu"] = self.compile("cpu", "cpu", FP8["fp8-f32"])
        self.addCleanup(self.programs.pop, "cpu")
        cpu = self.losses(self.train("cpu", "cpu"))
        # The sums of tensor cores are shorter, and a code that turns over for it is off by a sixteenth.
        self.assertLess(abs(gpu[0] - cpu[0]), 0.005 * cpu[0])
        for a, b in zip(cpu, gpu):
            self.assertLess(abs(a - b), 0.02 * a)


if __name__ == "__main__":
    unittest.main()
