"""What peft-data refuses, and what it only says."""

import sys


class DataError(Exception):
    """Bad input: one line with the cause and what would work. The tool exits with 2."""


def warn(message):
    print(f"peft-data: warning: {message}", file=sys.stderr)


def count_of(number, noun):
    """'1 row', '3 rows'."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def join_names(names, limit=12):
    """'a', 'b', 'c' for a message; long lists end in dots."""
    names = [f"'{name}'" for name in names]
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
