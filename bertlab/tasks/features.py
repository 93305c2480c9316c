"""Texts -> features: lists of ids with [CLS] and [SEP], cut to length, and features -> padded tensors."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
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


def pieces_of(tokenizer: Any, texts: Sequence[str], offsets: bool = False, most: int | None = None) -> list[Any]:
    """Ids of each text without special tokens, or with `offsets` pairs (ids, offsets).

    Texts are cut into pieces some at a time, and long ones part by part, so that memory holds little beside the ids.

    Args:
        most: so many ids of each text are needed; of longer texts only the beginning is read then.
    """
    found: list[Any] = [None] * len(texts)
    waiting: list[int] = []
    size = 0
    for number, text in enumerate(texts):
        if len(text) > LONG:
            found[number] = _of_long(tokenizer, text, offsets, most)
            continue
        waiting.append(number)
        size += len(text)
        if size > 20 * LONG:
            _fill(tokenizer, texts, waiting, found, offsets)
            waiting, size = [], 0
    _fill(tokenizer, texts, waiting, found, offsets)
    return found


LONG = 50_000  # characters; a longer text is cut into pieces part by part


def _fill(tokenizer: Any, texts: Sequence[str], numbers: list[int], found: list[Any], offsets: bool) -> None:
    for number, pieces in zip(numbers, _at_once(tokenizer, [texts[number] for number in numbers], offsets)):
        found[number] = pieces


def _at_once(tokenizer: Any, texts: list[str], offsets: bool) -> list[Any]:
    if not texts:
        return []
    # not verbose: whoever asks for pieces cuts them to length
    encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=offsets, verbose=False)
    ids = encoded["input_ids"]
    return list(zip(ids, encoded["offset_mapping"], strict=True)) if offsets else ids


_WORD = r"[^\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"  # a letter or a number that does not stand for itself
_ENDLESS = re.compile(f"({_WORD}{{2000}}){_WORD}+")  # unknown to any vocabulary, however long it is


def _of_long(tokenizer: Any, text: str, offsets: bool, most: int | None) -> Any:
    ids = array("i")
    places: list[tuple[int, int]] = []
    if not offsets:
        text = _ENDLESS.sub(r"\1", text)
    for start, end in _stretches(text, LONG):
        if most is not None and len(ids) > most:
            break
        (part,) = _at_once(tokenizer, [text[start:end]], offsets)
        if offsets:
            part, where = part
            places.extend((start + first, start + last) for first, last in where)
        ids.extend(part)
    return (ids, places) if offsets else ids if most is None else ids.tolist()


def _stretches(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Parts of a text that end where no word does: before a blank, or before a sign that is a word by itself."""
    start = 0
    while start < len(text):
        end = start + size
        if end < len(text):
            sign = _BLANK.search(text, end, end + size) or _SIGN.search(text, end, end + size)
            end = sign.start() if sign else min(end + size, len(text))
        yield start, min(end, len(text))
        start = end


_BLANK = re.compile(r"\s")
_SIGN = re.compile("[,.;:!?(\u3400-\u4dbf\u4e00-\u9fff\u3000-\u3002]")


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
