"""Models small enough to be trained in front of a class, with texts that have known answers."""

from __future__ import annotations

from bertlab.nano.grammar import agreement_sentences
from bertlab.nano.runs import RUNS, RecordedRun, recorded_runs, write_runs
from bertlab.nano.settings import (
    DEFAULTS,
    SETTINGS,
    EncoderDecoder,
    Nano,
    agreement,
    agreement_accuracy,
    real_text,
    reversal,
    reversal_accuracy,
)
from bertlab.nano.texts import unigram_entropy, written_texts

__all__ = [
    "DEFAULTS",
    "EncoderDecoder",
    "Nano",
    "RUNS",
    "RecordedRun",
    "SETTINGS",
    "agreement",
    "agreement_accuracy",
    "agreement_sentences",
    "real_text",
    "recorded_runs",
    "reversal",
    "reversal_accuracy",
    "unigram_entropy",
    "write_runs",
    "written_texts",
]
