"""BERT's tokenizer as an algorithm one can watch: from a text to pieces, every step as data.

The steps are those of the original (Devlin et al. 2019, section 3, after Wu et al. 2016, section 4.1), in the
order in which `BertTokenizer` runs them:

    lowercase        every character on its own, except inside special tokens
    added tokens     [MASK], [SEP] and other added tokens are cut out and never split
    clean            control characters go, every kind of blank becomes a space
    chinese          a space on both sides of every Chinese character
    compose          Unicode NFC: a letter followed by its accent becomes one character
    split            at white space
    accents          Unicode NFD, then the accents (category Mn) go
    punctuation      every punctuation mark becomes a word of its own
    pieces           greedy longest match against the vocabulary, word by word

Every character carries the stretch of the original text that it came from, so each piece knows its place even
where lowercasing or normalizing changed the number of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

Span = tuple[int, int]  # (start, end) in the original text, end not included

MAX_CHARACTERS_PER_WORD = 100
_LONGEST_CACHED_WORD = 100
_MOST_CACHED_WORDS = 200_000

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
# Chinese characters that every Unicode version knows (cleaning drops what the running one does not).
_SURELY_CHINESE = "\u3400-\u4db5\u4e00-\u9fa5"
# What is white space after cleaning: tab, line ends, space separators (Zs), line and paragraph separator.
_BLANK_AFTER_CLEANING = "\t\n\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_WORD = re.compile(r"\S+")
_ASCII_WORD = re.compile("[0-9A-Za-z]+|[^0-9A-Za-z]")


# ---------------------------------------------------------------------------------------------- the data


@dataclass(frozen=True)
class AddedToken:
    """A token beside the vocabulary's pieces, matched in the text before anything else.

    `single_word`: only between spaces; `lstrip`, `rstrip`: swallow white space on that side; `normalized`:
    a lowercasing tokenizer lowercases it and matches it in the lowercased text (default: `not special`);
    `special`: left out by `decode(skip_special_tokens=True)`.
    """

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool | None = None
    special: bool = False

    def __post_init__(self):
        if not isinstance(self.content, str):
            raise TypeError(f"The content of an added token is a string, not {type(self.content).__name__}.")
        if self.normalized is None:
            object.__setattr__(self, "normalized", not self.special)

    def __str__(self) -> str:
        return self.content


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


@dataclass(frozen=True)
class Step:
    """The text after one step: one chunk until it is split, then one for a word, at last one for a piece."""

    name: str
    description: str
    chunks: tuple[Chunk, ...]


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


@dataclass(frozen=True)
class Trace:
    """Everything that happened to `text`: the steps in order, the words, and the pieces that came out."""

    text: str
    steps: tuple[Step, ...]
    words: tuple[Word, ...]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The pieces of all words, in order."""
        return tuple(piece for word in self.words for piece in word.pieces)

    @property
    def tokens(self) -> list[str]:
        """The tokens of all pieces, as the tokenizer returns them."""
        return [piece.token for piece in self.pieces]

    def __str__(self) -> str:
        width = max((len(step.name) for step in self.steps), default=0)
        rows = [(step.name, " | ".join(chunk.text for chunk in step.chunks)) for step in self.steps]
        lines = [f"{name:<{width}}  {row}" for name, row in rows]
        return "\n".join(lines + [word.unknown for word in self.words if word.unknown])


# ------------------------------------------------------------------------------- the kinds of characters


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


# ----------------------------------------------------------------------------------------------- the steps


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


# --------------------------------------------------------------------------------------------- the whole


@dataclass
class WordPiece:
    """The whole algorithm with its options; `trace` shows it at work, `tokens` and `locate` only give the result.

    `vocabulary` maps pieces to ids. `added_tokens` are cut out of the text first; `special_tokens` keep their
    capitals. Words in `never_split` stay whole. `strip_accents=None` means: as `do_lower_case`. Without
    `do_basic_tokenize` the text is only split at white space. Change an option through `dataclasses.replace`.
    """

    vocabulary: Mapping[str, int]
    unk_token: str = "[UNK]"
    do_lower_case: bool = True
    do_basic_tokenize: bool = True
    never_split: Iterable[str] = ()
    tokenize_chinese_chars: bool = True
    strip_accents: bool | None = None
    clean_text: bool = True
    prefix: str = "##"
    max_characters_per_word: int = MAX_CHARACTERS_PER_WORD
    added_tokens: Iterable[AddedToken] = ()
    special_tokens: Iterable[str] = ()
    _cache: dict[str, _Stretch] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        self.never_split = frozenset(self.never_split)
        self.special_tokens = tuple(self.special_tokens)
        self._added = {token.content: token for token in self.added_tokens}
        self._kept_whole = self.never_split | frozenset(self.special_tokens)
        self._lowers = self.do_basic_tokenize and self.do_lower_case
        self._strips = self.strip_accents or (self.do_lower_case and self.strip_accents is not False)
        normalized = [t.content for t in self._added.values() if t.normalized and not t.special]
        self._kept_capitals = _any_of([*self.special_tokens, *normalized])
        self._any_added = _any_of(sorted(self._added, key=len, reverse=True))
        blank = _BLANK_AFTER_CLEANING if self.do_basic_tokenize and self.clean_text else r"\s"
        if self.do_basic_tokenize and self.tokenize_chinese_chars:
            self._stretches = re.compile(f"[{_SURELY_CHINESE}]|[^{blank}{_SURELY_CHINESE}]+")
        else:
            self._stretches = re.compile(f"[^{blank}]+")

    def tokens(self, text: str, split_special_tokens: bool = False) -> list[str]:
        """The tokens of a text."""
        tokens: list[str] = []
        for segment in self._segments(text, split_special_tokens):
            if segment.token:
                tokens.append(segment.text)
                continue
            for stretch in self._stretches.findall(segment.text):
                tokens += (self._cache.get(stretch) or self._stretch(stretch)).tokens
        return tokens

    def locate(self, text: str, split_special_tokens: bool = False) -> tuple[list[Span], list[int]]:
        """For each token of a text its (start, end) in it, and the number of its word."""
        spans: list[Span] = []
        words: list[int] = []
        word_count = 0
        for segment in self._segments(text, split_special_tokens):
            if segment.token:
                spans.append((segment.start, segment.end))
                words.append(word_count)
                word_count += 1
                continue
            for match in self._stretches.finditer(segment.text):
                first = match.start()
                stretch = self._stretch(match.group())
                if segment.spans is None:
                    spans += [(first + start, first + end) for start, end in stretch.spans]
                else:
                    spans += [segment.cut(first + start, first + end).span for start, end in stretch.spans]
                words += [word_count + number for number in stretch.words]
                word_count += stretch.word_count
        return spans, words

    def trace(self, text: str, split_special_tokens: bool = False) -> Trace:
        """Every step from the text to its pieces; `tokens` and `locate` give the same result, faster."""
        steps: list[Step] = []

        def note(name: str, description: str, chunks: Iterable[Chunk]) -> list[Chunk]:
            chunks = list(chunks)
            steps.append(Step(name, description, tuple(chunk for chunk in chunks if chunk.text)))
            return chunks

        chunks = note("text", "the text as it was given", [Chunk.of(text)])
        if self._lowers:
            lowered = [lowercase(chunks[0], self._kept_capitals)]
            chunks = note("lowercase", "every character lowercased on its own, special tokens kept", lowered)
        if not split_special_tokens:
            chunks = note("added tokens", "added tokens cut out", self._cut_added_tokens(chunks[0]))
        if self.do_basic_tokenize:
            if self.clean_text:
                chunks = note("clean", "control characters removed, blanks made spaces", _each(clean, chunks))
            if self.tokenize_chinese_chars:
                chunks = note("chinese", "spaces around Chinese characters", _each(space_chinese, chunks))
            chunks = note("compose", "letters and their accents composed (NFC)", _each(compose, chunks))
        chunks = note("split", "split at white space", _each_split(split_on_whitespace, chunks))
        if self.do_basic_tokenize:
            if self._lowers:
                chunks = _each(self._lower_unless_whole, chunks)
            if self._strips:
                stripped = _each(self._strip_unless_whole, chunks)
                chunks = note("accents", "accents removed (NFD without Mn)", stripped)
            split = _each_split(self._split_unless_whole, chunks)
            chunks = note("punctuation", "split at punctuation", split)
        words = [self._word(chunk, index) for index, chunk in enumerate(filter(_has_text, chunks))]
        pieces = [piece for word in words for piece in word.pieces]
        spans = [((piece.start, piece.end),) * len(piece.token) for piece in pieces]
        final = [Chunk(piece.token, span) for piece, span in zip(pieces, spans, strict=True)]
        note("pieces", "greedy longest match against the vocabulary", final)
        return Trace(text, tuple(steps), tuple(words))

    # ------------------------------------------------------------------------------ parts of the two above

    def _segments(self, text: str, split_special_tokens: bool) -> list[Chunk | _Segment]:
        """The text lowercased and cut at added tokens."""
        if self._lowers:
            lowered = text.lower() if text.isascii() else "".join(map(str.lower, text))
        else:
            lowered = text
        has_added = self._any_added and not split_special_tokens and self._any_added.search(lowered)
        has_kept = self._kept_capitals and self._lowers and self._kept_capitals.search(text)
        if not has_added and not has_kept and len(lowered) == len(text):
            return [_Segment(lowered, None)]
        chunk = Chunk.of(text)
        if self._lowers:
            chunk = lowercase(chunk, self._kept_capitals)
        return [chunk] if split_special_tokens else self._cut_added_tokens(chunk)

    def _cut_added_tokens(self, chunk: Chunk) -> list[Chunk]:
        """The added tokens in a text and what lies between, after `lstrip`, `rstrip` and `single_word`."""
        parts, position = [], 0
        for match in self._any_added.finditer(chunk.text) if self._any_added else ():
            start, end = match.span()
            parts += [chunk.cut(position, start), chunk.cut(start, end)]
            position = end
        parts = [part for part in [*parts, chunk.cut(position, len(chunk.text))] if part.text]
        for index, part in enumerate(parts):
            token = self._added.get(part.text)
            if token is None:
                continue
            left = parts[index - 1] if index > 0 else None
            right = parts[index + 1] if index + 1 < len(parts) else None
            if token.rstrip and right:
                parts[index + 1] = right.cut(len(right.text) - len(right.text.lstrip()), len(right.text))
            if token.lstrip and left:
                parts[index - 1] = left.cut(0, len(left.text.rstrip()))
            if token.single_word and left and left.text and left.text[-1] != " ":
                parts[index - 1], parts[index] = parts[index - 1] + part, chunk.cut(0, 0)
            elif token.single_word and right and right.text and right.text[0] != " ":
                parts[index + 1], parts[index] = part + parts[index + 1], chunk.cut(0, 0)
        return [replace(part, token=part.text in self._added) for part in parts if part.text]

    def _stretch(self, text: str) -> _Stretch:
        """The pieces of a stretch between white space.

        No step looks beyond white space (which a Chinese character brings along), so the result depends on
        the stretch alone and is remembered.
        """
        remembered = self._cache.get(text)
        if remembered is not None:
            return remembered
        stretch = self._plain_stretch(text) if self._is_plain(text) else self._any_stretch(text)
        if len(text) <= _LONGEST_CACHED_WORD:
            if len(self._cache) >= _MOST_CACHED_WORDS:
                self._cache.clear()
            self._cache[text] = stretch
        return stretch

    def _any_stretch(self, text: str) -> _Stretch:
        chunk = Chunk.of(text)
        chunks = self._basic_words(chunk) if self.do_basic_tokenize else [chunk]
        words = [self._word(chunk, index) for index, chunk in enumerate(chunks)]
        pieces = [piece for word in words for piece in word.pieces]
        return _Stretch(
            [piece.token for piece in pieces],
            [(piece.start, piece.end) for piece in pieces],
            [piece.word for piece in pieces],
            len(words),
        )

    def _is_plain(self, text: str) -> bool:
        """Whether only lowercasing, the split at punctuation and the search remain: printable ASCII."""
        if not self.do_basic_tokenize or self.never_split or not (text.isascii() and text.isprintable()):
            return False
        return text not in self._kept_whole and text.lower() not in self._kept_whole

    def _plain_stretch(self, text: str) -> _Stretch:
        """What `_any_stretch` gives for a plain stretch, without its intermediate steps."""
        if self._lowers:
            text = text.lower()
        tokens: list[str] = []
        spans: list[Span] = []
        words: list[int] = []
        matches = list(_ASCII_WORD.finditer(text))
        for number, match in enumerate(matches):
            word, first = match.group(), match.start()
            too_long = len(word) > self.max_characters_per_word
            ends, stuck = ([], 0) if too_long else cut_greedily(word, self.vocabulary, self.prefix)
            if stuck is not None:
                tokens.append(self.unk_token)
                spans.append(match.span())
                words.append(number)
                continue
            start = 0
            for end in ends:
                tokens.append(self.prefix + word[start:end] if start else word[:end])
                spans.append((first + start, first + end))
                words.append(number)
                start = end
        return _Stretch(tokens, spans, words, len(matches))

    def _basic_words(self, chunk: Chunk) -> list[Chunk]:
        if self.clean_text:
            chunk = clean(chunk)
        if self.tokenize_chinese_chars:
            chunk = space_chinese(chunk)
        words = []
        for word in split_on_whitespace(compose(chunk)):
            if self._lowers:
                word = self._lower_unless_whole(word)
            if self._strips:
                word = self._strip_unless_whole(word)
            words += self._split_unless_whole(word)
        return words

    def _lower_unless_whole(self, word: Chunk) -> Chunk:
        return word if word.text in self._kept_whole else lowercase_word(word)

    def _strip_unless_whole(self, word: Chunk) -> Chunk:
        return word if word.text in self._kept_whole else strip_accents(word)

    def _split_unless_whole(self, word: Chunk) -> list[Chunk]:
        return [word] if word.text in self._kept_whole else split_on_punctuation(word)

    def _word(self, chunk: Chunk, index: int) -> Word:
        if chunk.token or (self.do_basic_tokenize and chunk.text in self.never_split):
            piece = Piece(chunk.text, chunk.start, chunk.end, index)
            return Word(chunk.text, chunk.start, chunk.end, (piece,), whole=True)
        return longest_match(
            chunk,
            self.vocabulary,
            index=index,
            unk_token=self.unk_token,
            prefix=self.prefix,
            max_characters=self.max_characters_per_word,
        )


def trace(text: str, vocabulary: Mapping[str, int], **options) -> Trace:
    """Every step from a text to its pieces; the options are those of `WordPiece`."""
    return WordPiece(vocabulary, **options).trace(text)


# ---------------------------------------------------------------------------------------------- small parts


class _Stretch(NamedTuple):
    """The pieces of a stretch of text: tokens, places in the stretch, word numbers, and how many words."""

    tokens: list[str]
    spans: list[Span]
    words: list[int]
    word_count: int


class _Segment(NamedTuple):
    """A whole text in which every character is still at its place, so no spans are needed."""

    text: str
    spans: None
    token: bool = False


def _chunk(characters: list[tuple[str, Span]]) -> Chunk:
    return Chunk("".join(character for character, _ in characters), tuple(span for _, span in characters))


def _each(step, chunks: list[Chunk]) -> list[Chunk]:
    return [chunk if chunk.token else step(chunk) for chunk in chunks]


def _each_split(step, chunks: list[Chunk]) -> list[Chunk]:
    return [part for chunk in chunks for part in ([chunk] if chunk.token else step(chunk))]


def _any_of(tokens: list[str]) -> re.Pattern | None:
    alternatives = [re.escape(token) for token in tokens if token]
    return re.compile("|".join(alternatives)) if alternatives else None


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


def _has_text(chunk: Chunk) -> bool:
    return bool(chunk.text)
