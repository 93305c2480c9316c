"""From files and rows to the tensors that a model learns from.

Rows are read by `bertlab.rows`, and encoded by `bertlab.tasks`; both are offered here too. Read `batches` first (the
order of labelled examples), then `masking` and `corpus` (running text).
"""

from __future__ import annotations

from bertlab.data.batches import length_sorted_batches, prepared_batches
from bertlab.data.corpus import Corpus, Mixture, collate_pretraining, pretraining_batches, pretraining_features
from bertlab.data.masking import mask_tokens, word_numbers
from bertlab.rows import DataError, Row, column_of, documents, lines, place_of, read
from bertlab.samples import samples, sentence_pairs
from bertlab.tasks import IGNORED, KINDS, Feature, Task, assemble, collate, encode, infer_task, length, pad

__all__ = [
    "Corpus", "DataError", "Feature", "IGNORED", "KINDS", "Mixture", "Row", "Task", "assemble", "collate",
    "collate_pretraining", "column_of", "documents", "encode", "infer_task", "length", "length_sorted_batches", "lines",
    "mask_tokens", "pad", "place_of", "prepared_batches", "pretraining_batches", "pretraining_features", "read",
    "samples", "sentence_pairs", "word_numbers",
]  # fmt: skip
