"""What encoding needs of a model: its tokenizer, special tokens and chat template.

Read from a Hugging Face folder (tokenizer.json), from a folder that
`peft-data tokenizer` made, or straight from a GGUF file.
"""

import hashlib
import json
import os

from tokenizers import Tokenizer

from .errors import DataError
from .gguf_tokenizer import build
from .template import CHATML, Template

SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


def _read_text(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _read_json(path, needed=False):
    if not needed and not os.path.exists(path):
        return {}
    try:
        value = json.loads(_read_text(path))
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def dump(value):
    """JSON as it is written to a file: the same value gives the same bytes."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _template_source(config, path):
    source = config.get("chat_template")
    if isinstance(source, list):
        named = {entry.get("name"): entry.get("template") for entry in source if isinstance(entry, dict)}
        source = named.get("default")
    if source is not None and not isinstance(source, str):
        raise DataError(f"{path}: 'chat_template' is neither a text nor a list with one named 'default'")
    return source


class Model:
    """A tokenizer with its special tokens. `tokenizer` is a tokenizers.Tokenizer."""

    def __init__(self, path, chat_template=None):
        self.path = path
        if os.path.isdir(path):
            self._load_folder(path)
        elif os.path.exists(path) or path.endswith(".gguf"):
            self._load_gguf(path)
        else:
            raise DataError(f"{path}: no such folder or file; --model takes a Hugging Face folder or a .gguf file")
        self.sha256 = hashlib.sha256(self.tokenizer_json.encode("utf-8")).hexdigest()
        try:
            self.tokenizer = Tokenizer.from_str(self.tokenizer_json)
        except Exception as error:  # the library raises plain Exception
            raise DataError(f"{path}: the tokenizer cannot be used: {str(error).splitlines()[0]}") from None
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.special = {name: self._token_text(name) for name in SPECIAL}
        self.special = {name: token for name, token in self.special.items() if token}
        self.vocab_size = max(self.tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        self._template_given = chat_template
        self._template = None

    def _load_folder(self, path):
        file = os.path.join(path, "tokenizer.json")
        if not os.path.exists(file):
            raise DataError(f"{path}: no tokenizer.json here; save it once with transformers: "
                            "AutoTokenizer.from_pretrained(...).save_pretrained(folder)")
        self.tokenizer_json = _read_text(file)
        self.config = _read_json(os.path.join(path, "tokenizer_config.json"))
        self.special_map = _read_json(os.path.join(path, "special_tokens_map.json"))
        self.generation = {**_read_json(os.path.join(path, "config.json")),
                           **_read_json(os.path.join(path, "generation_config.json"))}
        template = os.path.join(path, "chat_template.jinja")
        self.template_source = _read_text(template) if os.path.exists(template) else _template_source(self.config, path)

    def _load_gguf(self, path):
        tokenizer, self.config, self.template_source = build(path)
        self.tokenizer_json = dump(tokenizer)
        self.special_map, self.generation = {}, {}

    def _token_text(self, name):
        token = self.config.get(name) or self.special_map.get(name)
        if isinstance(token, dict):  # an AddedToken
            token = token.get("content")
        return token if isinstance(token, str) else None

    @property
    def eos(self):
        return self.special.get("eos_token")

    @property
    def template(self):
        """The chat template, or an error that says how to give one."""
        if self._template is None:
            source = self.template_source
            if self._template_given:
                source = CHATML if self._template_given == "chatml" else _read_text(self._template_given)
            if not source:
                raise DataError(f"{self.path}: this model has no chat template; give one with --chat-template FILE (Jinja) "
                                "or --chat-template chatml")
            self._template = Template(source, self.special)
        return self._template

    def eos_ids(self, chat):
        """Ids that end a generated text: the tokenizer's, the generation config's and, in chats, the one that ends a turn."""
        ids = []
        token = self.tokenizer.token_to_id(self.eos) if self.eos else None
        listed = self.generation.get("eos_token_id")
        ids += [] if token is None else [token]
        ids += listed if isinstance(listed, list) else [listed]
        if chat:
            special = {i for i, added in self.tokenizer.get_added_tokens_decoder().items() if added.special}
            after = self.tokenizer.encode(self.template.end_of_turn(), add_special_tokens=False).ids
            ids += [i for i in after if i in special][:1]
        return list(dict.fromkeys(i for i in ids if isinstance(i, int) and 0 <= i < self.vocab_size))
