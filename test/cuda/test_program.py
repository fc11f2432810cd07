"""Programs on a GPU: the bits of a run, of a resumed one, and bf16 beside float32. scripts/gpu_suite.sh runs it."""

import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from support import config, documents, must, run, scratch, tool, weights, write_data, write_model

SHAPE = config(hidden_size=128, intermediate_size=256, num_attention_heads=2, num_key_value_heads=1)


class ProgramOnGpu(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        cls.model = write_model(os.path.join(cls.folder, "model"), SHAPE, weights(SHAPE))
        cls.data = write_data(os.path.join(cls.folder, "data.safetensors"), documents())
        cls.programs = {dtype: os.path.join(cls.folder, dtype) for dtype in ("f32", "bf16")}
        for dtype, program in cls.programs.items():
            must(tool("peftc"), cls.model, "--target", "cuda", "--dtype", dtype, "--lora", "r=4,targets=all-linear,dropout=0.1",
                 "--batch", "2", "--seq-len", "64", "--quiet", "-o", program)

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

    def test_a_budget_changes_no_bit(self):
        shape = {**SHAPE, "num_hidden_layers": 6, "max_position_embeddings": 1024}
        model = write_model(os.path.join(self.folder, "deep"), shape, weights(shape))
        command = [tool("peftc"), model, "--target", "cuda", "--lora", "r=4,targets=all-linear,dropout=0.1", "--batch", "8", "--seq-len", "1024"]
        least = re.search(r"the least possible is .* \((\d+) bytes", run(*command, "--emit=memory", "--memory", "1").stderr).group(1)
        self.assertIn("offloaded: ", must(*command, "--emit=memory", "--memory", least))
        adapters = {}
        for name, options in (("whole", []), ("offloaded", ["--memory", least]), ("recomputed", ["--memory", "120MiB", "--offload=off"])):
            self.programs[name] = os.path.join(self.folder, name)
            must(*command, *options, "--quiet", "-o", self.programs[name])
            out = self.train(name, "budget")
            adapters[name] = self.read(out), self.losses(out)
        self.assertEqual(adapters["whole"], adapters["offloaded"])
        self.assertEqual(adapters["whole"], adapters["recomputed"])

    def test_bf16_follows_float32(self):
        exact, rounded = (self.losses(self.train(dtype, "curve")) for dtype in ("f32", "bf16"))
        self.assertLess(exact[-1], exact[0])
        for a, b in zip(exact, rounded):
            self.assertLess(abs(a - b), 0.02 * a)


if __name__ == "__main__":
    unittest.main()
