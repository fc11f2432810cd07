"""From a model and documents to an adapter, with the programs that peftc makes."""

import json
import os
import pty
import resource
import signal
import subprocess
import time
import unittest

from support import config, documents, must, run, scratch, tool, weights, write_data, write_model, write_safetensors


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        shape = config()
        cls.model = write_model(os.path.join(cls.folder, "model"), shape, weights(shape))
        cls.data = write_data(os.path.join(cls.folder, "data.safetensors"), documents())
        # Dropout, so that the same bits need the same seeds too.
        cls.program = cls.compile("train", "--lora", "r=4,alpha=8,targets=all-linear,dropout=0.1", "--dtype", "f32")

    @classmethod
    def compile(cls, name, *options):
        path = os.path.join(cls.folder, name)
        must(tool("peftc"), cls.model, *options, "--batch", "2", "--seq-len", "32", "--quiet", "-o", path)
        return path

    def command(self, output, steps, *options):
        return [self.program, "--data", self.data, "--output_dir", os.path.join(self.folder, output), "--max_steps", str(steps),
                "--learning_rate", "0.01", "--logging_steps", "1", *options]

    def train(self, output, steps, *options):
        must(*self.command(output, steps, *options))
        return os.path.join(self.folder, output)

    def losses(self, folder):
        lines = [json.loads(line) for line in read(folder, "metrics.jsonl").splitlines()]
        return [line["loss"] for line in lines if "loss" in line]

    def test_loss_falls_and_the_same_seed_gives_the_same_bits(self):
        first, second = self.train("first", 20), self.train("second", 20)
        losses = self.losses(first)
        self.assertEqual(len(losses), 20)
        self.assertLess(sum(losses[-5:]) / 5, 0.85 * losses[0])
        self.assertEqual(read(first, "adapter_model.safetensors"), read(second, "adapter_model.safetensors"))
        self.assertEqual(losses, self.losses(second))
        other = self.train("other", 20, "--seed", "7")
        self.assertNotEqual(read(first, "adapter_model.safetensors"), read(other, "adapter_model.safetensors"))

    def test_resumed_run_gives_the_bits_of_an_unbroken_one(self):
        whole = self.train("whole", 20, "--save_strategy", "steps", "--save_steps", "10")
        resumed = self.train("resumed", 20, "--resume_from_checkpoint", os.path.join(whole, "checkpoint-10"))
        self.assertEqual(read(whole, "adapter_model.safetensors"), read(resumed, "adapter_model.safetensors"))
        self.assertEqual(self.losses(whole)[10:], self.losses(resumed)[-10:])

    def test_interrupted_run_resumes_bit_exactly(self):
        steps = 1000
        folder = os.path.join(self.folder, "interrupted")
        process = subprocess.Popen(self.command("interrupted", steps, "--save_strategy", "no"), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "2"})
        metrics = os.path.join(folder, "metrics.jsonl")
        deadline = time.monotonic() + 60
        while not (os.path.exists(metrics) and os.path.getsize(metrics)) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, said)
        saved = [int(name.split("-")[1]) for name in os.listdir(folder) if name.startswith("checkpoint-")]
        self.assertEqual(len(saved), 1, said)
        self.assertTrue(0 < saved[0] < steps, f"stopped at step {saved[0]}")

        self.train("interrupted", steps, "--save_strategy", "no", "--resume_from_checkpoint", "last")
        whole = self.train("uninterrupted", steps, "--save_strategy", "no")
        self.assertEqual(read(folder, "adapter_model.safetensors"), read(whole, "adapter_model.safetensors"))

    def test_a_file_whose_data_are_not_aligned(self):
        shape = config()
        odd = write_model(os.path.join(self.folder, "misaligned"), shape)
        write_safetensors(os.path.join(odd, "model.safetensors"), weights(shape), misaligned=True)
        program = os.path.join(self.folder, "train-misaligned")
        must(tool("peftc"), odd, "--lora", "r=4,alpha=8,targets=all-linear,dropout=0.1", "--dtype", "f32", "--batch", "2",
             "--seq-len", "32", "--quiet", "-o", program)
        self.assertIn("converted", must(program, "info"))
        self.assertNotIn("mapped\n", must(program, "info"))
        evaluate = ["evaluate", "--eval_data", self.data, "--adapter", "off"]
        loss = lambda *command: must(*command).split("'eval_loss': ")[1].split(",")[0]
        self.assertEqual(loss(program, *evaluate), loss(self.program, *evaluate))
        # A program that maps its weights says which file it can't map.
        result = run(self.program, *evaluate, "--model", odd)
        self.assertEqual(result.returncode, 2)
        self.assertIn("is not aligned", result.stderr)

    def test_a_full_disk_leaves_whole_checkpoints_only(self):
        out = os.path.join(self.folder, "full")
        os.makedirs(out)
        size = 400 * 1024  # a few checkpoints
        mounted = os.geteuid() == 0 and run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", out).returncode == 0
        if mounted:
            self.addCleanup(run, "umount", out)
        command = self.command("full", 1000, "--save_steps", "10")
        # Without the right to mount, a limit on the size of files: the log's are the first to reach it.
        limit = None if mounted else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size // 8,) * 2)
        result = run(*command, preexec_fn=limit)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertTrue(result.stderr.splitlines()[-1].startswith("error: "), result.stderr)
        self.assertIn(out, result.stderr.splitlines()[-1])
        self.assertFalse(os.path.exists(os.path.join(out, "adapter_model.safetensors")))
        saved = [name for name in os.listdir(out) if name.startswith("checkpoint-")]
        self.assertGreater(len(saved), 1)
        whole = os.path.join(self.folder, "whole-disk")
        for name in saved:
            self.assertRegex(name, r"^checkpoint-[0-9]+$")
            steps = int(name.split("-")[1])
            must(*self.command("whole-disk", steps + 1, "--save_strategy", "no", "--resume_from_checkpoint", os.path.join(out, name)))
        self.assertTrue(os.path.exists(os.path.join(whole, "adapter_model.safetensors")))

    def test_packed_rows_give_the_loss_of_padded_ones(self):
        losses = {}
        for packing in ("on", "off"):
            out = must(self.program, "evaluate", "--eval_data", self.data, "--adapter", "off", "--packing", packing)
            result = dict(part.split(": ") for part in out.strip().strip("{}").replace("'", "").split(", "))
            losses[packing] = float(result["eval_loss"])
            self.assertEqual(int(result["num_labelled_tokens"]), sum(len(ids) - 2 for ids, _ in documents()))
        self.assertAlmostEqual(losses["on"], losses["off"], delta=1e-4)

    def test_saved_adapter_is_the_one_that_was_trained(self):
        folder = self.train("saved", 20)
        evaluate = [self.program, "evaluate", "--eval_data", self.data]
        of = lambda *more: float(must(*evaluate, *more).split("'eval_loss': ")[1].split(",")[0])
        trained = of("--output_dir", folder)
        self.assertLess(trained, of("--adapter", "off"))
        self.assertEqual(trained, of("--adapter", folder))
        adapter = json.loads(read(folder, "adapter_config.json"))
        self.assertEqual((adapter["peft_type"], adapter["r"], adapter["lora_alpha"]), ("LORA", 4, 8))

    def test_a_terminal_shows_the_bytes_that_load(self):
        self.compile("train-nf4", "--lora", "r=4", "--quantize", "nf4", "--dtype", "f32")  # converted, so not mapped
        for more, shown in ([], True), (["--disable_tqdm"], False):
            ours, theirs = pty.openpty()
            with open(os.devnull, "w") as nowhere:
                done = subprocess.run([os.path.join(self.folder, "train-nf4"), "--bench", "1", *more], stdout=nowhere, stderr=theirs)
            os.close(theirs)
            said = b""
            try:
                while part := os.read(ours, 4096):
                    said += part
            except OSError:  # how Linux says that the other end is closed
                pass
            os.close(ours)
            self.assertEqual(done.returncode, 0, said)
            self.assertEqual(b"GiB of weights" in said and b"100% [####" in said, shown, said)

    @unittest.skipIf("avx512_bf16" in must("lscpu"), "this processor can run them")
    def test_bf16_program_refuses_a_processor_without(self):
        program = self.compile("train-bf16", "--lora", "r=4", "--dtype", "bf16")
        result = run(program, "--data", self.data, "--output_dir", os.path.join(self.folder, "bf16"), "--max_steps", "1")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn("avx512_bf16", result.stderr)
        self.assertIn("--dtype=f32", result.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "bf16")))


if __name__ == "__main__":
    unittest.main()
