"""The next word, again and again, with nothing to the right of it in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from bertlab import metrics
from bertlab.rows import column_of
from bertlab.tasks.features import IGNORED, Feature, assemble, pieces_of, stack
from bertlab.tasks.kinds.kind import Asked, Batch, Kind


def _encode(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    features = []
    for number, ids in enumerate(
        pieces_of(tokenizer, [column_of(row, "text", str) for row in rows], most=task.max_length)
    ):
        feature = assemble(tokenizer, ids, None, task.max_length)
        features.append({**feature, "labels": list(feature["input_ids"]), "example": number})
    return features


def _stack(features: Sequence[Feature], width: int, task: Asked) -> dict[str, Tensor]:
    return {"labels": stack([feature["labels"] for feature in features], width, IGNORED)}


def _loss(output: Any, batch: Batch) -> Tensor:
    logits, labels = output.logits.float()[:, :-1], batch["labels"][:, 1:]  # each place is asked for the next token
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED, reduction="sum")


def _terms(batch: Batch) -> int:
    return int((batch["labels"][:, 1:] != IGNORED).sum())


def _nothing(output: Any, place: int) -> None:
    """Nothing is kept: the loss alone counts, and logits over a vocabulary are large."""


def _score(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    return {"perplexity": metrics.perplexity(loss)}


def _predict(outputs, features, rows, task, no_answer) -> list:
    raise ValueError("a causal model continues text rather than labelling it: use its generate method")


def _described(row: Mapping[str, Any], task: Asked) -> tuple[str, str, str | None]:
    return column_of(row, "text"), "", None


CAUSAL = Kind(
    "causal", "BertLMHeadModel", "text",
    encode=_encode, stack=_stack, loss=_loss, terms=_terms, outputs=_nothing,
    score=_score, predict=_predict, metric=lambda task: "perplexity",
    described=_described, typed=lambda text, pair: {"text": text}, shown=lambda row, answer, task: str(answer),
    guessing=lambda rows, task: ({}, {}), answered=lambda row, task: True, config=lambda task: {"is_decoder": True},
)  # fmt: skip
