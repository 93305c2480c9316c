"""A guess of a share, as the predict-first gate takes it: one of some ranges, or a number in percent."""

from __future__ import annotations

from collections.abc import Sequence

from bertlab.language import say

from .words import guessed_number, percent

Range = tuple[str, float, float]  # what it is called, from, to below
NEAR = 0.05  # a number that is so close counts as right


def graded_share(guess: str, share: float, ranges: Sequence[Range]) -> str:
    """One sentence that holds the guess against the share (0 to 1); ranges have their names in English."""
    answer = percent(share)
    for name, low, high in ranges:
        if guess in (name, say(name)):
            if low <= share < high:
                return say("Right: {answer}.", answer=answer)
            return say("`{guess}` was not it: {answer}.", guess=guess, answer=answer)
    number = guessed_number(guess)
    if number is None:
        return say("`{guess}` is no share: write one in percent. It is {answer}.", guess=guess, answer=answer)
    number /= 100
    if not 0 <= number <= 1:
        return say("`{guess}` is no share: write 0 to 100 percent. It is {answer}.", guess=guess, answer=answer)
    if abs(number - share) <= NEAR:
        return say("Right: {answer}, you said {guess}.", answer=answer, guess=percent(number))
    return say("Not quite: {answer}, you said {guess}.", answer=answer, guess=percent(number))
