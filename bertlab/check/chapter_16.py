"""16 Similarity: the cosine taken apart, the mean cosine of different points, rank correlation."""

from __future__ import annotations

import functools
from typing import Any

from bertlab.check.verdict import call, close, compare, exercise, shipped_lab
from bertlab.language import say

PAIRS = (
    ("A man is playing the guitar on the street.", "Someone makes music on the pavement."),
    ("Keys rust.", "The old keys in the cellar are rusty."),
)


@functools.cache
def states(pair: tuple[str, str]) -> tuple[Any, Any, Any]:
    """(tokens of a, hidden), (tokens of b, hidden) behind the last layer, and the library's split of their cosine."""
    from bertlab.analysis import similarity

    lab = shipped_lab()
    a, b = (lab.record(text)[f"encoder.layer.{lab.model.config.num_hidden_layers - 1}.hidden"][0] for text in pair)
    return a, b, similarity.explain(lab, *pair).pairs


@exercise("16.1")
def split(answer: Any) -> str:
    """Asked for: `split(a, b)`: (tokens of a, tokens of b), whose sum is the cosine of the two means."""
    for pair in PAIRS:
        a, b, right = states(pair)
        given = call(
            answer, a.clone(), b.clone(), shown=say("{first} and {second} vectors", first=a.shape[0], second=b.shape[0])
        )
        norms = a.norm(dim=-1)[:, None] * b.norm(dim=-1)
        cosines = a @ b.T / norms
        hints = [
            (a @ b.T, say("Divide by the lengths of the two means, and by both numbers of tokens.")),
            (a @ b.T / (a.mean(0).norm() * b.mean(0).norm()), say("The mean divides by both numbers of tokens.")),
            (a @ b.T / (len(a) * len(b)), say("Divide by the lengths of the two means too.")),
            (cosines, say("These are the cosines of the pairs: they do not add up to the cosine of the means.")),
            (
                cosines / cosines.numel(),
                say("The mean of the pairs' cosines is not the cosine of the means: long vectors count more."),
            ),
            (right.T, say("The tokens of a are the rows.")),
            (right.sum(), say("One number for each pair of tokens; here they are added up.")),
        ]
        compare(given, right, say("the split"), 1e-5, hints)
    return say("equal to the library's, and the cells add up to the cosine, for {count} pairs.", count=len(PAIRS))


@exercise("16.2")
def anisotropy(answer: Any) -> str:
    """Asked for: `anisotropy(points)`: the mean cosine of two different points."""
    import torch

    from bertlab.analysis import geometry

    generator = torch.Generator().manual_seed(0)
    for count, shift in ((5, 0.0), (9, 1.0), (2, 0.5)):
        points = torch.randn(count, 6, generator=generator, dtype=torch.float64) * torch.arange(1, count + 1)[:, None]
        points = points + shift
        right = geometry.anisotropy(points)
        given = call(answer, points.clone(), shown=say("{count} points", count=count))
        directions = points / points.norm(dim=-1, keepdim=True)
        cosines = directions @ directions.T
        hints = [
            (cosines.mean(), say("The cosine of each point with itself, 1, is counted; leave the diagonal out.")),
            ((cosines.sum() - count) / count**2, say("Divide by the number of pairs of different points.")),
            ((cosines.sum() - count) / 2, say("This is the sum; the mean was asked for.")),
            (
                (points @ points.T).fill_diagonal_(0).sum() / (count * (count - 1)),
                say("These are products; divide by the lengths."),
            ),
            (cosines, say("One number for all pairs: their mean.")),
        ]
        compare(given, right, say("the mean cosine of {count} points", count=count), 1e-6, hints)
    return say("equal to the library's, for three clouds.")


@exercise("16.3")
def spearman(answer: Any) -> str:
    """Asked for: `spearman(x, y)`: the correlation of the ranks of two lists without ties."""
    import torch

    from bertlab.metrics import correlations

    generator = torch.Generator().manual_seed(1)
    cases = [([1.0, 2, 3, 4], [10.0, 20, 30, 1000]), ([0.3, -2, 5, 1, 9], [4.0, 3, -1, 2, 0.5])]
    skewed = torch.randn(2, 11, generator=generator) ** 3
    cases.append((skewed[0].tolist(), skewed[1].tolist()))
    for x, y in cases:
        found = correlations(x, y)
        right, pearson = found["spearman"] / 100, found["pearson"] / 100
        orders = [torch.tensor(values).argsort().double() for values in (x, y)]
        wrong = float(torch.corrcoef(torch.stack(orders))[0, 1])
        given = call(answer, list(x), list(y), shown=say("{count} values each", count=len(x)))
        hints = [
            (pearson, say("This is the correlation of the values; take that of their ranks.")),
            (wrong, say("argsort gives the order, not the ranks; sort the order once more.")),
            (-right, say("One of the two lists is ranked the other way round.")),
            (100 * right, say("This is in percent; give a number from -1 to 1.")),
        ]
        numbers = (torch.tensor(float(right)).double(),)
        hints = [h for h in hints if not close(torch.tensor(float(h[0])).double(), *numbers, 1e-4)]
        compare(given, right, say("the rank correlation of {count} values", count=len(x)), 1e-4, hints)
    return say("equal to the library's, for three pairs of lists.")
