"""Programs for a GPU compile where nvcc is, and say what is missing where no GPU is."""

import os
import re
import unittest

from support import BUILD, config, must, run, scratch, tool, weights, write_model

HAS_KERNELS = os.path.exists(os.path.join(BUILD, "lib", "peft_cuda.link"))  # scripts/build.sh --cuda


@unittest.skipUnless(HAS_KERNELS, "no nvcc here: the CUDA kernels were not built")
class CudaProgram(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        shape = config()
        cls.model = write_model(os.path.join(cls.folder, "model"), shape, weights(shape))

    def compile(self, name, *options):
        """Without a warning: what nvcc and its host compiler say goes to standard error."""
        program = os.path.join(self.folder, name)
        result = run(tool("peftc"), self.model, "--target", "cuda", "--quiet", "--batch", "2", "--seq-len", "16", *options, "-o", program)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return program

    def test_every_method_compiles_without_warning(self):
        for name, options in {"lora": ["--lora", "r=4,targets=all-linear,dropout=0.1"],
                              "f32": ["--lora", "r=4,targets=all-linear", "--dtype", "f32"],
                              "nf4": ["--lora", "r=4", "--quantize", "nf4,double"],
                              "fp8": ["--lora", "r=4,targets=all-linear", "--quantize", "fp8"],
                              "prompt": ["--prompt-tuning", "tokens=4"], "bottleneck": ["--bottleneck", "reduction=4,activation=relu"],
                              "full": ["--full", "--optim", "sgd"]}.items():
            with self.subTest(name):
                self.compile(name, *options)

    def test_gradients_summed_where_swiglu_is_compile_without_warning(self):
        shape = config(hidden_size=64, intermediate_size=2048)  # large enough for it: 8192 rows of 2048 columns
        model = write_model(os.path.join(self.folder, "wide"), shape, weights(shape))
        program = os.path.join(self.folder, "summing")
        result = run(tool("peftc"), model, "--target", "cuda", "--lora", "r=4,targets=all-linear", "--quiet", "--batch", "64",
                     "--seq-len", "128", "-o", program)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        with open(program + ".cu") as file:
            self.assertTrue("rt::map_weight_grads<silu_mul_mul_mul_silu_grad, 0b110, 0b111>(ctx, " in file.read())

    def test_a_budget_with_offloading_compiles_without_warning(self):
        shape = config(hidden_size=128, intermediate_size=256, num_attention_heads=2, num_key_value_heads=1, num_hidden_layers=6)
        model = write_model(os.path.join(self.folder, "deep"), shape, weights(shape))
        command = [tool("peftc"), model, "--target", "cuda", "--lora", "r=4,targets=all-linear", "--batch", "32", "--seq-len", "256"]
        least = re.search(r"the least possible is .* \((\d+) bytes", run(*command, "--emit=memory", "--memory", "1").stderr).group(1)
        program = os.path.join(self.folder, "budget")
        result = run(*command, "--memory", least, "--quiet", "-o", program)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        with open(program + ".cu") as file:
            text = file.read()
        for call in ("offload", "fetch", "await"):
            self.assertIn(f"rt::{call}<bf16>(ctx, ", text)

    @unittest.skipIf(os.path.exists("/dev/nvidia0"), "there is a GPU")
    def test_without_a_gpu_one_line_says_so(self):
        result = run(self.compile("alone", "--lora", "r=4"), "--bench", "1")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"\Aerror: no nvidia driver found; this program needs a gpu and a driver for cuda 13\.0 or newer\n\Z")

    def test_the_text_is_that_of_the_cpu(self):
        for target in ("cpu", "cuda"):
            must(tool("peftc"), self.model, "--target", target, "--lora", "r=4", "--dtype", "f32", "--batch", "2", "--seq-len", "16",
                 "--emit=cpp", "-o", os.path.join(self.folder, target))
        texts = []
        for target in ("cpu", "cuda"):
            with open(os.path.join(self.folder, target)) as file:
                texts.append(file.read().splitlines())
        calls = [[line for line in text if line.startswith("  rt::") and "Place" not in line] for text in texts]
        self.assertEqual(calls[0], calls[1])


if __name__ == "__main__":
    unittest.main()
