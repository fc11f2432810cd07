"""What the end-to-end tests share: the tools of a finished build, and tiny models and data made for them."""

import atexit
import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
from array import array

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PEFT_BUILD") or os.path.join(ROOT, "build")
FORMATS = {"F32": "f", "I32": "i", "I64": "q"}


def tool(name):
    return os.path.join(BUILD, "bin", name)


def run(*command, **more):
    """The finished process, its output as text. Two threads: the machine that this was made for has two cores."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, env=environment, **more)


def must(*command, **more):
    """Its standard output; raises with all that it said if it fails."""
    result = run(*command, **more)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\nexit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def scratch():
    """A new folder that is gone when the tests are."""
    folder = tempfile.mkdtemp(prefix="peft-e2e-")
    atexit.register(shutil.rmtree, folder, True)
    return folder


def write_safetensors(path, tensors, misaligned=False):
    """tensors: {name: (dtype, shape, values)}. `misaligned`: the data begin at an odd byte, as the format allows."""
    header, body = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        data = array(FORMATS[dtype], values).tobytes()
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8 + misaligned)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def config(**more):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 48,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 40,
            "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
            "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": False, "torch_dtype": "float32",
            "bos_token_id": 1, "eos_token_id": 2, **more}


SMOLLM2 = config(hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
                 num_key_value_heads=3, vocab_size=49152, max_position_embeddings=8192, rope_theta=100000,
                 tie_word_embeddings=True)


def weights(config):
    """{key: (dtype, shape, values)} of a Llama of that shape, random."""
    hidden, inner, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    small = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": (vocab, hidden), "model.norm.weight": (hidden,), "lm_head.weight": (vocab, hidden)}
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        shapes.update({
            layer + "input_layernorm.weight": (hidden,), layer + "post_attention_layernorm.weight": (hidden,),
            layer + "self_attn.q_proj.weight": (hidden, hidden), layer + "self_attn.k_proj.weight": (small, hidden),
            layer + "self_attn.v_proj.weight": (small, hidden), layer + "self_attn.o_proj.weight": (hidden, hidden),
            layer + "mlp.gate_proj.weight": (inner, hidden), layer + "mlp.up_proj.weight": (inner, hidden),
            layer + "mlp.down_proj.weight": (hidden, inner)})
    draw = random.Random(1)
    tensors = {}
    for key, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        values = [1 + draw.gauss(0, 0.1) if "norm" in key else draw.gauss(0, 0.15) for _ in range(count)]
        tensors[key] = ("F32", shape, values)
    return tensors


def write_model(folder, config, tensors=None):
    """An HF folder; without tensors, of config.json alone."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    if tensors is not None:
        write_safetensors(os.path.join(folder, "model.safetensors"), tensors)
    return folder


def documents(count=48, vocab=40, seed=2):
    """[(ids, labels)]: numbers counted up from a random one, the first two without a label."""
    draw = random.Random(seed)
    result = []
    for _ in range(count):
        begin, step = draw.randrange(3, vocab), draw.randrange(1, 4)
        ids = [3 + (begin + k * step) % (vocab - 3) for k in range(draw.randrange(5, 14))]
        result.append((ids, [-100, -100] + ids[2:]))
    return result


def write_data(path, documents):
    """The file that peft-data writes."""
    offsets = [0]
    for ids, _ in documents:
        offsets.append(offsets[-1] + len(ids))
    total = offsets[-1]
    write_safetensors(path, {"input_ids": ("I32", [total], [i for ids, _ in documents for i in ids]),
                             "labels": ("I32", [total], [i for _, labels in documents for i in labels]),
                             "doc_offsets": ("I64", [len(offsets)], offsets)})
    return path
