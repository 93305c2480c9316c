"""How much of a long text is enough: where only the first tokens are wanted, the rest is never looked at.

A text of 20 MB cut at 128 tokens would otherwise be lowercased, normalized and cut whole, every character with its
place, in gigabytes of memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from bertlab.tokenizer.options import CallOptions

LONG = 50_000  # characters, or words of a list; what is shorter is encoded whole

SHORTEST = 4096  # the first beginning that is tried
MOST_IN_A_WORD = 500_000  # characters; a word of more than 100 is unknown anyway

# Something at which a word surely ends: blanks, ASCII and general punctuation, Chinese characters.
_END_OF_WORD = re.compile("[\\s!-/:-@\\[-`{-~\u2010-\u2027\u3000-\u303f\u3400-\u4db5\u4e00-\u9fa5\uff01-\uff0f]")

# The places of the tokens of a text: for each its (start, end), and the number of its word.
Locate = Callable[[str], tuple[Sequence[tuple[int, int]], Sequence[int | None]]]


def enough_of(first: Any, second: Any, options: CallOptions, special: int, longest: int, locate: Locate) -> tuple:
    """A text and its pair without what truncation on the right would cut off, where that is long.

    Args:
        special: how many special tokens the input gets.
        longest: the length of the longest added token, which may hold blanks.
        locate: the places of the tokens of a text, without truncation.

    The tokens that are left, their places and the outcome of every strategy are the same: a text that is cut here
    keeps more tokens than there is room for, and so more than a pair of few characters has.
    """
    if options.truncation == "do_not_truncate" or options.return_overflowing_tokens:
        return first, second
    room = max(options.max_length - special, 0) + 1
    texts = [first, second]
    for at, text in enumerate(texts):
        other = texts[1 - at]
        wanted = {"only_first": at == 0, "only_second": at == 1}.get(options.truncation, True)
        is_text = isinstance(text, (str, list, tuple)) and len(text) > LONG
        if wanted and is_text and (other is None or _at_most(other, room - 2)):
            texts[at] = _beginning(text, room, longest, locate)
    return tuple(texts)


def check_words(text: Any) -> None:
    """Refuse a text in which half a million characters follow each other without an end of a word.

    Such a text is none, and would take gigabytes of memory to become one [UNK].

    Raises:
        ValueError: with the place of the first such word.
    """
    if isinstance(text, str):
        for place in range(0, len(text) - MOST_IN_A_WORD, MOST_IN_A_WORD):
            if _END_OF_WORD.search(text, place, place + MOST_IN_A_WORD) is None:
                raise ValueError(
                    f"from character {place} on, {MOST_IN_A_WORD} characters of the text have no blank or punctuation "
                    f"mark between them ({text[place : place + 20]!r}...), which are no words; is it a text?"
                )


def _at_most(text: Any, room: int) -> bool:
    """Whether a text surely has no more tokens than that, for a token has at least one character."""
    return isinstance(text, str) and len(text) <= room


def _beginning(text: Any, room: int, longest: int, locate: Locate) -> Any:
    """The shortest of ever longer beginnings of a text (or list of words) that surely gives `room` tokens."""
    size = max(SHORTEST, 8 * room)
    while size < len(text):
        beginning = text[:size]
        if not isinstance(text, str):
            if not all(isinstance(word, str) for word in beginning):
                return text  # ids, which need no cutting, or what will be refused
            if sum(len(locate(word)[0]) for word in beginning) >= room:
                return beginning
        elif _sure_tokens(beginning, longest, locate) >= room:
            return beginning
        size *= 4
    return text


def _sure_tokens(beginning: str, longest: int, locate: Locate) -> int:
    """How many tokens of a beginning no continuation changes: those of all words but the last, which may go on, and
    of what comes before the length of an added token, which may have begun."""
    spans, words = locate(beginning)
    last = words[-1] if words else None
    limit = len(beginning) - longest
    return sum(word != last and end <= limit for (_, end), word in zip(spans, words, strict=True))
