"""One model, its tokenizer and its heads under one roof: what panels, notebooks and users talk to."""

from __future__ import annotations

from bertlab.lab.beside import trained_for
from bertlab.lab.lab import Lab
from bertlab.lab.loading import load
from bertlab.lab.naming import label_names
from bertlab.lab.recorded import run_recorded
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
from bertlab.lab.trained import heads_on_encoder
from bertlab.lab.words import spans_of
from bertlab.tasks import TASKS

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
    "heads_on_encoder",
    "label_names",
    "load",
    "percent",
    "run_recorded",
    "spans_of",
    "trained_for",
]
