"""The commands around encoding, and every refusal: one line, exit code 2, nothing written."""

import filecmp
import os
import resource
import signal
import tempfile
import unittest

import tiny
from peft_data import documents
from peft_data.model import Model


class CommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.gguf = tiny.write(self.folder, "model.gguf", tiny.gguf(tiny.bpe_keys()))
        self.output = os.path.join(self.folder, "out.safetensors")

    def ok(self, *arguments):
        code, out, err = tiny.run(*arguments)
        self.assertEqual((code, err), (0, ""))
        return out

    def test_tokenizer_folder_gives_the_same_model(self):
        first, second = os.path.join(self.folder, "a"), os.path.join(self.folder, "b")
        self.ok("tokenizer", self.gguf, first)
        self.ok("tokenizer", first, second)
        names = sorted(os.listdir(first))
        self.assertEqual(names, ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"])
        self.assertEqual(filecmp.cmpfiles(first, second, names, shallow=False)[0], names)
        one, other = Model(self.gguf), Model(second)
        self.assertEqual((one.sha256, one.special, one.template_source), (other.sha256, other.special, other.template_source))
        self.ok("tokenizer", first, first)

    def test_prompts_and_decode(self):
        self.ok("prompts", "--model", self.gguf, "--prompt", "hello", "12", "--output", self.output)
        self.assertEqual(self.ok("decode", self.output, "--one-line"), "hello\n12\n")
        self.ok("prompts", "--model", self.gguf, "--chat", "--prompt", "hello", "--output", self.output)
        self.assertEqual(self.ok("decode", self.output), "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n\n")
        self.assertEqual(documents.read(self.output)[1]["eos_token_id"], "2")

    def test_prompts_of_training_records_leave_the_answer_out(self):
        turns = [{"role": "user", "content": "he"}, {"role": "assistant", "content": "12"}]
        records = [{"messages": turns}, {"prompt": "he", "completion": "12"}, {"prompt": "ll", "completion": "12"}]
        path = tiny.write_jsonl(self.folder, "in.jsonl", records)
        self.ok("prompts", "--model", self.gguf, "--chat", "--input", path, "--limit", 2, "--output", self.output)
        line = "<|im_start|>user he<|im_end|> <|im_start|>assistant\n"
        self.assertEqual(self.ok("decode", self.output, "--one-line"), 2 * line)

    def test_decode_leaves_prompts_out(self):
        prompts, whole = os.path.join(self.folder, "p.safetensors"), self.output
        self.ok("prompts", "--model", self.gguf, "--prompt", "hello", "--output", prompts)
        self.ok("prompts", "--model", self.gguf, "--prompt", "hello<|im_end|>12", "--output", whole)
        self.assertEqual(self.ok("decode", whole, "--after", prompts), "<|im_end|>12\n")
        self.assertEqual(self.ok("decode", whole, "--after", prompts, "--skip-special-tokens"), "12\n")

    def test_json_array_is_read_as_records(self):
        path = tiny.write(self.folder, "in.json", '[{"text": "hello"}, {"text": "he"}]')
        self.assertIn("2 documents", self.ok("encode", "--model", self.gguf, "--input", path, "--output", self.output))

    def refused(self, text, *words, flags=(), name="in.jsonl", model=None):
        path = tiny.write(self.folder, name, text)
        code, out, err = tiny.run("encode", "--model", model or self.gguf, "--input", path, "--output", self.output, *flags)
        self.assertEqual((code, out), (2, ""))
        self.assertEqual(err.count("\n"), 1, err)
        for word in words:
            self.assertIn(word, err)
        self.assertFalse(os.path.exists(self.output))

    def test_bad_records(self):
        self.refused('{"text":"a"}\n\n{"text":\n', "in.jsonl:3", "not JSON")
        self.refused(b'{"text":"\xff"}', "in.jsonl:1", "UTF-8")
        self.refused('{"text":"a"}\n[1]', "in.jsonl:2", "object", "list")
        self.refused("[" * 100000, "in.jsonl:1")
        self.refused("\n \n", "no records")
        self.refused('{"foo":1,"bar":2}', "'foo', 'bar'", "prompt + completion", "--columns")
        self.refused('{"text":"a"}\n{"txt":"b"}', "in.jsonl:2", "'text' is missing", "'txt'")
        self.refused('{"text":7}', "'text' is int")
        self.refused('{"prompt":"a","completion":[]}', "both")
        self.refused('{"messages":[]}', "empty")
        self.refused('{"messages":[{"content":"a"}]}', "message 1", "role")
        self.refused('{"conversations":[{"from":"alien","value":"a"}]}', "turn 1", "alien", "'gpt'")
        self.refused('{"instruction":"a","output":"b","system":"c"}', "--chat")
        self.refused('{"input_ids":[1,2],"labels":[1]}', "1 labels for 2 tokens")
        self.refused('{"input_ids":[1,-2]}', "-2")
        self.refused('{"input_ids":[1,99999]}', "99999", "out of range")
        self.refused('{"a":1}', "expected an array", name="in.json")

    def test_all_files_of_a_command_or_none(self):
        record = '{"prompt":"he","completion":"12"}\n'
        blocked = os.path.join(self.folder, "blocked")
        os.makedirs(blocked)
        self.refused(4 * record, blocked, "Is a directory", flags=("--eval-output", blocked, "--eval-size", 1))
        self.refused(4 * record, "the same file", flags=("--eval-output", self.output, "--eval-size", 1))
        out = os.path.join(self.folder, "words")
        os.makedirs(os.path.join(out, "tokenizer_config.json"))
        code, _, err = tiny.run("tokenizer", self.gguf, out)
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertIn(os.path.join(out, "tokenizer_config.json") + ": cannot be written", err)
        self.assertEqual(os.listdir(out), ["tokenizer_config.json"])

    def test_a_full_disk_leaves_nothing_and_the_error_names_the_file(self):
        model, out = os.path.join(self.folder, "model"), os.path.join(self.folder, "words")
        self.ok("tokenizer", self.gguf, model)
        before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # a limit on the size of files stands for the disk
        try:
            code, _, err = tiny.run("tokenizer", model, out)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        self.assertEqual(code, 2)
        self.assertIn(os.path.join(out, "tokenizer.json") + ": cannot be written: File too large", err)
        self.assertEqual(os.listdir(out), [])

    def test_nothing_to_learn(self):
        self.refused('{"input_ids":[1,2,3],"labels":[-100,-100,-100]}', "every label ignored")
        self.refused('{"prompt":"aaaa","completion":"b"}', "every label ignored", "--max-length 3", flags=("--max-length", 3))

    def test_flags_that_do_not_fit(self):
        self.refused('{"text":"a"}', "--assistant-only-loss", "text", flags=("--assistant-only-loss",))
        self.refused('{"text":"a"}', "--completion-only", flags=("--completion-only",))
        self.refused('{"text":"a"}', "--eval-size", flags=("--eval-size", "0.1"))
        self.refused('{"text":"a"}', "--eval-size 3", flags=("--eval-size", "3", "--eval-output", "x"))
        self.refused('{"q":"a"}', "'answer'", "'q'", flags=("--columns", "prompt=q,completion=answer"))

    def test_models_that_do_not_fit(self):
        self.refused('{"text":"a"}', "no such folder", model=os.path.join(self.folder, "nothing"))
        self.refused('{"text":"a"}', "tokenizer.json", model=self.folder)
        plain = tiny.write(self.folder, "plain.gguf", tiny.gguf(tiny.bpe_keys(template=None)))
        self.refused('{"messages":[{"role":"user","content":"a"}]}', "no chat template", "--chat-template", model=plain)
        wrong = tiny.write(self.folder, "wrong/tokenizer.json", '{"model": {"type": "Unheard"}}')
        self.refused('{"text":"a"}', "cannot be used", model=os.path.dirname(wrong))

    def test_templates_that_fail(self):
        for source, word in (("{% if %}", "cannot be read"), ("{{ raise_exception('only two roles') }}", "only two roles"),
                             ("{{ messages[0].content.nothing() }}", "template"), ("{{ ''.__class__.__mro__ }}", "template")):
            path = tiny.write(self.folder, "t.jinja", source)
            self.refused('{"messages":[{"role":"user","content":"a"}]}', word, flags=("--chat-template", path))

    def test_spans_that_depend_on_later_messages_are_refused(self):
        source = "{{ messages|length }}{% for m in messages %}{{ m.role }}:{{ m.content }}\n{% endfor %}"
        path = tiny.write(self.folder, "t.jinja", source)
        self.refused('{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}', "message 2", "generation",
                     flags=("--chat-template", path, "--assistant-only-loss"))

    def test_damaged_token_files(self):
        for data, word in ((b"", "not a safetensors"), (b"\xff" * 64, "not a safetensors")):
            code, _, err = tiny.run("decode", tiny.write(self.folder, "x.safetensors", data))
            self.assertEqual((code, err.count("\n")), (2, 1))
            self.assertIn(word, err)


if __name__ == "__main__":
    unittest.main()
