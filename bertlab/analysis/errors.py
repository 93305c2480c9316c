"""Where a whole set goes wrong: every row predicted, with its loss, the confusion of labels, and how sure the model is
when it is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from bertlab.analysis.parts import first_token_only
from bertlab.analysis.passes import Progress, evaluating, report, whole_number
from bertlab.data import DataError, Task, collate, encode, length, length_sorted_batches, place_of, read

BINS = 10


@dataclass(frozen=True)
class JudgedRow:
    """One row: its `number` in the set, the row itself (`source`), the label it has (`gold`), the `prediction` with
    its probability (`confidence`), the `loss` in nats, and whether the prediction is `right`. `cut` says that the text
    is longer than the model and was read up to there."""

    number: int
    source: Mapping[str, Any]
    gold: str
    prediction: str
    confidence: float
    loss: float
    right: bool
    cut: bool


@dataclass(frozen=True)
class Bin:
    """The rows whose confidence is above `low` and at most `high`: how many (`count`), their mean `confidence`, and
    the share of them that is right (`accuracy`); NaN for a bin without rows."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """`bins` of equal width, and `expected_error`, the mean over the rows of |accuracy - confidence| of their bin (Guo
    et al. 2017, equation 3)."""

    bins: list[Bin]
    expected_error: float


@dataclass(frozen=True)
class ErrorTable:
    """A set judged: `rows` in the order given, `accuracy` (0 to 1), `confusion` (gold, predicted) counts by `labels`,
    and the `calibration`."""

    rows: list[JudgedRow]
    labels: list[str]
    accuracy: float
    confusion: torch.Tensor
    calibration: Calibration


def table(
    lab: Any, rows: Any, task: str, *, batch_size: int = 32, bins: int = BINS, progress: Progress | None = None
) -> ErrorTable:
    """Predict every row of a labelled set with a lab's classifier.

    Args:
        rows: {"text": ..., "label": ...}, with "pair" for two texts; or what `bertlab.data.read` reads. Labels are
            names, their numbers, or a list of probabilities, of which the likeliest counts as gold.
        task: a classification of the lab, such as "sentiment".
        batch_size: rows that run together.
        progress: called with the share that is done; raising in it stops the work.

    Raises:
        LookupError: for a task that the lab does not have. ValueError: for one that is no classification, no rows, and
            rows without a label that it knows, naming the place.
    """
    judged = list(stream(lab, rows, task, batch_size=batch_size, progress=progress))
    return table_of(sorted(judged, key=lambda row: row.number), labels_of(lab, task), bins=bins)


def stream(
    lab: Any, rows: Any, task: str, *, batch_size: int = 32, progress: Progress | None = None
) -> Iterator[JudgedRow]:
    """The rows as they are known, long texts first, batch after batch. Args and errors as `table`."""
    labels = labels_of(lab, task)
    asked = Task("classification", tuple(labels), max_length=lab.max_length)
    rows = list(read(rows))
    if not rows:
        raise DataError("there are no rows; give at least one with a label")
    # One token more than fits, so that a text that is too long can be told from one that just fits.
    features = encode(rows, replace(asked, max_length=lab.max_length + 1), lab.tokenizer)
    for number, (row, feature) in enumerate(zip(rows, features)):
        if "labels" not in feature:
            raise DataError(f"{place_of(row)} has no label; give rows with one")
        if length(feature) > lab.max_length:
            features[number] = {**encode([row], asked, lab.tokenizer)[0], "cut": True}
    batch_size = whole_number(batch_size, "batch_size", 1)
    return _stream(lab, lab.task_model(task), rows, features, asked, batch_size, progress)


@torch.no_grad()
def _stream(lab, model, rows, features, task, batch_size, progress) -> Iterator[JudgedRow]:
    done, reading = 0, first_token_only(model)
    for numbers in length_sorted_batches([length(feature) for feature in features], batch_size):
        batch = collate([features[number] for number in numbers], task, lab.tokenizer.pad_token_id or 0)
        labels = batch.pop("labels")
        with evaluating(model, every_row=False):
            logits = reading(**{name: value.to(lab.device) for name, value in batch.items()}, return_dict=True).logits
        logs = logits.float().log_softmax(-1).cpu()  # (rows, labels)
        soft = labels if labels.dim() == 2 else torch.nn.functional.one_hot(labels, logs.shape[-1]).float()
        losses = -(soft * logs.clamp_min(torch.finfo(logs.dtype).min)).sum(-1)
        best, gold = logs.max(-1), soft.argmax(-1)
        for at, number in enumerate(numbers):
            predicted, wanted = int(best.indices[at]), int(gold[at])
            yield JudgedRow(
                number, rows[number], task.labels[wanted], task.labels[predicted], float(best.values[at].exp()),
                float(losses[at]), predicted == wanted, features[number].get("cut", False),
            )  # fmt: skip
        done += len(numbers)
        report(progress, done / len(rows))


def table_of(rows: Sequence[JudgedRow], labels: Sequence[str], *, bins: int = BINS) -> ErrorTable:
    """The table of some rows that are judged already, such as those known so far."""
    if not rows:
        raise ValueError("there are no rows to count; give at least one")
    number_of = {label: number for number, label in enumerate(labels)}
    confusion = torch.zeros(len(labels), len(labels), dtype=torch.long)
    for row in rows:
        confusion[number_of[row.gold], number_of[row.prediction]] += 1
    accuracy = float(confusion.diagonal().sum() / confusion.sum())
    return ErrorTable(list(rows), list(labels), accuracy, confusion, calibration(rows, bins))


def calibration(rows: Iterable[JudgedRow], bins: int = BINS) -> Calibration:
    """How the confidence of rows agrees with how often they are right."""
    sorted_in: list[list[JudgedRow]] = [[] for _ in range(bins)]
    for row in rows:
        sorted_in[min(bins - 1, max(0, -int(-row.confidence * bins // 1) - 1))].append(row)
    found, error, total = [], 0.0, sum(map(len, sorted_in))
    for number, inside in enumerate(sorted_in):
        count = len(inside)
        confidence = sum(row.confidence for row in inside) / count if count else float("nan")
        accuracy = sum(row.right for row in inside) / count if count else float("nan")
        found.append(Bin(number / bins, (number + 1) / bins, count, confidence, accuracy))
        error += abs(accuracy - confidence) * count / total if count else 0.0
    return Calibration(found, error)


def labels_of(lab: Any, task: str) -> list[str]:
    """The labels of a lab's classifier.

    Raises:
        LookupError: for a task that the lab does not have. ValueError: for one that is no classification.
    """
    model = lab.task_model(task)
    config = model.config
    fits = type(model).__name__ == "BertForSequenceClassification" and config.num_labels > 1
    if not fits or config.problem_type == "multi_label_classification":
        raise ValueError(f"{task!r} does not choose one of several labels; give a task of classification")
    return [str(config.id2label[number]) for number in range(config.num_labels)]
