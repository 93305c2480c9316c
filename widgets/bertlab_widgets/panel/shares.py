"""A guess of a share, as the predict-first gate takes it: one of some ranges, or a number in percent."""

from __future__ import annotations

from collections.abc import Sequence

from .words import percent

Range = tuple[str, float, float]  # what it is called, from, to below
NEAR = 0.05  # a number that is so close counts as right


def graded_share(guess: str, share: float, ranges: Sequence[Range]) -> str:
    """One sentence that holds the guess against the share (0 to 1)."""
    for name, low, high in ranges:
        if guess == name:
            return f"Right: {percent(share)}." if low <= share < high else f"`{guess}` was not it: {percent(share)}."
    try:
        number = float(guess.replace("%", "").replace(",", ".")) / 100
    except ValueError:
        return f"`{guess}` is no share: write one in percent. It is {percent(share)}."
    if not 0 <= number <= 1:
        return f"`{guess}` is no share: write 0 to 100 percent. It is {percent(share)}."
    verdict = "Right" if abs(number - share) <= NEAR else "Not quite"
    return f"{verdict}: {percent(share)}, you said {percent(number)}."
