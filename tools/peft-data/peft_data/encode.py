"""Records to documents: tokens and labels, by the rules of TRL's SFTTrainer.

Text that is not a chat gets the end-of-text token. A prompt and its completion
are tokenized together, and the prompt alone, to find where the completion
begins. Labels are -100 where nothing is learnt. Documents are cut to
`max_length` at their end, and those with nothing left to learn are dropped.
"""

from dataclasses import dataclass, field

import numpy as np

from .documents import IGNORED
from .errors import DataError, warn
from .records import Chat, ChatPair, Ids, Pair, Text

BATCH = 4096  # texts given to the tokenizer's threads at once


@dataclass
class Options:
    completion_only: bool = True  # of prompts with completions
    assistant_only: bool = False  # of messages
    max_length: int = 1024  # 0: no limit


@dataclass
class Result:
    documents: list = field(default_factory=list)
    indices: list = field(default_factory=list)  # of each document's record
    truncated: int = 0
    dropped: int = 0
    not_a_prefix: int = 0

    @property
    def tokens(self):
        return sum(len(ids) for ids, _ in self.documents)

    @property
    def labelled(self):
        return sum(int(np.count_nonzero(labels[1:] != IGNORED)) for _, labels in self.documents)


class Encoder:
    def __init__(self, model, options):
        self.model, self.options = model, options
        self.eos_id = model.tokenizer.token_to_id(model.eos) if model.eos else None
        # Some tokenizers end every text themselves; a prompt must not be ended, a text not twice.
        probe = model.tokenizer.encode("a").ids
        self.ends_itself = self.eos_id is not None and probe[-1:] == [self.eos_id]
        self.result = Result()

    def _ended(self, text):
        eos = self.model.eos
        return text if not eos or self.ends_itself or text.endswith(eos) else text + eos

    def _tokens(self, texts, special):
        return [encoding.ids for encoding in self.model.tokenizer.encode_batch(texts, add_special_tokens=special)]

    def _open(self, ids):
        """A prompt's tokens without the end that the tokenizer put there."""
        return ids[:-1] if self.ends_itself and ids and ids[-1] == self.eos_id else ids

    def _texts(self, records):
        return [(ids, list(ids)) for ids in self._tokens([self._ended(record.text) for record in records], True)]

    def _pairs(self, prompts, wholes, special):
        out = []
        for prompt, ids in zip(self._tokens(prompts, special), self._tokens(wholes, special)):
            prompt = self._open(prompt) if special else prompt
            if ids[: len(prompt)] != prompt:
                self.result.not_a_prefix += 1
            known = min(len(prompt), len(ids)) if self.options.completion_only else 0
            out.append((ids, [IGNORED] * known + ids[known:]))
        return out

    def _chats(self, records):
        template = self.model.template
        if not self.options.assistant_only:
            texts = [template.render(record.messages, tools=record.tools) for record in records]
            return [(ids, list(ids)) for ids in self._tokens(texts, False)]
        rendered = [template.render_with_spans(record.messages, record.tools) for record in records]
        encodings = self.model.tokenizer.encode_batch([text for text, _ in rendered], add_special_tokens=False)
        return [(e.ids, self._in_spans(e, spans)) for e, (_, spans) in zip(encodings, rendered)]

    @staticmethod
    def _in_spans(encoding, spans):
        labels = [IGNORED] * len(encoding.ids)
        at = 0
        for i, (begin, end) in enumerate(encoding.offsets):
            while at < len(spans) and spans[at][1] <= begin:
                at += 1
            if at < len(spans) and begin < spans[at][1] and max(end, begin + 1) > spans[at][0]:
                labels[i] = encoding.ids[i]
        return labels

    def _encode(self, records):
        first = records[0]
        if isinstance(first, Text):
            return self._texts(records)
        if isinstance(first, Pair):
            wholes = [self._ended(record.prompt + record.completion) for record in records]
            return self._pairs([record.prompt for record in records], wholes, True)
        if isinstance(first, ChatPair):
            render = self.model.template.render
            wholes = [render(record.prompt + record.completion) for record in records]
            return self._pairs([render(record.prompt, add_generation_prompt=True) for record in records], wholes, False)
        if isinstance(first, Chat):
            return self._chats(records)
        assert isinstance(first, Ids)
        return [(record.input_ids, list(record.input_ids if record.labels is None else record.labels)) for record in records]

    def _keep(self, index, ids, labels):
        limit = self.options.max_length
        if limit and len(ids) > limit:
            self.result.truncated += 1
            ids, labels = ids[:limit], labels[:limit]
        ids, labels = np.array(ids, np.int32), np.array(labels, np.int32)
        # Nothing comes before the first token that could predict it.
        if np.all(labels[1:] == IGNORED):
            self.result.dropped += 1
            return
        self.result.documents.append((ids, labels))
        self.result.indices.append(index)

    def encode(self, records):
        for begin in range(0, len(records), BATCH):
            # A file may mix texts and lists of messages; runs of one kind are tokenized together.
            part, run = records[begin : begin + BATCH], 0
            while run < len(part):
                end = run
                while end < len(part) and type(part[end]) is type(part[run]):
                    end += 1
                for i, (ids, labels) in enumerate(self._encode(part[run:end])):
                    self._keep(begin + run + i, ids, labels)
                run = end
        self._report(len(records))
        return self.result

    def _report(self, total):
        result, limit = self.result, self.options.max_length
        if result.not_a_prefix:
            warn(f"{result.not_a_prefix} of {total} prompts are not a prefix of prompt and completion once tokenized, "
                 "so the mask is off by a token there; let prompts end with a space or a line break")
        if not result.documents:
            why = f"after cutting to --max-length {limit}" if result.truncated else "they hold no token that could be learnt"
            raise DataError(f"all {total} records have every label ignored: {why}")
        if result.dropped:
            warn(f"{result.dropped} of {total} records dropped: no label left to learn"
                 + (f" (--max-length is {limit})" if result.truncated else ""))
        size = self.model.vocab_size
        largest = max(max(ids.max(), labels.max()) for ids, labels in result.documents)
        if largest >= size:
            raise DataError(f"token {largest} is out of range: the tokenizer has {size} tokens")
