"""A text or a pair of texts with one label, several, a number, or the question whether the second text follows."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bertlab import metrics
from bertlab.rows import DataError, column_name, column_of, listed, place_of, texts_of, unread_texts
from bertlab.tasks.features import Feature, assemble, pieces_of
from bertlab.tasks.kinds.kind import (
    Asked,
    Batch,
    Kind,
    Rows,
    class_labels,
    has_answer,
    label_config,
    logits_of,
    number_labels,
    ranked,
)
from bertlab.tasks.labels import (
    Found,
    is_missing,
    is_vector,
    label_id,
    label_probabilities,
    label_vector,
    no_label,
    several,
    whole_number,
)

FOLLOWS = ("next", "random")
LARGEST = float(torch.finfo(torch.float32).max)

LabelReader = Callable[[Mapping[str, Any], str, Any, Asked], Any]


def encode_texts(
    rows: list,
    task: Asked,
    tokenizer: Any,
    label_of: LabelReader,
    answered: Callable[[Mapping[str, Any], Asked], bool] = has_answer,
) -> list[Feature]:
    """[CLS] text [SEP], or [CLS] text [SEP] second text [SEP]; the label where the row has one."""
    texts = [texts_of(row) for row in rows]
    if rows and (unread := unread_texts(rows[0])):
        warnings.warn(
            f"{place_of(rows[0])}: {', '.join(map(repr, unread))} {'holds' if len(unread) == 1 else 'hold'} words that "
            "are not read; say which columns are, with columns={'text': ..., 'pair': ...}", UserWarning, stacklevel=5,
        )  # fmt: skip
    firsts = pieces_of(tokenizer, [text for text, _ in texts], most=task.max_length)
    seconds = pieces_of(tokenizer, [pair or "" for _, pair in texts], most=task.max_length)
    features = []
    for number, (row, first, (_, pair), second) in enumerate(zip(rows, firsts, texts, seconds, strict=True)):
        feature = assemble(tokenizer, first, None if pair is None else second, task.max_length)
        feature["example"] = number
        if answered(row, task):
            column = column_name(row, "label")
            feature["labels"] = label_of(row, column, listed(row[column]), task)
        features.append(feature)
    return features


# ------------------------------------------------------------------------------------------------------ labels


def _class(row: Mapping[str, Any], column: str, value: Any, task: Asked) -> int | list[float]:
    if isinstance(value, (list, tuple)):
        return label_probabilities(row, column, value, task.labels)
    return label_id(row, column, value, task.labels)


def _class_names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    found, given, known = Found(), {}, None
    for row in rows:
        column_of(row, "label")
        column = column_name(row, "label")
        if isinstance(listed(row[column]), (list, tuple)):
            raise DataError(f"{place_of(row)}: {row[column]!r:.60} does not tell the names of the labels; give labels")
        found.add(row, column, row[column])
        number = whole_number(row[column])
        if number is not None and isinstance(row.get("label_text"), str):
            given[number] = row["label_text"]
        known = known or getattr(row, "names", {}).get(column)
    names = found.names(given, known)
    if len(names) < 2:
        raise DataError(f"every row has the label {names}, but a classifier needs at least two labels to choose from")
    return names


def _number(row: Mapping[str, Any], column: str, value: Any, task: Asked) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) < LARGEST:
        hint = "; write it with a decimal point" if isinstance(value, str) and "," in value else ""
        hint = "; it is too large for a float of 32 bits, so scale the numbers" if abs(number) >= LARGEST else hint
        raise DataError(f"{place_of(row)}, column {column!r}: {value!r:.60} is not a number{hint}")
    return number


def _several(row: Mapping[str, Any], column: str, value: Any, task: Asked) -> list[float]:
    return label_vector(row, column, value, task.labels)


def _several_names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all labels; "0", "1", ... where rows are vectors with one place for each label."""
    found, known, vector, lengths = Found(), None, None, set()
    for row in rows:
        column_of(row, "label")
        column = column_name(row, "label")
        values = several(row, column, row[column])
        for value in values:
            found.add(row, column, value)
        found.rows += not values
        lengths.add(len(values) if is_vector(values) is not False else -1)
        vector = vector or (row if is_vector(values) else None)
        known = known or getattr(row, "names", {}).get(column)
    if vector is not None:
        if len(lengths) > 1 or -1 in lengths:
            raise DataError(
                f"{place_of(vector)}: its label has one place of 0 or 1 for each label, but other rows differ from it; "
                "give the names of the labels of each row"
            )
        return known or [str(number) for number in range(lengths.pop())]
    return found.names({}, known)


def _has_several(row: Mapping[str, Any], task: Asked) -> bool:
    """Whether a row says which labels it has; an empty list or an empty cell is none of them, but an answer."""
    column = column_name(row, "label")
    if column is None:
        return False
    value = row[column]
    return isinstance(value, str) and not value.strip() or not no_label(value, task.labels)


def _has_number(row: Mapping[str, Any], task: Asked) -> bool:
    """Whether a row has a number, of which -1 is one."""
    column = column_name(row, "label")
    return column is not None and not is_missing(row[column])


def _follows(row: Mapping[str, Any], column: str, value: Any, task: Asked) -> int:
    return label_id(row, column, value, FOLLOWS)


def _encode_classes(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    return encode_texts(rows, task, tokenizer, _class)


def _encode_numbers(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    return encode_texts(rows, task, tokenizer, _number, _has_number)


def _encode_several(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    return encode_texts(rows, task, tokenizer, _several, _has_several)


def _encode_pairs(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    for row in rows:
        if texts_of(row)[1] is None:
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
    text, pair = texts_of(row)
    label = column_of(row, "label", required=False)
    if label is None or no_label(label, task.labels):
        return text, pair or "", None
    if task.labels and isinstance(label, (int, str)):
        label = task.labels[label_id(row, "label", label, task.labels)]
    return text, pair or "", str(label)


def _typed(text: str, pair: str) -> dict[str, Any]:
    return {"text": text, "pair": pair} if pair else {"text": text}


def _typed_pair(text: str, pair: str) -> dict[str, Any] | None:
    return {"text": text, "pair": pair} if pair else None


def _shown(row: Mapping[str, Any], answer: Any, task: Asked) -> list[tuple[str, float]]:
    return ranked(task.labels, answer)


def _guess_classes(rows: Rows, task: Asked) -> tuple[dict[str, float], dict[str, float]]:
    count = len(task.labels)
    labels = Counter(str(column_of(row, "label")) for row in rows if has_answer(row, task))
    metric = {"chance": 100 / count, "majority": 100 * max(labels.values(), default=0) / max(1, labels.total())}
    return {f"ln {count}": math.log(count)}, metric


def _guess_numbers(rows: Rows, task: Asked) -> tuple[dict[str, float], dict[str, float]]:
    values = torch.tensor([float(column_of(row, "label")) for row in rows if _has_number(row, task)])
    return {"always the mean": float(values.var(unbiased=False))}, {"chance": 0.0}


CLASSIFICATION = Kind(
    "classification", "BertForSequenceClassification", "label",
    encode=_encode_classes, stack=class_labels, loss=class_loss, outputs=logits_of,
    score=_score_classes, predict=class_probabilities, metric=lambda task: "accuracy",
    described=_described, typed=_typed, shown=_shown, guessing=_guess_classes,
    names=_class_names, model_labels=lambda task: len(task.labels),
    config=lambda task: label_config(task, "single_label_classification"),
)  # fmt: skip
MULTILABEL = Kind(
    "multilabel", "BertForSequenceClassification", "label",
    encode=_encode_several, stack=number_labels, loss=_several_loss, outputs=logits_of,
    score=_score_several, predict=_each_probability, metric=lambda task: "macro_f1",
    described=_described, typed=_typed, shown=_shown, guessing=lambda rows, task: ({"ln 2": math.log(2)}, {}),
    answered=_has_several, names=_several_names, model_labels=lambda task: len(task.labels),
    config=lambda task: label_config(task, "multi_label_classification"),
)  # fmt: skip
REGRESSION = Kind(
    "regression", "BertForSequenceClassification", "label",
    encode=_encode_numbers, stack=number_labels, loss=_number_loss, outputs=logits_of,
    score=_score_numbers, predict=_numbers, metric=lambda task: "spearman",
    described=_described, typed=_typed, shown=lambda row, answer, task: [("score", float(answer))],
    guessing=_guess_numbers, answered=_has_number, model_labels=lambda task: 1,
    config=lambda task: {"id2label": {0: "score"}, "label2id": {"score": 0}, "problem_type": "regression"},
)  # fmt: skip
NEXT_SENTENCE = Kind(
    "next_sentence", "BertForNextSentencePrediction", "label",
    encode=_encode_pairs, stack=class_labels, loss=class_loss, outputs=logits_of,
    score=class_accuracy, predict=class_probabilities, metric=lambda task: "accuracy",
    described=_described, typed=_typed_pair, shown=lambda row, answer, task: ranked(FOLLOWS, answer),
    guessing=lambda rows, task: ({"ln 2": math.log(2)}, {"chance": 50.0}),
)  # fmt: skip
