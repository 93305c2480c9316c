"""What both files of rehearsals on the pretend accelerator compare, and with which rows."""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import torch

from bertlab.data import Task

from training_cases import reviews  # isort: skip


def flat(value):
    """All numbers and texts in a result, in order."""
    if isinstance(value, np.ndarray):
        yield from flat(torch.from_numpy(value))
    elif isinstance(value, torch.Tensor):
        yield from value.detach().cpu().double().flatten().tolist()
    elif isinstance(value, Mapping):
        for name in sorted(value, key=str):
            yield from flat(value[name])
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from flat(getattr(value, field.name))
    elif isinstance(value, (list, tuple, Iterator)):
        for one in value:
            yield from flat(one)
    elif isinstance(value, (int, float, str)):
        yield value


def assert_alike(ours, theirs, tolerance=2e-4):
    ours, theirs = list(flat(ours)), list(flat(theirs))
    assert len(ours) == len(theirs) and theirs
    close = {"abs": tolerance, "rel": 1e-3, "nan_ok": True}
    differ = [(one, other) for one, other in zip(ours, theirs)
              if one != (other if isinstance(other, str) else pytest.approx(other, **close))]  # fmt: skip
    assert not differ, f"{len(differ)} of {len(ours)}: {differ[:4]}"


TASK = Task("classification", ("bad", "good"), max_length=16)


WORDS = ["the film was good .", "a bad town ."]


ROWS = {
    "BertForSequenceClassification": (TASK, reviews(20)),
    "BertForTokenClassification": (
        Task("tagging", ("O", "X"), max_length=16),
        [{"tokens": text.split(), "tags": ["O"] * (len(text.split()) - 1) + ["X"]} for text in WORDS],
    ),
    "BertForMultipleChoice": (
        Task("choice", max_length=16),
        [{"prompt": "the film was", "choices": ["good", "a town", "bad"], "label": n % 3} for n in range(4)],
    ),
    "BertForQuestionAnswering": (
        Task("qa", max_length=16),
        [{"id": "1", "question": "what was good ?", "context": "the film was good .",
          "answers": {"text": ["film"], "answer_start": [4]}}],
    ),
}  # fmt: skip
