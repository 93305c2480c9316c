"""07 Pre-training live: agreement by two logits, the step from which a curve stays up, the unigram entropy."""

from __future__ import annotations

import math
from typing import Any

from bertlab.check.verdict import Differs, call, compare, exercise
from bertlab.language import say


@exercise("07.1")
def agrees(answer: Any) -> str:
    """Asked for: `agrees(logits, right, wrong)`: the share of rows in which the right id has the larger logit."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for rows, vocabulary in ((7, 5), (24, 11), (3, 40)):
        logits = torch.randn(rows, vocabulary, generator=generator)
        right = torch.randint(vocabulary, (rows,), generator=generator)
        wrong = (right + 1 + torch.randint(vocabulary - 1, (rows,), generator=generator)) % vocabulary
        at = torch.arange(rows)
        hits = logits[at, right] > logits[at, wrong]
        expected = float(hits.float().mean())
        shown = say("logits of shape {shape}", shape=tuple(logits.shape))
        given = call(answer, logits.clone(), right.clone(), wrong.clone(), shown=shown)
        best = float((logits.argmax(-1) == right).float().mean())
        hints = [
            (best, say("Only the two forms compete here; another word may be likelier than both.")),
            (1 - expected, say("This is the share in which the wrong form wins.")),
            (expected * 100, say("This is in percent; give a share between 0 and 1.")),
            (float(hits.sum()), say("This is how many; divide by the number of sentences.")),
            (hits.float(), say("One answer for each sentence; their mean was asked for.")),
        ]
        compare(given, expected, say("the share"), 1e-5, hints)
    return say("the share of rows in which the right form has the larger logit.")


def stays_above(steps: list[int], values: list[float], level: float) -> int | None:
    """The first step from which on the curve is above the level; None where it ends at or below it."""
    below = [place for place, value in enumerate(values) if value <= level]
    first = below[-1] + 1 if below else 0
    return steps[first] if first < len(steps) else None


_CURVES = [
    ([50, 100, 150, 200], [50.0, 50.0, 80.0, 90.0], 50.0),
    ([50, 100, 150, 200, 250], [50.0, 70.0, 50.0, 80.0, 90.0], 65.0),
    ([10, 20, 30], [90.0, 91.0, 92.0], 50.0),
    ([10, 20, 30], [60.0, 70.0, 65.0], 65.0),
    ([100, 200, 300], [40.0, 50.0, 60.0], 50.0),
]


@exercise("07.2")
def leaves(answer: Any) -> str:
    """Asked for: `leaves(steps, values, level)`: the first step after which the curve never falls back; -1 for none."""
    for steps, values, level in _CURVES:
        right = stays_above(steps, values, level)
        shown = say("steps {steps}, values {values} and level {level:g}", steps=steps, values=values, level=level)
        given = call(answer, list(steps), list(values), level, shown=shown)
        if right is None:
            if given != -1:
                raise Differs(
                    say(
                        "the curve {values} ends at {level:g} or below, and the answer is {given!r}.",
                        values=values,
                        level=level,
                        given=given,
                    ),
                    say("Such a curve gets -1."),
                )
            continue
        lucky = next(step for step, value in zip(steps, values) if value > level)
        equal = next((step for step, value in zip(steps, values) if value >= level), None)
        hints = [
            (steps.index(right), say("This is a place in the list; the step that stands there was asked for.")),
            *(
                [(lucky, say("From there the curve falls back once more: a lucky point does not count."))]
                if lucky != right
                else []
            ),
            *([(equal, say("At the level is not above it."))] if equal != right else []),
        ]
        compare(given, right, say("the step in {values} with level {level:g}", values=values, level=level), 0, hints)
    return say("the step from which the curve stays above, for {count} curves.", count=len(_CURVES))


@exercise("07.3")
def entropy(answer: Any) -> str:
    """Asked for: `entropy(ids)`: -sum p ln p over the shares of the ids, in nats."""
    from bertlab.nano import unigram_entropy

    for ids in ([5, 5, 5, 5, 9, 9, 7, 1], [3, 3, 3], list(range(40)), [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]):
        right, different = unigram_entropy(ids), len(set(ids))
        given = call(answer, list(ids), shown=f"{ids}")
        hints = [
            (right / math.log(2), say("This is in bits; use natural logarithms.")),
            (right / math.log(10), say("These are logarithms to the base 10; use natural ones.")),
            (-right, say("The sign: logarithms of shares are negative, so the sum needs a minus.")),
            (math.log(different), say("This is ln of the number of different ids: frequent ones count more.")),
            (math.log(len(ids)), say("This is ln of the number of ids; use the share of each different one.")),
            (math.exp(right), say("This is the perplexity; its logarithm was asked for.")),
        ]
        compare(
            given,
            right,
            say("the entropy of {count} ids", count=len(ids)),
            1e-6,
            [pair for pair in hints if pair[0] != right],
        )
    return say("equal to the library's on four lists.")
