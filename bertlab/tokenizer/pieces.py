"""The search for pieces (Wu et al. 2016, section 4.1): greedy longest match against the vocabulary, word by word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bertlab.tokenizer.steps import Chunk

MAX_CHARACTERS_PER_WORD = 100


class Attempt(NamedTuple):
    """One candidate of the greedy search: characters `start` to `end` of the word; was it a piece?"""

    candidate: str
    start: int
    end: int
    found: bool


@dataclass(frozen=True)
class Piece:
    """A token, the part (`start`, `end`) of the original text it stands for, and the index of its word."""

    token: str
    start: int
    end: int
    word: int


@dataclass(frozen=True)
class Word:
    """One word on its way into pieces.

    `attempts` holds every candidate in the order tried. `unknown` says in a sentence why the word became
    [UNK] (None if it did not), `unknown_at` at which of its characters no piece matched (None: too long).
    `whole` is True for a word not searched for pieces: an added token or one listed in `never_split`.
    """

    text: str
    start: int
    end: int
    pieces: tuple[Piece, ...]
    attempts: tuple[Attempt, ...] = ()
    unknown: str | None = None
    unknown_at: int | None = None
    whole: bool = False


def cut_greedily(text: str, vocabulary: Mapping[str, int], prefix: str = "##") -> tuple[list[int], int | None]:
    """Where the pieces of a word end: at each place the longest one in the vocabulary is taken.

    A piece that does not begin the word is looked up with `prefix`. The second result is the position at which
    no piece matched, or None if all went well.
    """
    ends: list[int] = []
    start, length = 0, len(text)
    while start < length:
        marker = prefix if start else ""
        end = length
        while end > start and marker + text[start:end] not in vocabulary:
            end -= 1
        if end == start:
            return ends, start
        ends.append(end)
        start = end
    return ends, None


def longest_match(
    word: Chunk,
    vocabulary: Mapping[str, int],
    *,
    index: int = 0,
    unk_token: str = "[UNK]",
    prefix: str = "##",
    max_characters: int = MAX_CHARACTERS_PER_WORD,
) -> Word:
    """A word with its pieces and every candidate that `cut_greedily` tried; `index` is its number in the text.

    A word of more than `max_characters`, or one in which some place matches no piece, is unknown as a whole.
    """
    text, length = word.text, len(word.text)
    unknown = Piece(unk_token, word.start, word.end, index)
    if length > max_characters:
        shown = text if length <= 30 else text[:27] + "..."
        reason = f"{shown!r} has {length} characters, more than the {max_characters} a word may have."
        return Word(text, word.start, word.end, (unknown,), unknown=reason)
    ends, stuck = cut_greedily(text, vocabulary, prefix)
    pieces: list[Piece] = []
    attempts: list[Attempt] = []
    start = 0
    for end in ends:
        marker = prefix if start else ""
        attempts += [Attempt(marker + text[start:tried], start, tried, False) for tried in range(length, end, -1)]
        attempts.append(Attempt(marker + text[start:end], start, end, True))
        part = word.cut(start, end)
        pieces.append(Piece(marker + part.text, part.start, part.end, index))
        start = end
    if stuck is None:
        return Word(text, word.start, word.end, tuple(pieces), tuple(attempts))
    marker = prefix if start else ""
    attempts += [Attempt(marker + text[start:tried], start, tried, False) for tried in range(length, start, -1)]
    what = f"no piece {prefix}… goes on" if stuck else "no piece begins"
    reason = f"{text!r} is unknown as a whole: {what} at character {stuck}, {text[stuck]!r}."
    return Word(text, word.start, word.end, (unknown,), tuple(attempts), reason, stuck)
