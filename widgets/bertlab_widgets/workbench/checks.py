"""What may be set: whole numbers, places of the text, and what becomes of places when the text is edited."""

from __future__ import annotations

import difflib
import numbers
from typing import Any

from traitlets import TraitError

from bertlab.language import say

SAME_TEXT = 0.5  # share of tokens in common from which a new text is an edit of the old one


class SelectionError(TraitError, ValueError):
    """A value that the text or the model does not have: a layer, a token, a head, a preset."""


def needs_word_head(lab: Any, instead: str) -> None:
    """Refuse to read words from a head that was freshly drawn.

    Args:
        instead: what to do with such a model.

    Raises:
        SelectionError: the word head of the lab was not in its checkpoint.
    """
    if not lab.is_trained("fill_mask"):
        raise SelectionError(
            say(
                "the word head of {model} was not in its checkpoint, so what it expects means nothing: {instead}",
                model=lab.name, instead=instead,
            )
        )  # fmt: skip


def whole(value, kind: str) -> int:
    """A whole number that was given for a `kind` of thing, in English; a truth value is none."""
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal():  # a key of a JSON object
        return int(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise not_whole(kind, value)
    return int(value)


def index(value: Any, count: int, kind: str) -> int:
    """The number of one of `count` things that are counted from 0."""
    value = whole(value, kind)
    if not 0 <= value < count:
        allowed = say("0 to {most}", most=count - 1) if count else say("none: the text is empty")
        given = {"kind": say(kind), "value": value, "allowed": allowed}
        raise SelectionError(say("{kind} {value} was given, but allowed is {allowed}", **given))
    return value


def not_whole(kind: str, value: Any) -> SelectionError:
    """The error that tells that a value is no whole number."""
    return SelectionError(say("{kind} {value!r} was given; it must be a whole number", kind=say(kind), value=value))


def moved(before: list[dict], now: list[dict]) -> dict[int, int]:
    """Where each token of a text stands after an edit: old position -> new one; empty where it is another text."""
    names = [[(token["text"], token["segment"]) for token in tokens] for tokens in (before, now)]
    matcher = difflib.SequenceMatcher(None, *names, autojunk=False)
    runs = matcher.get_matching_blocks()
    words = [sum(not token["special"] for token in tokens) for tokens in (before, now)]
    common = sum(not token["special"] for run in runs for token in before[run.a : run.a + run.size])
    if not common or 2 * common < SAME_TEXT * sum(words):
        return {}
    return {run.a + i: run.b + i for run in runs for i in range(run.size)}
