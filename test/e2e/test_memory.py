"""--memory: the same bits in less, or the least that is possible."""

import json
import os
import re
import unittest

from support import config, documents, must, run, scratch, tool, weights, write_data, write_model

RECIPE = ["--lora", "r=4,alpha=8,targets=all-linear,dropout=0.1", "--batch", "8", "--seq-len", "256", "--dtype", "f32"]


class Budget(unittest.TestCase):
    recipe = RECIPE

    @classmethod
    def setUpClass(cls):
        cls.folder = scratch()
        shape = config(num_hidden_layers=8, vocab_size=40)
        cls.model = write_model(os.path.join(cls.folder, "model"), shape, weights(shape))
        cls.data = write_data(os.path.join(cls.folder, "data.safetensors"), documents())

    def table(self, *options):
        """(arena, what is said behind it) of --emit=memory."""
        out = must(tool("peftc"), self.model, *self.recipe, "--emit=memory", *options)
        return int(re.search(r"^arena +(\d+)", out, re.M).group(1)), out.split("allocated once\n")[1]

    def least(self, *options):
        result = run(tool("peftc"), self.model, *self.recipe, *options, "--emit=memory", "--memory", "1M")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        return int(re.search(r"a budget of 1.00 MiB is too small: the least possible is .* \((\d+) bytes", result.stderr).group(1))

    def test_every_budget_from_the_least_on_is_met(self):
        whole, said = self.table()
        self.assertRegex(said, "^mapped weights .*\n$")
        least = self.least()
        self.assertLess(least, 0.5 * whole)
        below = run(tool("peftc"), self.model, *self.recipe, "--emit=memory", "--memory", str(least - 1))
        self.assertEqual(below.returncode, 2)
        for part in range(9):
            budget = least + (whole - least) * part // 8
            arena, said = self.table("--memory", str(budget))
            self.assertLessEqual(arena, budget)
            self.assertEqual("recomputed" in said, part < 8)
            # Not much less than what may be used: a layer's worth at most.
            self.assertGreater(arena, budget - (whole - least) / 4)

    def test_less_memory_gives_the_same_bits(self):
        """Also with values that wait in the host's memory, which is here the same as the arena's."""
        least, offloaded = self.least(), self.least("--offload=on")
        self.assertLess(offloaded, least)
        _, said = self.table("--offload=on", "--memory", str(offloaded))
        self.assertRegex(said, r"\noffloaded: layers \d-\d: ")
        runs = {}
        for name, options in (("whole", []), ("least", ["--memory", str(least)]),
                              ("offloaded", ["--offload=on", "--memory", str(offloaded)])):
            program, out = os.path.join(self.folder, name), os.path.join(self.folder, name + "-out")
            must(tool("peftc"), self.model, *self.recipe, "--quiet", *options, "-o", program)
            must(program, "--data", self.data, "--output_dir", out, "--max_steps", "4", "--learning_rate", "0.01", "--logging_steps", "1")
            with open(os.path.join(out, "adapter_model.safetensors"), "rb") as file:
                adapter = file.read()
            with open(os.path.join(out, "metrics.jsonl")) as file:
                losses = [json.loads(line).get("loss") for line in file]
            runs[name] = adapter, losses, json.loads(must(program, "--bench", "3"))
        for name in ("least", "offloaded"):
            self.assertEqual(runs["whole"][0], runs[name][0])
            self.assertEqual(runs["whole"][1], runs[name][1])
        self.assertEqual(len([loss for loss in runs["least"][1] if loss is not None]), 4)
        whole, least = runs["whole"][2], runs["least"][2]
        self.assertLess(runs["offloaded"][2]["arena_bytes"], least["arena_bytes"])
        for key in ("arena_bytes", "rss_anon_growth_bytes"):
            self.assertLess(least[key], 0.7 * whole[key])


class BudgetOfOneProduct(Budget):
    """Without dropout, adapters that read one value are columns of one product."""
    recipe = [word.replace(",dropout=0.1", "") for word in RECIPE]
    test_every_budget_from_the_least_on_is_met = None


class BudgetOfFusedProjections(Budget):
    """Adapters within the layers' products: what lies beside each other may be kept, computed again or fetched apart."""
    recipe = [word.replace(",dropout=0.1", "") for word in RECIPE] + ["--fuse-projections=on"]


if __name__ == "__main__":
    unittest.main()
