"""What `Lab` answers with: small dataclasses that read well when printed and in a notebook.

All probabilities lie between 0 and 1. `trained` is False where the head that answered has never been trained: the
answer is noise then, and says so.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

UNTRAINED = "untrained head: this answer is noise"


def percent(probability: float) -> str:
    """0.8712 -> '87 %', 0.0043 -> '0.43 %'."""
    value = 100 * probability
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.2g} %" if value >= 0.01 else "< 0.01 %"


class Result:
    """Base of the answers: a title, rows, and their text and HTML."""

    trained: bool = True

    def _title(self) -> str:
        raise NotImplementedError

    def _rows(self) -> Iterable[tuple[str, ...]]:
        return ()

    def __str__(self) -> str:
        rows = [tuple(row) for row in self._rows()]
        widths = [max(map(len, column)) for column in zip(*rows)] if rows else []
        lines = [self._title() + ("" if self.trained else f"  [{UNTRAINED}]")]
        lines += ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{html.escape(cell)}</td>' for cell in row) + "</tr>"
            for row in self._rows()
        )
        mark = "" if self.trained else f' <b style="color:#d00">{UNTRAINED}</b>'
        return f"<div>{html.escape(self._title())}{mark}</div>" + (f"<table>{rows}</table>" if rows else "")


@dataclass(repr=False)
class Candidate(Result):
    """One word that may fill a mask."""

    token: str
    token_id: int
    probability: float
    trained: bool = True

    def _title(self) -> str:
        return f"{self.token} {percent(self.probability)}"


class MaskFills(list):
    """The answer of `Lab.fill_mask`: one list of candidates per mask, most probable first."""

    def __init__(self, masks: Iterable[Sequence[Candidate]], trained: bool = True):
        super().__init__(list(candidates) for candidates in masks)
        self.trained = trained

    def __repr__(self) -> str:
        lines = [] if self.trained else [UNTRAINED]
        for number, candidates in enumerate(self, start=1):
            lines.append(f"[MASK] {number}: " + ", ".join(f"{c.token} {percent(c.probability)}" for c in candidates))
        return "\n".join(lines)


@dataclass(repr=False)
class NextSentence(Result):
    """Whether B follows A; column 0 of the head is "is next", column 1 "random"."""

    probabilities: dict[str, float]
    logits: tuple[float, float]
    trained: bool = True

    @property
    def is_next(self) -> bool:
        """Whether "B follows A" is the more probable."""
        return self.probabilities["is_next"] > self.probabilities["random"]

    def _title(self) -> str:
        return f"{'B follows A' if self.is_next else 'B is random'} ({percent(max(self.probabilities.values()))})"

    def _rows(self) -> Iterable[tuple[str, ...]]:
        return [(name, percent(p)) for name, p in self.probabilities.items()]


@dataclass(repr=False)
class Score(Result):
    """A pseudo-log-likelihood (Salazar et al. 2020): each token masked in turn, natural logarithms summed."""

    total: float
    tokens: list[str]
    log_probabilities: list[float]
    trained: bool = True

    def _title(self) -> str:
        return f"pseudo-log-likelihood {self.total:.4f} over {len(self.tokens)} tokens"

    def _rows(self) -> Iterable[tuple[str, ...]]:
        return [(token, f"{value:.4f}") for token, value in zip(self.tokens, self.log_probabilities)]


@dataclass(repr=False)
class Classification(Result):
    """A label for a text. For tasks with several labels at once, `labels` are those above one half."""

    label: str
    probabilities: dict[str, float]
    labels: list[str] = field(default_factory=list)
    multi_label: bool = False
    trained: bool = True

    def _title(self) -> str:
        if self.multi_label:
            return ", ".join(f"{name} ({percent(self.probabilities[name])})" for name in self.labels) or (
                f"no label above 50 %; highest is {self.label} ({percent(self.probabilities[self.label])})"
            )
        return f"{self.label} ({percent(self.probabilities[self.label])})"

    def _rows(self) -> Iterable[tuple[str, ...]]:
        ranked = sorted(self.probabilities.items(), key=lambda item: -item[1])
        return [(name, percent(p)) for name, p in ranked[:8]]


@dataclass(repr=False)
class Similarity(Result):
    """How close two texts are in meaning, on the scale of STS-B: 0 (unrelated) to 5 (the same)."""

    score: float
    trained: bool = True

    def _title(self) -> str:
        return f"similarity {self.score:.2f} on a scale of 0 to 5"


@dataclass(repr=False)
class Span(Result):
    """A labelled stretch of the text: `text == original[start:end]`. The probability is the mean over its words."""

    text: str
    label: str
    start: int
    end: int
    probability: float
    trained: bool = True

    def _title(self) -> str:
        return f"{self.text} [{self.label}] {percent(self.probability)}"


@dataclass(repr=False)
class WordTag(Result):
    """The label of one given word."""

    word: str
    label: str
    probability: float
    trained: bool = True

    def _title(self) -> str:
        return f"{self.word}/{self.label} {percent(self.probability)}"


@dataclass(repr=False)
class AnswerWindow:
    """One window of question + context as the model saw it; probabilities are softmaxes over its tokens."""

    tokens: list[str]
    offsets: list[tuple[int, int]]  # characters of the context; (0, 0) outside it
    in_context: list[bool]
    start_logits: list[float]
    end_logits: list[float]
    start_probabilities: list[float]
    end_probabilities: list[float]


@dataclass(repr=False)
class Answer(Result):
    """The best legal span of the context: `text == context[start:end]`.

    Probabilities are one softmax over all legal spans of all windows and "no answer" (the [CLS] span). `text` is
    that of the best span even where "no answer" is more probable; `has_answer` says which. `spans` are all legal ones,
    (start, end, probability), the most probable first.
    """

    text: str
    start: int
    end: int
    probability: float
    no_answer_probability: float
    windows: list[AnswerWindow] = field(default_factory=list)
    trained: bool = True
    spans: list[tuple[int, int, float]] = field(default_factory=list)

    @property
    def has_answer(self) -> bool:
        """Whether the best span is more probable than no answer."""
        return self.probability >= self.no_answer_probability

    def _title(self) -> str:
        if self.has_answer:
            return f"{self.text} ({percent(self.probability)})"
        return f"no answer ({percent(self.no_answer_probability)}); else: {self.text} ({percent(self.probability)})"


@dataclass(repr=False)
class Choice(Result):
    """Which continuation fits best."""

    index: int
    probabilities: list[float]
    choices: list[str] = field(default_factory=list)
    trained: bool = True

    def _title(self) -> str:
        return f"choice {self.index}: {self.choices[self.index]} ({percent(self.probabilities[self.index])})"

    def _rows(self) -> Iterable[tuple[str, ...]]:
        return [(str(i), text, percent(p)) for i, (text, p) in enumerate(zip(self.choices, self.probabilities))]


@dataclass(repr=False)
class Generation(Result):
    """A continuation, token by token."""

    prompt: str
    text: str
    tokens: list[str]
    token_ids: list[int]
    trained: bool = True

    def _title(self) -> str:
        return f"{self.prompt} {self.text}"


@dataclass(repr=False)
class Rewriting(Result):
    """A text that a decoder wrote while looking at another one.

    `cross_attention` (layers, heads, written, source) says where it looked; `probabilities` how sure each token was.
    """

    source: str
    source_tokens: list[str]
    text: str
    tokens: list[str]
    token_ids: list[int]
    probabilities: list[float]
    cross_attention: Tensor
    trained: bool = True

    def _title(self) -> str:
        return f"{self.source} -> {self.text}"

    def _rows(self) -> Iterable[tuple[str, ...]]:
        looked = self.cross_attention.mean((0, 1))  # (written, source)
        for token, probability, weights in zip(self.tokens, self.probabilities, looked):
            yield token, percent(probability), f"looks at {self.source_tokens[int(weights.argmax())]}"
