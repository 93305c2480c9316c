"""15 Audit and ship: a bootstrap interval, batches by length."""

from __future__ import annotations

from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, exercise
from bertlab.language import say

DRAWS = 4000


def library_interval(values: list[float], draws: int, seed: int, share: float = 0.95) -> tuple[float, float]:
    """The middle part of the means of resampled lists."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    numbers = torch.tensor(values, dtype=torch.float64)
    chosen = torch.randint(len(values), (draws, len(values)), generator=generator)
    means = numbers[chosen].mean(-1)
    return float(means.quantile((1 - share) / 2)), float(means.quantile((1 + share) / 2))


@exercise("15.1")
def interval(answer: Any) -> str:
    """Asked for: `interval(values, draws, seed)` -> (low, high): the middle 95 % of the means of resampled lists."""
    import torch

    generator = torch.Generator().manual_seed(2)
    for count, scale in ((12, 1.0), (40, 5.0)):
        values = (torch.randn(count, generator=generator) * scale + scale).tolist()
        low, high = _two(
            call(
                answer, list(values), DRAWS, 0, shown=say("{count} values and {draws} draws", count=count, draws=DRAWS)
            )
        )
        right_low, right_high = library_interval(values, DRAWS, 1)
        width = right_high - right_low
        if max(abs(low - right_low), abs(high - right_high)) > 0.06 * width:
            raise Differs(
                say(
                    "of {count} values the interval goes from {low:.3f} to {high:.3f}; expected is one "
                    "near {right_low:.3f} to {right_high:.3f}.",
                    count=count,
                    low=low,
                    high=high,
                    right_low=right_low,
                    right_high=right_high,
                ),
                _interval_hint(values, low, high, width),
            )
        if (low, high) != _two(call(answer, list(values), DRAWS, 0, shown=say("{count} values", count=count))):
            raise Differs(
                say("the same seed gives another interval."), say("Make a generator of your own from the seed.")
            )
    return say("within the accuracy of 4,000 draws of the library's, for two lists.")


def _two(given: Any) -> tuple[float, float]:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise Differs(
            say("a pair (low, high) was expected, but the answer is of type {kind}.", kind=type(given).__name__)
        )
    low, high = (float(as_tensor(part, name)) for part, name in zip(given, ("low", "high")))
    if low > high:
        raise Differs(
            say("the lower end is {low:.3f} and the upper {high:.3f}.", low=low, high=high),
            say("(low, high), in this order."),
        )
    return low, high


def _interval_hint(values: list[float], low: float, high: float, width: float) -> str:
    """What kind of mistake gives such an interval."""
    import torch

    numbers = torch.tensor(values, dtype=torch.float64)
    others = {
        say("These are quantiles of the values; take those of the means of resampled lists."): (
            float(numbers.quantile(0.025)),
            float(numbers.quantile(0.975)),
        ),
        say("The middle 95 % goes from the 2.5 % quantile to the 97.5 % quantile."): library_interval(
            values, DRAWS, 1, 0.9
        ),
    }
    for hint, (other_low, other_high) in others.items():
        if max(abs(low - other_low), abs(high - other_high)) < 0.06 * max(width, other_high - other_low):
            return hint
    if high - low > 1.4 * width:
        return say("Is it the smallest and the largest mean? Take the quantiles of all means.")
    if high - low < 0.05 * width:
        return say("Every list has the same mean: draw with replacement, as many values as the list has.")
    return say("As many values as the list has, drawn with replacement; their mean; again and again.")


def padded(lengths: list[int], batches: list[list[int]]) -> int:
    """How many places are padding when each batch is as long as its longest text."""
    return sum(max(lengths[n] for n in batch) * len(batch) - sum(lengths[n] for n in batch) for batch in batches)


@exercise("15.2")
def batches(answer: Any) -> str:
    """Asked for: `batches(lengths, size)`: every number once, `size` to a batch, with as little padding as possible."""
    from bertlab.data import length_sorted_batches

    for lengths, size in (([9, 3, 5, 3, 9, 4, 8], 3), (list(range(20, 0, -1)), 4), ([7, 7, 7], 8), ([2, 30, 2, 30], 2)):
        shown = say("the lengths {lengths} and size {size}", lengths=lengths, size=size)
        given = call(answer, list(lengths), size, shown=shown)
        try:
            cut = [[int(number) for number in batch] for batch in given]
        except (TypeError, ValueError):
            raise Differs(
                say("the answer is no list of lists of numbers."), say("A list of batches of numbers.")
            ) from None
        numbers = sorted(number for batch in cut for number in batch)
        if numbers != list(range(len(lengths))):
            hint = say("Batches hold the numbers of the texts, not their lengths.")
            raise Differs(
                say("for {shown} the numbers are {numbers}.", shown=shown, numbers=numbers),
                hint
                if numbers == sorted(lengths)
                else say("Each number from 0 up comes exactly once, in the last batch too."),
            )
        if any(len(batch) != size for batch in cut[:-1]) or not 0 < len(cut[-1]) <= size:
            raise Differs(
                say("for {shown} the batches have {sizes} texts.", shown=shown, sizes=[len(batch) for batch in cut]),
                say("{size} to a batch; only the last one may be smaller.", size=size),
            )
        best = min(padded(lengths, length_sorted_batches(lengths, size)), padded(lengths, _ascending(lengths, size)))
        if padded(lengths, cut) > best:
            hint = say("Sort by length first, so that texts of like length stand together.")
            if padded(lengths, cut) == padded(lengths, _ascending(lengths, size)):
                hint = say("Longest first: then the batch that is not full holds the shortest texts.")
            said = say(
                "for {shown} {padding} places are padding, and {best} suffice.",
                shown=shown,
                padding=padded(lengths, cut),
                best=best,
            )
            raise Differs(said, hint, share=0.5)  # every text stands in a batch of the right size
    return say("every number once, and no padding that can be saved.")


def _ascending(lengths: list[int], size: int) -> list[list[int]]:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return [order[first : first + size] for first in range(0, len(order), size)]
