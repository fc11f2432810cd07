"""Training records as people have them, brought to four forms.

    Text(text)                     the whole text is learnt
    Pair(prompt, completion)       two texts
    ChatPair(prompt, completion)   two lists of messages
    Chat(messages, tools)          one list of messages
    Ids(input_ids, labels)         tokens that were made elsewhere

A file holds records of one format; the keys of its first record tell which.
"""

import hashlib
import json
from typing import NamedTuple, Optional

from .errors import DataError, join_names


class Text(NamedTuple):
    text: str


class Pair(NamedTuple):
    prompt: str
    completion: str


class ChatPair(NamedTuple):
    prompt: list
    completion: list


class Chat(NamedTuple):
    messages: list
    tools: Optional[list]


class Ids(NamedTuple):
    input_ids: list
    labels: Optional[list]


# The keys that tell a format, in the order they are looked for.
FORMATS = {
    "tokenized": ("input_ids",),
    "messages": ("messages",),
    "sharegpt": ("conversations",),
    "prompt-completion": ("prompt", "completion"),
    "alpaca": ("instruction", "output"),
    "text": ("text",),
}

_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "chatgpt": "assistant", "assistant": "assistant",
          "system": "system", "tool": "tool", "observation": "tool"}

_ALPACA = ("Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
           "### Instruction:\n{instruction}\n\n### Response:\n")
_ALPACA_INPUT = ("Below is an instruction that describes a task, paired with an input that provides further context. "
                 "Write a response that appropriately completes the request.\n\n"
                 "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n")


def read(path):
    """([(where, record)], sha256 of the file) of a .jsonl file, or of a .json file that holds one array."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    digest = hashlib.sha256(raw).hexdigest()
    if path.endswith(".json"):
        values = _parse(raw, path)
        if not isinstance(values, list):
            raise DataError(f"{path}: expected an array of records, got {type(values).__name__}; one record a line is .jsonl")
        found = [(f"{path}: record {i + 1}", value) for i, value in enumerate(values)]
    else:
        found = [(f"{path}:{i + 1}", _parse(line, f"{path}:{i + 1}"))
                 for i, line in enumerate(raw.split(b"\n")) if line.strip()]
    for where, record in found:
        if not isinstance(record, dict):
            raise DataError(f"{where}: expected a JSON object, got {type(record).__name__}")
    if not found:
        raise DataError(f"{path}: no records in this file")
    return found, digest


def _parse(raw, where):
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 (byte {error.start + 1} of the line)") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise DataError(f"{where}: not a record: nested too deeply") from None


def parse_columns(text):
    """'prompt=question,completion=answer' -> {'question': 'prompt', 'answer': 'completion'}."""
    columns = {}
    for part in (text or "").split(","):
        if not part:
            continue
        ours, equals, theirs = part.partition("=")
        if not (ours and equals and theirs):
            raise DataError(f"--columns: expected NAME=KEY[,NAME=KEY...], got '{text}'")
        columns[theirs] = ours
    return columns


def rename(found, columns):
    """The records with `columns` renamed; every record must hold each of the keys that the first one holds."""
    if not columns:
        return found
    missing = [key for key in columns if key not in found[0][1]]
    if missing:
        raise DataError(f"{found[0][0]}: --columns names {join_names(missing)}, but the keys are {join_names(found[0][1])}")
    return [(where, {columns.get(key, key): value for key, value in record.items()}) for where, record in found]


def detect(where, record):
    for name, keys in FORMATS.items():
        if all(key in record for key in keys):
            return name
    wanted = "; ".join(" + ".join(keys) for keys in FORMATS.values())
    raise DataError(f"{where}: unknown format: found the keys {join_names(record) or '(none)'}, expected one of: {wanted}; "
                    "map others with --columns prompt=KEY,completion=KEY")


def _need(record, key, kinds, where):
    if key not in record:
        raise DataError(f"{where}: the key '{key}' is missing; found {join_names(record) or 'no key'}")
    if not isinstance(record[key], kinds):
        raise DataError(f"{where}: '{key}' is {type(record[key]).__name__}, expected {_spell(kinds)}")
    return record[key]


def _spell(kinds):
    names = {str: "a text", list: "a list"}
    return " or ".join(names[kind] for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))


def check_messages(messages, where):
    if not messages:
        raise DataError(f"{where}: an empty list of messages")
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise DataError(f"{where}: message {i + 1} has no 'role'")
        if not isinstance(message.get("content"), (str, list)) and "tool_calls" not in message:
            raise DataError(f"{where}: message {i + 1} has no 'content'")
    return messages


def _sharegpt(record, where):
    messages = []
    if isinstance(record.get("system"), str) and record["system"]:
        messages.append({"role": "system", "content": record["system"]})
    for i, turn in enumerate(_need(record, "conversations", list, where)):
        if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
            raise DataError(f"{where}: turn {i + 1} has no 'from' and 'value'")
        if turn.get("from") not in _ROLES:
            raise DataError(f"{where}: turn {i + 1} is from '{turn.get('from')}', expected one of {join_names(_ROLES)}")
        messages.append({"role": _ROLES[turn["from"]], "content": turn["value"]})
    return Chat(check_messages(messages, where), record.get("tools"))


def _alpaca(record, where, chat):
    instruction, output = _need(record, "instruction", str, where), _need(record, "output", str, where)
    given = record.get("input") or ""
    system, history = record.get("system") or "", record.get("history") or []
    if not chat:
        if system or history:
            raise DataError(f"{where}: 'system' and 'history' have no place in the plain alpaca text; use --chat")
        form = _ALPACA_INPUT if given else _ALPACA
        return Pair(form.format(instruction=instruction, input=given), output)
    messages = [{"role": "system", "content": system}] if system else []
    for turn in history:
        if not isinstance(turn, list) or len(turn) != 2:
            raise DataError(f"{where}: 'history' is a list of [user, assistant] pairs, got {json.dumps(turn)[:40]}")
        messages += [{"role": "user", "content": turn[0]}, {"role": "assistant", "content": turn[1]}]
    messages.append({"role": "user", "content": instruction + ("\n" + given if given else "")})
    return ChatPair(messages, [{"role": "assistant", "content": output}])


def _prompt_completion(record, where, chat):
    prompt = _need(record, "prompt", (str, list), where)
    completion = _need(record, "completion", (str, list), where)
    if type(prompt) is not type(completion):
        raise DataError(f"{where}: 'prompt' and 'completion' are both texts or both lists of messages")
    if isinstance(prompt, list):
        return ChatPair(check_messages(prompt, where), check_messages(completion, where))
    if chat:
        return ChatPair([{"role": "user", "content": prompt}], [{"role": "assistant", "content": completion}])
    return Pair(prompt, completion)


def _tokenized(record, where):
    ids, labels = _need(record, "input_ids", list, where), record.get("labels")
    for name, values in (("input_ids", ids), ("labels", labels if labels is not None else [])):
        if not isinstance(values, list) or not all(type(value) is int for value in values):
            raise DataError(f"{where}: '{name}' is not a list of integers")
        wrong = [v for v in values if not 0 <= v < 2**31 and not (name == "labels" and v == -100)]
        if wrong:
            raise DataError(f"{where}: '{name}' holds {wrong[0]}, which is no token id")
    if labels is not None and len(labels) != len(ids):
        raise DataError(f"{where}: {len(labels)} labels for {len(ids)} tokens")
    return Ids(ids, labels)


def convert(record, where, form, chat):
    """One record of the format `form`; `chat` puts prompts and completions into messages."""
    if form == "text":
        return Text(_need(record, "text", str, where))
    if form == "messages":
        return Chat(check_messages(_need(record, "messages", list, where), where), record.get("tools"))
    if form == "sharegpt":
        return _sharegpt(record, where)
    if form == "alpaca":
        return _alpaca(record, where, chat)
    if form == "prompt-completion":
        return _prompt_completion(record, where, chat)
    return _tokenized(record, where)
