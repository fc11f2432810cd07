"""Every C++ and CUDA file is as clang-format with .clang-format leaves it."""

import os
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Format(unittest.TestCase):
    def test_sources(self):
        listed = subprocess.run(["git", "ls-files", "*.h", "*.cpp", "*.cu"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        files = listed.stdout.split()
        self.assertGreater(len(files), 100)
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if ": error: " in line})
        self.assertEqual((done.returncode, wrong), (0, []), "clang-format -i these")


if __name__ == "__main__":
    unittest.main()
