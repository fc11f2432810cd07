"""peft-adapter inspect and compare."""

import numpy as np

from tiny import EMBED, LORA, Q, AdapterTest, random, update


class InspectTest(AdapterTest):
    def rows(self, path):
        """{tensor: its columns}, and the last line."""
        lines = self.run_tool("inspect", path).stdout.splitlines()
        return {line.split("  ")[0]: [column.strip() for column in line.split("  ") if column.strip()] for line in lines[2:-1]}, lines[-1]

    def test_lora(self):
        a, b = random((2, 8), 1), random((8, 2), 2)
        path = self.adapter({Q + ".lora_A.weight": a, Q + ".lora_B.weight": b})
        rows, total = self.rows(path)
        (row,) = rows.values()
        self.assertEqual(row[:5], [Q + ".weight", "lora", "2", "3", "[2, 8] [8, 2]"])
        self.assertAlmostEqual(float(row[5]) / np.linalg.norm(update(a, b, 3)), 1, places=4)
        self.assertEqual(total, "2 tensors, 32 values")

    def test_whole_tensors_and_prompts_have_no_update_to_measure(self):
        value = random((16, 8), 1)
        rows, _ = self.rows(self.adapter({EMBED + ".weight": value}, None, file="trained_parameters.safetensors"))
        self.assertEqual(rows[EMBED + ".weight"][1:4], ["whole tensor", "-", "-"])
        self.assertAlmostEqual(float(rows[EMBED + ".weight"][5].strip("()")) / np.linalg.norm(value), 1, places=4)

    def test_refuses_what_is_no_adapter(self):
        self.assertIn("expected adapter_model.safetensors", self.run_tool("inspect", self.folder, code=2).stderr)
        self.assertIn("inspect, compare or merge", self.run_tool(code=2).stderr)
        numbers = self.write("numbers", {"x": np.ones((2,), np.int32)}, "adapter_model.safetensors", None, "")
        done = self.run_tool("inspect", numbers, code=2)
        self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1))
        self.assertIn("expected dtype F32", done.stderr)


class CompareTest(AdapterTest):
    def test_distance_and_exit_code(self):
        value = random((2, 8), 1)
        pair = {Q + ".lora_A.weight": value, Q + ".lora_B.weight": np.zeros((8, 2), np.float32)}
        a, b = self.adapter(pair, name="a"), self.adapter({**pair, Q + ".lora_A.weight": value * np.float32(1.25)}, name="b")
        self.assertIn("at most 0\n", self.run_tool("compare", a, a, "--tolerance=0").stdout)
        self.assertIn("lora_A.weight  [2, 8]  0.2\n", self.run_tool("compare", a, b).stdout)
        self.run_tool("compare", a, b, "--tolerance=0.1", code=1)
        nan = self.adapter({**pair, Q + ".lora_A.weight": value * np.nan}, name="nan")
        self.run_tool("compare", nan, a, code=1)

    def test_keys_and_shapes(self):
        a = self.adapter({"x": random((2, 8), 1), "y": random((2,), 1)}, name="a")
        b = self.adapter({"x": random((2, 4), 1)}, name="b")
        out = self.run_tool("compare", a, b, code=1).stdout
        self.assertIn("x  [2, 8] against [2, 4]", out)
        self.assertIn("y  [2] against missing", out)
        self.assertIn("2 tensors, 2 of other keys or shapes", out)
