"""Heads against grammar: does the word that a head looks at most govern the one that looks? (Clark et al. 2019,
section 4.2)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bertlab.analysis import words as by_words
from bertlab.analysis.heads import remaining_heads
from bertlab.analysis.passes import Progress, evaluating, report
from bertlab.analysis.states import text_batches
from bertlab.data import DataError, lines
from bertlab.recording import names, record

TOKENS_PER_PASS = 512


@dataclass(frozen=True)
class Relation:
    """How often the word that a head looks at most is the governor, for one relation.

    `layer`, `head` and their `accuracy` (0 to 1) are those of the best head; `count` is how many words have the
    relation; `offset` is the distance, governor - word in words, that is right most often, and `offset_accuracy` how
    often: what a head has to beat. `accuracies` (layers, heads) are those of all heads, NaN where one is gone.
    """

    layer: int
    head: int
    accuracy: float
    count: int
    offset: int
    offset_accuracy: float
    accuracies: torch.Tensor


@dataclass(frozen=True)
class Sentence:
    """`words` of a sentence, the place of each one's governor among them (-1 for the root), and its relation."""

    words: list[str]
    governors: list[int]
    relations: list[str]
    line: int


@torch.no_grad()
def heads(lab: Any, sentences: str | Path, *, progress: Progress | None = None) -> dict[str, Relation]:
    """For each dependency relation the head whose most attended word is the governor most often, the most frequent
    relation first.

    Attention goes by words (`words.merge`); [CLS] and [SEP] are left out, as are roots, which have no governor, and
    words of which the tokenizer leaves nothing.

    Args:
        sentences: a .conllu file, or its text.
        progress: called with the share of the sentences that is done; raising in it stops the work.

    Raises:
        FileNotFoundError: when there is no such file. ValueError: for text that is not CoNLL-U, naming the line; no
            sentences; a sentence that does not fit into the model.
    """
    parsed = list(read_dependencies(sentences))
    if not parsed:
        raise ValueError("there are no sentences; give a .conllu file, or its text")
    encodings = [lab.tokenizer(sentence.words, is_split_into_words=True, verbose=False) for sentence in parsed]
    for sentence, encoding in zip(parsed, encodings):
        if len(encoding["input_ids"]) > lab.max_length:
            raise ValueError(
                f"the sentence of line {sentence.line} has {len(encoding['input_ids'])} tokens with [CLS] and [SEP]; "
                f"{lab.name} takes at most {lab.max_length}; leave it out"
            )
    tally, done = _Tally(lab.model), 0
    for batch in text_batches(lab, [encoding["input_ids"] for encoding in encodings], TOKENS_PER_PASS):
        with evaluating(lab.model), record(lab.model, names.probs()) as recording:
            lab.model.base_model(**batch.inputs)
        for at, number in enumerate(batch.numbers):
            length = len(encodings[number]["input_ids"])
            attention = [
                recording.attention(layer)[at, :, :length, :length].float().cpu() for layer in recording.layers
            ]
            tally.add(parsed[number], encodings[number].word_ids(0), attention)
        done += len(batch.numbers)
        report(progress, done / len(parsed))
    return tally.results()


class _Tally:
    """Counts of words, and of those whose governor each head looks at most, by relation."""

    def __init__(self, model: Any):
        self.remaining, self.width = remaining_heads(model), model.config.num_attention_heads
        self.right: dict[str, torch.Tensor] = {}  # relation -> (layers, heads)
        self.offsets: dict[str, Counter[int]] = {}

    def add(self, sentence: Sentence, word_of: list[int | None], attention: list[torch.Tensor]) -> None:
        """`attention` holds (heads, query, key) for each layer."""
        places = [place for place, word in enumerate(word_of) if word is not None]
        numbers = [word_of[place] for place in places]
        there = list(dict.fromkeys(numbers))  # the words that have pieces, in order
        row_of = {word: row for row, word in enumerate(there)}
        looked = []  # (heads, words) for each layer: the row of the most attended word
        for weights in attention:
            inner = weights[:, places][:, :, places]
            looked.append(by_words.merge(inner, numbers).argmax(-1) if len(inner) else inner.new_empty(0, len(there)))
        for word, (governor, relation) in enumerate(zip(sentence.governors, sentence.relations)):
            if governor < 0 or word not in row_of or governor not in row_of:
                continue
            right = self.right.setdefault(relation, torch.zeros(len(attention), self.width, dtype=torch.float64))
            self.offsets.setdefault(relation, Counter())[governor - word] += 1
            for layer, most in enumerate(looked):
                right[layer, self.remaining[layer]] += (most[:, row_of[word]] == row_of[governor]).double()

    def results(self) -> dict[str, Relation]:
        gone = torch.full((len(self.remaining), self.width), float("nan"), dtype=torch.float64)
        for layer, numbers in self.remaining.items():
            gone[layer, numbers] = 0.0
        if not any(self.remaining.values()):
            raise ValueError("the model has no heads left to compare with the relations")
        found = {}
        for relation, offsets in sorted(self.offsets.items(), key=lambda item: -item[1].total()):
            count = offsets.total()
            accuracies = self.right[relation] / count + gone
            best = int(accuracies.nan_to_num(-1.0).argmax())
            offset = min(offsets, key=lambda distance: (-offsets[distance], abs(distance), distance))
            layer, head = divmod(best, self.width)
            found[relation] = Relation(
                layer, head, float(accuracies[layer, head]), count, offset, offsets[offset] / count, accuracies.float()
            )  # fmt: skip
        return found


def read_dependencies(source: str | Path) -> Iterator[Sentence]:
    """The sentences of a .conllu file (or its text): columns ID, FORM, HEAD and DEPREL of its words. Multi-word tokens
    (3-4) and empty nodes (8.1) are left out.

    Raises:
        FileNotFoundError: when there is no such file. DataError: naming file and line.
    """
    if isinstance(source, str) and ("\n" in source or "\t" in source):
        numbered: Iterator[tuple[int, str]] = (
            (number, line.rstrip("\r")) for number, line in enumerate(source.split("\n"), start=1)
        )
        name = "the text"
    elif isinstance(source, (str, Path)):
        if not Path(source).is_file():
            raise FileNotFoundError(f"there is no file {source}; give a .conllu file, or its text")
        numbered, name = lines(source), str(source)
    else:
        raise TypeError(f"sentences are a {type(source).__name__}; give a .conllu file, or its text")
    for block in _blocks(numbered):
        words: list[str] = []
        governors: list[int] = []
        relations: list[str] = []
        for number, line in block:
            cells = line.split("\t")
            if cells[0].replace("-", "").replace(".", "").isdigit() and not cells[0].isdigit():
                continue
            if len(cells) < 8 or not cells[0].isdigit() or not cells[6].isdigit():
                raise DataError(
                    f"{name}, line {number}: not CoNLL-U, which has ten columns with a number in ID and HEAD"
                )
            if int(cells[0]) != len(words) + 1:
                raise DataError(f"{name}, line {number}: word {cells[0]} stands where {len(words) + 1} is due")
            words.append(cells[1])
            governors.append(int(cells[6]) - 1)
            relations.append(cells[7])
        start = block[0][0]
        wrong = [governor for governor in governors if governor >= len(words)]
        if wrong:
            raise DataError(f"{name}, line {start}: HEAD {wrong[0] + 1} in a sentence of {len(words)} words")
        if words:
            yield Sentence(words, governors, relations, start)


def _blocks(numbered: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """The lines of each sentence, without comments."""
    block: list[tuple[int, str]] = []
    for number, line in numbered:
        if line.strip() and not line.startswith("#"):
            block.append((number, line))
        elif not line.strip() and block:
            yield block
            block = []
    if block:
        yield block
