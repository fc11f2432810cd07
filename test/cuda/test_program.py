"""Programs on a GPU: the bits of a run, of a resumed one, bf16 beside float32, FP8 beside both and the CPU's, the plan
beside the driver's count, and what is said when the card is full or fails. scripts/gpu_suite.sh runs it."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from support import BUILD, config, documents, must, run, scratch, tool, weights, write_data, write_model

SHAPE = config(hidden_size=128, intermediate_size=256, num_attention_heads=2, num_key_value_heads=1)
DROPOUT, PLAIN = (["--lora", "r=4,targets=all-linear" + more] for more in (",dropout=0.1", ""))
# Without dropout adapters lie within the layers' products.
OPTIONS = {"f32": ["--dtype", "f32", *DROPOUT], "bf16": ["--dtype", "bf16", *DROPOUT], "bf16-plain": ["--dtype", "bf16", *PLAIN]}
FP8 = {"fp8": ["--dtype", "bf16", "--quantize", "fp8", *DROPOUT], "fp8-f32": ["--dtype", "f32", "--quantize", "fp8", *DROPOUT]}
CAPABILITY = subprocess.run(["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"], stdout=subprocess.PIPE, text=True).stdout
HAS_FP8 = CAPABILITY.startswith("9.0")


class ProgramOnGpu(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        cls.model = write_model(os.path.join(cls.folder, "model"), SHAPE, weights(SHAPE))
        cls.data = write_data(os.path.join(cls.folder, "data.safetensors"), documents())
        kinds = {**OPTIONS, **(FP8 if HAS_FP8 else {})}
        with ThreadPoolExecutor() as pool:  # nvcc takes one core each
            cls.programs = dict(zip(kinds, pool.map(lambda kind: cls.compile(kind[0], "cuda", kind[1]), kinds.items())))

    @classmethod
    def compile(cls, name, target, options):
        program = os.path.join(cls.folder, name)
        must(tool("peftc"), cls.model, "--target", target, *options, "--batch", "2", "--seq-len", "64", "--quiet", "-o", program)
        return program

    def train(self, dtype, name, *options):
        out = os.path.join(self.folder, f"{dtype}-{name}")
        must(self.programs[dtype], "--data", self.data, "--output_dir", out, "--learning_rate", "1e-3", "--logging_steps", "1",
             "--max_steps", "12", *options)
        return out

    def read(self, folder, name="adapter_model.safetensors"):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    def losses(self, folder):
        rows = [json.loads(line) for line in self.read(folder, "metrics.jsonl").decode().splitlines()]
        return [row["loss"] for row in rows if "loss" in row]

    def test_the_same_seed_gives_the_same_bits(self):
        for dtype in self.programs:
            first, second = self.train(dtype, "first"), self.train(dtype, "second")
            self.assertEqual(self.read(first), self.read(second), dtype)
            self.assertEqual(self.losses(first), self.losses(second), dtype)

    def test_a_resumed_run_has_the_bits_of_an_unbroken_one(self):
        for dtype in self.programs:
            whole = self.train(dtype, "whole", "--save_steps", "5")
            resumed = self.train(dtype, "resumed", "--resume_from_checkpoint", os.path.join(whole, "checkpoint-5"))
            self.assertEqual(self.read(whole), self.read(resumed), dtype)

    def test_a_budget_changes_no_bit(self):
        shape = {**SHAPE, "num_hidden_layers": 6, "max_position_embeddings": 1024}
        model = write_model(os.path.join(self.folder, "deep"), shape, weights(shape))
        command = [tool("peftc"), model, "--target", "cuda", *DROPOUT, "--batch", "8", "--seq-len", "1024"]

        def least(*options):
            said = run(*command, *options, "--emit=memory", "--memory", "1").stderr
            return ["--memory", re.search(r"the least possible is .* \((\d+) bytes", said).group(1), *options]

        self.assertIn("offloaded: ", must(*command, "--emit=memory", *least()))
        adapters = {}
        for name, options in (("whole", []), ("offloaded", least()), ("recomputed", least("--offload=off"))):
            self.programs[name] = os.path.join(self.folder, name)
            self.addCleanup(self.programs.pop, name)
            must(*command, *options, "--quiet", "-o", self.programs[name])
            out = self.train(name, "budget")
            adapters[name] = self.read(out), self.losses(out)
        self.assertEqual(adapters["whole"], adapters["offloaded"])
        self.assertEqual(adapters["whole"], adapters["recomputed"])

    def test_bf16_follows_float32(self):
        exact, rounded = (self.losses(self.train(dtype, "curve")) for dtype in ("f32", "bf16"))
        self.assertLess(exact[-1], exact[0])
        for a, b in zip(exact, rounded):
            self.assertLess(abs(a - b), 0.02 * a)

    def test_adapters_within_the_layers_products_train_the_same_model(self):
        for name, options in (("apart", ["--fuse-projections=off"]), ("within", ["--fuse-projections=on"])):
            self.programs[name] = self.compile(name, "cuda", ["--dtype", "f32", *PLAIN, *options])
            self.addCleanup(self.programs.pop, name)
        apart, within, rounded = (self.losses(self.train(name, "fused")) for name in ("apart", "within", "bf16-plain"))
        self.assertLess(apart[-1], apart[0])
        for a, b, c in zip(apart, within, rounded):
            self.assertLess(abs(a - b), 1e-4 * a)
            self.assertLess(abs(a - c), 0.02 * a)

    def test_gradients_summed_where_swiglu_is_train_the_same_model(self):
        # Large enough for it: 8192 rows of 2048 columns.
        shape = {**SHAPE, "intermediate_size": 2048, "max_position_embeddings": 1024}
        model = write_model(os.path.join(self.folder, "large"), shape, weights(shape))
        data = write_data(os.path.join(self.folder, "large.safetensors"), documents(1500))
        losses = []
        for dtype in ("f32", "bf16"):
            program, out = (os.path.join(self.folder, f"large-{dtype}{end}") for end in ("", "-out"))
            must(tool("peftc"), model, "--target", "cuda", "--dtype", dtype, *PLAIN, "--batch", "8", "--seq-len", "1024", "--quiet",
                 "-o", program)
            with open(program + ".cu") as file:
                self.assertEqual("map_weight_grads" in file.read(), dtype == "bf16")
            must(program, "--data", data, "--output_dir", out, "--learning_rate", "1e-3", "--logging_steps", "1", "--max_steps", "12")
            losses.append(self.losses(out))
        self.assertLess(losses[0][-1], losses[0][0])
        for a, b in zip(*losses):
            self.assertLess(abs(a - b), 0.02 * a)

    def test_sums_in_any_order_train_the_same_model(self):
        self.programs["any-order"] = os.path.join(self.folder, "any-order")
        self.addCleanup(self.programs.pop, "any-order")
        must(tool("peftc"), self.model, "--target", "cuda", "--deterministic=off", "--lora", "r=4,targets=all-linear,dropout=0.1",
             "--batch", "2", "--seq-len", "64", "--quiet", "-o", self.programs["any-order"])
        one, other = (self.losses(self.train(program, "order")) for program in ("bf16", "any-order"))
        for a, b in zip(one, other):
            self.assertLess(abs(a - b), 0.01 * a)

    @unittest.skipUnless(HAS_FP8, "this GPU is not of compute capability 9.0")
    def test_fp8_follows_the_dense_base(self):
        exact = self.losses(self.train("f32", "dense"))
        for name in FP8:
            losses = self.losses(self.train(name, "beside"))
            self.assertNotEqual(exact[0], losses[0])
            for a, b in zip(exact, losses):
                self.assertLess(abs(a - b), 0.03 * a, name)

    @unittest.skipUnless(HAS_FP8, "this GPU is not of compute capability 9.0")
    def test_fp8_follows_the_cpu(self):
        gpu = self.losses(self.train("fp8-f32", "gpu"))
        self.programs["cpu"] = self.compile("cpu", "cpu", FP8["fp8-f32"])
        self.addCleanup(self.programs.pop, "cpu")
        cpu = self.losses(self.train("cpu", "cpu"))
        # The sums of tensor cores are shorter, and a code that turns over for it is off by a sixteenth.
        self.assertLess(abs(gpu[0] - cpu[0]), 0.005 * cpu[0])
        for a, b in zip(cpu, gpu):
            self.assertLess(abs(a - b), 0.02 * a)


def compile_text(source, program):
    """As peftc does with the text that it has written."""
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    nvcc = os.path.join(home, "bin", "nvcc") if os.path.exists(os.path.join(home, "bin", "nvcc")) else shutil.which("nvcc")
    must(nvcc, "-std=c++17", "-O3", "-gencode=arch=compute_80,code=sm_80", "-gencode=arch=compute_90a,code=sm_90a",
         "-Xcompiler=-fopenmp", "-I" + os.path.join(BUILD, "include"), source, "-L" + os.path.join(BUILD, "lib"),
         "-Xlinker=--whole-archive", "-lpeft_main", "-Xlinker=--no-whole-archive", "-Xlinker=--start-group", "-lpeft_runtime",
         "-lpeft_kernels_cuda", "-Xlinker=--end-group", "--options-file=" + os.path.join(BUILD, "lib", "peft_cuda.link"), "-o", program)


def failing_after(text, steps):
    """An emitted program whose update traps on the GPU after that many steps."""
    entries = "micro_step, evaluate, forward, update};"
    assert text.count(entries) == 1 and text.count("static const peft_program_t program") == 1
    text = text.replace(entries, "micro_step, evaluate, forward, failing_update};")
    return text.replace("static const peft_program_t program", """
__global__ void fail(const peft_update_t *arguments) {
  if (arguments->step > %d)
    __trap();
}
static void failing_update(const peft_context_t *context, const peft_update_t *arguments, const float **norm) {
  update(context, arguments, norm);
  fail<<<1, 1, 0, rt::streamOf(*context)>>>(arguments);
}

static const peft_program_t program""" % steps)


class MostOfTheMemory:
    """Another process's: all that is free but `left` bytes."""

    CODE = """
import ctypes, sys
cuda = ctypes.CDLL("libcuda.so.1")
def do(name, *args):
    code = getattr(cuda, name)(*args)
    if code: sys.exit(f"{name}: {code}")
context, free, total, memory = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_size_t(), ctypes.c_void_p()
do("cuInit", 0)
do("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
do("cuCtxSetCurrent", context)
do("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
do("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(free.value - %d))
print("held", flush=True)
sys.stdin.read()
"""

    def __init__(self, left):
        self.left = left

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", self.CODE % self.left], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "held\n":
            raise AssertionError(self.process.communicate()[1])

    def __exit__(self, *_):
        self.process.communicate("")


class MemoryOfAGpu(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        shape = config(hidden_size=512, intermediate_size=1024, num_hidden_layers=2, num_attention_heads=8, num_key_value_heads=4,
                       vocab_size=256, max_position_embeddings=1024)
        cls.model = write_model(os.path.join(cls.folder, "model"), shape, weights(shape))

    def compile(self, batch, *options):
        program = os.path.join(self.folder, f"train-{batch}")
        must(tool("peftc"), self.model, "--target", "cuda", "--lora", "r=8,targets=all-linear", "--batch", str(batch),
             "--seq-len", "1024", "--quiet", *options, "-o", program)
        return program

    def test_the_driver_counts_what_was_planned(self):
        for batch in (64, 256):
            with self.subTest(batch=batch):
                measured = json.loads(must(self.compile(batch), "--bench", "6"))
                planned, grown = measured["arena_bytes"], measured["device_growth_bytes"]
                self.assertGreater(planned, 2**30)
                self.assertLess(abs(grown - planned), 0.01 * planned, f"planned {planned}, grown by {grown}")

    def test_a_full_card_is_one_line_with_what_would_fit(self):
        program = self.compile(64)
        with MostOfTheMemory(left=2**30):
            result = run(program, "--bench", "1")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"\Aerror: not enough memory on [^\n]+: the program needs [0-9.]+ GiB, [0-9.]+ [GM]iB of [0-9.]+ GiB "
                                        r"are free; (compile with --batch|even --batch 1 takes)[^\n]*--quantize nf4\n\Z")


class AGpuThatFails(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        cls.model = write_model(os.path.join(cls.folder, "model"), SHAPE, weights(SHAPE))
        cls.data = write_data(os.path.join(cls.folder, "data.safetensors"), documents())
        cls.program = os.path.join(cls.folder, "train")
        must(tool("peftc"), cls.model, "--target", "cuda", "--lora", "r=4,targets=all-linear", "--batch", "2", "--seq-len", "64",
             "--quiet", "-o", cls.program)

    def train(self, program, out, *options, **more):
        return run(program, "--data", self.data, "--output_dir", os.path.join(self.folder, out), "--max_steps", "12",
                   "--learning_rate", "1e-3", *options, **more)

    def test_in_mid_run_the_last_checkpoint_stays(self):
        with open(self.program + ".cu") as file:
            text = failing_after(file.read(), 5)
        with open(os.path.join(self.folder, "failing.cu"), "w") as file:
            file.write(text)
        failing = os.path.join(self.folder, "failing")
        compile_text(failing + ".cu", failing)
        result = self.train(failing, "failed", "--save_steps", "2")
        self.assertEqual(result.returncode, 2)
        errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        self.assertEqual(result.stderr.splitlines()[-1:], errors, result.stderr)  # one, and nothing after it
        checkpoint = os.path.join(self.folder, "failed", "checkpoint-4")
        self.assertRegex(errors[0], r"\Aerror: step 5: the gpu failed: .*, stopped; the last good checkpoint is " + re.escape(checkpoint) + r"\Z")
        # It is whole: a program that works goes on from it, to where an unbroken run comes.
        resumed = self.train(self.program, "resumed", "--resume_from_checkpoint", checkpoint)
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        whole = self.train(self.program, "whole")
        self.assertEqual(whole.returncode, 0, whole.stderr)
        adapters = []
        for out in ("resumed", "whole"):
            with open(os.path.join(self.folder, out, "adapter_model.safetensors"), "rb") as file:
                adapters.append(file.read())
        self.assertEqual(*adapters)

    def test_products_timed_on_another_card_are_timed_again(self):
        cache = os.path.join(self.folder, "cache")
        os.makedirs(os.path.join(cache, "peft-mlir"))
        with open(os.path.join(cache, "peft-mlir", "gemm.json"), "w") as file:
            json.dump({"device": "NVIDIA Nothing", "cublaslt": 1, "products": {}}, file)
        environment = {**os.environ, "XDG_CACHE_HOME": cache, "OMP_NUM_THREADS": "2"}
        result = subprocess.run([self.program, "--bench", "2"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"\Awarning: [^\n]*gemm\.json: products were timed on 'NVIDIA Nothing'[^\n]*: the file is ignored "
                                        r"and they are timed anew\n\Z")
        with open(os.path.join(cache, "peft-mlir", "gemm.json")) as file:
            self.assertNotEqual(json.load(file)["device"], "NVIDIA Nothing")


if __name__ == "__main__":
    unittest.main()
