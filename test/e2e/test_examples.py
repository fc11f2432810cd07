"""examples/own-data/run.sh from its conversations to answers, on a model of two layers and a tokenizer of bytes."""

import os
import re
import sys
import unittest

from support import BUILD, ROOT, config, must, scratch, weights, write_model

sys.path.insert(0, os.path.join(ROOT, "test", "tools", "peft-data"))
import tiny  # noqa: E402


class OwnData(unittest.TestCase):
    def test_conversations_to_answers(self):
        folder = scratch()
        for name in ("examples", "tools", ".venv"):
            os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
        os.symlink(BUILD, os.path.join(folder, "build"))
        shape = config(vocab_size=len(tiny.TOKENS))
        model = write_model(os.path.join(folder, "model"), shape, weights(shape))
        tokenizer = os.path.join(folder, "tokenizer")
        must(os.path.join(ROOT, "tools", "peft-data", "peft-data"), "tokenizer",
             tiny.write(folder, "tiny.gguf", tiny.gguf(tiny.bpe_keys())), tokenizer)
        # bash finds the script's folder by the path that it is given, so that all is written into the scratch tree.
        said = must("env", f"MODEL={model}", f"TOKENIZER={tokenizer}", "LENGTH=256",
                    "bash", os.path.join(folder, "examples", "own-data", "run.sh"))
        losses = [float(loss) for loss in re.findall(r"'eval_loss': ([\d.]+)", said)]
        self.assertEqual(len(losses), 1 + 5, said)  # before the first epoch and behind each
        self.assertLess(losses[-1], losses[0])
        out = os.path.join(folder, "out", "own-data")
        for name in ("adapter_model.safetensors", "adapter_config.json", "tokenizer.json"):
            self.assertTrue(os.path.exists(os.path.join(out, "adapter", name)), name)


if __name__ == "__main__":
    unittest.main()
