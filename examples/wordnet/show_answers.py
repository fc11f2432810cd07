#!/usr/bin/env python3
"""Prints what a model says about held-out nouns before and after training.

    show_answers.py heldout.jsonl before.txt after.txt     one answer a line, in the records' order
"""

import json
import sys
import textwrap


def main():
    heldout, *texts = sys.argv[1:]
    with open(heldout, encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    answers = []
    for path in texts:
        with open(path, encoding="utf-8") as file:
            answers.append(file.read().splitlines())
    for record, before, after in zip(records, *answers):
        print(f"\n  {record['prompt']}")
        for name, text in (("before", before or "(nothing)"), ("after", after or "(nothing)"), ("WordNet", record["completion"])):
            print(textwrap.fill(text, 100, initial_indent=f"    {name:8} ", subsequent_indent=" " * 13))


if __name__ == "__main__":
    main()
