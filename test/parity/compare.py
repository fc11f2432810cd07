"""How far a program's results are from the expected ones, and whether that is near enough.

Each function returns (worst, complaints): the largest error in the measure's own unit, and a text for
everything that is beyond its tolerance.
"""

import re

import numpy as np

LEARNING_RATE = 1e-6  # relative; the schedule is computed in double
GRAD_NORM = 1e-3      # relative, over all steps
GRADIENT = 1e-4       # relative, or GRADIENT_SMALL absolute where the reference is below GRADIENT_TINY
GRADIENT_TINY, GRADIENT_SMALL = 1e-3, 1e-6
FINAL = 2e-3          # of the way gone, or FINAL_SMALL absolute where nothing but rounding was gone
FINAL_NOISE, FINAL_SMALL = 1e-6, 1e-5
MERGED = 1e-5         # relative


def file_key(name):
    """PyTorch's name of a parameter and its key in an adapter file, as one.

    PEFT's modules hold their tensors by adapter name (lora_A.default.weight), which its file leaves out, and
    wrap the module they change or copy (base_layer, modules_to_save); a prompt encoder's embedding is the
    file's prompt_embeddings.
    """
    parts = [part for part in name.split(".") if part not in ("default", "modules_to_save", "base_layer")]
    key = ".".join(parts)
    key = re.sub(r"^prompt_encoder\.embedding\.weight$", "prompt_embeddings", key)
    return re.sub(r"\.(lora_magnitude_vector|lora_embedding_[AB])\.weight$", r".\1", key)


def norm(values):
    return float(np.linalg.norm(np.asarray(values, np.float64).ravel()))


def numbers(what, expected, found, tolerance):
    """Two lists of scalars, one a step."""
    if len(expected) != len(found):
        return float("inf"), [f"{what} of {len(found)} steps, expected {len(expected)}"]
    worst, complaints = 0.0, []
    for step, (want, have) in enumerate(zip(expected, found)):
        error = abs(have - want) / abs(want) if want else abs(have)
        worst = max(worst, error)
        if not error <= tolerance:
            complaints.append(f"{what} of step {step} is {have:.8g}, expected {want:.8g}")
    return worst, complaints


def tensors(what, expected, found, measure, others=()):
    """Two sets of tensors by file_key; `measure(key, want, have)` is (error, near enough). Those of `others`
    may be found too."""
    expected = {file_key(name): value for name, value in expected.items()}
    others = {file_key(name) for name in others} - expected.keys()
    found = {file_key(name): value for name, value in found.items() if file_key(name) not in others}
    complaints = [f"{what}: {name} is missing" for name in sorted(expected.keys() - found.keys())]
    complaints += [f"{what}: {name} is not expected" for name in sorted(found.keys() - expected.keys())]
    worst = float("inf") if complaints else 0.0
    for name in sorted(expected.keys() & found.keys()):
        want, have = expected[name], found[name]
        if want.shape != have.shape:
            error, good = float("inf"), False
            complaints.append(f"{what}: {name} is {have.shape}, expected {want.shape}")
        else:
            error, good = measure(name, want, have)
            if not good:
                complaints.append(f"{what}: {name} is off by {error:.2g}")
        worst = max(worst, error if np.isfinite(error) else float("inf"))
    return worst, complaints


def gradients(expected, found, trainable):
    """Of all `trainable` tensors, or of those that a case of a large model has chosen."""
    def measure(_, want, have):
        size, error = norm(want), norm(have - want)
        if size < GRADIENT_TINY:
            good = error <= GRADIENT_SMALL or error <= GRADIENT * size
            return (0.0 if good else error / max(size, 1e-30)), good
        return error / size, error <= GRADIENT * size
    return tensors("gradient", expected, found, measure, trainable)


def finals(expected, found, initial, step0):
    """Trained tensors: the error is told in lengths of the way from `initial` to `expected`."""
    initial = {file_key(name): value for name, value in initial.items()}
    step0 = {file_key(name): value for name, value in step0.items()}

    def measure(name, want, have):
        way, error = norm(want - initial[name]), norm(have - want)
        if error <= FINAL * way:
            return (error / way if way else 0.0), True
        noise = name in step0 and np.abs(step0[name]).max(initial=0) < FINAL_NOISE
        if noise and np.abs(have - want).max() <= FINAL_SMALL:
            return 0.0, True
        return error / max(way, 1e-30), False
    return tensors("final", expected, found, measure)


def merged(expected, found):
    """Only what the merge changes is expected; the rest of the checkpoint may be there too."""
    def measure(_, want, have):
        error = norm(have - want) / max(norm(want), 1e-30)
        return error, error <= MERGED
    return tensors("merged", expected, found, measure, others=found)
