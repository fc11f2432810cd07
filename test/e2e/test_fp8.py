"""Training on a base in FP8: close to float32's, the same bits each time, and an adapter like any other."""

import json
import os
import unittest

from support import config, documents, must, run, scratch, tool, weights, write_data, write_model

STEPS = 20


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


class FP8(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        # A bias of the projections, as Qwen2 has it, beside those without.
        cls.shape = config(attention_bias=True)
        tensors = weights(cls.shape)
        for i in range(cls.shape["num_hidden_layers"]):
            for name, rows in {"q": 32, "k": 16, "v": 16, "o": 32}.items():
                tensors[f"model.layers.{i}.self_attn.{name}_proj.bias"] = ("F32", (rows,), [0.1 * (-1) ** j for j in range(rows)])
        cls.model = write_model(os.path.join(cls.folder, "model"), cls.shape, tensors)
        cls.data = write_data(os.path.join(cls.folder, "data.safetensors"), documents())
        cls.dense, cls.fp8 = cls.compile("dense"), cls.compile("fp8", "--quantize", "fp8")

    @classmethod
    def compile(cls, name, *options):
        path = os.path.join(cls.folder, name)
        must(tool("peftc"), cls.model, "--lora", "r=4,alpha=8,targets=all-linear", "--dtype", "f32", "--batch", "2", "--seq-len", "32",
             "--quiet", *options, "-o", path)
        return path

    def train(self, program, output):
        folder = os.path.join(self.folder, output)
        must(program, "--data", self.data, "--output_dir", folder, "--max_steps", STEPS, "--learning_rate", "0.01", "--logging_steps", "1")
        lines = [json.loads(line) for line in read(folder, "metrics.jsonl").splitlines()]
        return folder, [line["loss"] for line in lines if "loss" in line]

    def evaluate(self, program, *options):
        out = must(program, "evaluate", "--eval_data", self.data, *options)
        return float(out.split("'eval_loss': ")[1].split(",")[0])

    def test_the_losses_are_close_to_those_of_the_dense_base(self):
        _, dense = self.train(self.dense, "dense-run")
        folder, fp8 = self.train(self.fp8, "fp8-run")
        self.assertLess(sum(fp8[-5:]) / 5, 0.85 * fp8[0])
        self.assertNotEqual(dense[0], fp8[0])
        for step, (a, b) in enumerate(zip(dense, fp8)):
            self.assertLess(abs(a - b) / a, 0.02, f"step {step + 1}: {a} and {b}")
        again, _ = self.train(self.fp8, "fp8-again")
        self.assertEqual(read(folder, "adapter_model.safetensors"), read(again, "adapter_model.safetensors"))

    def test_the_adapter_is_one_like_any_other(self):
        folder, _ = self.train(self.fp8, "fp8-adapter")
        self.assertNotIn(b"fp8", read(folder, "adapter_config.json"))
        merged = os.path.join(self.folder, "merged")
        must(tool("peft-adapter"), "merge", self.model, folder, "-o", merged)
        # The dense program reads it, and what is merged is what was trained, but for the base's rounding.
        trained = self.evaluate(self.fp8, "--adapter", folder)
        self.assertLess(abs(self.evaluate(self.dense, "--adapter", folder) - trained) / trained, 0.02)
        self.assertLess(abs(self.evaluate(self.dense, "--model", merged, "--adapter", "off") - trained) / trained, 0.02)

    def test_the_table_counts_its_bytes(self):
        matrices = [shape for key, (_, shape, _) in weights(self.shape).items() if "_proj.weight" in key]
        align = lambda n: (n + 63) // 64 * 64
        want = sum(align(2 * rows * columns + 4 * (rows + columns)) for rows, columns in matrices)
        table = must(tool("peftc"), self.model, "--lora", "r=4", "--quantize", "fp8", "--emit=memory")
        row = next(line for line in table.splitlines() if line.startswith("quantized weights"))
        self.assertEqual(int(row.split()[2]), want)

    def test_a_matrix_of_another_size_is_named(self):
        odd = write_model(os.path.join(self.folder, "odd"), config(intermediate_size=40))
        result = run(tool("peftc"), odd, "--lora", "r=4", "--quantize", "fp8", "--emit=memory")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"model\.layers\.0\.mlp\.gate_proj\.weight: --quantize: expected #peft\.fp8 to encode a matrix of "
                                        r"multiples of 16, got 40x32; #peft\.nf4 takes any\n")


if __name__ == "__main__":
    unittest.main()
