"""Tokens and labels of every format, by the rules of TRL."""

import json
import os
import tempfile
import unittest

import numpy as np
import tiny
from peft_data import documents
from peft_data.model import Model

IGNORED = -100


class EncodeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.gguf = tiny.write(self.folder, "model.gguf", tiny.gguf(tiny.bpe_keys()))
        self.model = Model(self.gguf)
        self.output = os.path.join(self.folder, "out.safetensors")

    def encode(self, records, *flags, model=None):
        """The texts learnt and the whole texts, one pair a document."""
        path = tiny.write_jsonl(self.folder, "in.jsonl", records)
        code, self.printed, self.warned = tiny.run("encode", "--model", model or self.gguf, "--input", path,
                                                   "--output", self.output, *flags)
        self.assertEqual(code, 0, self.warned)
        found, self.metadata = documents.read(self.output)
        self.found = found
        text = lambda ids: self.model.tokenizer.decode(list(map(int, ids)), skip_special_tokens=False)
        for ids, labels in found:
            self.assertTrue(np.all((labels == IGNORED) | (labels == ids)))
        return [(text(labels[labels != IGNORED]), text(ids)) for ids, labels in found]

    def test_text_is_learnt_whole_and_ended(self):
        self.assertEqual(self.encode([{"text": "hello"}, {"text": "he<|im_end|>"}]), [("hello<|im_end|>",) * 2, ("he<|im_end|>",) * 2])

    def test_completion_is_learnt_and_ended(self):
        self.assertEqual(self.encode([{"prompt": "hello\n", "completion": "12"}]), [("12<|im_end|>", "hello\n12<|im_end|>")])

    def test_prompt_is_learnt_too_if_asked(self):
        records = [{"prompt": "hello\n", "completion": "12"}]
        self.assertEqual(self.encode(records, "--no-completion-only"), [("hello\n12<|im_end|>",) * 2])

    def test_columns_rename(self):
        records = [{"question": "hello\n", "answer": "12"}]
        self.assertEqual(self.encode(records, "--columns", "prompt=question,completion=answer")[0][0], "12<|im_end|>")

    def test_chat_puts_the_pair_into_the_template(self):
        learnt, whole = self.encode([{"prompt": "hello", "completion": "12"}], "--chat")[0]
        self.assertEqual(whole, "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n12<|im_end|>\n")
        self.assertEqual(learnt, "12<|im_end|>\n")
        self.assertEqual((self.metadata["template"], self.metadata["eos_token_id"]), ("chatml", "2"))

    def test_conversational_pair_equals_chat(self):
        pair = {"prompt": [{"role": "user", "content": "hello"}], "completion": [{"role": "assistant", "content": "12"}]}
        self.assertEqual(self.encode([pair]), self.encode([{"prompt": "hello", "completion": "12"}], "--chat"))

    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "he"},
             {"role": "user", "content": "12"}, {"role": "assistant", "content": "日本"}]

    def test_messages_are_learnt_whole(self):
        learnt, whole = self.encode([{"messages": self.turns}])[0]
        self.assertEqual(learnt, whole)
        self.assertTrue(whole.endswith("assistant\n日本<|im_end|>\n"))

    def test_assistant_only(self):
        self.assertEqual(self.encode([{"messages": self.turns}], "--assistant-only-loss")[0][0], "he<|im_end|>日本<|im_end|>")

    def test_assistant_only_by_generation_marks(self):
        source = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
                  "<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n\n{% endfor %}")
        path = tiny.write(self.folder, "t.jinja", source)
        flags = ("--assistant-only-loss", "--chat-template", path)
        self.assertEqual(self.encode([{"messages": self.turns}], *flags)[0][0], "he<|im_end|>日本<|im_end|>")
        self.assertNotIn("\U000f0a01", self.encode([{"messages": self.turns}], "--chat-template", path)[0][1])

    def test_sharegpt_roles_are_mapped(self):
        record = {"conversations": [{"from": "human", "value": "hello"}, {"from": "gpt", "value": "12"}], "system": "he"}
        whole = self.encode([record])[0][1]
        self.assertEqual(whole, "<|im_start|>system\nhe<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n"
                                "<|im_start|>assistant\n12<|im_end|>\n")

    def test_alpaca(self):
        record = {"instruction": "hello", "input": "he", "output": "12"}
        learnt, whole = self.encode([record])[0]
        self.assertEqual(learnt, "12<|im_end|>")
        self.assertIn("### Instruction:\nhello\n\n### Input:\nhe\n\n### Response:\n12", whole)
        self.assertNotIn("### Input", self.encode([{**record, "input": ""}])[0][1])
        chat = self.encode([{**record, "system": "s", "history": [["a", "b"]]}], "--chat")[0][1]
        self.assertEqual(chat.count("<|im_start|>"), 5)
        self.assertIn("user\nhello\nhe<|im_end|>", chat)

    def test_tokenized(self):
        self.encode([{"input_ids": [5, 6, 7], "labels": [-100, 6, 7]}, {"input_ids": [8, 9]}])
        self.assertEqual([ids.tolist() for ids, _ in self.found], [[5, 6, 7], [8, 9]])
        self.assertEqual([labels.tolist() for _, labels in self.found], [[-100, 6, 7], [8, 9]])

    def test_truncation_keeps_the_start_and_drops_what_has_nothing_to_learn(self):
        records = [{"prompt": "a" * 10, "completion": "b"}, {"prompt": "a", "completion": "b" * 10}]
        self.assertEqual(self.encode(records, "--max-length", 5), [("bbbb", "abbbb")])
        self.assertIn("1 of 2 records dropped", self.warned)
        self.assertIn("2 cut to 5", self.printed)

    def test_a_prompt_that_is_no_prefix_is_told(self):
        # " hello" is one token, so a prompt that ends in the space is cut elsewhere.
        self.encode([{"prompt": "12 ", "completion": "hello"}])
        self.assertIn("1 of 1 prompts are not a prefix", self.warned)

    def test_beginning_token_is_added_to_text_and_not_to_chats(self):
        true = (tiny.BOOL, b"\x01")
        path = tiny.write(self.folder, "bos.gguf", tiny.gguf(tiny.bpe_keys(**{"tokenizer.ggml.add_bos_token": true})))
        self.assertEqual(self.encode([{"text": "he"}], model=path)[0][1], "<|im_start|>he<|im_end|>")
        self.assertEqual(self.encode([{"prompt": "he", "completion": "12"}], model=path)[0], ("12<|im_end|>", "<|im_start|>he12<|im_end|>"))
        self.assertEqual(self.encode([{"messages": self.turns}], model=path)[0][1].count("<|im_start|>"), 4)

    def test_a_tokenizer_that_ends_texts_itself(self):
        true = (tiny.BOOL, b"\x01")
        path = tiny.write(self.folder, "eos.gguf", tiny.gguf(tiny.bpe_keys(**{"tokenizer.ggml.add_eos_token": true})))
        self.assertEqual(self.encode([{"text": "he"}], model=path)[0][1], "he<|im_end|>")
        self.assertEqual(self.encode([{"prompt": "he", "completion": "12"}], model=path)[0][0], "12<|im_end|>")

    def test_metadata_and_tensor_types(self):
        self.encode([{"text": "hello"}])
        self.assertEqual(self.metadata["format"], "peft-data")
        self.assertEqual(self.metadata["vocab_size"], str(len(tiny.TOKENS)))
        self.assertEqual(self.metadata["tokenizer_sha256"], self.model.sha256)
        with open(self.output, "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        self.assertEqual({k: v["dtype"] for k, v in header.items() if k != "__metadata__"},
                         {"input_ids": "I32", "labels": "I32", "doc_offsets": "I64"})

    def test_held_out_records_stand_in_one_file_only(self):
        records = [{"text": f"hello {i}"} for i in range(20)]
        held_out = os.path.join(self.folder, "eval.safetensors")
        flags = ("--eval-output", held_out, "--eval-size", "0.25", "--seed", 7)
        texts = lambda path: {tuple(ids.tolist()) for ids, _ in documents.read(path)[0]}
        self.encode(records, *flags)
        first, second = texts(self.output), texts(held_out)
        self.assertEqual((len(first), len(second), len(first | second)), (15, 5, 20))
        self.encode(records, *flags)
        self.assertEqual((first, second), (texts(self.output), texts(held_out)))


if __name__ == "__main__":
    unittest.main()
