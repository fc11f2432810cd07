"""Where a tool's text goes: all of it, or one line that says why not and exit code 2."""

import os
import pathlib
import resource
import subprocess
import threading
import unittest

from support import ROOT, must, run, scratch, tool

MODEL = os.path.join(ROOT, "test", "pipelines", "Inputs", "tiny-llama")
ADAPTER = os.path.join(ROOT, "test", "parity", "cases", "llama-lora")


def peftc(emit, *more):
    return [tool("peftc"), MODEL, "--lora", "r=4", "--seq-len", "12", "--emit=" + emit, *more]


class Output(unittest.TestCase):
    def setUp(self):
        self.folder = scratch()
        self.levels = {}
        for level in ("mlir", "exec", "emitc"):
            self.levels[level] = self.path(level + ".mlir")
            must(*peftc(level, "-o", self.levels[level]))

    def path(self, name):
        return os.path.join(self.folder, name)

    def commands(self):
        yield from (peftc(level) for level in ("mlir", "adapted", "cpp", "memory"))
        yield [tool("peft-import"), MODEL]
        yield [tool("peft-opt"), self.levels["mlir"]]
        yield [tool("peft-translate"), "--memory", self.levels["exec"]]
        yield [tool("peft-translate"), "--memory-svg", self.levels["exec"]]
        yield [tool("peft-translate"), "--peft-to-cpp", self.levels["emitc"]]

    def test_a_full_disk(self):
        adapter = self.path("adapter")
        os.mkdir(adapter)
        os.symlink(os.path.join(ADAPTER, "final.safetensors"), os.path.join(adapter, "adapter_model.safetensors"))
        os.symlink(os.path.join(ADAPTER, "adapter_config.json"), os.path.join(adapter, "adapter_config.json"))
        inspect = [[tool("peft-adapter"), "inspect", adapter], [tool("peft-adapter"), "compare", adapter, adapter]]
        for command in [*self.commands(), *inspect]:
            with open("/dev/full", "w") as full:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr, r"^[^\n]*can't write standard output: No space left on device\n$")

    def test_a_file_that_may_not_grow(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
        out = self.path("out")
        for command in [*self.commands(), peftc("memory", "--memory-svg", out)]:
            if out not in command:
                command = [*command, "-o", out]
            before = sorted(os.listdir(self.folder))
            done = run(*command, preexec_fn=limit)
            if done.returncode == 0:  # a table that is short enough
                self.assertLessEqual(os.path.getsize(out), 512)
                os.unlink(out)
                continue
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr, rf"^[^\n]*can't write {out}: File too large\n$")
            self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_an_old_file_stays_until_the_new_one_is_whole(self):
        out = self.path("out")
        with open(out, "w") as file:
            file.write("old")
        run(tool("peft-import"), MODEL, "-o", out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)))
        with open(out) as file:
            self.assertEqual(file.read(), "old")

    def test_a_fifo_is_written_into(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        for command in ([tool("peft-import"), MODEL], peftc("mlir"), [tool("peft-opt"), self.levels["mlir"]]):
            read = []
            reader = threading.Thread(target=lambda: read.append(pathlib.Path(fifo).read_text()))
            reader.start()
            must(*command, "-o", fifo)
            reader.join()
            self.assertIn("nn.parameter", read[0])
            self.assertTrue(os.path.exists(fifo) and not os.path.isfile(fifo))

    def test_a_link_stays_a_link(self):
        os.symlink("behind", self.path("link"))
        for _ in range(2):  # the second time there is a file behind it
            must(tool("peft-import"), MODEL, "-o", self.path("link"))
            self.assertTrue(os.path.islink(self.path("link")))
            with open(self.path("behind")) as file:
                self.assertIn("nn.parameter", file.read())

    def test_a_folder_that_is_not_there(self):
        done = run(tool("peft-import"), MODEL, "-o", self.path("nowhere/out"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("can't write " + self.path("nowhere/out") + ": No such file or directory", done.stderr)


if __name__ == "__main__":
    unittest.main()
