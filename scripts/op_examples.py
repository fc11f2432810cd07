#!/usr/bin/env python3
"""Shows each op of a dialect's page in use: its first line in the dialect's tests.

    op_examples.py PAGE TESTS     PAGE is changed; TESTS is a folder of .mlir files, which are parsed when they are tested

An op whose description has an example keeps that one. Fails where an op stands in no test.
"""

import glob
import os
import re
import sys


def examples(folder):
    """{op: its first use}, of a use that spans lines all of them."""
    found = {}
    # What canonicalization removes is no good example, so that file is the last.
    for path in sorted(glob.glob(os.path.join(folder, "*.mlir")), key=lambda path: ("canonicalize" in path, path)):
        if path.endswith("-invalid.mlir"):
            continue
        with open(path) as file:
            lines = file.read().splitlines()
        for at, line in enumerate(lines):
            use = re.match(r"\s*(?:%[\w:, %]+ = )?([a-z]+\.\w+)\b", line)
            if not use or use.group(1) in found:
                continue
            end = at + 1
            while sum(text.count("{") - text.count("}") for text in lines[at:end]) > 0:
                end += 1
            indent = len(line) - len(line.lstrip())
            found[use.group(1)] = "\n".join(text[indent:] for text in lines[at:end])
    return found


def main():
    page, folder = sys.argv[1:]
    uses = examples(folder)
    with open(page) as file:
        parts = re.split(r"^(?=#+ `)", file.read(), flags=re.M)
    for i, part in enumerate(parts):
        op = re.match(r"#+ `(\w+\.\w+)` \(", part)
        if not op or "```mlir" in part:
            continue
        if op.group(1) not in uses:
            sys.exit(f"{folder}: {op.group(1)} stands in no test, so there is no example of it")
        # Behind the syntax and the description.
        end = re.compile(r"^(?:Traits:|Interfaces:|Effects:|#+ )|\Z", re.M).search(part, op.end()).start()
        parts[i] = f"{part[:end].rstrip()}\n\nExample:\n\n```mlir\n{uses[op.group(1)]}\n```\n\n{part[end:]}"
    with open(page, "w") as file:
        file.write("".join(parts))


if __name__ == "__main__":
    main()
