"""peft-data: the command line."""

import argparse
import os
import random
import sys

from . import documents, prompts, records
from .encode import Encoder, Options
from .errors import DataError, count_of
from .model import Model, dump

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja",
                   "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model")


def _tokenizer(args):
    model = Model(args.model)
    files = {}
    if os.path.isdir(args.model):
        for name in TOKENIZER_FILES:
            source, target = os.path.join(args.model, name), os.path.join(args.output, name)
            if os.path.exists(source) and os.path.realpath(source) != os.path.realpath(target):
                with open(source, "rb") as file:
                    files[name] = file.read()
    else:
        files = {"tokenizer.json": model.tokenizer_json.encode(), "tokenizer_config.json": dump(model.config).encode()}
        if model.template_source:
            files["chat_template.jinja"] = model.template_source.encode()
    with documents.Output() as output:
        for name, data in files.items():
            output.add(os.path.join(args.output, name), data)
    print(f"{args.output}: {model.vocab_size} tokens, "
          f"{'a' if model.template_source else 'no'} chat template, sha256 {model.sha256[:16]}")


def _metadata(model, chat, **more):
    values = {"tokenizer": model.path, "tokenizer_sha256": model.sha256, "vocab_size": model.vocab_size,
              "template": model.template.name if chat else "none",
              "eos_token_id": ",".join(map(str, model.eos_ids(chat))), **more}
    return {key: str(value) for key, value in values.items()}


def _eval_indices(size, total, seed):
    """Which records are held out: a fraction below 1, or a number of them."""
    try:
        number = float(size)
    except ValueError:
        number = -1
    count = round(total * number) if 0 < number < 1 else int(number)
    if count < 1 or (number >= 1 and number != int(number)) or count >= total:
        raise DataError(f"--eval-size {size}: expected a fraction between 0 and 1, or a number below the {total} records")
    return set(random.Random(seed).sample(range(total), count))


def _check_loss_flags(args, form, kind):
    pairs = kind in (records.Pair, records.ChatPair)
    if args.completion_only and not pairs:
        raise DataError(f"--completion-only needs prompts with completions, but the format is {form}")
    if args.assistant_only_loss and kind is not records.Chat:
        raise DataError(f"--assistant-only-loss needs messages or sharegpt, but the format is {form}")
    if args.chat and form in ("text", "tokenized"):
        raise DataError(f"--chat needs prompts with completions, but the format is {form}")


def _encode(args):
    if bool(args.eval_output) != bool(args.eval_size):
        raise DataError("--eval-output and --eval-size go together")
    if args.eval_output and os.path.realpath(args.eval_output) == os.path.realpath(args.output):
        raise DataError(f"--output and --eval-output name the same file, {args.output}; give two")
    if args.max_length < 0 or args.max_length == 1:
        raise DataError(f"--max-length {args.max_length}: expected 2 or more, or 0 for no limit")
    model = Model(args.model, args.chat_template)
    found, digest = records.read(args.input)
    found = records.rename(found, records.parse_columns(args.columns))
    form = args.format if args.format != "auto" else records.detect(*found[0])
    converted = [records.convert(record, where, form, args.chat) for where, record in found]
    kind = type(converted[0])
    _check_loss_flags(args, form, kind)
    held_out = _eval_indices(args.eval_size, len(converted), args.seed) if args.eval_size else set()
    options = Options(args.completion_only is not False, args.assistant_only_loss, args.max_length)
    chat = kind in (records.Chat, records.ChatPair)
    metadata = _metadata(model, chat, max_length=args.max_length, source_sha256=digest)
    results = {}
    for path, wanted in ((args.output, False), (args.eval_output, True)):
        if path:
            part = [record for i, record in enumerate(converted) if (i in held_out) == wanted]
            results[path] = Encoder(model, options).encode(part)
    with documents.Output() as output:
        for path, result in results.items():
            output.add(path, documents.encoded(result.documents, metadata))
    for path, result in results.items():
        print(f"{path}: {count_of(len(result.documents), 'document')}, {count_of(result.tokens, 'token')}, "
              f"{result.labelled} labelled" + (f", {result.truncated} cut to {args.max_length}" if result.truncated else ""))


def _prompts(args):
    if bool(args.input) == bool(args.prompt):
        raise DataError("give either --input FILE.jsonl or --prompt TEXT...")
    model = Model(args.model, args.chat_template)
    given = args.prompt if args.prompt else prompts.from_records(records.read(args.input)[0], args.limit)
    chat = args.chat or any(not isinstance(prompt, str) for prompt in given)
    ids = prompts.encode(model, given, args.chat)
    with documents.Output() as output:
        output.add(args.output, documents.encoded([(row, None) for row in ids], _metadata(model, chat)))
    print(f"{args.output}: {count_of(len(ids), 'prompt')}, the longest of {count_of(max(map(len, ids)), 'token')}")


def _decode(args):
    found, metadata = documents.read(args.file)
    path = args.model or metadata.get("tokenizer")
    if not path:
        raise DataError(f"{args.file}: does not tell its tokenizer; give one with --model")
    model = Model(path)
    before = [ids for ids, _ in documents.read(args.after)[0]] if args.after else []
    if args.after and len(before) != len(found):
        raise DataError(f"--after: {len(before)} prompts, but {args.file} holds {len(found)} documents")
    for i, (ids, labels) in enumerate(found):
        if args.labelled and labels is not None:
            ids = labels[labels != documents.IGNORED]
        if before and len(ids) >= len(before[i]) and (ids[: len(before[i])] == before[i]).all():
            ids = ids[len(before[i]):]
        if len(ids) and (min(ids) < 0 or max(ids) >= model.vocab_size):
            raise DataError(f"{args.file}: document {i + 1} has the token {max(ids)}, but {path} has {model.vocab_size} tokens")
        text = model.tokenizer.decode(ids.tolist(), skip_special_tokens=args.skip_special_tokens)
        if args.one_line:
            print(" ".join(text.split()))
        else:
            print(text if len(found) == 1 else f"--- {i}\n{text}")


def _parser():
    parser = argparse.ArgumentParser(prog="peft-data", description="Makes the token files that a peft-mlir program trains on.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, run, help):
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    def model_options(sub):
        sub.add_argument("--model", required=True, metavar="MODEL", help="a Hugging Face folder or a .gguf file")
        sub.add_argument("--chat-template", metavar="FILE", help="a Jinja file to use in place of the model's, or 'chatml'")
        sub.add_argument("--chat", action="store_true", help="put prompts into the model's chat template, as a user's message")

    sub = command("tokenizer", _tokenizer, "write the tokenizer of a model as a Hugging Face folder")
    sub.add_argument("model", metavar="MODEL", help="a Hugging Face folder or a .gguf file")
    sub.add_argument("output", metavar="OUTDIR")

    sub = command("encode", _encode, "make training data of records")
    model_options(sub)
    sub.add_argument("--input", required=True, metavar="FILE", help=".jsonl, or .json with one array")
    sub.add_argument("--output", required=True, metavar="OUT.safetensors")
    sub.add_argument("--format", default="auto", choices=["auto", *records.FORMATS], help="by the keys of the first record if not given")
    sub.add_argument("--columns", metavar="NAME=KEY,...", help="what the keys are called, e.g. prompt=question,completion=answer")
    sub.add_argument("--max-length", type=int, default=1024, metavar="N", help="cut documents to N tokens, 0: never (default 1024)")
    sub.add_argument("--completion-only", action=argparse.BooleanOptionalAction, default=None,
                     help="learn the completion and not the prompt (default for prompts with completions)")
    sub.add_argument("--assistant-only-loss", action="store_true", help="of messages, learn only what the assistant says")
    sub.add_argument("--eval-output", metavar="OUT.safetensors", help="where held-out records go")
    sub.add_argument("--eval-size", metavar="F|N", help="the fraction or number of records to hold out")
    sub.add_argument("--seed", type=int, default=42, help="of the choice of held-out records (default 42)")

    sub = command("prompts", _prompts, "make prompts for the binary's generate mode")
    model_options(sub)
    sub.add_argument("--input", metavar="FILE", help="records with 'prompt', 'text' or 'messages'")
    sub.add_argument("--prompt", nargs="+", metavar="TEXT")
    sub.add_argument("--limit", type=int, default=0, metavar="N", help="take the first N records")
    sub.add_argument("--output", required=True, metavar="OUT.safetensors")

    sub = command("decode", _decode, "print the texts of a token file")
    sub.add_argument("file", metavar="FILE.safetensors")
    sub.add_argument("--model", metavar="MODEL", help="the tokenizer, if not the one that the file names")
    sub.add_argument("--after", metavar="PROMPTS.safetensors", help="leave out these prompts where documents begin with them")
    sub.add_argument("--labelled", action="store_true", help="print only what is learnt")
    sub.add_argument("--skip-special-tokens", action="store_true")
    sub.add_argument("--one-line", action="store_true", help="one line a document, white space as single spaces")
    return parser


def main(arguments=None):
    args = _parser().parse_args(arguments)
    try:
        args.run(args)
    except DataError as error:
        print(f"peft-data: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has gone: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"peft-data: error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0
