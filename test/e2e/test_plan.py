"""The memory of a large model, planned from its config.json alone: quickly, in little memory, with nothing else there."""

import os
import subprocess
import time
import unittest

from support import ROOT, tool


class Plan(unittest.TestCase):
    def test_eight_billion_parameters(self):
        begin = time.monotonic()
        # No compiler is found on an empty path, and the folder holds no weights.
        peftc = subprocess.Popen([tool("peftc"), "examples/plan-8b", "--lora", "r=16,alpha=32,targets=all-linear", "--batch", "4",
                                  "--seq-len", "2048", "--dtype", "bf16", "--emit=memory"],
                                 cwd=ROOT, env={"PATH": ""}, stdout=subprocess.PIPE, text=True)
        with peftc.stdout:
            table = peftc.stdout.read()
        _, status, usage = os.wait4(peftc.pid, 0)
        peftc.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(peftc.returncode, 0)
        self.assertRegex(table, r"(?m)^arena +\d+ ")
        self.assertLess(time.monotonic() - begin, 5)
        self.assertLess(usage.ru_maxrss, 1 << 20)  # KiB


if __name__ == "__main__":
    unittest.main()
