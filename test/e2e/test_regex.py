"""Regular expressions of a recipe choose what Python's re would choose, and are refused where it refuses them.

Here Python's own re is the reference; PEFT matches by it.
"""

import json
import os
import re
import unittest

import support

MODEL = os.path.join(support.ROOT, "test", "passes", "Adapt", "Inputs", "model.mlir")
LAYER = "model.layers.0."
MODULES = ["model.embed_tokens", LAYER + "self_attn.q_proj", LAYER + "self_attn.v_proj", LAYER + "mlp.up_proj", "lm_head"]

SHARED = [
    r".*\.(q|v)_proj", r".*_proj$", r"^model\.layers\.\d+\..*_proj", r".*[qv]_proj", r"(?:model\.)?.*up_proj", r".*?(?P<k>q|v)_proj",
    r".*(?<=self_attn\.)\w+", r".*(?<!_attn\.)(q|up)_proj", r"(?!.*mlp).*_proj", r".*(?=v_)v_proj", r".*\b[a-u]p?_proj\b",
    r"(?i).*Q_PROJ", r".*(?i:Q)_proj", r"(?s-i:.*)q_proj", r".*\x71_proj", r".*[^\W\d]_proj", r".*[]q-]_proj", r"\Amodel.*q_proj\Z",
    r".*(\.)0\1.*_proj", r"(?P<dot>.*\.)layers(?:\.)0.*(?P=dot)?q_proj", r"(m)?(?(1)odel.*q_proj|lm_head)", r".*(?#or k)q_proj",
    r".{1,40}v_proj", r".{25,}", r"(?>model)\..*_proj", r".*self_attn\.\w*+", r".*\.0\.self{1}_attn\..*", r".*\_proj", r".*[p-]_proj", "lm{,x|.*q_proj",
]
PYTHON_REFUSES = {
    r".*\K_proj": r"no '\K'", r"\Qmodel\E.*": r"no '\Q'", r".*\z": r"no '\z'", r".*\R*q_proj": r"no '\R'", r".*\p{L}": r"no '\p'",
    r".*\h*q_proj": r"no '\h'", r"(?:(.*)_proj|(?R))": "no '(?R'", r"(.*)(?1)": "no '(?1'", r"(?<k>.*)": "no '(?<'", r"(?|(q)|(v)).*": "no '(?|'",
    r".*(*FAIL)": "no '(*'", r"(*UTF).*": "no '(*'", r".*q(?i)_PROJ": "only at the start", r"(?^i:.*)": "no '(?^'", r".*(?i-:q)": "no '(?i-:'",
    r".*q{1}{2}": "quantifier does not follow", r".*(?<=ab|c)q": "one length", r".*[a-\d]": "invalid range", r".*(?-i": "at offset",
    r".*\x7_proj": "two digits", r"\1(.*)": "groups that are closed before", r"(.*\1)": "groups that are closed before",
    r"(?(DEFINE)q).*": "no group 'DEFINE'",
}
READ_DIFFERENTLY = {
    r".*[[:alpha:]]_proj": "no named classes", r".*q{,1}_proj": "'{0,1}'", r".*\v*q_proj": r"\x0b", r".*\161_proj": "octal",
    r"(?x).*q_proj": "flag x",
}


def chosen(pattern):
    """(modules that get a LoRA, what was said)."""
    path = os.path.join(chosen.folder, "adapter_config.json")
    with open(path, "w") as file:
        json.dump({"peft_type": "LORA", "target_modules": pattern}, file)
    result = support.run(support.tool("peft-opt"), MODEL, f"--peft-apply-recipe=recipe={path}")
    return re.findall(r'module\("([^"]*)"\) \{peft\.lora = ', result.stdout), result.stderr


chosen.folder = support.scratch()


class RegexTest(unittest.TestCase):
    def test_shared_syntax_chooses_alike(self):
        for pattern in SHARED:
            with self.subTest(pattern=pattern):
                wanted = [name for name in MODULES if re.fullmatch(pattern, name)]
                self.assertTrue(wanted, "a pattern that chooses nothing shows nothing")
                self.assertEqual(chosen(pattern)[0], wanted)

    def test_what_python_refuses_is_an_error(self):
        for pattern, cause in PYTHON_REFUSES.items():
            with self.subTest(pattern=pattern):
                self.assertRaises(re.error, re.compile, pattern)
                self.refused(pattern, cause)

    def test_what_python_reads_differently_is_an_error(self):
        for pattern, cause in READ_DIFFERENTLY.items():
            with self.subTest(pattern=pattern):
                self.refused(pattern, cause)

    def refused(self, pattern, cause):
        modules, said = chosen(pattern)
        self.assertEqual(modules, [])
        self.assertIn(f"bad regular expression '{pattern}': ", said)
        self.assertIn(cause, said)
        self.assertEqual(said.count("error:"), 1)


if __name__ == "__main__":
    unittest.main()
