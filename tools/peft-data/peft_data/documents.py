"""The file that the training binary reads: flat documents in one safetensors.

    input_ids    I32 [T]    the tokens of all documents, one after another
    labels       I32 [T]    the token itself where it is learnt, else -100 (training data only)
    doc_offsets  I64 [D+1]  document d is input_ids[doc_offsets[d] : doc_offsets[d+1]]

Labels are not shifted: the program predicts labels[t+1] at t. Documents are not
packed or padded here; the binary does that, so that one file serves every
batch shape.
"""

import errno
import os
import re

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .errors import DataError

FORMAT, VERSION = "peft-data", "1"
IGNORED = -100


class Output:
    """Files that appear together, each whole: written under other names, which `with` changes at its end.

        with Output() as output:
            output.add(path, data)
    """

    def __enter__(self):
        self.temporaries = {}
        return self

    def add(self, path, data):
        temporary = f"{path}.tmp{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            if os.path.isdir(path):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            self.temporaries[path] = temporary
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror}") from None

    def __exit__(self, kind, *_):
        for path, temporary in self.temporaries.items():
            if kind is None:
                os.replace(temporary, path)
            elif os.path.exists(temporary):
                os.unlink(temporary)


def encoded(documents, metadata):
    """The file's bytes. `documents` is [(ids, labels or None)]; labels in all of them or in none."""
    lengths = [len(ids) for ids, _ in documents]
    tensors = {
        "input_ids": np.concatenate([np.asarray(ids, np.int32) for ids, _ in documents]),
        "doc_offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    }
    if documents[0][1] is not None:
        tensors["labels"] = np.concatenate([np.asarray(labels, np.int32) for _, labels in documents])
    return save(tensors, {"format": FORMAT, "format_version": VERSION, **metadata})


def read(path):
    """([(ids, labels or None)], metadata) of a file of this form, as the binary's `generate` writes it too."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, keys = file.metadata() or {}, set(file.keys())
            if not {"input_ids", "doc_offsets"} <= keys:
                raise DataError(f"{path}: no 'input_ids' and 'doc_offsets' in this file; it is not one of peft-data's")
            ids, offsets = file.get_tensor("input_ids"), file.get_tensor("doc_offsets")
            labels = file.get_tensor("labels") if "labels" in keys else None
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (SafetensorError, OSError) as error:
        reason = re.sub(r"^Error while deserializing header: ", "", str(error).splitlines()[0])
        raise DataError(f"{path}: not a safetensors file: {reason}") from None
    flat = ids.ndim == 1 and offsets.ndim == 1 and len(offsets) > 0 and (labels is None or labels.shape == ids.shape)
    if not flat or offsets[0] != 0 or offsets[-1] != len(ids) or np.any(np.diff(offsets) < 0):
        raise DataError(f"{path}: 'doc_offsets' does not divide 'input_ids' into documents; the file is damaged")
    spans = list(zip(offsets[:-1].tolist(), offsets[1:].tolist()))
    return [(ids[a:b], None if labels is None else labels[a:b]) for a, b in spans], metadata
