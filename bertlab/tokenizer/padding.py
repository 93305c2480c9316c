"""Truncating texts and padding rows: from ids to what a model reads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from bertlab.tokenizer.batch import BatchEncoding
from bertlab.tokenizer.encoding import EncodedText, Encoding
from bertlab.tokenizer.options import TRUNCATIONS, CallOptions, one_of, strategies
from bertlab.tokenizer.tensors import as_lists, tensor_kind_in


def truncate(
    tokenizer: Any,
    ids: list[int],
    pair_ids: list[int] | None = None,
    num_tokens_to_remove: int = 0,
    truncation_strategy: str = "longest_first",
    stride: int = 0,
) -> tuple[list[int], list[int] | None, list[int]]:
    """Remove tokens from a text or pair; returns both and what was cut off with `stride` tokens before it.

    "longest_first" shortens the longer text until both are equally long, then both in turn, and returns
    nothing of a pair's cut-off part.
    """
    if num_tokens_to_remove <= 0:
        return ids, pair_ids, []
    strategy = one_of("truncation_strategy", truncation_strategy, TRUNCATIONS)
    if strategy == "longest_first" and pair_ids is not None:
        longer_by = min(abs(len(pair_ids) - len(ids)), num_tokens_to_remove)
        rest = num_tokens_to_remove - longer_by
        if len(ids) > len(pair_ids):
            from_first, from_second = longer_by + rest // 2, rest - rest // 2
        else:
            from_first, from_second = rest // 2, longer_by + rest - rest // 2
        return _shortened(tokenizer, ids, from_first), _shortened(tokenizer, pair_ids, from_second), []
    if strategy == "do_not_truncate" or (strategy == "only_second" and pair_ids is None):
        return ids, pair_ids, []
    cut = pair_ids if strategy == "only_second" else ids
    if len(cut) <= num_tokens_to_remove:
        which = "second" if cut is pair_ids else "first"
        warnings.warn(
            f"{num_tokens_to_remove} tokens are to go, but the {which} text has only {len(cut)}, so it stays as "
            'it is and the input is too long; use a larger max_length or truncation="longest_first".',
            stacklevel=2,
        )
        return ids, pair_ids, []
    window = min(len(cut), stride + num_tokens_to_remove)
    overflowing = cut[:window] if tokenizer.truncation_side == "left" else cut[-window:]
    kept = _shortened(tokenizer, cut, num_tokens_to_remove)
    return (ids, kept, overflowing) if cut is pair_ids else (kept, pair_ids, overflowing)


def _shortened(tokenizer: Any, ids: list[int], by: int) -> list[int]:
    if by == 0:
        return ids
    return ids[by:] if tokenizer.truncation_side == "left" else ids[: max(len(ids) - by, 0)]


def prepare(
    tokenizer: Any,
    first: EncodedText,
    second: EncodedText | None,
    around: tuple[tuple[int, str], tuple[int, str]] | None,
    options: CallOptions,
) -> tuple[dict[str, Any], Encoding]:
    """Truncate and add special tokens: what was cut off, and the encoding without padding."""
    if options.return_overflowing_tokens and options.truncation == "longest_first" and second is not None:
        raise ValueError(
            'the overflowing tokens of a pair are not known with truncation "longest_first"; use "only_first" '
            'or "only_second"'
        )
    special = 0 if around is None else 2 if second is None else 3
    total = len(first.ids) + (0 if second is None else len(second.ids)) + special
    too_many = 0 if options.max_length is None else total - options.max_length
    overflowing: list[int] = []
    if options.truncation != "do_not_truncate" and too_many > 0:
        kept, pair_kept, cut = truncate(
            tokenizer,
            list(range(len(first.ids))),
            None if second is None else list(range(len(second.ids))),
            too_many,
            options.truncation,
            options.stride,
        )
        overflowing_from = second if options.truncation == "only_second" and second is not None else first
        overflowing = [overflowing_from.ids[position] for position in cut]
        first = first.at(kept)
        second = None if second is None else second.at(pair_kept)
    cut_off: dict[str, Any] = {}
    if options.return_overflowing_tokens:
        cut_off = {"overflowing_tokens": overflowing, "num_truncated_tokens": too_many}
    encoding = Encoding(first, second, around)
    if options.max_length is None and len(encoding) > tokenizer.model_max_length:
        tokenizer._warn(
            "too long",
            f"The input has {len(encoding)} tokens, more than the {tokenizer.model_max_length} the model can take; "
            "pass truncation=True.",
            options.verbose,
        )
    return cut_off, encoding


def finish(
    tokenizer: Any, rows: list[tuple[dict[str, Any], Encoding]], batched: bool, options: CallOptions
) -> dict[str, Any]:
    """Pad the rows of the readable tokenizer and gather them by name."""
    encodings = [encoding for _, encoding in rows]
    lengths = [len(encoding) for encoding in encodings]
    if options.padding != "do_not_pad" and (batched or lengths[0]):  # one empty input stays empty
        length = max(lengths) if options.padding == "longest" else options.max_length
        length = _rounded_up(length, options.pad_to_multiple_of)
        for encoding in encodings:
            encoding.pad(
                length,
                direction=options.padding_side,
                pad_id=tokenizer.pad_token_id,
                pad_type_id=tokenizer.pad_token_type_id,
                pad_token=tokenizer.pad_token,
            )
    data: dict[str, list] = {name: [row[name] for row, _ in rows] for name in rows[0][0]}
    data |= columns(encodings, options)
    if options.return_length:  # of the whole batch: before padding, of a single text: with it
        data["length"] = lengths if batched else [len(encoding) for encoding in encodings]
    return data if batched else {name: column[0] for name, column in data.items()}


def pad_batch(
    tokenizer: Any,
    encoded_inputs: Any,
    padding: bool | str = True,
    max_length: int | None = None,
    pad_to_multiple_of: int | None = None,
    return_attention_mask: bool | None = None,
    return_tensors: str | None = None,
    verbose: bool = True,
) -> BatchEncoding:
    """Pad what is already encoded: a mapping for one input or a batch, or a list of mappings (a collator).

    Pads `input_ids`, `token_type_ids`, `attention_mask` (added if missing) and `special_tokens_mask`; other
    entries stay as they are. Tensors in give tensors out unless `return_tensors` says otherwise.
    """
    if isinstance(encoded_inputs, (list, tuple)):
        if not encoded_inputs or not all(isinstance(item, Mapping) for item in encoded_inputs):
            raise ValueError("pad() takes a mapping or a list of mappings with input_ids, and not an empty list")
        names = encoded_inputs[0].keys()
        for position, item in enumerate(encoded_inputs):
            if item.keys() != names:
                raise ValueError(
                    f"input {position} has {sorted(item)}, the first one {sorted(names)}; all need the same"
                )
        encoded_inputs = {name: [item[name] for item in encoded_inputs] for name in names}
    main = tokenizer.model_input_names[0]
    if not isinstance(encoded_inputs, Mapping) or main not in encoded_inputs:
        given = list(encoded_inputs) if isinstance(encoded_inputs, Mapping) else type(encoded_inputs).__name__
        raise ValueError(f"pad() needs {main}; what it got is {given}")
    data = dict(encoded_inputs)
    if return_attention_mask is None:
        return_attention_mask = "attention_mask" in tokenizer.model_input_names
    if data[main] is None or len(data[main]) == 0:
        return BatchEncoding(data | ({"attention_mask": []} if return_attention_mask else {}))
    if return_tensors is None:
        return_tensors = tensor_kind_in(data[main])
    data = {name: as_lists(value) for name, value in data.items()}
    strategy, _, max_length = strategies(tokenizer, padding, False, max_length, pad_to_multiple_of, verbose)
    is_batch = isinstance(data[main][0], (list, tuple))
    if not is_batch:
        data = {name: [value] for name, value in data.items()}
    size = len(data[main])
    for name, value in data.items():
        if not isinstance(value, (list, tuple)) or len(value) != size:
            raise ValueError(f"{name} does not have the {size} rows that {main} has")
    if return_attention_mask and "attention_mask" not in data:
        data["attention_mask"] = [[1] * len(row) for row in data[main]]
    if strategy != "do_not_pad":
        length = max(map(len, data[main])) if strategy == "longest" else max_length
        length = _rounded_up(length, pad_to_multiple_of)
        fillings = {
            main: tokenizer.pad_token_id,
            "token_type_ids": tokenizer.pad_token_type_id,
            "special_tokens_mask": 1,
        }
        if return_attention_mask:
            fillings["attention_mask"] = 0
        missing = [max(length - len(row), 0) for row in data[main]]
        for name, filling in fillings.items():
            if name in data:
                data[name] = [
                    _filled(list(row), filling, count, tokenizer.padding_side)
                    for row, count in zip(data[name], missing, strict=True)
                ]
    if not is_batch:
        data = {name: value[0] for name, value in data.items()}
    return BatchEncoding(data, tensor_type=return_tensors)


def columns(encodings: list[Any], options: CallOptions) -> dict[str, list]:
    """The lists of all encodings by their documented names."""
    data = {"input_ids": [encoding.ids for encoding in encodings]}
    if options.return_token_type_ids:
        data["token_type_ids"] = [encoding.type_ids for encoding in encodings]
    if options.return_special_tokens_mask:
        data["special_tokens_mask"] = [encoding.special_tokens_mask for encoding in encodings]
    if options.return_attention_mask:
        if options.padding == "do_not_pad":  # quicker than asking
            data["attention_mask"] = [[1] * len(row) for row in data["input_ids"]]
        else:
            data["attention_mask"] = [encoding.attention_mask for encoding in encodings]
    if options.return_offsets_mapping:
        data["offset_mapping"] = [encoding.offsets for encoding in encodings]
    return data


def _rounded_up(length: int, multiple: int | None) -> int:
    return length if not multiple else -(-length // multiple) * multiple


def _filled(row: list, filling: int, count: int, side: str) -> list:
    return row + [filling] * count if side == "right" else [filling] * count + row
