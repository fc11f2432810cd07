"""Emitted programs against an installed runtime, as a user without the compiler's sources builds them."""

import os
import time
import unittest

from support import BUILD, ROOT, SMOLLM2, config, must, run, scratch, tool, weights, write_model

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(step LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_BUILD_TYPE Release)
find_package(PeftRuntime REQUIRED)
add_executable(train step.cpp)
target_compile_options(train PRIVATE -Wall -Wextra -Werror)
target_link_libraries(train PRIVATE PeftRuntime::peft_main PeftRuntime::peft_avx2)
"""


def emit(model, output, *options):
    must(tool("peftc"), model, "--lora", "r=4,targets=all-linear", "--dtype", "f32", "--emit=cpp", "-o", output, *options)
    return output


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        cls.prefix = os.path.join(cls.folder, "prefix")
        must("cmake", "--install", os.path.join(BUILD, "runtime"), "--prefix", cls.prefix)

    def compile_seconds(self, source):
        begin = time.monotonic()
        must("g++", "-std=c++17", "-O3", "-march=x86-64-v3", "-fopenmp", "-Wall", "-Wextra", "-Werror", "-c", source,
             "-I", os.path.join(self.prefix, "include"), "-o", source + ".o")
        return time.monotonic() - begin

    def test_find_package(self):
        shape = config()
        model = write_model(os.path.join(self.folder, "model"), shape, weights(shape))
        project = os.path.join(self.folder, "project")
        os.makedirs(project)
        emit(model, os.path.join(project, "step.cpp"), "--batch", "2", "--seq-len", "16")
        with open(os.path.join(project, "CMakeLists.txt"), "w") as file:
            file.write(PROJECT)
        build = os.path.join(project, "build")
        must("cmake", "-G", "Ninja", "-S", project, "-B", build, "-DCMAKE_PREFIX_PATH=" + self.prefix)
        must("cmake", "--build", build)
        info = must(os.path.join(build, "train"), "info")
        self.assertIn("rows of [2, 16], vocabulary 40, optimizer adamw", info)
        self.assertRegex(info, r"layers\.1\.mlp\.down_proj\.lora_B\.weight +\[32, 4\] +f32 +trainable")

    def test_auto_is_what_the_probe_says(self):
        """A prefix whose peft-probe has the exit code that is wanted."""
        model = os.path.join(ROOT, "test", "parity", "models", "llama")
        prefix, out = os.path.join(self.folder, "probed"), os.path.join(self.folder, "auto")
        os.makedirs(os.path.join(prefix, "bin"))
        for part in ("include", "lib"):
            os.symlink(os.path.join(self.prefix, part), os.path.join(prefix, part))
        probe = os.path.join(prefix, "bin", "peft-probe")
        command = [tool("peftc"), model, "--lora", "r=4", "--seq-len", "12", "--runtime", prefix, "--quiet", "-o", out]
        for code, dtype in ((0, "bf16"), (1, "float")):
            with open(probe, "w") as file:
                file.write(f"#!/bin/sh\nexit {code}\n")
            os.chmod(probe, 0o755)
            must(*command)
            with open(out + ".cpp") as file:
                self.assertIn(f"rt::rms_norm<{dtype}>", file.read())
        with open(probe, "w") as file:
            file.write("#!/bin/sh\nexit 3\n")
        failed = run(*command)
        self.assertEqual((failed.returncode, failed.stderr.count("\n")), (2, 1), failed.stderr)
        self.assertIn("peft-probe failed: give --dtype f32 or bf16", failed.stderr)
        # The real one has an answer, and no processor without the instructions says yes.
        answer = run(tool("peft-probe"))
        self.assertIn((answer.returncode, answer.stdout + answer.stderr), [(0, ""), (1, "")])
        with open("/proc/cpuinfo") as file:
            self.assertTrue(answer.returncode == 1 or "avx512_bf16" in file.read())

    def test_two_layers_compile_without_warning(self):
        model = write_model(os.path.join(self.folder, "two"), config())
        self.assertLess(self.compile_seconds(emit(model, os.path.join(self.folder, "two.cpp"))), 30)

    def test_thirty_layers_are_the_functions_of_four(self):
        # Of the shape of SmolLM2-135M; there are no weights, and none are needed up to here. The first layer is another
        # function, having no gradient to hand down, so four layers are the fewest with a run of equal ones.
        text = {}
        for layers in (4, 30):
            model = write_model(os.path.join(self.folder, f"smollm2-{layers}"), {**SMOLLM2, "num_hidden_layers": layers})
            source = emit(model, os.path.join(self.folder, f"smollm2-{layers}.cpp"))
            with open(source) as file:
                text[layers] = file.read()
        self.assertLess(self.compile_seconds(source), 30)
        # What grows are tables: a row a layer and a row a parameter.
        functions = {n: text[n].split("static const peft_parameter_t")[0] for n in text}
        calls = {n: [line for line in functions[n].splitlines() if "rt::" in line] for n in text}
        self.assertEqual(len(calls[4]), len(calls[30]))


if __name__ == "__main__":
    unittest.main()
