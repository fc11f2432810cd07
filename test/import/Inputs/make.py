#!/usr/bin/env python3
"""Writes the checkpoints of these tests: tiny, with the values 0, 1, 2, ... / 1024 in each tensor.

    python3 make.py        # beside the folders it writes
"""
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 16, "hidden_size": 8,
         "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
         "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
         "tie_word_embeddings": False, "dtype": "float32",
         "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}

LAYER = "model.layers.0."
SHAPES = {"model.embed_tokens.weight": [16, 8],
          LAYER + "input_layernorm.weight": [8], LAYER + "post_attention_layernorm.weight": [8],
          LAYER + "self_attn.q_proj.weight": [8, 8], LAYER + "self_attn.k_proj.weight": [4, 8],
          LAYER + "self_attn.v_proj.weight": [4, 8], LAYER + "self_attn.o_proj.weight": [8, 8],
          LAYER + "mlp.gate_proj.weight": [12, 8], LAYER + "mlp.up_proj.weight": [12, 8],
          LAYER + "mlp.down_proj.weight": [8, 12],
          "model.norm.weight": [8], "lm_head.weight": [16, 8]}

GGUF_NAMES = {"model.embed_tokens.": "token_embd.", "model.norm.": "output_norm.", "lm_head.": "output.",
              LAYER + "input_layernorm.": "blk.0.attn_norm.",
              LAYER + "post_attention_layernorm.": "blk.0.ffn_norm.", LAYER + "self_attn.q_proj.": "blk.0.attn_q.",
              LAYER + "self_attn.k_proj.": "blk.0.attn_k.", LAYER + "self_attn.v_proj.": "blk.0.attn_v.",
              LAYER + "self_attn.o_proj.": "blk.0.attn_output.", LAYER + "mlp.gate_proj.": "blk.0.ffn_gate.",
              LAYER + "mlp.up_proj.": "blk.0.ffn_up.", LAYER + "mlp.down_proj.": "blk.0.ffn_down."}


def count(shape):
    n = 1
    for extent in shape:
        n *= extent
    return n


def values(shape, offset=0):
    return [(i + offset) / 1024 for i in range(count(shape))]


def bf16(numbers):
    """These values are exact in bfloat16 up to 256 / 1024; rounding down is as good beyond."""
    return b"".join(struct.pack("<f", x)[2:] for x in numbers)


def folder(name, config, shapes, offsets={}, integers=(), align=8):
    path = os.path.join(HERE, name)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "config.json"), "w") as f:
        json.dump(config, f, indent=1)
        f.write("\n")
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for key, shape in shapes.items():
        part = bytes(4 * count(shape)) if key in integers else bf16(values(shape, offsets.get(key, 0)))
        kind = "I32" if key in integers else "BF16"
        header[key] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8 + align % 8)
    with open(os.path.join(path, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def gguf(name, metadata, tensors):
    def string(text):
        return struct.pack("<Q", len(text)) + text.encode()

    def value(x):
        if isinstance(x, str):
            return struct.pack("<I", 8) + string(x)
        if isinstance(x, list):
            return struct.pack("<IIQ", 9, 8, len(x)) + b"".join(string(item) for item in x)
        return struct.pack("<If", 6, x) if isinstance(x, float) else struct.pack("<II", 4, x)

    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(string(key) + value(x) for key, x in metadata.items())
    data = b""
    for key, (shape, numbers) in tensors.items():
        head += string(key) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", extent) for extent in reversed(shape))
        head += struct.pack("<IQ", 0, len(data))
        data += struct.pack(f"<{len(numbers)}f", *numbers)
        data += b"\0" * (-len(data) % 32)
    head += b"\0" * (-len(head) % 32)
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(head + data)


def main():
    without_head = {key: shape for key, shape in SHAPES.items() if key != "lm_head.weight"}
    folder("weights", LLAMA, SHAPES)
    folder("tied-by-files", LLAMA, without_head)
    folder("tied-twice", {**LLAMA, "tie_word_embeddings": True}, SHAPES)
    folder("tied-but-differs", {**LLAMA, "tie_word_embeddings": True}, SHAPES, {"lm_head.weight": 1})
    folder("wrong-shape", LLAMA, {**SHAPES, LAYER + "mlp.up_proj.weight": [8, 12]})
    folder("packed-weight", LLAMA, SHAPES, integers=[LAYER + "self_attn.q_proj.weight"])
    folder("misaligned", LLAMA, SHAPES, align=1)
    misspelt = {key.replace("o_proj", "out_proj"): shape for key, shape in SHAPES.items()}
    folder("missing-tensor", LLAMA, misspelt)
    folder("unused-tensor", LLAMA, {**SHAPES, LAYER + "self_attn.q_proj.bias": [8],
                                    LAYER + "self_attn.rotary_emb.inv_freq": [2]})

    tensors = {}
    for key, shape in without_head.items():
        prefix = key[:key.rindex(".") + 1]
        tensors[GGUF_NAMES[prefix] + "weight"] = (shape, values(shape))
    tensors["rope_freqs.weight"] = ([2], [1.0, 8.0])
    keys = {"general.architecture": "llama", "llama.context_length": 64, "llama.embedding_length": 8,
            "llama.block_count": 1, "llama.feed_forward_length": 12, "llama.attention.head_count": 2,
            "llama.attention.head_count_kv": 1, "llama.attention.layer_norm_rms_epsilon": 1e-5,
            "llama.rope.freq_base": 10000.0, "llama.rope.dimension_count": 4, "llama.vocab_size": 16,
            "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": [f"t{i}" for i in range(16)]}
    gguf("freq-factors.gguf", keys, tensors)
    del tensors["rope_freqs.weight"]
    for part, extent in ("q", 8), ("k", 4), ("v", 4):
        tensors[f"blk.0.attn_{part}.bias"] = ([extent], values([extent]))
    gguf("qkv-biases.gguf", keys, tensors)
    gguf("ffn-bias.gguf", keys, {**tensors, "blk.0.ffn_up.bias": ([12], values([12]))})


if __name__ == "__main__":
    main()
