"""Which of several endings continues a text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bertlab.rows import DataError, column_of, place_of
from bertlab.tasks.features import Feature, assemble, pieces_of
from bertlab.tasks.kinds.kind import Asked, Kind, Rows, class_labels, has_answer, logits_of, ranked
from bertlab.tasks.kinds.texts import class_accuracy, class_loss, class_probabilities
from bertlab.tasks.labels import label_id


def _encode(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    """Each ending beside the prompt: input_ids and token_type_ids are lists, one for each ending."""
    prompts = pieces_of(tokenizer, [column_of(row, "prompt", str) for row in rows], most=task.max_length)
    endings = [column_of(row, "endings", (list, tuple)) for row in rows]
    for row, options in zip(rows, endings, strict=True):
        if len(options) < 2:
            raise DataError(f"{place_of(row)}, column 'endings': {len(options)} given, but a choice needs two or more")
        if not all(isinstance(ending, str) for ending in options):
            raise DataError(f"{place_of(row)}, column 'endings': {options!r:.60} holds what is no text")
    texts = [ending for options in endings for ending in options]
    pieces = iter(pieces_of(tokenizer, texts, most=task.max_length))
    features = []
    for number, (row, prompt, options) in enumerate(zip(rows, prompts, endings, strict=True)):
        inputs = [assemble(tokenizer, prompt, next(pieces), task.max_length) for _ in options]
        feature: Feature = {key: [one[key] for one in inputs] for key in ("input_ids", "token_type_ids")}
        feature["example"] = number
        if has_answer(row, task):
            feature["labels"] = _right(row, options)
        features.append(feature)
    return features


def _right(row: Mapping[str, Any], endings: list[str]) -> int:
    """The place of the right ending."""
    return label_id(row, "label", column_of(row, "label"), tuple(map(str, range(len(endings)))))


def _described(row: Mapping[str, Any], task: Asked) -> tuple[str, str, str | None]:
    endings = column_of(row, "endings")
    right = str(endings[_right(row, endings)]) if has_answer(row, task) else None
    return column_of(row, "prompt"), " | ".join(map(str, endings)), right


def _typed(text: str, pair: str) -> dict[str, Any] | None:
    return {"prompt": text, "endings": [part.strip() for part in pair.split(" | ")]} if " | " in pair else None


def _guessing(rows: Rows, task: Asked) -> tuple[dict[str, float], dict[str, float]]:
    count = sum(len(column_of(row, "endings")) for row in rows) / len(rows)
    return {f"ln {count:.3g}": math.log(count)}, {"chance": 100 / count}


CHOICE = Kind(
    "choice", "BertForMultipleChoice", "label",
    encode=_encode, stack=class_labels, loss=class_loss, outputs=logits_of, score=class_accuracy,
    predict=class_probabilities, metric=lambda task: "accuracy", described=_described, typed=_typed,
    shown=lambda row, answer, task: ranked(column_of(row, "endings"), answer), guessing=_guessing,
)  # fmt: skip
