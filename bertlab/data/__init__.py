"""From files and rows to the tensors that a model learns from.

Read `reading` first (files to rows), then `features` (rows to ids), `masking` and `corpus` (running text).
"""

from __future__ import annotations

from bertlab.data.corpus import Corpus, Mixture, collate_pretraining, pretraining_batches, pretraining_features
from bertlab.data.features import (
    KINDS,
    Feature,
    Task,
    assemble,
    collate,
    encode,
    infer_task,
    length,
    length_sorted_batches,
    pad,
    prepared_batches,
    samples,
)
from bertlab.data.masking import IGNORED, mask_tokens, word_numbers
from bertlab.data.reading import DataError, Row, column_of, documents, lines, place_of, read

__all__ = [
    "Corpus",
    "DataError",
    "Feature",
    "IGNORED",
    "KINDS",
    "Mixture",
    "Row",
    "Task",
    "assemble",
    "collate",
    "collate_pretraining",
    "column_of",
    "documents",
    "encode",
    "infer_task",
    "length",
    "length_sorted_batches",
    "lines",
    "mask_tokens",
    "pad",
    "place_of",
    "prepared_batches",
    "pretraining_batches",
    "pretraining_features",
    "read",
    "samples",
    "word_numbers",
]
