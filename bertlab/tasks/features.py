"""Texts -> features: lists of ids with [CLS] and [SEP], cut to length, and features -> padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Feature = dict[str, Any]

IGNORED = -100  # the label of a position that the loss does not look at


def length(feature: Feature) -> int:
    """Number of tokens of a feature (of its longest part, for choices)."""
    ids = feature["input_ids"]
    return max(map(len, ids)) if ids and isinstance(ids[0], list) else len(ids)


def parts(feature: Feature) -> int:
    """Number of parts of a feature that is a list of inputs, as a choice is; 0 for a single input."""
    ids = feature["input_ids"]
    return len(ids) if ids and isinstance(ids[0], list) else 0


def pieces_of(tokenizer: Any, texts: Sequence[str], offsets: bool = False) -> list[Any]:
    """Ids of each text without special tokens, or with `offsets` pairs (ids, offsets)."""
    if not texts:
        return []
    # not verbose: whoever asks for pieces cuts them to length
    encoded = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=offsets, verbose=False)
    ids = encoded["input_ids"]
    return list(zip(ids, encoded["offset_mapping"], strict=True)) if offsets else ids


def assemble(tokenizer: Any, first: list[int], second: list[int] | None, max_length: int) -> Feature:
    """[CLS] first [SEP] or [CLS] first [SEP] second [SEP], truncated, with token types."""
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    if second is None:
        ids = [cls, *first[: max_length - 2], sep]
        return {"input_ids": ids, "token_type_ids": [0] * len(ids)}
    first, second = truncate_pair(first, second, max_length - 3)
    ids = [cls, *first, sep, *second, sep]
    return {"input_ids": ids, "token_type_ids": [0] * (len(first) + 2) + [1] * (len(second) + 1)}


def truncate_pair(first: list[int], second: list[int], max_tokens: int) -> tuple[list[int], list[int]]:
    """Shorten the longer of two segments from its end until both together fit (section A.2)."""
    if len(first) + len(second) <= max_tokens:
        return first, second
    if len(first) > len(second):
        second = second[: max_tokens // 2]
        return first[: max_tokens - len(second)], second
    first = first[: max_tokens // 2]
    return first, second[: max_tokens - len(first)]


def pad(features: Sequence[Feature], width: int, pad_token_id: int) -> dict[str, Tensor]:
    """input_ids, attention_mask and token_type_ids of features, all (batch, width)."""
    return {
        "input_ids": stack([feature["input_ids"] for feature in features], width, pad_token_id),
        "attention_mask": stack([[1] * len(feature["input_ids"]) for feature in features], width, 0),
        "token_type_ids": stack([feature["token_type_ids"] for feature in features], width, 0),
    }


def stack(rows: Sequence[Sequence[int]], width: int, fill: int) -> Tensor:
    """Lists of whole numbers -> (rows, width), filled up at their ends."""
    stacked = np.full((len(rows), width), fill, dtype=np.int64)
    for number, row in enumerate(rows):
        stacked[number, : len(row)] = row
    return torch.from_numpy(stacked)
