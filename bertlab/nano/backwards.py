"""Sequences and the same backwards, for an encoder and a decoder with cross-attention. The same arguments give the
same sequences."""

from __future__ import annotations

import random
import string
from collections.abc import Iterable
from dataclasses import dataclass

from bertlab.nano.vocabulary import SPECIAL_TOKENS, require_count


@dataclass(frozen=True)
class ReversalPair:
    """A sequence of letters and the same backwards."""

    source: tuple[str, ...]

    @property
    def target(self) -> tuple[str, ...]:
        """The letters in reverse order."""
        return self.source[::-1]

    @property
    def source_text(self) -> str:
        """The sequence with spaces between the letters, so that each is a word."""
        return " ".join(self.source)

    @property
    def target_text(self) -> str:
        """The reversed sequence with spaces between the letters."""
        return " ".join(self.target)


def reversal_pairs(
    n: int,
    seed: int,
    *,
    min_length: int = 4,
    max_length: int = 8,
    letters: int = 16,
    exclude: Iterable[ReversalPair] = (),
) -> list[ReversalPair]:
    """`n` different random sequences of letters, lengths equally likely, each with its reversal.

    Cross-attention of a model that has learnt it runs from corner to corner.

    Args:
        letters: how many letters of the alphabet occur, 1 to 26.
        exclude: pairs that must not occur again, such as the training set when a test set is drawn.

    Raises:
        ValueError: a length, number or alphabet out of range, or more than half of all sequences asked for.
    """
    require_count(n)
    if not 1 <= min_length <= max_length:
        raise ValueError(f"lengths are {min_length} to {max_length}, but 1 <= min_length <= max_length")
    if not 1 <= letters <= len(string.ascii_lowercase):
        raise ValueError(f"letters is {letters}, but it must be 1 to {len(string.ascii_lowercase)}")
    known = {pair.source for pair in exclude}
    possible = sum(letters**length for length in range(min_length, max_length + 1))
    if 2 * (n + len(known)) > possible:
        raise ValueError(
            f"{n} pairs besides {len(known)} excluded ones are more than half of the {possible} sequences "
            f"there are; ask for fewer, longer ones or more letters"
        )
    generator = random.Random(seed)
    alphabet = string.ascii_lowercase[:letters]
    found: list[ReversalPair] = []
    while len(found) < n:
        length = generator.randint(min_length, max_length)
        source = tuple(generator.choice(alphabet) for _ in range(length))
        if source not in known:
            known.add(source)
            found.append(ReversalPair(source))
    return found


def reversal_vocabulary(letters: int = 16) -> list[str]:
    """The special tokens and the first so many letters: a whole WordPiece vocabulary."""
    if not 1 <= letters <= len(string.ascii_lowercase):
        raise ValueError(f"letters is {letters}, but it must be 1 to {len(string.ascii_lowercase)}")
    return [*SPECIAL_TOKENS, *string.ascii_lowercase[:letters]]
