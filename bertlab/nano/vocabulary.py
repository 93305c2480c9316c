"""Small vocabularies, so that nano models use the normal tokenizer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bertlab.files import write_whole
from bertlab.tokenizer import WordPiece

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def wordpiece_vocabulary(texts: Iterable[str], size: int | None = None, *, characters: bool = True) -> list[str]:
    """The words of the texts, as the uncased tokenizer splits them, as a WordPiece vocabulary: piece by id.

    The special tokens come first ([PAD] is 0), then with `characters` every character as the beginning of a
    word and as its continuation (`##x`), so that no word of the texts becomes [UNK]; then the words, most
    frequent first and equally frequent ones by the alphabet.

    Args:
        size: most pieces in all; words that find no room are spelled from characters. None keeps every word.
        characters: without them, words outside the vocabulary become [UNK].

    Raises:
        ValueError: `size` has no room for the special tokens and characters.
    """
    chunks = Counter(chunk for text in texts for chunk in text.split())
    splitter = WordPiece({})
    counts: Counter[str] = Counter()
    for chunk, count in chunks.items():
        for word in splitter.trace(chunk).words:
            counts[word.text] += count
    pieces = list(SPECIAL_TOKENS)
    if characters:
        alphabet = sorted({character for word in counts for character in word})
        pieces += alphabet + ["##" + character for character in alphabet]
    if size is not None and size < len(pieces):
        raise ValueError(f"size is {size}, but special tokens and characters alone are {len(pieces)} pieces")
    words = sorted(counts, key=lambda word: (-counts[word], word))
    return list(dict.fromkeys([*pieces, *words]))[:size]


def write_vocabulary(vocabulary: Iterable[str], folder: str | Path) -> Path:
    """Write `vocab.txt`, one piece a line in the order of the ids, and return its path.

    The folder is made if need be; `BertTokenizer(path)` reads the file.

    Raises:
        ValueError: a piece is empty, holds a line break or white space, or occurs twice.
    """
    pieces = list(vocabulary)
    for piece, count in Counter(pieces).items():
        if count > 1 or not piece or piece.split() != [piece]:
            raise ValueError(f"the piece {piece!r} occurs {count} times; each needs a line of its own, no blanks")
    path = Path(folder) / "vocab.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(piece + "\n" for piece in pieces))
    return path


def require_count(n: int) -> None:
    """Refuse a number of sentences that is none.

    Raises:
        ValueError: it is negative.
    """
    if n < 0:
        raise ValueError(f"n is {n}, but it must be 0 or more")
