"""peft-adapter merge without an adapter: types, shards, and a GGUF's config."""

import json
import math
import os

import numpy as np
from safetensors.numpy import load_file, save_file

from tiny import EMBED, HEAD, LLAMA, Q, AdapterTest, gguf, random


class TypeTest(AdapterTest):
    def test_each_type_is_rounded_once(self):
        base = self.base()
        got, config = self.merge("--dtype=f16")
        self.assertEqual(config["dtype"], "float16")
        for name, value in base.items():
            np.testing.assert_array_equal(got[name], value.astype(np.float16))
        self.run_tool("merge", self.path("base"), "-o", self.path("bf16"), "--dtype=bf16")
        got, config = self.merge("--dtype=f32", base="bf16", output="back")
        self.assertEqual(config["dtype"], "float32")
        for name, value in base.items():
            bits = value.view(np.uint32).astype(np.uint64)
            rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
            np.testing.assert_array_equal(got[name], rounded)

    def test_keep_keeps_each_tensors_own(self):
        base = self.base(dtype="bfloat16")
        base[Q + ".weight"] = base[Q + ".weight"].astype(np.float16)
        save_file(base, self.path("base", "model.safetensors"))
        got, config = self.merge()
        self.assertEqual({name: value.dtype for name, value in got.items()}, {name: value.dtype for name, value in base.items()})
        self.assertEqual(config["dtype"], "bfloat16")

    def test_a_value_beyond_f16(self):
        base = self.base()
        base[Q + ".weight"][3, 3] = 70000
        save_file(base, self.path("base", "model.safetensors"))
        self.refuses("too large for f16", self.path("base"), "--dtype=f16")

    def test_transformers_4_key(self):
        self.base(torch_dtype="float32")
        _, config = self.merge("--dtype=f16")
        self.assertEqual(config["torch_dtype"], "float16")


class FolderTest(AdapterTest):
    def test_shards(self):
        base = self.base()
        self.run_tool("merge", self.path("base"), "-o", self.path("out"), "--max-shard-size=600")
        with open(self.path("out", "model.safetensors.index.json")) as file:
            index = json.load(file)
        files = sorted(set(index["weight_map"].values()))
        self.assertGreater(len(files), 1)
        self.assertEqual(files, [f"model-{i + 1:05}-of-{len(files):05}.safetensors" for i in range(len(files))])
        self.assertEqual(index["metadata"]["total_size"], sum(value.nbytes for value in base.values()))
        found = {}
        for name in files:
            shard = load_file(self.path("out", name))
            self.assertTrue(all(index["weight_map"][key] == name for key in shard))
            self.assertTrue(len(shard) == 1 or sum(value.nbytes for value in shard.values()) <= 600)
            found.update(shard)
        self.assertEqual(found.keys(), base.keys())
        for name, value in base.items():
            np.testing.assert_array_equal(found[name], value)
        again, _ = self.merge(base="out", output="whole")  # and they are read back
        np.testing.assert_array_equal(again[HEAD + ".weight"], base[HEAD + ".weight"])

    def test_tokenizer_of_the_adapter_goes_before_the_bases(self):
        self.base()
        for folder, text in (("base", "old"), ("adapter", "new")):
            os.makedirs(self.path(folder), exist_ok=True)
            with open(self.path(folder, "tokenizer.json"), "w") as file:
                file.write(text)
        with open(self.path("base", "generation_config.json"), "w") as file:
            file.write("{}")
        self.adapter({EMBED + ".weight": random((16, 8), 1)}, None, file="trained_parameters.safetensors")
        for arguments, text in (((), "old"), ((self.path("adapter"),), "new")):
            self.merge(*arguments, output=text)
            with open(self.path(text, "tokenizer.json")) as file:
                self.assertEqual(file.read(), text)
            self.assertTrue(os.path.exists(self.path(text, "generation_config.json")))


def llama3_factors(pairs, theta, factor, low, high, original):
    """transformers' modeling_rope_utils, as what inv_freq is divided by."""
    factors = []
    for i in range(pairs):
        wavelength = 2 * math.pi * theta ** (i / pairs)
        smooth = min(max((original / wavelength - low) / (high - low), 0), 1)
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, np.float32)


class GgufTest(AdapterTest):
    def gguf(self, factors=None, theta=500000.0, head=64):
        keys = {"general.architecture": "llama", "llama.context_length": 64, "llama.embedding_length": 2 * head,
                "llama.block_count": 1, "llama.feed_forward_length": 12, "llama.attention.head_count": 2,
                "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.freq_base": theta,
                "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2}
        width = 2 * head
        tensors = {"token_embd.weight": random((16, width), 1), "output_norm.weight": random((width,), 2)}
        for i, (name, shape) in enumerate({"attn_norm": (width,), "ffn_norm": (width,), "attn_q": (width, width), "attn_k": (width, width),
                                           "attn_v": (width, width), "attn_output": (width, width), "ffn_gate": (12, width),
                                           "ffn_up": (12, width), "ffn_down": (width, 12)}.items()):
            tensors[f"blk.0.{name}.weight"] = random(shape, 3 + i)
        if factors is not None:
            tensors["rope_freqs.weight"] = factors
        with open(self.path("model.gguf"), "wb") as file:
            file.write(gguf(keys, tensors))
        return tensors

    def test_names_config_and_a_note_where_no_tokenizer_can_be_made(self):
        stored = self.gguf()
        got, config = self.merge(base="model.gguf")
        np.testing.assert_array_equal(got[EMBED + ".weight"], stored["token_embd.weight"])
        np.testing.assert_array_equal(got["model.layers.0.mlp.down_proj.weight"], stored["blk.0.ffn_down.weight"])
        self.assertTrue(config["tie_word_embeddings"])
        self.assertEqual((config["model_type"], config["torch_dtype"]), ("llama", "float32"))
        self.assertNotIn(HEAD + ".weight", got)
        with open(self.path("out", "generation_config.json")) as file:
            self.assertEqual(json.load(file), {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2})
        done = self.run_tool("merge", self.path("model.gguf"), "-o", self.path("again"))
        self.assertIn("no tokenizer was written", done.stderr)

    def test_the_frequency_factors_of_llama_3_get_their_name(self):
        for factor, original in ((8.0, 8192), (32.0, 8192)):
            self.gguf(llama3_factors(32, 500000.0, factor, 1, 4, original))
            got, config = self.merge(base="model.gguf", output=f"out{factor}")
            rope = config["rope_parameters"]
            self.assertEqual((rope["rope_type"], rope["factor"], rope["low_freq_factor"], rope["high_freq_factor"],
                              rope["original_max_position_embeddings"], rope["rope_theta"]), ("llama3", factor, 1, 4, original, 500000))
            self.assertEqual(config["rope_scaling"]["rope_type"], "llama3")
            self.assertNotIn("rope_freqs.weight", got)

    def test_other_factors_are_refused(self):
        self.gguf(np.linspace(1, 3, 32).astype(np.float32))
        self.refuses("rope_freqs.weight is no scaling", self.path("model.gguf"))

    def test_no_weights(self):
        os.makedirs(self.path("empty"))
        with open(self.path("empty", "config.json"), "w") as file:
            json.dump(LLAMA, file)
        self.refuses("no weights", self.path("empty"))
