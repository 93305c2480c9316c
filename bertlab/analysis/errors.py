"""Where a whole set goes wrong: every row predicted, with its loss, the confusion of labels, and how sure the model is
when it is right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from bertlab.analysis.parts import first_token_only
from bertlab.analysis.passes import Progress, evaluating, report, whole_number
from bertlab.data import DataError, Task, collate, encode, length, length_sorted_batches, place_of, read
from bertlab.tasks import FOLLOWS, TASKS

BINS = 10
LEAST = torch.finfo(torch.float32).min  # for the logarithm of a probability of 0
PAIRS = "next_sentence"  # the one classification whose head comes from pre-training


@dataclass(frozen=True)
class JudgedRow:
    """One row: its `number` in the set, the row itself (`source`), the label it has (`gold`), the `prediction` with
    its probability (`confidence`), the `loss` in nats, and whether the prediction is `right`. `cut` says that the text
    is longer than the model and was read up to there. Without a label, `gold`, `loss` and `right` are None."""

    number: int
    source: Mapping[str, Any]
    gold: str | None
    prediction: str
    confidence: float
    loss: float | None
    right: bool | None
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
    and the `calibration`. Rows without a label count in none of these; where no row has one, accuracy is NaN."""

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
    lab: Any,
    rows: Any,
    task: str,
    *,
    batch_size: int = 32,
    progress: Progress | None = None,
    labelled: bool = True,
) -> Iterator[JudgedRow]:
    """The rows as they are known, long texts first, batch after batch. Args and errors as `table`.

    Args:
        labelled: False also takes rows without a label: they are predicted, and not judged.
    """
    labels = labels_of(lab, task)
    kind = "next_sentence" if task == PAIRS else "classification"
    asked = Task(kind, tuple(labels), max_length=lab.max_length)
    rows = list(read(rows))
    if not rows:
        raise DataError("there are no rows; give at least one with a label")
    # One token more than fits, so that a text that is too long can be told from one that just fits.
    features = encode(rows, replace(asked, max_length=lab.max_length + 1), lab.tokenizer)
    for number, (row, feature) in enumerate(zip(rows, features)):
        if labelled and "labels" not in feature:
            raise DataError(f"{place_of(row)} has no label; give rows with one")
        if length(feature) > lab.max_length:
            features[number] = {**encode([row], asked, lab.tokenizer)[0], "cut": True}
    batch_size = whole_number(batch_size, "batch_size", 1)
    return _stream(lab, rows, features, asked, _reader(lab, task), batch_size, progress)


@torch.no_grad()
def _stream(lab, rows, features, task, logits_of, batch_size, progress) -> Iterator[JudgedRow]:
    done = 0
    for numbers in length_sorted_batches([length(feature) for feature in features], batch_size):
        texts = [{name: value for name, value in features[number].items() if name != "labels"} for number in numbers]
        batch = collate(texts, task, lab.tokenizer.pad_token_id or 0)
        logits = logits_of({name: value.to(lab.device) for name, value in batch.items()})
        logs = logits.float().log_softmax(-1).tolist()  # (rows, labels)
        for at, number in enumerate(numbers):
            feature, predicted = features[number], max(range(len(task.labels)), key=logs[at].__getitem__)
            gold, loss = _judged(feature.get("labels"), logs[at])
            yield JudgedRow(
                number, rows[number], None if gold is None else task.labels[gold], task.labels[predicted],
                math.exp(logs[at][predicted]), loss, None if gold is None else predicted == gold,
                feature.get("cut", False),
            )  # fmt: skip
        done += len(numbers)
        report(progress, done / len(rows))


def _judged(label: int | list[float] | None, logs: list[float]) -> tuple[int | None, float | None]:
    """The label that counts as gold, and the cross-entropy with it, of log-probabilities (labels,)."""
    if label is None:
        return None, None
    logs = [max(log, LEAST) for log in logs]
    if isinstance(label, list):
        return max(range(len(label)), key=label.__getitem__), -sum(p * log for p, log in zip(label, logs) if p)
    return label, -logs[label]


def _reader(lab: Any, task: str) -> Callable[[Mapping[str, torch.Tensor]], torch.Tensor]:
    """What gives the logits (rows, labels) of a batch."""
    if task == PAIRS and task not in lab.tasks:
        whole = lab.model

        def pre_trained(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
            with evaluating(whole, every_row=False):
                return whole.cls.next_sentence(whole.bert(**batch, return_dict=True).pooler_output)

        return pre_trained
    model = lab.task_model(task)
    reading = first_token_only(model)

    def logits_of(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with evaluating(model, every_row=False):
            return reading(**batch, return_dict=True).logits

    return logits_of


def table_of(rows: Sequence[JudgedRow], labels: Sequence[str], *, bins: int = BINS) -> ErrorTable:
    """The table of some rows that are judged already, such as those known so far."""
    if not rows:
        raise ValueError("there are no rows to count; give at least one")
    number_of = {label: number for number, label in enumerate(labels)}
    confusion = torch.zeros(len(labels), len(labels), dtype=torch.long)
    judged = [row for row in rows if row.gold is not None]
    for row in judged:
        confusion[number_of[row.gold], number_of[row.prediction]] += 1
    accuracy = float(confusion.diagonal().sum() / confusion.sum())
    return ErrorTable(list(rows), list(labels), accuracy, confusion, calibration(judged, bins))


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
    """The labels of a lab's classifier; of "next_sentence", next and random.

    Raises:
        LookupError: for a task that the lab does not have. ValueError: for one that is no classification.
    """
    if task == PAIRS and task not in lab.tasks:
        return list(FOLLOWS)
    model = lab.task_model(task)
    config, kind = model.config, type(model).__name__
    if task == PAIRS and kind == "BertForNextSentencePrediction":
        return list(FOLLOWS)
    fits = kind == "BertForSequenceClassification" and config.num_labels > 1
    if not fits or config.problem_type == "multi_label_classification":
        raise ValueError(f"{task!r} does not choose one of several labels; give a task of classification")
    return [str(config.id2label[number]) for number in range(config.num_labels)]


def tasks_of(lab: Any) -> list[str]:
    """The tasks of a lab that `table` takes, trained ones first."""
    names = [*lab.tasks, *(name for name in (*TASKS, PAIRS) if name not in lab.tasks)]
    return [name for name in names if _can_be_judged(lab, name)]


def _can_be_judged(lab: Any, task: str) -> bool:
    known = TASKS.get(task)
    if known is not None and not lab.is_built(task):  # its model is not built only to find out
        return known.kind == "classification"
    if task == PAIRS and not lab.is_built(task):
        return True
    try:
        return bool(labels_of(lab, task))
    except ValueError:
        return False
