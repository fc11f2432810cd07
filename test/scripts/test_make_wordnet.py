"""WordNet's file to records: words, definitions without examples, no noun twice."""

import importlib.util
import json
import os
import tempfile
import unittest
from unittest import mock

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
spec = importlib.util.spec_from_file_location("make_wordnet", os.path.join(ROOT, "examples", "wordnet", "make_wordnet.py"))
wordnet = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wordnet)

LINES = """\
  1 This software and database is being provided to you, the LICENSEE, by
00001740 03 n 01 entity 0 003 ~ 00001930 n 0000 | that which is perceived to exist
00002137 03 n 02 abstract_entity 0 abstraction 0 001 @ 00001740 n 0000 | a general concept; "he loved her only in the abstract"
00002200 03 n 01 entity 1 001 @ 00001740 n 0000 | another sense of a noun that was there
00002300 03 n 01 Paris 0 001 @ 00001740 n 0000 | the capital of France
00002400 03 n 01 twin 0 001 @ 00001740 n 0000 | a general concept; "the same definition"
00002500 03 n 0b long_list 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 k 0 001 @ 00001740 n 0000 | eleven words;
"""


class WordnetTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.source = os.path.join(self.folder, "data.noun")
        with open(self.source, "w", encoding="utf-8") as file:
            file.write(LINES)

    def test_definitions(self):
        self.assertEqual(wordnet.definitions(self.source), [
            ("entity", "that which is perceived to exist"), ("abstract entity", "a general concept"), ("long list", "eleven words")])
        self.assertEqual(len(wordnet.words_of(LINES.splitlines()[-1])), 11)

    def make(self, name):
        output = os.path.join(self.folder, name)
        arguments = ["make_wordnet.py", "--train", "2", "--heldout", "1", "--output", output, "--wordnet", self.source]
        with mock.patch("sys.argv", arguments), mock.patch("builtins.print"):
            wordnet.main()
        rows = []
        for part in ("train.jsonl", "heldout.jsonl"):
            with open(os.path.join(output, part), encoding="utf-8") as file:
                rows.append([json.loads(line) for line in file])
        return rows

    def test_files_are_disjoint_and_the_same_again(self):
        train, heldout = self.make("a")
        self.assertEqual((len(train), len(heldout)), (2, 1))
        self.assertEqual(len({row["prompt"] for row in train + heldout}), 3)
        self.assertEqual(set(train[0]), {"prompt", "completion"})
        self.assertEqual([train, heldout], self.make("b"))

    def test_too_many_are_refused(self):
        with mock.patch("sys.argv", ["x", "--train", "9", "--output", self.folder, "--wordnet", self.source]), \
                self.assertRaises(SystemExit) as caught:
            wordnet.main()
        self.assertIn("there are 3 definitions", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
