"""What stands round a text: [CLS] A [SEP], or [CLS] A [SEP] B [SEP]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bertlab.tokenizer.options import CallOptions


def cls_and_sep(tokenizer: Any) -> tuple[int, int]:
    """Their ids.

    Raises:
        ValueError: the tokenizer has no such token.
    """
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    if cls is None or sep is None:
        raise ValueError("the tokenizer has no cls_token or no sep_token; set both, or pass add_special_tokens=False")
    return cls, sep


def around(tokenizer: Any, options: CallOptions) -> tuple[tuple[int, str], tuple[int, str]] | None:
    """[CLS] and [SEP] as `Encoding` takes them; None where the options want none."""
    if not options.add_special_tokens:
        return None
    cls, sep = cls_and_sep(tokenizer)
    return (cls, tokenizer.cls_token), (sep, tokenizer.sep_token)


def special_tokens_mask(first: Sequence[int], second: Sequence[int] | None, known: set[int] | None) -> list[int]:
    """1 for special tokens: those that will be put round one or two texts, or those `known` in a text that is whole.

    Raises:
        ValueError: for a second text beside a whole one.
    """
    if known is not None:
        if second is not None:
            raise ValueError("ids that already have their special tokens come as one list; leave token_ids_1 out")
        return [int(token_id in known) for token_id in first]
    return [1] + [0] * len(first) + [1] + ([] if second is None else [0] * len(second) + [1])
