"""Chat templates: Jinja as transformers renders it, and the spans the assistant wrote."""

import datetime
import hashlib
import json

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

from .errors import DataError

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# What tells a template's family; the first that fits names it in the file's metadata.
_MARKERS = (
    ("chatml", "<|im_start|>"),
    ("llama3", "<|start_header_id|>"),
    ("gemma", "<start_of_turn>"),
    ("llama2", "[INST]"),
    ("phi3", "<|user|>"),
)

# Private-use characters around what stands between {% generation %} and {% endgeneration %}.
_OPEN, _CLOSE = "\U000f0a01", "\U000f0a02"


class _Generation(jinja2.ext.Extension):
    """{% generation %}: what the assistant wrote. Marked here, cut out again after rendering."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        call = self.call_method("_mark")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _mark(self, caller):
        return _OPEN + caller() + _CLOSE


def _raise(message):
    raise jinja2.exceptions.TemplateError(message)


def _tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


class Template:
    def __init__(self, source, special_tokens):
        self.source = source
        self.special_tokens = special_tokens
        self.marks_generation = "{% generation" in source or "{%- generation" in source
        environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, _Generation]
        )
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
        try:
            self._compiled = environment.from_string(source)
        except jinja2.exceptions.TemplateError as error:
            raise DataError(f"the chat template cannot be read: {error}") from None

    @property
    def name(self):
        for name, marker in _MARKERS:
            if marker in self.source:
                return name
        return "jinja-" + hashlib.sha256(self.source.encode()).hexdigest()[:12]

    def _render(self, messages, add_generation_prompt, tools):
        try:
            return self._compiled.render(
                messages=messages, tools=tools, documents=None, add_generation_prompt=add_generation_prompt, **self.special_tokens
            )
        except jinja2.exceptions.TemplateError as error:
            raise DataError(f"the chat template refuses the messages: {error}") from None
        except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError, OverflowError) as error:
            raise DataError(f"the chat template fails on the messages: {error}") from None

    def render(self, messages, add_generation_prompt=False, tools=None):
        text = self._render(messages, add_generation_prompt, tools)
        return text.replace(_OPEN, "").replace(_CLOSE, "") if self.marks_generation else text

    def render_with_spans(self, messages, tools=None):
        """(text, [(begin, end)] in characters of what the assistant wrote)."""
        if self.marks_generation:
            return self._marked_spans(messages, tools)
        return self._incremental_spans(messages, tools)

    def _marked_spans(self, messages, tools):
        text, spans, begin = "", [], None
        for part in self._render(messages, False, tools).replace(_CLOSE, _OPEN).split(_OPEN):
            if begin is None:
                text += part
                begin = len(text)
            else:
                text += part
                spans.append((begin, len(text)))
                begin = None
        return text, spans

    def _incremental_spans(self, messages, tools):
        """What the template adds for an assistant's message, found by rendering up to before and after it."""
        text = self.render(messages, tools=tools)
        spans = []
        for i, message in enumerate(messages):
            if message.get("role") != "assistant":
                continue
            before = self.render(messages[:i], add_generation_prompt=True, tools=tools)
            after = self.render(messages[: i + 1], tools=tools)
            if not (after.startswith(before) and text.startswith(after)):
                raise DataError(
                    f"message {i + 1}: what the chat template writes for an assistant's message depends on other messages, so "
                    "assistant-only loss cannot be placed; use a template with {% generation %} (--chat-template FILE)"
                )
            end = len(after)
            # The line break after the closing token belongs to the frame, not to what the model should say.
            if after[len(before):].rstrip().endswith(tuple(self.end_markers)):
                end = len(after.rstrip())
            spans.append((len(before), end))
        return text, spans

    end_markers = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "</s>", "<|endoftext|>")

    def end_of_turn(self):
        """What follows an assistant's words, e.g. '<|im_end|>\\n'; '' if the template cannot tell."""
        probe = "peft-data probe"
        try:
            text = self.render([{"role": "user", "content": "?"}, {"role": "assistant", "content": probe}])
        except DataError:
            return ""
        return text.rpartition(probe)[2]
