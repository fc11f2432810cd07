"""Tiny models for the tests: GGUF files written byte by byte, and folders made of them."""

import io
import json
import os
import struct
import sys
from contextlib import redirect_stderr, redirect_stdout

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "peft-data"))

from peft_data.cli import main  # noqa: E402

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
U32, STRING, ARRAY, BOOL, I32, F32 = 4, 8, 9, 7, 5, 6


def string(text):
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


def array(kind, values):
    body = b"".join(string(v) for v in values) if kind == STRING else struct.pack(f"<{len(values)}{'if'[kind == F32]}", *values)
    return struct.pack("<IQ", kind, len(values)) + body


def gguf(keys, version=3, count=None):
    """`keys` is [(name, type, the value's bytes)]."""
    head = b"GGUF" + struct.pack("<IQQ", version, 0, len(keys) if count is None else count)
    return head + b"".join(string(name) + struct.pack("<I", kind) + value for name, kind, value in keys)


def byte_letters():
    """GPT-2's letters for the 256 bytes: the printable ones stand for themselves."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in kept}
    letters.update({byte: chr(256 + i) for i, byte in enumerate(b for b in range(256) if b not in letters)})
    return [letters[byte] for byte in range(256)]


MERGES = ["h e", "l l", "he ll", "hell o", "Ġ hello", "1 2", "Ġ Ġ", "Ċ Ċ"]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TOKENS = SPECIAL + byte_letters() + [merge.replace(" ", "") for merge in MERGES]


def bpe_keys(pre="gpt-2", tokens=TOKENS, merges=MERGES, template=CHATML, eos=2, **more):
    keys = {
        "general.architecture": (STRING, string("llama")),
        "llama.context_length": (U32, struct.pack("<I", 512)),
        "tokenizer.ggml.model": (STRING, string("gpt2")),
        "tokenizer.ggml.pre": (STRING, string(pre)),
        "tokenizer.ggml.tokens": (ARRAY, array(STRING, tokens)),
        "tokenizer.ggml.token_type": (ARRAY, array(I32, [3 if t in SPECIAL else 1 for t in tokens])),
        "tokenizer.ggml.merges": (ARRAY, array(STRING, merges)),
        "tokenizer.ggml.bos_token_id": (U32, struct.pack("<I", 1)),
        "tokenizer.ggml.eos_token_id": (U32, struct.pack("<I", eos)),
    }
    if template is not None:
        keys["tokenizer.chat_template"] = (STRING, string(template))
    keys.update(more)
    return [(name, *value) for name, value in keys.items() if value]


def spm_keys(**more):
    """A SentencePiece BPE: <unk> <s> </s>, 256 bytes, letters, and a few joined pieces with scores."""
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    joined = ["▁h", "he", "ll", "llo"]
    letters = ["▁", "h", "e", "l", "o", "w"]
    tokens = pieces + joined + letters
    scores = [0.0] * len(pieces) + [-float(i) for i in range(len(joined))] + [-100.0 - i for i in range(len(letters))]
    types = [2, 3, 3] + [6] * 256 + [1] * (len(joined) + len(letters))
    keys = {
        "tokenizer.ggml.model": (STRING, string("llama")),
        "tokenizer.ggml.tokens": (ARRAY, array(STRING, tokens)),
        "tokenizer.ggml.scores": (ARRAY, array(F32, scores)),
        "tokenizer.ggml.token_type": (ARRAY, array(I32, types)),
        "tokenizer.ggml.bos_token_id": (U32, struct.pack("<I", 1)),
        "tokenizer.ggml.eos_token_id": (U32, struct.pack("<I", 2)),
        "tokenizer.ggml.unknown_token_id": (U32, struct.pack("<I", 0)),
        **more,
    }
    return [(name, *value) for name, value in keys.items()]


def write(folder, name, data):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


def write_jsonl(folder, name, records):
    return write(folder, name, "".join(json.dumps(record) + "\n" for record in records))


def run(*arguments):
    """(exit code, standard output, standard error) of peft-data."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()
