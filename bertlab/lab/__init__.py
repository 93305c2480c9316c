"""One model, its tokenizer and its heads under one roof: what panels, notebooks and users talk to."""

from __future__ import annotations

from bertlab.lab.lab import TASKS, Lab, load
from bertlab.lab.results import (
    Answer,
    AnswerWindow,
    Candidate,
    Choice,
    Classification,
    Generation,
    MaskFills,
    NextSentence,
    Result,
    Rewriting,
    Score,
    Similarity,
    Span,
    WordTag,
    percent,
)

__all__ = [
    "Answer",
    "AnswerWindow",
    "Candidate",
    "Choice",
    "Classification",
    "Generation",
    "Lab",
    "MaskFills",
    "NextSentence",
    "Result",
    "Rewriting",
    "Score",
    "Similarity",
    "Span",
    "TASKS",
    "WordTag",
    "load",
    "percent",
]
