"""The steps before the search for pieces, each a function from a stretch of text to another.

Every character carries the stretch of the original text that it came from, so each piece knows its place even
where lowercasing or normalizing changed the number of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter

Span = tuple[int, int]  # (start, end) in the original text, end not included

_CHINESE_BLOCKS = (
    (0x4E00, 0x9FFF),  # CJK Unified Ideographs
    (0x3400, 0x4DBF),  # Extension A
    (0x20000, 0x2A6DF),  # Extension B
    (0x2A700, 0x2B73F),  # Extension C
    (0x2B740, 0x2B81F),  # Extension D
    (0x2B820, 0x2CEAF),  # Extension E
    (0xF900, 0xFAFF),  # Compatibility Ideographs
    (0x2F800, 0x2FA1F),  # Compatibility Ideographs Supplement
)

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Chunk:
    """A stretch of text that remembers where each of its characters came from.

    `spans` has one (start, end) in the original text for every character of `text`. `token` is True when the
    chunk is an added token, which no later step changes.
    """

    text: str
    spans: tuple[Span, ...]
    token: bool = False

    @classmethod
    def of(cls, text: str) -> Chunk:
        """An original text, every character at its own place."""
        return cls(text, tuple((position, position + 1) for position in range(len(text))))

    @property
    def start(self) -> int:
        """Where the chunk begins in the original text."""
        return min(self.spans)[0] if self.spans else 0

    @property
    def end(self) -> int:
        """Where the chunk ends in the original text (exclusive)."""
        return max(end for _, end in self.spans) if self.spans else 0

    @property
    def span(self) -> Span:
        """(start, end) in the original text."""
        return self.start, self.end

    def cut(self, start: int, end: int) -> Chunk:
        """Characters `start` to `end` (exclusive) of this chunk."""
        return Chunk(self.text[start:end], self.spans[start:end])

    def __add__(self, other: Chunk) -> Chunk:
        return Chunk(self.text + other.text, self.spans + other.spans)


# The kinds of characters


@lru_cache(maxsize=65536)
def is_whitespace(character: str) -> bool:
    """Whether cleaning turns the character into a space: tab, line ends, space separators (Zs)."""
    return character in " \t\n\r" or unicodedata.category(character) == "Zs"


@lru_cache(maxsize=65536)
def is_removed(character: str) -> bool:
    """Whether cleaning drops the character: U+FFFD, any category C* (control, format, unassigned ...)."""
    if character in "\t\n\r":
        return False
    return character == "\ufffd" or unicodedata.category(character)[0] == "C"


@lru_cache(maxsize=65536)
def is_punctuation(character: str) -> bool:
    """Whether the character is a word of its own: category P*, or any ASCII sign but letters and digits."""
    return "!" <= character <= "~" and not character.isalnum() or unicodedata.category(character)[0] == "P"


@lru_cache(maxsize=65536)
def is_chinese(character: str) -> bool:
    """Whether the character lies in one of the CJK ideograph blocks (not Kana, not Hangul)."""
    code_point = ord(character)
    return any(first <= code_point <= last for first, last in _CHINESE_BLOCKS)


# The steps


def lowercase(chunk: Chunk, keep: re.Pattern | None = None) -> Chunk:
    """Lowercase every character on its own, except where `keep` matches (so a final Σ becomes σ, not ς)."""
    kept = [match.span() for match in keep.finditer(chunk.text)] if keep else []
    if not kept and chunk.text.isascii():
        return replace(chunk, text=chunk.text.lower())
    characters, spans, position = [], [], 0
    for start, end in [*kept, (len(chunk.text), len(chunk.text))]:
        for character, span in zip(chunk.text[position:start], chunk.spans[position:start], strict=True):
            lowered = character.lower()  # "İ" becomes two characters
            characters.append(lowered)
            spans.extend([span] * len(lowered))
        characters.append(chunk.text[start:end])
        spans.extend(chunk.spans[start:end])
        position = end
    return Chunk("".join(characters), tuple(spans))


def lowercase_word(word: Chunk) -> Chunk:
    """Lowercase a whole word at once; changes only what was kept from `lowercase`."""
    lowered = word.text.lower()
    if len(lowered) == len(word.text):
        return replace(word, text=lowered)
    spans = [span for character, span in zip(word.text, word.spans, strict=True) for _ in character.lower()]
    return Chunk(lowered, tuple(spans))


def clean(chunk: Chunk) -> Chunk:
    """Drop control characters and turn every kind of blank into a space."""
    alphabet = set(chunk.text)
    removed = {character for character in alphabet if is_removed(character)}
    blanks = {character for character in alphabet if is_whitespace(character)}
    if not removed and blanks <= {" "}:
        return chunk
    kept = [
        (" " if character in blanks else character, span)
        for character, span in zip(chunk.text, chunk.spans, strict=True)
        if character not in removed
    ]
    return _chunk(kept)


def space_chinese(chunk: Chunk) -> Chunk:
    """Put a space on both sides of every Chinese character; the spaces have an empty span."""
    chinese = {character for character in set(chunk.text) if is_chinese(character)}
    if not chinese:
        return chunk
    spaced: list[tuple[str, Span]] = []
    for character, (start, end) in zip(chunk.text, chunk.spans, strict=True):
        if character in chinese:
            spaced += [(" ", (start, start)), (character, (start, end)), (" ", (end, end))]
        else:
            spaced.append((character, (start, end)))
    return _chunk(spaced)


def compose(chunk: Chunk) -> Chunk:
    """Unicode NFC. What combines into one character gets the span of all that it came from."""
    if unicodedata.is_normalized("NFC", chunk.text):
        return chunk
    composed: list[tuple[str, Span]] = []
    for start, end in _clusters(chunk.text):
        cluster = chunk.cut(start, end)
        text = _compose_cluster(cluster.text)
        if text == cluster.text:
            composed.extend(zip(text, cluster.spans, strict=True))
        else:
            span = cluster.span
            composed.extend((character, span) for character in text)
    return _chunk(composed)


def split_on_whitespace(chunk: Chunk) -> list[Chunk]:
    """The words between white space."""
    return [chunk.cut(*match.span()) for match in _WORD.finditer(chunk.text)]


def strip_accents(chunk: Chunk) -> Chunk:
    """Unicode NFD without the marks of category Mn: "é" becomes "e", and both keep the same span."""
    if chunk.text.isascii():
        return chunk
    decomposed = _decomposed(zip(chunk.text, chunk.spans, strict=True))
    return _chunk([letter for letter in decomposed if unicodedata.category(letter[0]) != "Mn"])


def split_on_punctuation(chunk: Chunk) -> list[Chunk]:
    """Every punctuation mark on its own, and what lies between."""
    parts, start = [], 0
    for position, character in enumerate(chunk.text):
        if is_punctuation(character):
            if start < position:
                parts.append(chunk.cut(start, position))
            parts.append(chunk.cut(position, position + 1))
            start = position + 1
    if start < len(chunk.text):
        parts.append(chunk.cut(start, len(chunk.text)))
    return parts


# Small parts


def _chunk(characters: list[tuple[str, Span]]) -> Chunk:
    return Chunk("".join(character for character, _ in characters), tuple(span for _, span in characters))


def _clusters(text: str) -> list[Span]:
    """Where the text can be cut so that NFC of the whole is NFC of the parts: a letter with all its marks."""
    boundaries = [0]
    for position in range(1, len(text)):
        character = text[position]
        if text[position - 1].isspace():
            boundaries.append(position)
            continue
        if unicodedata.combining(unicodedata.normalize("NFD", character)[0]):
            continue
        if character >= "\u0300":  # Hangul and some Indic vowels join what precedes them without being marks
            before = _compose_cluster(text[boundaries[-1] : position])[-1]
            apart = before + unicodedata.normalize("NFC", character)
            if unicodedata.normalize("NFC", before + character) != apart:
                continue
        boundaries.append(position)
    return list(zip(boundaries, [*boundaries[1:], len(text)], strict=True))


def _compose_cluster(text: str) -> str:
    """NFC of a letter and its marks, sorted first: Python takes quadratic time over long unsorted runs."""
    if len(text) > 20:
        text = "".join(character for character, _ in _decomposed((character, (0, 0)) for character in text))
    return unicodedata.normalize("NFC", text)


def _decomposed(characters: Iterable[tuple[str, Span]]) -> list[tuple[str, Span]]:
    """Unicode NFD with spans: every character decomposed, then each run of marks sorted by class."""
    decomposed: list[tuple[str, Span]] = []
    marks: list[tuple[int, str, Span]] = []  # the marks since the last letter
    for character, span in characters:
        for part in unicodedata.normalize("NFD", character):
            combining_class = unicodedata.combining(part)
            if combining_class:
                marks.append((combining_class, part, span))
                continue
            if marks:
                decomposed += [mark[1:] for mark in sorted(marks, key=itemgetter(0))]
                marks = []
            decomposed.append((part, span))
    return decomposed + [mark[1:] for mark in sorted(marks, key=itemgetter(0))]
