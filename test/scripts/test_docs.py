"""The pages say what the program prints, and nothing that is generated is out of date.

A fenced block behind a line `<!-- prints: COMMAND -->` shows an extract of what COMMAND
prints, run in the project's folder: its lines stand in the output, in this order. Three
dots at the end of a line stand for the rest of it, a line of three dots alone for any
number of lines. SSA names and locations don't count: they change with every pass.
"""

import filecmp
import functools
import glob
import os
import re
import shlex
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("PEFT_BUILD") or os.path.join(ROOT, "build")
BIN = os.path.join(BUILD, "bin")
BLOCK = re.compile(r"^<!-- prints: (.*?) -->\n```\w*\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)|!\[[^\]]*\]\(([^)\s]+)\)")


def pages():
    found = ["README.md", "CONTRIBUTING.md"]
    for pattern in ("docs/**/*.md", "examples/**/*.md", "dialects/*/*.md", "passes/*/*.md"):
        found += [os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, pattern), recursive=True)]
    return sorted(found)


def read(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read()


def plain(line):
    """A line without what differs from one build to the next."""
    line = re.sub(r' loc\((?:#loc\d*|"[^"]*")\)', "", line)
    return re.sub(r"%\w+(?:[:#]\d+)?", "%", line).strip()


@functools.lru_cache(maxsize=None)
def train_program():
    """The program of docs/tools/train.md: the smallest model, compiled once."""
    folder = tempfile.TemporaryDirectory()
    binary = os.path.join(folder.name, "train")
    subprocess.run([os.path.join(BIN, "peftc"), "test/parity/models/llama", "--lora", "r=4,alpha=8", "--batch", "2",
                    "--seq-len", "12", "--dtype", "f32", "--quiet", "-o", binary], cwd=ROOT, check=True)
    return folder, binary


@functools.lru_cache(maxsize=None)
def output_of(command):
    words = shlex.split(command)
    words[0] = train_program()[1] if words[0] == "train" else os.path.join(BIN, words[0])
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    return [plain(line) for line in done.stdout.splitlines()]


def missing(extract, output):
    """The first line of the extract that isn't in the output behind the ones before it, or None."""
    at = 0
    for line in extract.splitlines():
        wanted = plain(line)
        if wanted in ("", "..."):
            continue
        cut = wanted.endswith("...")
        wanted = wanted[:-3].rstrip() if cut else wanted
        while at < len(output) and not (output[at].startswith(wanted) if cut else output[at] == wanted):
            at += 1
        if at == len(output):
            return line
        at += 1
    return None


class DocsTest(unittest.TestCase):
    def test_extracts_are_what_programs_print(self):
        count = 0
        for page in pages():
            for command, extract in BLOCK.findall(read(page)):
                with self.subTest(page=page, command=command):
                    self.assertIsNone(missing(extract, output_of(command)))
                count += 1
        self.assertGreater(count, 10)

    def test_an_extract_that_is_wrong_is_found(self):
        output = [plain(line) for line in ("%0 = nn.get @w : tensor<4xf32> loc(#loc1)", "b", "c")]
        self.assertIsNone(missing("%w = nn.get @w ...\n...\nc\n", output))
        self.assertEqual(missing("c\nb\n", output), "b")
        self.assertEqual(missing("%w = nn.get @v ...\n", output), "%w = nn.get @v ...")

    def test_links_lead_somewhere(self):
        for page in pages():
            for names in LINK.findall(re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S)):
                target = names[0] or names[1]
                if not re.match(r"[a-z]+:", target):
                    path = os.path.join(ROOT, os.path.dirname(page), target)
                    self.assertTrue(os.path.exists(path), f"{page}: {target}")

    def test_each_tool_has_a_page_and_each_example_tells_what_it_is(self):
        tools = [*os.listdir(BIN), *os.listdir(os.path.join(ROOT, "tools"))]
        for name in {name for name in tools if name.startswith("peft")}:
            self.assertTrue(os.path.exists(os.path.join(ROOT, "docs", "tools", name + ".md")), f"docs/tools/{name}.md")
            self.assertIn(f"(docs/tools/{name}.md)", read("README.md"))
        for name in os.listdir(os.path.join(ROOT, "examples")):
            self.assertTrue(os.path.exists(os.path.join(ROOT, "examples", name, "README.md")), f"examples/{name}")

    def test_generated_pages_are_current(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.path.join(ROOT, "scripts", "make_docs.sh"), folder], check=True)
            made = sorted(os.path.relpath(path, folder) for path in glob.glob(folder + "/**/*.*", recursive=True))
            kept = glob.glob(os.path.join(ROOT, "docs", "reference", "**", "*.*"), recursive=True)
            self.assertEqual(made, sorted(["memory.svg", *(os.path.relpath(p, os.path.join(ROOT, "docs")) for p in kept)]))
            for name in made:
                same = filecmp.cmp(os.path.join(folder, name), os.path.join(ROOT, "docs", name), shallow=False)
                self.assertTrue(same, f"docs/{name} is out of date: run scripts/make_docs.sh")


if __name__ == "__main__":
    unittest.main()
