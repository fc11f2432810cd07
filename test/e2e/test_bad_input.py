"""What can be wrong with what a user gives: one line with the cause, exit code 2, nothing half-written."""

import json
import os
import unittest

from support import config, documents, must, run, scratch, tool, weights, write_data, write_model, write_safetensors


class BadInput(unittest.TestCase):
    def refused(self, command, *parts, leaves=(), progress=0):
        """`parts` stand in the one line that the command says after lines of progress."""
        result = run(*command)
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(result.stderr.count("\n"), 1 + progress, result.stderr)
        self.assertNotIn("see current operation", result.stderr)
        for part in parts:
            self.assertIn(part, result.stderr.splitlines()[-1])
        for path in leaves:
            self.assertFalse(os.path.exists(path), f"{path} was left")


class Compiler(BadInput):
    def setUp(self):
        self.folder = scratch()
        self.shape = config(num_hidden_layers=1)
        self.tensors = weights(self.shape)
        self.out = os.path.join(self.folder, "step.cpp")

    def peftc(self, *options):
        return [tool("peftc"), os.path.join(self.folder, "model"), *options, "--dtype", "f32", "--emit=cpp", "-o", self.out]

    def model(self, shape=None, tensors=None):
        return write_model(os.path.join(self.folder, "model"), shape or self.shape, tensors or self.tensors)

    def header_bytes(self, path):
        with open(path, "rb") as file:
            return int.from_bytes(file.read(8), "little")

    def rejects(self, *parts, options=("--lora", "r=4")):
        self.refused(self.peftc(*options), *parts, leaves=[self.out])

    def recipe(self, **keys):
        path = os.path.join(self.folder, "adapter_config.json")
        with open(path, "w") as file:
            json.dump({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], **keys}, file)
        return [path]

    def test_good_input_is_taken(self):
        self.model()
        must(*self.peftc("--lora", "r=4"))
        self.assertTrue(os.path.exists(self.out))

    def test_no_such_model(self):
        self.rejects("model", "no such file")

    def test_truncated_weights(self):
        path = os.path.join(self.model(), "model.safetensors")
        os.truncate(path, os.path.getsize(path) - 100)
        self.rejects("model.safetensors", "of " + str(os.path.getsize(path) - 8 - self.header_bytes(path)), "truncated")

    def test_lying_header_length(self):
        path = os.path.join(self.model(), "model.safetensors")
        with open(path, "r+b") as file:
            file.write(b"\xff" * 7 + b"\x7f")
        self.rejects("model.safetensors", "header")

    def test_config_without_a_key(self):
        shape = dict(self.shape)
        del shape["hidden_size"]
        self.model(shape)
        self.rejects("config.json", "hidden_size")

    def test_config_is_no_json(self):
        with open(os.path.join(self.model(), "config.json"), "w") as file:
            file.write('{"model_type": "llama",')
        self.rejects("config.json")

    def test_unknown_architecture(self):
        self.model({**self.shape, "model_type": "lama"})
        self.rejects("config.json", "lama", "llama")

    def test_unknown_rope_type(self):
        self.model({**self.shape, "rope_scaling": {"rope_type": "spiral", "factor": 2.0}})
        self.rejects("spiral", "linear")

    def test_missing_tensor(self):
        del self.tensors["model.layers.0.mlp.up_proj.weight"]
        self.model()
        self.rejects("model.layers.0.mlp.up_proj.weight")

    def test_tensor_of_another_shape(self):
        _, (rows, columns), values = self.tensors["model.layers.0.mlp.up_proj.weight"]
        self.tensors["model.layers.0.mlp.up_proj.weight"] = ("F32", (columns, rows), values)
        self.model()
        self.rejects("model.layers.0.mlp.up_proj.weight", "48", "32")

    def test_recipe_key_that_does_not_exist(self):
        self.model()
        self.rejects("adapter_config.json", "lora_alhpa", "unknown key", "did you mean lora_alpha?", options=self.recipe(lora_alhpa=16))

    def test_method_that_is_not_there(self):
        self.model()
        self.rejects("adapter_config.json", "use_dora", options=self.recipe(use_dora=True))

    def test_target_that_matches_nothing(self):
        self.model()
        self.rejects("adapter_config.json", "q_porj", "q_proj", options=self.recipe(target_modules=["q_porj"]))

    def test_target_of_a_flag_that_matches_nothing(self):
        self.model()
        self.rejects("gate", "gate_proj", options=("--lora", "r=4,targets=gate_prj"))

    def test_unknown_word_of_a_flag(self):
        self.model()
        self.rejects("rnak", options=("--lora", "rnak=4"))

    def test_nothing_to_train(self):
        self.model()
        self.rejects("no recipe", "--lora", options=())


class Program(BadInput):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        shape = config(num_hidden_layers=1)
        model = write_model(os.path.join(cls.folder, "model"), shape, weights(shape))
        cls.program = os.path.join(cls.folder, "train")
        must(tool("peftc"), model, "--lora", "r=4", "--dtype", "f32", "--batch", "2", "--seq-len", "16", "--quiet", "-o",
             cls.program)

    def setUp(self):
        self.data = os.path.join(self.folder, "data.safetensors")
        self.out = os.path.join(self.folder, "out")

    def rejects(self, *parts, options=None, progress=0):
        options = options or ["--data", self.data]
        self.refused([self.program, *options, "--output_dir", self.out, "--max_steps", "1"], *parts, leaves=[self.out],
                     progress=progress)

    def test_no_data(self):
        self.rejects("--data", options=["--seed", "1"])

    def test_no_such_data(self):
        self.rejects("nowhere.safetensors", options=["--data", os.path.join(self.folder, "nowhere.safetensors")])

    def test_unknown_option(self):
        self.rejects("--learning_rte", "learning_rate", options=["--learning_rte", "1"])

    def test_value_out_of_range(self):
        write_data(self.data, documents())
        self.rejects("--learning_rate", options=["--data", self.data, "--learning_rate", "-1"])

    def test_token_out_of_range(self):
        write_data(self.data, documents() + [([3, 40, 4], [3, 40, 4])])
        self.rejects("data.safetensors", "40")

    def test_all_labels_ignored(self):
        write_data(self.data, [(ids, [-100] * len(ids)) for ids, _ in documents()])
        self.rejects("data.safetensors", "label")

    def test_empty_data(self):
        write_data(self.data, [])
        self.rejects("data.safetensors")

    def test_truncated_data(self):
        write_data(self.data, documents())
        os.truncate(self.data, os.path.getsize(self.data) // 2)
        self.rejects("data.safetensors")

    def test_offsets_beyond_the_tokens(self):
        write_safetensors(self.data, {"input_ids": ("I32", [3], [3, 4, 5]), "labels": ("I32", [3], [3, 4, 5]),
                                      "doc_offsets": ("I64", [2], [0, 1 << 60])})
        self.rejects("data.safetensors", "doc_offsets")

    def test_batches_of_another_shape(self):
        path = os.path.join(self.folder, "batches.safetensors")
        write_safetensors(path, {f"{name}.0": ("I32", [2, 8], [3] * 16) for name in ("input_ids", "labels", "attention_mask")})
        self.rejects("batches.safetensors", "[2, 8]", "[2, 16]", options=["--batches", path])

    def test_checkpoint_that_is_not_there(self):
        write_data(self.data, documents())
        self.rejects("checkpoint-9", options=["--data", self.data, "--resume_from_checkpoint",
                                              os.path.join(self.folder, "checkpoint-9")], progress=2)

    def test_model_that_moved(self):
        write_data(self.data, documents())
        self.rejects("elsewhere", options=["--data", self.data, "--model", os.path.join(self.folder, "elsewhere")])

    def test_model_of_another_shape(self):
        write_data(self.data, documents())
        shape = config(num_hidden_layers=1, intermediate_size=40)
        other = write_model(os.path.join(self.folder, "other"), shape, weights(shape))
        self.rejects("mlp", "48", "40", options=["--data", self.data, "--model", other])

    def test_adapter_of_another_rank(self):
        write_data(self.data, documents())
        path = os.path.join(self.folder, "adapter.safetensors")
        key = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
        write_safetensors(path, {key: ("F32", [2, 32], [0.0] * 64)})
        self.rejects("adapter.safetensors", options=["--data", self.data, "--init_adapter", path])


if __name__ == "__main__":
    unittest.main()
