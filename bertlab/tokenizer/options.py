"""The arguments of a call, checked: how to pad and truncate, and which texts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bertlab.tokenizer.tensors import TENSOR_KINDS

NO_MAXIMUM = int(1e30)  # model_max_length of a tokenizer that knows of no limit

LARGE = int(1e20)

_PADDINGS = ("longest", "max_length", "do_not_pad")

TRUNCATIONS = ("longest_first", "only_first", "only_second", "do_not_truncate")

SIDES = ("right", "left")


@dataclass(frozen=True)
class CallOptions:
    """The options of one call, checked, with the strategies spelled out."""

    add_special_tokens: bool
    padding: str
    truncation: str
    max_length: int | None
    stride: int
    is_split_into_words: bool
    pad_to_multiple_of: int | None
    padding_side: str
    return_tensors: str | None
    return_token_type_ids: bool
    return_attention_mask: bool
    return_overflowing_tokens: bool
    return_special_tokens_mask: bool
    return_offsets_mapping: bool
    return_length: bool
    split_special_tokens: bool
    verbose: bool


def call_options(
    tokenizer: Any,
    *,
    add_special_tokens: bool = True,
    padding: bool | str = False,
    truncation: bool | str | None = None,
    max_length: int | None = None,
    stride: int = 0,
    is_split_into_words: bool = False,
    pad_to_multiple_of: int | None = None,
    padding_side: str | None = None,
    return_tensors: str | None = None,
    return_token_type_ids: bool | None = None,
    return_attention_mask: bool | None = None,
    return_overflowing_tokens: bool = False,
    return_special_tokens_mask: bool = False,
    return_offsets_mapping: bool = False,
    return_length: bool = False,
    split_special_tokens: bool | None = None,
    verbose: bool = True,
    truncation_strategy: str | None = None,
    pad_to_max_length: bool = False,
) -> CallOptions:
    """Check the options of a call and settle how to pad and truncate."""
    if pad_to_max_length and padding is False:  # the older names of two options
        padding = "longest" if max_length is None else "max_length"
    if truncation_strategy is not None and truncation is None:
        truncation = truncation_strategy
    _check_count("max_length", max_length, 1)
    _check_count("stride", stride, 0)
    _check_count("pad_to_multiple_of", pad_to_multiple_of, 1)
    padding, truncation, max_length = strategies(
        tokenizer, padding, truncation, max_length, pad_to_multiple_of, verbose
    )
    if return_token_type_ids is None:
        return_token_type_ids = "token_type_ids" in tokenizer.model_input_names
    elif return_token_type_ids and not add_special_tokens and not tokenizer.is_fast:
        raise ValueError(
            "token_type_ids are not defined without special tokens; leave return_token_type_ids out, or "
            "keep add_special_tokens=True"
        )
    if return_attention_mask is None:
        return_attention_mask = "attention_mask" in tokenizer.model_input_names
    if return_tensors is not None:
        return_tensors = one_of("return_tensors", return_tensors, TENSOR_KINDS)
    return CallOptions(
        add_special_tokens=bool(add_special_tokens),
        padding=padding,
        truncation=truncation,
        max_length=max_length,
        stride=stride,
        is_split_into_words=bool(is_split_into_words),
        pad_to_multiple_of=pad_to_multiple_of,
        padding_side=one_of("padding_side", padding_side or tokenizer.padding_side, SIDES),
        return_tensors=return_tensors,
        return_token_type_ids=bool(return_token_type_ids),
        return_attention_mask=bool(return_attention_mask),
        return_overflowing_tokens=bool(return_overflowing_tokens),
        return_special_tokens_mask=bool(return_special_tokens_mask),
        return_offsets_mapping=bool(return_offsets_mapping),
        return_length=bool(return_length),
        split_special_tokens=tokenizer.split_special_tokens if split_special_tokens is None else split_special_tokens,
        verbose=verbose,
    )


def strategies(
    tokenizer: Any,
    padding: bool | str,
    truncation: bool | str | None,
    max_length: int | None,
    pad_to_multiple_of: int | None = None,
    verbose: bool = True,
) -> tuple[str, str, int | None]:
    """How to pad, how to truncate, and to which length."""
    if max_length is not None and padding is False and truncation is None:
        tokenizer._warn(
            "max_length without truncation",
            "max_length is given but truncation is not: texts are cut to max_length. "
            "Pass truncation=True to say so, or truncation=False to keep them whole.",
            verbose,
        )
        truncation = "longest_first"
    if truncation in (None, False):
        truncation = "do_not_truncate"
    elif truncation is True:
        truncation = "longest_first"
    truncation = one_of("truncation", truncation, TRUNCATIONS, "True or False")
    if padding is True:
        padding = "longest"
        if max_length is not None and truncation == "do_not_truncate":
            tokenizer._warn(
                "max_length without effect",
                'max_length has no effect with padding=True and no truncation; use padding="max_length" to '
                "pad to it, truncation=True to cut to it.",
                verbose,
            )
    elif padding in (None, False):
        padding = "do_not_pad"
    padding = one_of("padding", padding, _PADDINGS, "True or False")
    if max_length is None and (padding == "max_length" or truncation != "do_not_truncate"):
        if tokenizer.model_max_length > LARGE:
            tokenizer._warn(
                "no maximum",
                "There is no max_length and the tokenizer knows of none (model_max_length), so nothing is "
                "cut or padded to it; pass max_length.",
                verbose,
            )
            truncation = "do_not_truncate"
            padding = "do_not_pad" if padding == "max_length" else padding
        else:
            max_length = tokenizer.model_max_length
    if padding != "do_not_pad" and (tokenizer.pad_token is None or tokenizer.pad_token_id is None):
        raise ValueError(
            "the tokenizer has no padding token; set one, such as tokenizer.pad_token = tokenizer.sep_token, "
            "or tokenizer.add_special_tokens({'pad_token': '[PAD]'}), or leave padding out"
        )
    if truncation != "do_not_truncate" and padding != "do_not_pad" and pad_to_multiple_of:
        if max_length is not None and max_length % pad_to_multiple_of:
            raise ValueError(
                f"max_length is {max_length}, no multiple of pad_to_multiple_of ({pad_to_multiple_of}), so "
                "what is cut to the one cannot be padded to the other; change one of the two"
            )
    return padding, truncation, max_length


def check_stride(tokenizer: Any, options: CallOptions, pairs: bool) -> None:
    """Refuse a window that special tokens fill, or a stride that is not smaller than the window."""
    if options.truncation == "do_not_truncate":
        return
    special = tokenizer.num_special_tokens_to_add(pairs) if options.add_special_tokens else 0
    room = options.max_length - special
    if room < 0 or options.stride >= max(room, 1):
        raise ValueError(
            f"max_length is {options.max_length}, of which {special} are special tokens; the stride "
            f"({options.stride}) must be smaller than the rest"
        )


# Texts


def texts_of_call(tokenizer: Any, text: Any, text_pair: Any, options: CallOptions) -> tuple[list[tuple], bool]:
    """The texts of a call as a list of (text, text or None), and whether a list was given."""
    words = options.is_split_into_words
    what = (
        "a list of words, or a list of lists of words, as is_split_into_words=True says"
        if words
        else "a string or a list of strings (for a text split into words pass is_split_into_words=True)"
    )
    for name, value in (("text", text), ("text_pair", text_pair)):
        if value is None and name == "text_pair":
            continue
        if not isinstance(value, (list, tuple)) and (words or not isinstance(value, str)):
            if words and isinstance(value, str):
                hint = f"; {name}.split() would do"
            else:
                hint = "; decode it first" if isinstance(value, bytes) else ""
            raise ValueError(f"{name} must be {what}, not {type(value).__name__}{hint}")
    batched = isinstance(text, (list, tuple))
    if words:
        batched = bool(text) and isinstance(text[0], (list, tuple))
    if not batched:
        return [checked_text(tokenizer, text, text_pair, options, "text")], False
    if text_pair is not None:
        if isinstance(text_pair, str):
            raise TypeError("text is a list, so text_pair must be a list of the same length, not a string")
        if len(text_pair) != len(text):
            raise ValueError(f"text has {len(text)} items and text_pair {len(text_pair)}; pairs need as many")
    pairs = [None] * len(text) if text_pair is None else text_pair
    inputs = [
        checked_text(tokenizer, first, second, options, f"item {position}", needs_pair=text_pair is not None)
        for position, (first, second) in enumerate(zip(text, pairs, strict=True))
    ]
    return _not_empty(inputs), True


def texts_of_batch(tokenizer: Any, batch: Any, options: CallOptions) -> list[tuple]:
    """The texts of `batch_encode_plus`, a list of texts or of pairs, as a list of (text, text or None)."""
    if not isinstance(batch, (list, tuple)):
        raise TypeError(f"batch_encode_plus takes a list of texts or of pairs, not {type(batch).__name__}")
    inputs = []
    for position, item in enumerate(batch):
        first, second = item, None
        is_list = isinstance(item, (list, tuple)) and len(item) > 0
        if is_list and not isinstance(item[0], int):
            if not options.is_split_into_words or isinstance(item[0], (list, tuple)):
                if len(item) != 2:
                    raise ValueError(f"item {position} is a list of {len(item)}; a pair has two texts")
                first, second = item
        inputs.append(checked_text(tokenizer, first, second, options, f"item {position}"))
    return _not_empty(inputs)


def checked_text(
    tokenizer: Any, first: Any, second: Any, options: CallOptions, where: str, needs_pair: bool = False
) -> tuple[Any, Any]:
    """A text (or pair) that can be encoded, as it was given; an error that names its place if it cannot."""
    if type(first) is str and second is None and not needs_pair and not options.is_split_into_words:
        return first, None
    for name, value in (("text", first), ("text_pair", second)):
        if name == "text_pair" and value is None and not needs_pair:
            continue
        problem = tokenizer._problem_with(value, options)
        if problem:
            place = name if where == "text" else f"{where} of {name}"
            raise tokenizer._wrong_text_error(f"{place} {problem}")
    return first, second


def problem_with(value: Any, options: CallOptions) -> str | None:
    """Why a value is neither a text nor, with `is_split_into_words`, a list of words; None if it is."""
    if not options.is_split_into_words:
        if isinstance(value, str):
            return None
        hint = "; decode the bytes first" if isinstance(value, bytes) else ""
        return f"is {type(value).__name__}, not a string{hint}."
    if not isinstance(value, (list, tuple)):
        return f"is {type(value).__name__}, not a list of words, as is_split_into_words=True says."
    for position, word in enumerate(value):
        if not isinstance(word, str):
            return f"holds {type(word).__name__} as word {position}; words are strings."
    return None


def _not_empty(inputs: list) -> list:
    if not inputs:
        raise ValueError("the list of texts is empty; there is nothing to encode")
    return inputs


# Small checks


def one_of(what: str, value: Any, allowed: Collection[str], also: str = "") -> str:
    """`value` (or the value of an enumeration's member) if it is allowed."""
    value = getattr(value, "value", value)
    if value in allowed:
        return value
    choices = ", ".join(map(repr, allowed)) + (f", {also}" if also else "")
    raise ValueError(f"{what} is one of {choices}, not {value!r}")


def _check_count(name: str, value: Any, least: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} is a whole number, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")
