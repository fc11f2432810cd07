#!/usr/bin/env python3
"""A small, clean instruction set from WordNet's nouns (Debian: wordnet-base).

    make_wordnet.py --train 2000 --heldout 100 --output DIR

writes DIR/train.jsonl and DIR/heldout.jsonl with records such as
    {"prompt": "Define the noun 'dwarf'.", "completion": "a plant or animal that is atypically small"}
No noun stands in both. The same seed makes the same files.
"""

import argparse
import json
import os
import random
import sys


def gloss_of(line):
    """The definition of a line of data.noun: what follows '|', without its quoted examples."""
    gloss = line.partition(" | ")[2]
    return gloss.split('; "')[0].strip().rstrip(";").strip()


def words_of(line):
    """The words of a line: offset, file, 'n', the number of words (hexadecimal), then word and number in turn."""
    fields = line.split(" ")
    return [word.replace("_", " ") for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]


def definitions(path):
    """[(noun, definition)]: a noun's first sense, one noun for a definition, names left out."""
    seen_nouns, seen_glosses, found = set(), set(), []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("  "):  # the licence at the top
                continue
            noun, gloss = words_of(line)[0], gloss_of(line)
            if not gloss or '"' in gloss or not noun.islower() or noun in seen_nouns or gloss in seen_glosses:
                continue
            seen_nouns.add(noun)
            seen_glosses.add(gloss)
            found.append((noun, gloss))
    return found


def write(path, pairs):
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        for noun, gloss in pairs:
            file.write(json.dumps({"prompt": f"Define the noun '{noun}'.", "completion": gloss}, ensure_ascii=False) + "\n")
    os.replace(path + ".tmp", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=2000, metavar="N")
    parser.add_argument("--heldout", type=int, default=100, metavar="M")
    parser.add_argument("--output", required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--wordnet", default="/usr/share/wordnet/data.noun", metavar="FILE")
    args = parser.parse_args()
    if not os.path.exists(args.wordnet):
        sys.exit(f"{args.wordnet}: no such file; install the Debian package wordnet-base")
    found = definitions(args.wordnet)
    if args.train < 1 or args.heldout < 0 or args.train + args.heldout > len(found):
        sys.exit(f"--train {args.train} --heldout {args.heldout}: there are {len(found)} definitions")
    chosen = random.Random(args.seed).sample(found, args.train + args.heldout)
    os.makedirs(args.output, exist_ok=True)
    write(os.path.join(args.output, "train.jsonl"), chosen[args.heldout :])
    write(os.path.join(args.output, "heldout.jsonl"), chosen[: args.heldout])
    print(f"{args.output}: {args.train} definitions to learn, {args.heldout} held out, of {len(found)}")


if __name__ == "__main__":
    main()
