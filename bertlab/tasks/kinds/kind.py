"""What a kind of task is: one object that holds everything that differs between kinds, so that nobody asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from bertlab.rows import column_name
from bertlab.tasks.features import Feature
from bertlab.tasks.labels import no_label

Batch = Mapping[str, Tensor]
Rows = Sequence[Mapping[str, Any]]


class Labelled(Protocol):
    """What a head needs to know of a task: its `kind` and `labels`."""

    @property
    def kind(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...


class Asked(Labelled, Protocol):
    """What a kind needs to know of a `Task`: its `kind`, `labels`, `max_length` and `stride`."""

    @property
    def max_length(self) -> int: ...

    @property
    def stride(self) -> int: ...


def each_example(batch: Batch) -> int:
    """One term for each example of the batch."""
    return len(batch["input_ids"])


def any_number(task: Asked) -> None:
    """The head may have any number of labels."""


def no_fields(task: Labelled) -> dict[str, Any]:
    """The head needs nothing of its config."""
    return {}


def has_answer(row: Mapping[str, Any], task: Asked) -> bool:
    """Whether a row has a label, and one that does not stand for a missing one."""
    column = column_name(row, "label")
    return column is not None and not no_label(row[column], task.labels)


@dataclass(frozen=True)
class Kind:
    """One kind of task: how rows become inputs, outputs become a loss, scores and answers.

    Attributes:
        name: what `Task.kind` says.
        model_class: name of the head model.
        answer_column: the column that holds what is right; one that training needs.
        targets: the names of its tensors in a batch, which a model's forward pass is not given.
        encode: (rows, task, tokenizer) -> features.
        stack: (features, width, task) -> the targets as tensors, for features that all have them.
        loss: (model output, batch) -> sum of the losses of a batch, in float32.
        terms: batch -> over how many terms that sum is.
        outputs: (model output, place in the batch) -> what `score` and `predict` read, as numpy arrays.
        score: (outputs, features, rows, task, threshold, mean loss) -> metrics in percent.
        predict: (outputs, features, rows, task, no_answer) -> one prediction a row.
        metric: task -> the metric that a task is judged by.
        described: (row, task) -> (text, second text, what is right or None), as a person reads a row.
        typed: (text, second text) -> a row that asks this, or None where that is no question of the kind.
        shown: (row, prediction, task) -> rows of (label, value), or a sentence.
        guessing: (rows, task) -> (losses by name, metrics by name) of somebody who knows nothing but how often each
            label occurs.
        answered: (row, task) -> whether the row holds what is right.
        names: rows -> the names of the labels that occur; None for a kind whose labels have no names.
        model_labels: task -> how many labels the head has; None where any number will do.
        config: task -> the fields of the config that the head needs.
    """

    name: str
    model_class: str
    answer_column: str
    encode: Callable[[list, Asked, Any], list[Feature]]
    stack: Callable[[Sequence[Feature], int, Asked], dict[str, Tensor]]
    loss: Callable[[Any, Batch], Tensor]
    outputs: Callable[[Any, int], Any]
    score: Callable[[list, Sequence[Feature], Rows, Asked, float, float], dict[str, float]]
    predict: Callable[[list, Sequence[Feature], Rows, Asked, bool], list]
    metric: Callable[[Asked], str]
    described: Callable[[Mapping[str, Any], Asked], tuple[str, str, str | None]]
    typed: Callable[[str, str], dict[str, Any] | None]
    shown: Callable[[Mapping[str, Any], Any, Asked], list[tuple[str, float]] | str]
    guessing: Callable[[Rows, Asked], tuple[dict[str, float], dict[str, float]]]
    terms: Callable[[Batch], int] = each_example
    targets: tuple[str, ...] = ("labels",)
    answered: Callable[[Mapping[str, Any], Asked], bool] = has_answer
    names: Callable[[Iterable[Mapping[str, Any]]], list[str]] | None = None
    model_labels: Callable[[Asked], int | None] = any_number
    config: Callable[[Labelled], dict[str, Any]] = no_fields


def logits_of(output: Any, place: int) -> Any:
    """The logits of one example of a batch, in float32 on the CPU."""
    return output.logits[place].float().numpy(force=True)


def class_labels(features: Sequence[Feature], width: int, task: Asked) -> dict[str, Tensor]:
    """Numbers of classes (batch,), or (batch, labels) where some feature has the probabilities of all."""
    labels = [feature["labels"] for feature in features]
    if any(isinstance(label, list) for label in labels):  # beside probabilities, a label is a certain one
        certain = torch.eye(len(task.labels)).tolist()
        labels = [label if isinstance(label, list) else certain[label] for label in labels]
    return {"labels": torch.tensor(labels)}


def number_labels(features: Sequence[Feature], width: int, task: Asked) -> dict[str, Tensor]:
    """Labels that are numbers, or lists of as many numbers as there are labels: (batch,) or (batch, labels)."""
    return {"labels": torch.tensor([feature["labels"] for feature in features], dtype=torch.float)}


def label_config(task: Labelled, problem_type: str | None = None) -> dict[str, Any]:
    """id2label, label2id and, where it is given, the problem type."""
    names = dict(enumerate(task.labels))
    fields: dict[str, Any] = {"id2label": names, "label2id": {name: number for number, name in names.items()}}
    return fields if problem_type is None else {**fields, "problem_type": problem_type}


def ranked(labels: Sequence[Any], probabilities: Sequence[float], shown: int = 4) -> list[tuple[str, float]]:
    """(label, probability) in the order of the labels, or the likeliest ones where there are more than `shown`."""
    pairs = list(zip(map(str, labels), map(float, probabilities)))
    return pairs if len(pairs) <= shown else sorted(pairs, key=lambda pair: -pair[1])[:shown]
