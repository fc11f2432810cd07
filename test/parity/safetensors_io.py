"""Reads .safetensors files with numpy alone."""

import json
import struct

import numpy as np

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}


def shapes(path):
    """{name: shape}, from the header alone."""
    return {name: tuple(entry["shape"]) for name, entry in _header(path)[0].items()}


def load(path):
    """{name: array}; bf16 becomes float32."""
    entries, start = _header(path)
    data = np.memmap(path, np.uint8, mode="r", offset=start) if entries else None
    tensors = {}
    for name, entry in entries.items():
        begin, end = entry["data_offsets"]
        raw = data[begin:end].tobytes()
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
        else:
            values = np.frombuffer(raw, _TYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def _header(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        entries = json.loads(file.read(length))
    entries.pop("__metadata__", None)
    return entries, 8 + length
