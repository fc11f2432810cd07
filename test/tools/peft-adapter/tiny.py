"""Tiny checkpoints and adapters for the tests, and the tool to be tested."""

import json
import os
import struct
import subprocess
import tempfile
import unittest

import numpy as np
from safetensors.numpy import load_file, save_file

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
TOOL = os.path.join(os.environ.get("PEFT_BUILD") or os.path.join(ROOT, "build"), "bin", "peft-adapter")

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12,
         "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-5, "hidden_act": "silu",
         "max_position_embeddings": 64, "tie_word_embeddings": False, "dtype": "float32",
         "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}
Q, V = "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj"
EMBED, HEAD = "model.embed_tokens", "lm_head"
SHAPES = {EMBED + ".weight": (16, 8), Q + ".weight": (8, 8), Q + ".bias": (8,), V + ".weight": (4, 8), "model.norm.weight": (8,),
          HEAD + ".weight": (16, 8), "model.layers.0.self_attn.k_proj.weight": (4, 8), "model.layers.0.self_attn.o_proj.weight": (8, 8),
          "model.layers.0.input_layernorm.weight": (8,), "model.layers.0.post_attention_layernorm.weight": (8,),
          "model.layers.0.mlp.gate_proj.weight": (12, 8), "model.layers.0.mlp.up_proj.weight": (12, 8),
          "model.layers.0.mlp.down_proj.weight": (8, 12)}
LORA = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 6, "target_modules": ["q_proj"]}


def random(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def update(a, b, scale):
    return scale * (b.astype(np.float64) @ a.astype(np.float64))


class AdapterTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, tensors, file, config, config_name):
        os.makedirs(self.path(name), exist_ok=True)
        save_file(tensors, self.path(name, file), metadata={"format": "pt"})
        if config is not None:
            with open(self.path(name, config_name), "w") as out:
                json.dump(config, out)
        return self.path(name)

    def base(self, tied=False, name="base", **config):
        """The base's tensors; its folder is `name`."""
        tensors = {key: random(shape, i) for i, (key, shape) in enumerate(SHAPES.items())}
        if tied:
            del tensors[HEAD + ".weight"]
        self.write(name, tensors, "model.safetensors", {**LLAMA, "tie_word_embeddings": tied, **config}, "config.json")
        return tensors

    def adapter(self, tensors, config=LORA, name="adapter", file="adapter_model.safetensors"):
        """Keys are module names of the model: PEFT's prefix is added."""
        if config is not None and "peft_type" in config:
            tensors = {"base_model.model." + key: value for key, value in tensors.items()}
        return self.write(name, tensors, file, config, "adapter_config.json")

    def run_tool(self, *arguments, code=0):
        done = subprocess.run([TOOL, *arguments], capture_output=True, text=True, env={**os.environ, "PEFT_DATA": "/bin/false"})
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def merge(self, *arguments, base="base", output="out"):
        """(tensors, config) of the folder that was made."""
        self.run_tool("merge", self.path(base), *arguments, "-o", self.path(output))
        with open(self.path(output, "config.json")) as file:
            return load_file(self.path(output, "model.safetensors")), json.load(file)

    def refuses(self, text, *arguments, output="out"):
        """One line that holds `text`, exit code 2, and nothing left behind."""
        before = sorted(os.listdir(self.folder))
        done = self.run_tool("merge", *arguments, "-o", self.path(output), code=2)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(text, done.stderr)
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def close(self, got, want, tolerance=1e-6):
        self.assertEqual(got.shape, want.shape)
        self.assertLessEqual(np.linalg.norm(got.astype(np.float64) - want), tolerance * np.linalg.norm(want))


def gguf(keys, tensors):
    """A GGUF file of float32 tensors; keys hold texts, integers and floats."""
    def text(value):
        raw = value.encode()
        return struct.pack("<Q", len(raw)) + raw

    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for name, value in keys.items():
        kind, body = (8, text(value)) if isinstance(value, str) else (4, struct.pack("<I", value)) if isinstance(value, int) \
            else (6, struct.pack("<f", value))
        head += text(name) + struct.pack("<I", kind) + body
    data = b""
    for name, value in tensors.items():
        head += text(name) + struct.pack("<I", value.ndim) + struct.pack(f"<{value.ndim}Q", *value.shape[::-1]) + struct.pack("<IQ", 0, len(data))
        data += value.astype("<f4").tobytes()
        data += bytes(-len(data) % 32)
    return head + bytes(-len(head) % 32) + data
