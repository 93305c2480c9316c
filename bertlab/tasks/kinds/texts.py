"""A text or a pair of texts with one label, several, a number, or the question whether the second text follows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bertlab import metrics
from bertlab.rows import COLUMN_NAMES, DataError, column_of, place_of
from bertlab.tasks.features import Feature, assemble, pieces_of
from bertlab.tasks.kinds.kind import (
    Asked,
    Batch,
    Kind,
    Rows,
    class_labels,
    label_config,
    logits_of,
    number_labels,
    ranked,
)  # fmt: skip
from bertlab.tasks.labels import label_id, label_probabilities

FOLLOWS = ("next", "random")

LabelReader = Callable[[Mapping[str, Any], str, Any, Asked], Any]


def encode_texts(rows: list, task: Asked, tokenizer: Any, label_of: LabelReader) -> list[Feature]:
    """[CLS] text [SEP], or [CLS] text [SEP] second text [SEP]; the label where the row has one."""
    firsts = pieces_of(tokenizer, [column_of(row, "text", str) for row in rows])
    pairs = [column_of(row, "pair", (str, type(None)), required=False) for row in rows]
    seconds = pieces_of(tokenizer, [pair or "" for pair in pairs])
    features = []
    for number, (row, first, pair, second) in enumerate(zip(rows, firsts, pairs, seconds, strict=True)):
        feature = assemble(tokenizer, first, None if pair is None else second, task.max_length)
        feature["example"] = number
        column = next((alias for alias in COLUMN_NAMES["label"] if alias in row), None)
        if column is not None:
            feature["labels"] = label_of(row, column, row[column], task)
        features.append(feature)
    return features


# ------------------------------------------------------------------------------------------------------ labels


def _class(row: Mapping[str, Any], column: str, value: Any, task: Asked) -> int | list[float]:
    if isinstance(value, (list, tuple)):
        return label_probabilities(row, column, value, task.labels)
    return label_id(row, column, value, task.labels)


def _number(row: Mapping[str, Any], column: str, value: Any, task: Asked) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not math.isfinite(number):
        raise DataError(f"{place_of(row)}, column {column!r}: {value!r:.60} is not a number")
    return number


def _several(row: Mapping[str, Any], column: str, value: Any, task: Asked) -> list[float]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise DataError(f"{place_of(row)}, column {column!r}: {value!r:.60} is not a list of labels")
    ids = {label_id(row, column, label, task.labels) for label in value}
    return [float(label in ids) for label in range(len(task.labels))]


def _follows(row: Mapping[str, Any], column: str, value: Any, task: Asked) -> int:
    return label_id(row, column, value, FOLLOWS)


def _encode_classes(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    return encode_texts(rows, task, tokenizer, _class)


def _encode_numbers(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    return encode_texts(rows, task, tokenizer, _number)


def _encode_several(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    return encode_texts(rows, task, tokenizer, _several)


def _encode_pairs(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    for row in rows:
        if column_of(row, "pair", (str, type(None)), required=False) is None:
            raise DataError(f"{place_of(row)}: no second text, but next_sentence is asked of a pair")
    return encode_texts(rows, task, tokenizer, _follows)


# ------------------------------------------------------------------------------------------------------ losses


def class_loss(output: Any, batch: Batch) -> Tensor:
    """Cross-entropy with numbers of classes (batch,), or with probabilities (batch, labels), summed."""
    return F.cross_entropy(output.logits.float(), batch["labels"], reduction="sum")


def _number_loss(output: Any, batch: Batch) -> Tensor:
    return F.mse_loss(output.logits.float().squeeze(-1), batch["labels"], reduction="sum")


def _several_loss(output: Any, batch: Batch) -> Tensor:
    labels = batch["labels"]  # (batch, labels)
    return F.binary_cross_entropy_with_logits(output.logits.float(), labels, reduction="sum") / labels.shape[1]


# ------------------------------------------------------------------------------------------- scores and answers


def class_accuracy(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    """Accuracy; where a row has probabilities, its likeliest label counts."""
    return {"accuracy": metrics.accuracy(*_classes(outputs, features))}


def _classes(outputs: Sequence, features: Sequence[Feature]) -> tuple[list[int], list[int]]:
    """The predicted and the expected classes."""
    labels = [feature["labels"] for feature in features]
    expected = [int(np.argmax(label)) if isinstance(label, list) else label for label in labels]
    return [int(np.argmax(logits)) for logits in outputs], expected


def _score_classes(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    predicted, expected = _classes(outputs, features)
    return {
        "accuracy": metrics.accuracy(predicted, expected),
        "macro_f1": metrics.macro_f1(predicted, expected, len(task.labels)),
        "matthews": metrics.matthews(predicted, expected),
    }


def _score_numbers(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    return metrics.correlations([float(logits[0]) for logits in outputs], [feature["labels"] for feature in features])


def _score_several(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    probabilities = 1.0 / (1.0 + np.exp(-np.stack(outputs)))  # (examples, labels)
    expected = np.array([feature["labels"] for feature in features]) > 0.5
    return metrics.multilabel_f1(probabilities >= threshold, expected)


def class_probabilities(outputs, features, rows, task, no_answer) -> list[np.ndarray]:
    """A softmax over the logits of each example."""
    return [F.softmax(torch.from_numpy(logits), dim=-1).numpy() for logits in outputs]


def _numbers(outputs, features, rows, task, no_answer) -> list[float]:
    return [float(logits[0]) for logits in outputs]


def _each_probability(outputs, features, rows, task, no_answer) -> list[np.ndarray]:
    return [1.0 / (1.0 + np.exp(-logits)) for logits in outputs]


# ------------------------------------------------------------------------------------------------ for people


def _described(row: Mapping[str, Any], task: Asked) -> tuple[str, str, str | None]:
    label = column_of(row, "label", required=False)
    if task.labels and isinstance(label, int) and 0 <= label < len(task.labels):
        label = task.labels[label]
    return column_of(row, "text"), column_of(row, "pair", required=False) or "", None if label is None else str(label)


def _typed(text: str, pair: str) -> dict[str, Any]:
    return {"text": text, "pair": pair} if pair else {"text": text}


def _typed_pair(text: str, pair: str) -> dict[str, Any] | None:
    return {"text": text, "pair": pair} if pair else None


def _shown(row: Mapping[str, Any], answer: Any, task: Asked) -> list[tuple[str, float]]:
    return ranked(task.labels, answer)


def _guess_classes(rows: Rows, task: Asked) -> tuple[dict[str, float], dict[str, float]]:
    count = len(task.labels)
    labels = Counter(str(column_of(row, "label", required=False)) for row in rows)
    metric = {"chance": 100 / count, "majority": 100 * max(labels.values()) / len(rows)}
    return {f"ln {count}": math.log(count)}, metric


def _guess_numbers(rows: Rows, task: Asked) -> tuple[dict[str, float], dict[str, float]]:
    values = torch.tensor([float(column_of(row, "label")) for row in rows])
    return {"always the mean": float(values.var(unbiased=False))}, {"chance": 0.0}


CLASSIFICATION = Kind(
    "classification", "BertForSequenceClassification", "label",
    encode=_encode_classes, stack=class_labels, loss=class_loss, outputs=logits_of,
    score=_score_classes, predict=class_probabilities, metric=lambda task: "accuracy",
    described=_described, typed=_typed, shown=_shown, guessing=_guess_classes,
    named=True, model_labels=lambda task: len(task.labels),
    config=lambda task: label_config(task, "single_label_classification"),
)  # fmt: skip
MULTILABEL = Kind(
    "multilabel", "BertForSequenceClassification", "label",
    encode=_encode_several, stack=number_labels, loss=_several_loss, outputs=logits_of,
    score=_score_several, predict=_each_probability, metric=lambda task: "macro_f1",
    described=_described, typed=_typed, shown=_shown, guessing=lambda rows, task: ({"ln 2": math.log(2)}, {}),
    named=True, model_labels=lambda task: len(task.labels),
    config=lambda task: label_config(task, "multi_label_classification"),
)  # fmt: skip
REGRESSION = Kind(
    "regression", "BertForSequenceClassification", "label",
    encode=_encode_numbers, stack=number_labels, loss=_number_loss, outputs=logits_of,
    score=_score_numbers, predict=_numbers, metric=lambda task: "spearman",
    described=_described, typed=_typed, shown=lambda row, answer, task: [("score", float(answer))],
    guessing=_guess_numbers, model_labels=lambda task: 1,
    config=lambda task: {"id2label": {0: "score"}, "label2id": {"score": 0}, "problem_type": "regression"},
)  # fmt: skip
NEXT_SENTENCE = Kind(
    "next_sentence", "BertForNextSentencePrediction", "label",
    encode=_encode_pairs, stack=class_labels, loss=class_loss, outputs=logits_of,
    score=class_accuracy, predict=class_probabilities, metric=lambda task: "accuracy",
    described=_described, typed=_typed_pair, shown=lambda row, answer, task: ranked(FOLLOWS, answer),
    guessing=lambda rows, task: ({"ln 2": math.log(2)}, {"chance": 50.0}),
)  # fmt: skip
