"""A case folder of the parity form: what it asks of the compiler and of the program."""

import json
import os

import safetensors_io

# Keys of case.json's 'optimizer' under the names of the program's options; any other key keeps its name.
_OPTIONS = {"lr": "learning_rate", "beta1": "adam_beta1", "beta2": "adam_beta2", "eps": "adam_epsilon",
            "grad_accum": "gradient_accumulation_steps", "schedule": "lr_scheduler_type", "warmup": "warmup_steps"}


class Case:
    def __init__(self, folder):
        self.folder = folder
        self.name = os.path.basename(os.path.normpath(folder))
        with open(self.path("case.json")) as file:
            self.json = json.load(file)
        self.model = self.json["model"]
        self.steps = self.json["steps"]
        self.optimizer = self.json["optimizer"]

    def path(self, name):
        return os.path.join(self.folder, name)

    def tensors(self, name):
        """The tensors of a file of the case, or None where the case has no such file."""
        path = self.path(name + ".safetensors")
        return safetensors_io.load(path) if os.path.exists(path) else None

    def recipe(self):
        """What follows the model on the compiler's command line."""
        method = self.json["method"]
        if method in ("peft", "adapters"):
            return [self.path("adapter_config.json")]
        if method == "full":
            return ["--full"]
        if method == "bias":
            return ["--bitfit"]
        if method.startswith("regex:"):
            return ["--train=" + method[len("regex:"):]]
        raise ValueError(f"unknown method '{method}' in case.json")

    def compile_arguments(self, target):
        batch, length = safetensors_io.shapes(self.path("batches.safetensors"))["input_ids.0"]
        return [*self.recipe(), "--dtype=f32", f"--target={target}", f"--batch={batch}", f"--seq-len={length}",
                f"--optim={self.optimizer['name']}", "--quiet"]

    def train_arguments(self):
        """The whole replay but for where it writes. A scalar without an option of its own is passed on under
        its name, so that a program that doesn't know it says so."""
        values = {"max_grad_norm": 0}  # null: no clipping
        for key, value in _scalars(self.optimizer):
            values[_OPTIONS.get(key, key)] = value
        values.pop("name")
        return ["--batches", self.path("batches.safetensors"), "--init-adapter", self.path("init.safetensors"),
                "--max_steps", str(self.steps), "--logging_steps", "1", "--save_strategy", "no", "--disable_tqdm",
                *(f"--{name}={value}" for name, value in values.items())]

    @property
    def loss_tolerance(self):
        return 1e-3 if self.model.endswith(".gguf") else 5e-5


def _scalars(options, prefix=""):
    for key, value in options.items():
        if isinstance(value, dict):
            yield from _scalars(value, prefix + key + "_")
        elif value is not None and not isinstance(value, list):
            yield prefix + key, value
