"""The tokenizer of a GGUF file: the ids it gives, and the files it refuses."""

import struct
import tempfile
import unittest

import tiny
from peft_data.errors import DataError
from peft_data.gguf import read_keys
from peft_data.model import Model


class TokenizerTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def model(self, keys):
        return Model(tiny.write(self.folder.name, "model.gguf", tiny.gguf(keys)))

    def pieces(self, model, text):
        return model.tokenizer.encode(text).tokens

    def test_byte_level_bpe_merges_and_returns_every_byte(self):
        model = self.model(tiny.bpe_keys())
        self.assertEqual(self.pieces(model, "hello hello"), ["hello", "Ġhello"])
        for text in ("", " ", "naïve 日本 👍\n\t\r\x00", "<|im_end|>x<|im_start|>", "he'll  hello\u00a0"):
            ids = model.tokenizer.encode(text).ids
            self.assertEqual(model.tokenizer.decode(ids, skip_special_tokens=False), text)

    def test_control_tokens_are_matched_first(self):
        model = self.model(tiny.bpe_keys())
        self.assertEqual(self.pieces(model, "hello<|im_end|>hello"), ["hello", "<|im_end|>", "hello"])
        self.assertEqual(model.eos_ids(chat=True), [2])

    def test_pre_tokenizers_differ_in_digits(self):
        # "12" is a merge: it may only happen where the cut leaves both digits in one word.
        cuts = {"gpt-2": ["12"], "llama-bpe": ["12"], "smollm": ["1", "2"], "qwen2": ["1", "2"]}
        for name, expected in cuts.items():
            with self.subTest(pre=name):
                self.assertEqual(self.pieces(self.model(tiny.bpe_keys(pre=name)), "12"), expected)

    def test_qwen2_normalizes_to_nfc(self):
        model = self.model(tiny.bpe_keys(pre="qwen2"))
        self.assertEqual(model.tokenizer.encode("e\u0301").ids, model.tokenizer.encode("\u00e9").ids)

    def test_sentencepiece_merges_by_score(self):
        model = self.model(tiny.spm_keys())
        # "▁h" scores better than "he", so it is joined first and leaves an "e".
        self.assertEqual(self.pieces(model, "he"), ["<s>", "▁h", "e"])
        self.assertEqual(self.pieces(model, "ehello"), ["<s>", "▁", "e", "he", "llo"])

    def test_sentencepiece_falls_back_to_bytes(self):
        model = self.model(tiny.spm_keys())
        self.assertEqual(self.pieces(model, "hé"), ["<s>", "▁h", "<0xC3>", "<0xA9>"])
        self.assertEqual(model.tokenizer.decode(model.tokenizer.encode("he llo hé").ids), "he llo hé")

    def test_sentencepiece_flags(self):
        false = (tiny.BOOL, b"\x00")
        model = self.model(tiny.spm_keys(**{"tokenizer.ggml.add_space_prefix": false, "tokenizer.ggml.add_bos_token": false}))
        self.assertEqual(self.pieces(model, "he"), ["he"])

    def refused(self, data, *words):
        path = tiny.write(self.folder.name, "model.gguf", data)
        with self.assertRaises(DataError) as caught:
            Model(path)
        self.assertNotIn("\n", str(caught.exception))
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_refusals_name_the_key(self):
        self.refused(tiny.gguf(tiny.bpe_keys(pre="unheard-of")), "tokenizer.ggml.pre", "unheard-of", "qwen2")
        wordpiece = (tiny.STRING, tiny.string("bert"))
        self.refused(tiny.gguf(tiny.bpe_keys(**{"tokenizer.ggml.model": wordpiece})), "bert", "gpt2")
        self.refused(tiny.gguf(tiny.bpe_keys(merges=["h zz"])), "merge", "h zz")
        self.refused(tiny.gguf(tiny.bpe_keys(eos=99999)), "eos_token_id", "99999")
        self.refused(tiny.gguf(tiny.bpe_keys(tokens=tiny.TOKENS + ["h"])), "twice")
        self.refused(tiny.gguf(tiny.bpe_keys(**{"tokenizer.ggml.tokens": None})), "tokenizer.ggml.tokens")
        self.refused(b"PK\x03\x04" + b"\0" * 64, "not a GGUF file")
        self.refused(tiny.gguf([], version=7), "version 7")

    def test_every_truncation_is_one_error(self):
        whole = tiny.gguf(tiny.bpe_keys())
        for length in [*range(0, 200), *range(200, len(whole), 61), len(whole) - 1]:
            self.refused(whole[:length])

    def test_hostile_lengths_are_refused_before_allocation(self):
        huge = struct.pack("<Q", 2**62)
        self.refused(tiny.gguf([("a", tiny.STRING, huge)]), "'a'", "string")
        self.refused(tiny.gguf([("a", tiny.ARRAY, struct.pack("<I", tiny.U32) + huge)]), "'a'", "array")
        self.refused(tiny.gguf([("a", tiny.ARRAY, struct.pack("<I", tiny.STRING) + huge)]), "'a'", "array")
        self.refused(tiny.gguf([], count=2**60), "keys")
        nested = struct.pack("<IQ", tiny.ARRAY, 1) * 50
        self.refused(tiny.gguf([("a", tiny.ARRAY, nested)]), "nested")

    def test_keys_of_every_type(self):
        scalars = {0: ("B", 200), 1: ("b", -3), 2: ("H", 60000), 3: ("h", -5), 4: ("I", 2**32 - 1), 5: ("i", -7),
                   6: ("f", 1.5), 7: ("?", True), 10: ("Q", 2**63), 11: ("q", -(2**62)), 12: ("d", 0.1)}
        keys = [(f"k{kind}", kind, struct.pack("<" + code, value)) for kind, (code, value) in scalars.items()]
        path = tiny.write(self.folder.name, "keys.gguf", tiny.gguf(keys))
        self.assertEqual(read_keys(path), {f"k{kind}": value for kind, (_, value) in scalars.items()})


if __name__ == "__main__":
    unittest.main()
