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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bertlab.tokenizer.pieces import MAX_CHARACTERS_PER_WORD, Piece, Word, cut_greedily, longest_match
from bertlab.tokenizer.steps import (
    Chunk,
    Span,
    clean,
    compose,
    lowercase,
    lowercase_word,
    space_chinese,
    split_on_punctuation,
    split_on_whitespace,
    strip_accents,
)
from bertlab.tokenizer.tokens import AddedToken

_LONGEST_CACHED_WORD = 100

_MOST_CACHED_WORDS = 200_000


# Chinese characters that every Unicode version knows (cleaning drops what the running one does not).
_SURELY_CHINESE = "\u3400-\u4db5\u4e00-\u9fa5"


# What is white space after cleaning: tab, line ends, space separators (Zs), line and paragraph separator.
_BLANK_AFTER_CLEANING = "\t\n\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

_ASCII_WORD = re.compile("[0-9A-Za-z]+|[^0-9A-Za-z]")


@dataclass(frozen=True)
class Step:
    """The text after one step: one chunk until it is split, then one for a word, at last one for a piece."""

    name: str
    description: str
    chunks: tuple[Chunk, ...]


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

    def words(self, text: str) -> list[str]:
        """The words of a text, before the search for pieces; added tokens count as words like others."""
        return " ".join(word.text for word in self._basic_words(Chunk.of(text))).split()

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

    def _segments(self, text: str, split_special_tokens: bool) -> Sequence[Chunk | _Segment]:
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


# Small parts


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


def _each(step, chunks: list[Chunk]) -> list[Chunk]:
    return [chunk if chunk.token else step(chunk) for chunk in chunks]


def _each_split(step, chunks: list[Chunk]) -> list[Chunk]:
    return [part for chunk in chunks for part in ([chunk] if chunk.token else step(chunk))]


def _any_of(tokens: list[str]) -> re.Pattern | None:
    alternatives = [re.escape(token) for token in tokens if token]
    return re.compile("|".join(alternatives)) if alternatives else None


def _has_text(chunk: Chunk) -> bool:
    return bool(chunk.text)
