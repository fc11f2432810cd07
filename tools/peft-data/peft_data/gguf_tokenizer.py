"""A tokenizer.json and tokenizer_config.json from the keys of a GGUF file."""

from .errors import DataError, join_names
from .gguf import read_keys
from .pretokenizers import by_name

# tokenizer.ggml.token_type
UNKNOWN, CONTROL, USER_DEFINED = 2, 3, 4
SPACE = "▁"


def _get(keys, name, kinds, path, default=None):
    value = keys.get("tokenizer.ggml." + name, default)
    if value is not None and not isinstance(value, kinds):
        raise DataError(f"{path}: tokenizer.ggml.{name} has the type {type(value).__name__}; the file is damaged")
    return value


def _tokens(keys, path):
    tokens = _get(keys, "tokens", list, path)
    if not tokens or not all(isinstance(token, str) for token in tokens):
        raise DataError(f"{path}: no tokenizer in this file (tokenizer.ggml.tokens); pass the model's folder instead")
    types = _get(keys, "token_type", list, path, [1] * len(tokens))
    if len(types) != len(tokens):
        raise DataError(f"{path}: {len(types)} token types for {len(tokens)} tokens; the file is damaged")
    vocabulary = {token: i for i, token in enumerate(tokens)}
    if len(vocabulary) != len(tokens):
        twice = next(token for i, token in enumerate(tokens) if vocabulary[token] != i)
        raise DataError(f"{path}: the token {twice!r} appears twice; pass the model's folder instead")
    return tokens, types, vocabulary


def _added_tokens(tokens, types):
    """Control and user-defined tokens, which are matched before anything else."""
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return [
        {"id": i, "content": token, **flags, "special": kind != USER_DEFINED}
        for i, (token, kind) in enumerate(zip(tokens, types))
        if kind in (UNKNOWN, CONTROL, USER_DEFINED) and token
    ]


def _special(keys, name, tokens, path):
    """The token that `tokenizer.ggml.NAME_token_id` names, or None."""
    i = _get(keys, name + "_token_id", int, path)
    if i is None:
        return None
    if not 0 <= i < len(tokens):
        raise DataError(f"{path}: tokenizer.ggml.{name}_token_id is {i}, but there are {len(tokens)} tokens")
    return tokens[i]


def _stored_merges(keys, vocabulary, path):
    merges = []
    for line in _get(keys, "merges", list, path, []):
        # Neither part is empty, so the separating space is not the first character.
        at = line.find(" ", 1) if isinstance(line, str) else -1
        pair = [line[:at], line[at + 1 :]] if at > 0 else None
        if not pair or pair[0] not in vocabulary or pair[1] not in vocabulary or "".join(pair) not in vocabulary:
            raise DataError(f"{path}: the merge {line!r} does not join two tokens to a third; the file is damaged")
        merges.append(pair)
    return merges


def _merges_of_scores(vocabulary, scores, skip):
    """SentencePiece keeps no merges: it joins the pair whose result scores best.

    So every way to cut a token into two tokens is a merge, in order of the
    result's score; ties go to the parts of lower ids.
    """
    merges = []
    for token, i in vocabulary.items():
        if i in skip:
            continue
        for at in range(1, len(token)):
            left, right = vocabulary.get(token[:at]), vocabulary.get(token[at:])
            if left is not None and right is not None and left not in skip and right not in skip:
                merges.append((-scores[i], i, left, right, at, token))
    merges.sort()
    return [[token[:at], token[at:]] for _, _, _, _, at, token in merges]


def _byte_level_bpe(keys, vocabulary, path):
    pre = _get(keys, "pre", str, path)
    if pre is None:
        raise DataError(f"{path}: tokenizer.ggml.pre is missing, so how text is cut is unknown; "
                        "pass the model's folder instead")
    normalizer, pre_tokenizer, ignore_merges = by_name(pre, path)
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": ignore_merges,
             "vocab": vocabulary, "merges": _stored_merges(keys, vocabulary, path)}
    if not model["merges"]:
        raise DataError(f"{path}: tokenizer.ggml.merges is missing; pass the model's folder instead")
    decoder = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    return {"normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "decoder": decoder, "model": model}


def _sentencepiece_bpe(keys, vocabulary, types, unknown, path):
    merges = _stored_merges(keys, vocabulary, path)
    if not merges:
        scores = _get(keys, "scores", list, path, [])
        if len(scores) != len(vocabulary):
            raise DataError(f"{path}: {len(scores)} token scores for {len(vocabulary)} tokens; the file is damaged")
        skip = {i for i, kind in enumerate(types) if kind in (UNKNOWN, CONTROL, USER_DEFINED)}
        merges = _merges_of_scores(vocabulary, scores, skip)
    prefix = _get(keys, "add_space_prefix", bool, path, True)
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    normalizers = ([{"type": "Prepend", "prepend": SPACE}] if prefix else []) + [replace]
    decoders = [{"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"},
                {"type": "Fuse"}] + ([{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if prefix else [])
    model = {"type": "BPE", "dropout": None, "unk_token": unknown, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
             "vocab": vocabulary, "merges": merges}
    return {"normalizer": {"type": "Sequence", "normalizers": normalizers}, "pre_tokenizer": None,
            "decoder": {"type": "Sequence", "decoders": decoders}, "model": model}


def _template_processing(bos, eos, vocabulary):
    """Tokens put around every text: [bos] text [eos]."""
    around = [token for token in (bos, eos) if token is not None]
    if not around:
        return None
    piece = lambda token, i: {"SpecialToken": {"id": token, "type_id": i}}

    def sequence(name, i):
        inner = [{"Sequence": {"id": name, "type_id": i}}]
        return ([piece(bos, i)] if bos else []) + inner + ([piece(eos, i)] if eos else [])

    return {"type": "TemplateProcessing", "single": sequence("A", 0), "pair": sequence("A", 0) + sequence("B", 1),
            "special_tokens": {t: {"id": t, "ids": [vocabulary[t]], "tokens": [t]} for t in around}}


def build(path):
    """(tokenizer.json, tokenizer_config.json, chat template or None) of the GGUF file at `path`."""
    keys = read_keys(path)
    tokens, types, vocabulary = _tokens(keys, path)
    special = {name: _special(keys, key, tokens, path) for name, key in
               (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding"))}
    kind = _get(keys, "model", str, path)
    if kind == "gpt2":
        parts = _byte_level_bpe(keys, vocabulary, path)
    elif kind == "llama":
        parts = _sentencepiece_bpe(keys, vocabulary, types, special["unk"], path)
    else:
        raise DataError(f"{path}: tokenizer.ggml.model is '{kind}', expected one of {join_names(['gpt2', 'llama'])}; "
                        "pass the model's Hugging Face folder (with its tokenizer.json) instead")
    add_bos = _get(keys, "add_bos_token", bool, path, kind == "llama")
    add_eos = _get(keys, "add_eos_token", bool, path, False)
    post = _template_processing(special["bos"] if add_bos else None, special["eos"] if add_eos else None, vocabulary)
    tokenizer = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": _added_tokens(tokens, types),
                 "normalizer": parts["normalizer"], "pre_tokenizer": parts["pre_tokenizer"], "post_processor": post,
                 "decoder": parts["decoder"], "model": parts["model"]}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False,
              "add_bos_token": add_bos, "add_eos_token": add_eos}
    config.update({name + "_token": token for name, token in special.items() if token is not None})
    length = keys.get(f"{keys.get('general.architecture')}.context_length")
    if isinstance(length, int):
        config["model_max_length"] = length
    template = keys.get("tokenizer.chat_template")
    return tokenizer, config, template if isinstance(template, str) else None
