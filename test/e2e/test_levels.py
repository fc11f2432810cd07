"""The whole way in one command, and level by level through text files: the same program."""

import os
import unittest

from support import config, must, scratch, tool, weights, write_model


class Levels(unittest.TestCase):
    def compare(self, options, adapt, place="", **shape):
        folder = scratch()
        shape = config(**shape)
        model = write_model(os.path.join(folder, "model"), shape, weights(shape))
        at = lambda name: os.path.join(folder, name)
        must(tool("peftc"), model, *options, "--batch", "2", "--seq-len", "16", "--dtype", "f32", "--head-chunk", "8",
             "--emit=cpp", "-o", at("whole.cpp"))

        must(tool("peft-import"), "-mlir-print-debuginfo", model, "--batch", "2", "--seq-len", "16", "--dtype", "f32", "-o", at("0.mlir"))
        passes = [f"--peft-adapt={adapt}", "--peft-train", "--peft-fuse=head-chunk=8", "--peft-place" + place, "--peft-finish"]
        for i, flag in enumerate(passes):
            # Locations are part of the IR: layers are told apart by them.
            must(tool("peft-opt"), flag, "-mlir-print-debuginfo", at(f"{i}.mlir"), "-o", at(f"{i + 1}.mlir"))
        must(tool("peft-translate"), "--peft-to-cpp", at(f"{len(passes)}.mlir"), "-o", at("steps.cpp"))
        with open(at("whole.cpp")) as whole, open(at("steps.cpp")) as steps:
            self.assertEqual(whole.read(), steps.read())

    def test_lora(self):
        self.compare(["--lora", "r=4,alpha=8,targets=all-linear,dropout=0.1"], "lora=r=4,alpha=8,targets=all-linear,dropout=0.1",
                     num_hidden_layers=4)

    def test_adapters_that_read_one_value(self): # no masks of their own: one product
        options = "r=4,alpha=8,targets=all-linear"
        self.compare(["--lora", options], "lora=" + options, num_hidden_layers=4)
        self.compare(["--lora", options, "--memory", "232000"], "lora=" + options, "=memory=232000", num_hidden_layers=4)

    def test_budget(self):
        self.compare(["--lora", "r=4,dropout=0.1,targets=all-linear", "--memory", "240000"],
                     "lora=r=4,dropout=0.1,targets=all-linear", "=memory=240000", num_hidden_layers=4)

    def test_quantized_lora(self):
        self.compare(["--lora", "r=4", "--quantize", "nf4,double"], "lora=r=4 quantize=nf4,double fuse-quantized",
                     hidden_size=64, intermediate_size=64)

    def test_lora_on_a_base_in_eight_bits(self):
        self.compare(["--lora", "r=4", "--quantize", "fp8"], "lora=r=4 quantize=fp8 fuse-quantized", num_hidden_layers=4)

    def test_soft_prompt(self):
        self.compare(["--prompt-tuning", "tokens=3"], "prompt-tuning=tokens=3")

    def test_full(self):
        self.compare(["--full"], "method=full", num_hidden_layers=3)


if __name__ == "__main__":
    unittest.main()
