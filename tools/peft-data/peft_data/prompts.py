"""Prompts for the binary's `generate` mode, from a jsonl file or the command line."""

from .errors import DataError, join_names
from .records import check_messages


def _last_answer_removed(messages):
    while messages and messages[-1].get("role") == "assistant":
        messages = messages[:-1]
    return messages


def _prompt(record, where):
    """A text or a list of messages; what a training record would have the model say is left out."""
    if "messages" in record:
        messages = record["messages"]
        if not isinstance(messages, list):
            raise DataError(f"{where}: 'messages' is {type(messages).__name__}, expected a list")
        messages = _last_answer_removed(check_messages(messages, where))
        return check_messages(messages, where)
    for key in ("prompt", "text"):
        value = record.get(key)
        if isinstance(value, str):
            return value
        if key == "prompt" and isinstance(value, list):
            return check_messages(value, where)
    raise DataError(f"{where}: expected 'prompt', 'text' or 'messages', found the keys {join_names(record) or '(none)'}")


def from_records(found, limit=0):
    return [_prompt(record, where) for where, record in (found[:limit] if limit else found)]


def encode(model, prompts, chat):
    """One list of token ids a prompt; texts become a user's message with `chat`."""
    texts, special = [], []
    for prompt in prompts:
        if isinstance(prompt, str) and not chat:
            texts.append(prompt)
            special.append(True)
            continue
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        texts.append(model.template.render(messages, add_generation_prompt=True))
        special.append(False)
    ids = [model.tokenizer.encode(text, add_special_tokens=flag).ids for text, flag in zip(texts, special)]
    eos = model.tokenizer.token_to_id(model.eos) if model.eos else None
    for i, flag in enumerate(special):
        if flag and len(ids[i]) > 1 and ids[i][-1] == eos and not texts[i].endswith(model.eos):
            ids[i] = ids[i][:-1]
        if not ids[i]:
            raise DataError(f"prompt {i + 1} is empty; a prompt needs at least one token")
    return ids
