"""WordPiece as TensorFlow's tokenizers cut it, `TFBertTokenizer`'s way: not quite as BERT's own do.

Special tokens in a text are text. Lower case is Unicode's case folding, which also unfolds ligatures, full-width
letters, fractions and roman numerals. A word of more than 100 bytes (not characters) is unknown. There are two layers
of the kind, a fast one and a slow one, which differ in what separates words. All of it was observed on
tensorflow-text 2.15, which knows the characters of Unicode 12 when it folds, and those of Unicode 15 when it cleans.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bertlab.tokenizer.pieces import cut_greedily

# Characters that Unicode got after version 12 and that are letters with another case, compatibility forms, or
# composed: folding leaves them as they are.
YOUNGER = re.compile(
    "([\u1c89\u1c8a\u2c2f\u2c5f\ua7c0\ua7c1\ua7c7-\ua7ca\ua7cb-\ua7dc\ua7f1-\ua7f6\uab69-\uab6b"
    "\U00010570-\U000105bf\U00010780-\U000107bf\U00010d40-\U00010d8f\U00011380-\U000113e2\U00011938"
    "\U00016121-\U00016128\U00016d40-\U00016d7f\U0001ccd6-\U0001ccf9\U0001df00-\U0001df2a\U0001e030-\U0001e08f"
    "\U0001fbf0-\U0001fbf9])"
)
# Default ignorable characters, which folding drops.
IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Marks and format characters that a Python of Unicode 14 or older does not know as such.
MARKS_OF_15 = re.compile(
    "[\u0ece\U00010efd-\U00010eff\U00011241\U00011f00\U00011f01\U00011f36-\U00011f3a\U00011f40\U00011f42\U00013440"
    "\U00013447-\U00013455\U0001e08f\U0001e4ec-\U0001e4ef]"
)
FORMAT_OF_15 = re.compile("[\U00013430-\U0001343f]")
PUNCTUATION_OF_15 = re.compile("[\U00011b00-\U00011b09\U00011f43-\U00011f4f]")
# Punctuation that the fast layer does not know, for it came after Unicode 12; the rest of it both do not.
PUNCTUATION_OF_13_AND_14 = re.compile(
    "[\u061d\u1b7d\u1b7e\u2e52-\u2e5d\U00010ead\U00010f86-\U00010f89\U0001145a\U000116b9\U00011944-\U00011946"
    "\U00012ff1\U00012ff2]"
)
PUNCTUATION_AFTER_15 = re.compile("[\u1b4e\u1b4f\u1b7f\U00010d6e\U000113d4-\U000113d8\U00011be1\U00016d6d-\U00016d6f]")
ASCII_BLANKS = frozenset("\t\n\f\r ")
IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def case_folded(text: str) -> str:
    """NFKC_Casefold of Unicode 12: "ﬁne Straße ½" becomes "fine strasse 1⁄2"."""
    parts = YOUNGER.split(IGNORABLE.sub("", text))
    parts[::2] = [_folded(part) for part in parts[::2]]
    return IGNORABLE.sub("", "".join(parts))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    normalized = unicodedata.normalize
    once = normalized("NFKC", normalized("NFD", text).casefold())
    return normalized("NFKC", once.casefold())


def without_marks(text: str) -> str:
    """The text taken apart, without what is written above and below its letters."""
    if text.isascii():
        return text
    parts = YOUNGER.split(text)
    parts[::2] = [unicodedata.normalize("NFD", part) for part in parts[::2]]
    return "".join(c for c in "".join(parts) if unicodedata.category(c) != "Mn" and not MARKS_OF_15.match(c))


def is_control(character: str) -> bool:
    """Whether a character counts as a blank because it cannot be seen: \\x00, a zero-width joiner."""
    return unicodedata.category(character) in ("Cc", "Cf") or bool(FORMAT_OF_15.match(character))


def is_punctuation(character: str, fast: bool) -> bool:
    """Whether a character stands for itself; the fast layer knows fewer of them."""
    code = ord(character)
    if code < 128:
        return 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    if PUNCTUATION_AFTER_15.match(character):
        return False
    if fast and (PUNCTUATION_OF_13_AND_14.match(character) or PUNCTUATION_OF_15.match(character)):
        return False
    return unicodedata.category(character)[0] == "P" or bool(PUNCTUATION_OF_15.match(character))


class GraphPieces:
    """Cuts texts as tensorflow-text's FastBertTokenizer does, or with `fast=False` as its BertTokenizer.

    Args:
        vocabulary: the pieces, in the order of their ids.
        lower: whether to fold cases and drop accents.
        fast: which of the two layers.
        suffix_indicator: what begins a piece that continues a word.
        max_bytes_per_word: a longer word is unknown.
        unknown_token: the piece for what cannot be put together.

    Raises:
        ValueError: for a vocabulary with a repeated piece, or without the one for unknown words.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        lower: bool,
        fast: bool = True,
        *,
        suffix_indicator: str = "##",
        max_bytes_per_word: int = 100,
        unknown_token: str = "[UNK]",
    ):
        self.ids = {piece: number for number, piece in enumerate(vocabulary)}
        if len(self.ids) != len(vocabulary):
            twice = next(piece for number, piece in enumerate(vocabulary) if self.ids[piece] != number)
            raise ValueError(f"the vocabulary holds {twice!r} twice; TensorFlow's tokenizer has every piece once")
        if unknown_token not in self.ids:
            raise ValueError(f"the vocabulary has no {unknown_token!r} for unknown words; add it or name another")
        self.lower, self.fast = lower, fast
        self.suffix_indicator, self.unknown_token = suffix_indicator, unknown_token
        self.max_bytes_per_word = max_bytes_per_word

    def __call__(self, text: str) -> list[int]:
        """The ids of a text's pieces, without any around them."""
        return [number for word in self.words(text) for number in self.pieces(word)]

    def words(self, text: str) -> list[str]:
        """The text cleaned and cut at blanks, around punctuation, and around ideographs."""
        if self.lower:
            text = without_marks(case_folded(text))
        words, word = [], ""
        for character in text:
            if self.is_blank(character):
                alone = ""
            elif is_punctuation(character, self.fast) or _is_ideograph(character):
                alone = character
            else:
                word += character
                continue
            words += [part for part in (word, alone) if part]
            word = ""
        return [*words, word] if word else words

    def is_blank(self, character: str) -> bool:
        """Whether a character ends a word; for the slow layer only blanks of ASCII do, and controls."""
        if character in ASCII_BLANKS or is_control(character):
            return True
        return self.fast and unicodedata.category(character)[0] == "Z"

    def pieces(self, word: str) -> list[int]:
        """The longest pieces from left to right, or the one for unknown words."""
        unknown = [self.ids[self.unknown_token]]
        if len(word.encode("utf-8")) > self.max_bytes_per_word:
            return unknown
        ends, stuck = cut_greedily(word, self.ids, self.suffix_indicator)
        if stuck is not None:
            return unknown
        starts = [0, *ends[:-1]]
        return [self.ids[(self.suffix_indicator if i else "") + word[i:end]] for i, end in zip(starts, ends)]


def _is_ideograph(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in IDEOGRAPHS)
