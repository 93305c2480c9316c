"""The two halves of the readable tokenizer, as the documented class offers them.

`basic_tokenizer` goes from a text to words, `wordpiece_tokenizer` from words to pieces. Both are fixed: make a new
tokenizer for other options.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bertlab.tokenizer.pieces import MAX_CHARACTERS_PER_WORD, cut_greedily
from bertlab.tokenizer.wordpiece import WordPiece


@dataclass(frozen=True)
class BasicTokenizer:
    """Cleaning, lowercasing and the splits at white space, Chinese characters and punctuation."""

    do_lower_case: bool = True
    never_split: Iterable[str] = ()
    tokenize_chinese_chars: bool = True
    strip_accents: bool | None = None
    clean_text: bool = True

    def __post_init__(self):
        object.__setattr__(self, "never_split", frozenset(self.never_split or ()))

    def tokenize(self, text: str, never_split: Iterable[str] | None = None) -> list[str]:
        """The words of a text; those in `never_split` (and in that of the tokenizer) stay whole."""
        whole = self.never_split | frozenset(never_split or ())
        algorithm = WordPiece(
            {},
            do_lower_case=self.do_lower_case,
            never_split=whole,
            tokenize_chinese_chars=self.tokenize_chinese_chars,
            strip_accents=self.strip_accents,
            clean_text=self.clean_text,
        )
        return algorithm.words(text)


@dataclass(frozen=True)
class WordpieceTokenizer:
    """Greedy longest match of every word between blanks."""

    vocab: Mapping[str, int] = field(repr=False)
    unk_token: str = "[UNK]"
    max_input_chars_per_word: int = MAX_CHARACTERS_PER_WORD
    prefix: str = "##"

    def tokenize(self, text: str) -> list[str]:
        """The pieces of a text that has been cut into words already; a word that has none is unknown."""
        pieces: list[str] = []
        for word in text.split():
            too_long = len(word) > self.max_input_chars_per_word
            ends, stuck = ([], 0) if too_long else cut_greedily(word, self.vocab, self.prefix)
            if stuck is not None:
                pieces.append(self.unk_token)
                continue
            starts = [0, *ends[:-1]]
            pieces += [
                (self.prefix if start else "") + word[start:end] for start, end in zip(starts, ends, strict=True)
            ]
        return pieces
