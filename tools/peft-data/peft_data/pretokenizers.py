"""How a byte-level BPE cuts text into words, by GGUF's `tokenizer.ggml.pre`.

Each entry gives the three parts of a tokenizer.json that the name stands for:
normalizer, pre-tokenizer and `ignore_merges` (a word that is in the vocabulary
is taken whole). A name that is not here is refused: a wrong cut changes token
ids without any other sign.
"""

from .errors import DataError, join_names

# The published patterns of Llama 3 and Qwen 2; they differ in how many digits make a word.
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def _byte_level(use_regex):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": use_regex}


def _split(pattern):
    return {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False},
            _byte_level(use_regex=False),
        ],
    }


def _digits():
    return {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, _byte_level(use_regex=True)],
    }


_GPT2 = (None, _byte_level(use_regex=True), False)
_SMOLLM = (None, _digits(), False)
_LLAMA_BPE = (None, _split(_LLAMA3), True)
_QWEN = ({"type": "NFC"}, _split(_QWEN2), False)

BY_NAME = {
    "gpt-2": _GPT2,
    "gpt2": _GPT2,
    "olmo": _GPT2,
    "phi-2": _GPT2,
    "smollm": _SMOLLM,
    "starcoder": _SMOLLM,
    "llama-bpe": _LLAMA_BPE,
    "llama3": _LLAMA_BPE,
    "llama-v3": _LLAMA_BPE,
    "qwen2": _QWEN,
    "deepseek-r1-qwen": _QWEN,
}


def by_name(name, path):
    if name not in BY_NAME:
        raise DataError(
            f"{path}: tokenizer.ggml.pre is '{name}', expected one of {join_names(sorted(BY_NAME), 20)}; "
            "pass the model's Hugging Face folder (with its tokenizer.json) instead"
        )
    return BY_NAME[name]
