"""The key-value part of a GGUF file (versions 2 and 3, little endian).

Only the keys are read; tensors are never touched. Every length is checked
against the bytes that are left before anything is allocated, so that a
truncated or lying file is one error and not a huge allocation.
"""

import mmap
import struct

from .errors import DataError

STRING, ARRAY, BOOL = 8, 9, 7
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", BOOL: "?", 10: "Q", 11: "q", 12: "d"}
MAX_DEPTH = 4


class _Reader:
    def __init__(self, path, data):
        self.path, self.data, self.at = path, data, 0

    def fail(self, what):
        raise DataError(f"{self.path}: {what} at byte {self.at}; the file is damaged, fetch it again")

    def scalar(self, code, what):
        size = struct.calcsize("<" + code)
        if size > len(self.data) - self.at:
            self.fail(f"{what} runs past the end of the file")
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += size
        return value

    def string(self, what):
        length = self.scalar("Q", what)
        if length > len(self.data) - self.at:
            self.fail(f"{what}: a string of {length} bytes, but {len(self.data) - self.at} are left,")
        raw = self.data[self.at : self.at + length]
        self.at += length
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.fail(f"{what} is not UTF-8")

    def array(self, what, depth):
        kind = self.scalar("I", what)
        count = self.scalar("Q", what)
        left = len(self.data) - self.at
        if kind in SCALARS:
            size = struct.calcsize("<" + SCALARS[kind])
            if count > left // size:
                self.fail(f"{what}: an array of {count} elements, but {left} bytes are left,")
            values = list(struct.unpack_from(f"<{count}{SCALARS[kind]}", self.data, self.at))
            self.at += count * size
            return values
        # The shortest string is its length alone, the shortest array its header.
        if count > left // 8:
            self.fail(f"{what}: an array of {count} elements, but {left} bytes are left,")
        return [self.value(kind, what, depth + 1) for _ in range(count)]

    def value(self, kind, what, depth=0):
        if depth > MAX_DEPTH:
            self.fail(f"{what}: arrays nested deeper than {MAX_DEPTH}")
        if kind in SCALARS:
            return self.scalar(SCALARS[kind], what)
        if kind == STRING:
            return self.string(what)
        if kind == ARRAY:
            return self.array(what, depth)
        self.fail(f"{what}: unknown value type {kind}")


def _read(path, data):
    reader = _Reader(path, data)
    if bytes(data[:4]) != b"GGUF":
        raise DataError(f"{path}: not a GGUF file (it does not begin with 'GGUF')")
    reader.at = 4
    version = reader.scalar("I", "the version")
    if version not in (2, 3):
        raise DataError(f"{path}: GGUF version {version}, expected 2 or 3 (little endian)")
    reader.scalar("Q", "the number of tensors")
    count = reader.scalar("Q", "the number of keys")
    # A key takes at least 8 (its length) + 4 (type) + 1 (value) bytes.
    if count > len(data) // 13:
        reader.fail(f"{count} keys cannot fit in {len(data)} bytes, read")
    keys = {}
    for i in range(count):
        name = reader.string(f"key {i}")
        if name in keys:
            reader.fail(f"key '{name}' appears twice, again")
        keys[name] = reader.value(reader.scalar("I", f"the type of '{name}'"), f"'{name}'")
    return keys


def read_keys(path):
    """All keys of the file at `path`, as a dict of Python values."""
    try:
        with open(path, "rb") as file:
            if file.seek(0, 2) < 24:
                raise DataError(f"{path}: not a GGUF file (shorter than its header)")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _read(path, data)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
