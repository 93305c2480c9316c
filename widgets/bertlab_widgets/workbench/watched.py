"""Which prediction is watched, where a panel follows one."""

from __future__ import annotations

from typing import Any


def mask_id(workbench: Any) -> int | None:
    """The id of [MASK]; None where the vocabulary has no such token, or the model no row for it."""
    try:
        return workbench.lab.mask_id()
    except ValueError:
        return None


def _named(tokens: list[dict], places: list[int]) -> list[int]:
    """Those places at which a word stands, and no punctuation."""
    return [place for place in places if any(map(str.isalnum, tokens[place]["text"]))]


def last_word(workbench: Any) -> int | None:
    """The place of the last word of the text, which may be looked at as if it were hidden; None without one."""
    tokens = workbench.encoding.tokens
    words = _named(tokens, [i for i, token in enumerate(tokens) if not token["special"]])
    return words[-1] if words and mask_id(workbench) is not None else None


def watched_place(workbench: Any) -> tuple[int, bool]:
    """Where the prediction is watched, and whether the token there has to be hidden first.

    A selected mask comes before the first one; without any mask the selected token, else the last word.
    """
    masks = workbench.mask_positions
    if masks:
        return next((place for place in workbench.selected if place in masks), masks[0]), False
    tokens = workbench.encoding.tokens
    words = [i for i, token in enumerate(tokens) if not token["special"]]
    chosen = [place for place in workbench.selected if place in words]
    return (chosen or _named(tokens, words)[-1:] or words[-1:])[0], mask_id(workbench) is not None
