"""The runner's own rules: what it takes for the same tensor, and that it sees an error just beyond each tolerance."""

import json
import os
import struct
import tempfile
import unittest

import numpy as np

import compare
import safetensors_io
from cases import Case


def complaints(result):
    return result[1]


class NamesTest(unittest.TestCase):
    def test_pytorch_names_are_those_of_adapter_files(self):
        for pytorch, file in (
                ("base_model.model.l.0.q_proj.lora_A.default.weight", "base_model.model.l.0.q_proj.lora_A.weight"),
                ("base_model.model.embed_tokens.lora_embedding_B.default", "base_model.model.embed_tokens.lora_embedding_B"),
                ("base_model.model.lm_head.modules_to_save.default.weight", "base_model.model.lm_head.weight"),
                ("embed_tokens.token_adapter.trainable_tokens_delta.default", "embed_tokens.token_adapter.trainable_tokens_delta"),
                ("q_proj.lora_magnitude_vector.default.weight", "q_proj.lora_magnitude_vector"),
                ("q_proj.base_layer.bias", "q_proj.bias"),
                ("prompt_encoder.default.embedding.weight", "prompt_embeddings"),
                ("model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight")):
            self.assertEqual(compare.file_key(pytorch), compare.file_key(file))

    def test_other_tensors_stay_apart(self):
        self.assertNotEqual(compare.file_key("q_proj.lora_A.default.weight"), compare.file_key("q_proj.lora_B.default.weight"))


class ToleranceTest(unittest.TestCase):
    def setUp(self):
        self.ref = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)

    def off_by(self, relative, of=None):
        """self.ref with an error of that share of ‖of‖."""
        of = self.ref if of is None else of
        step = np.ones_like(self.ref) / np.sqrt(self.ref.size) * np.linalg.norm(of) * relative
        return {"w": (self.ref.astype(np.float64) + step)}

    def test_scalars(self):
        self.assertEqual(complaints(compare.numbers("loss", [2.0, 0.0], [2.00009, 0.0], 5e-5)), [])
        self.assertTrue(complaints(compare.numbers("loss", [2.0], [2.00011], 5e-5)))
        self.assertTrue(complaints(compare.numbers("loss", [2.0, 2.0], [2.0], 5e-5)))
        self.assertTrue(complaints(compare.numbers("loss", [2.0], [float("nan")], 5e-5)))

    def test_gradients(self):
        self.assertFalse(complaints(compare.gradients({"w": self.ref}, self.off_by(0.9e-4), {})))
        self.assertTrue(complaints(compare.gradients({"w": self.ref}, self.off_by(1.1e-4), {})))
        tiny = np.full((4,), 1e-9, np.float32)
        self.assertFalse(complaints(compare.gradients({"w": tiny}, {"w": tiny + 4e-7}, {})))
        self.assertTrue(complaints(compare.gradients({"w": tiny}, {"w": tiny + 1e-6}, {})))
        self.assertTrue(complaints(compare.gradients({"w": self.ref}, {"w": self.ref * np.nan}, {})))

    def test_finals_are_measured_by_the_way_gone(self):
        start = self.ref + 0.1
        way, zero = self.ref - start, {"w": np.zeros_like(self.ref)}
        real = {"w": np.ones_like(self.ref)}
        self.assertFalse(complaints(compare.finals({"w": self.ref}, self.off_by(1.9e-3, way), {"w": start}, real)))
        self.assertTrue(complaints(compare.finals({"w": self.ref}, self.off_by(2.1e-3, way), {"w": start}, real)))
        # Where there was no gradient but rounding, 1e-5 absolute will do, and only there.
        near, start = {"w": self.ref.astype(np.float64) + 0.9e-5}, {"w": self.ref + 1e-6}
        self.assertFalse(complaints(compare.finals({"w": self.ref}, near, start, zero)))
        self.assertTrue(complaints(compare.finals({"w": self.ref}, near, start, real)))

    def test_merged(self):
        self.assertFalse(complaints(compare.merged({"w": self.ref}, {**self.off_by(0.9e-5), "other": self.ref})))
        self.assertTrue(complaints(compare.merged({"w": self.ref}, self.off_by(1.1e-5))))
        self.assertTrue(complaints(compare.merged({"w": self.ref}, {"other": self.ref})))

    def test_keys_and_shapes(self):
        self.assertTrue(complaints(compare.gradients({"w": self.ref}, {}, {})))
        self.assertTrue(complaints(compare.gradients({"w": self.ref}, {"w": self.ref, "v": self.ref}, {})))
        self.assertFalse(complaints(compare.gradients({"w": self.ref}, {"w": self.ref, "v": self.ref}, {"v": self.ref})))
        self.assertTrue(complaints(compare.gradients({"w": self.ref}, {"w": self.ref.T}, {})))


class CaseTest(unittest.TestCase):
    def case(self, method, **optimizer):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        with open(os.path.join(folder.name, "case.json"), "w") as file:
            json.dump({"model": "tiny", "method": method, "steps": 3, "optimizer": {"name": "adamw", **optimizer}}, file)
        header = json.dumps({"input_ids.0": {"dtype": "I64", "shape": [2, 5], "data_offsets": [0, 80]}}).encode()
        with open(os.path.join(folder.name, "batches.safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header + np.arange(10, dtype="<i8").tobytes())
        return Case(folder.name)

    def test_methods(self):
        self.assertEqual(self.case("full").recipe(), ["--full"])
        self.assertEqual(self.case("bias").recipe(), ["--bitfit"])
        self.assertEqual(self.case(r"regex:norm\.weight$").recipe(), [r"--train=norm\.weight$"])
        self.assertEqual(os.path.basename(self.case("peft").recipe()[0]), "adapter_config.json")
        self.assertRaises(ValueError, self.case("dance").recipe)

    def test_options(self):
        case = self.case("full", lr=0.1, max_grad_norm=None, loraplus_lr_ratio=4, galore={"rank": 2, "names": ["a"]})
        options = case.train_arguments()
        self.assertIn("--learning_rate=0.1", options)
        self.assertIn("--max_grad_norm=0", options)
        self.assertIn("--loraplus_lr_ratio=4", options)  # the program's to refuse
        self.assertIn("--galore_rank=2", options)
        self.assertIn("--batch=2", case.compile_arguments("cpu"))
        self.assertIn("--seq-len=5", case.compile_arguments("cpu"))

    def test_reader(self):
        values = safetensors_io.load(self.case("full").path("batches.safetensors"))["input_ids.0"]
        self.assertEqual(values.tolist(), [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])


if __name__ == "__main__":
    unittest.main()
