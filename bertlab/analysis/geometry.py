"""The shape of clouds of vectors: principal components, likeness of two clouds, how narrow one is, turning one onto
another. Points are rows: (points, dimensions).

Everything is computed in double precision on the CPU; results are float32 on the device of the points.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis.passes import whole_number


@dataclass(frozen=True)
class Components:
    """Principal components: `points` (points, k), the coordinates on them; `explained` (k,), each one's share of the
    variance; `directions` (k, dimensions) and `mean` (dimensions,), which carry further points over:
    `(x - mean) @ directions.T`."""

    points: torch.Tensor
    explained: torch.Tensor
    directions: torch.Tensor
    mean: torch.Tensor


def pca(points: torch.Tensor, k: int) -> Components:
    """The k directions of the largest variance (Pearson 1901); shares as scikit-learn's `explained_variance_ratio_`.

    Each direction's sign is chosen so that its largest entry is positive. Points that are all alike have no variance
    to explain: shares of 0.

    Raises:
        ValueError: for fewer than two points, or more components than points or dimensions.
    """
    cloud = _cloud(points, "points")
    k = whole_number(k, "k", 1, min(cloud.shape), f"{len(cloud)} points of {cloud.shape[1]} dimensions")
    mean = cloud.mean(0)
    _, spread, directions = torch.linalg.svd(cloud - mean, full_matrices=False)
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))  # (components, 1)
    directions = (directions * torch.where(largest < 0, -1.0, 1.0))[:k]
    variance = spread**2
    shares = variance[:k] / variance.sum().clamp_min(torch.finfo(variance.dtype).tiny)
    results = ((cloud - mean) @ directions.T, shares, directions, mean)
    return Components(*(_as_given(value, points) for value in results))


def cka(x: torch.Tensor, y: torch.Tensor) -> float:
    """How alike two clouds of the same points are, 0 to 1: linear, centred (Kornblith et al. 2019, equation 4).

    Turning, scaling and moving either changes nothing; the numbers of dimensions may differ. A few points of many
    dimensions are alike whatever they are (9 points of noise in 384 dimensions give 0.97), so say how many there are,
    and what `cka` gives for the rows of `y` in another order. NaN where all points of one cloud are the same.

    Raises:
        ValueError: for clouds of different numbers of points, or fewer than two.
    """
    one, other = _cloud(x, "x"), _cloud(y, "y")
    if len(one) != len(other):
        raise ValueError(f"x has {len(one)} points and y {len(other)}; give the same points in both")
    one, other = one - one.mean(0), other - other.mean(0)
    if len(one) < max(one.shape[1], other.shape[1]):  # products of points are fewer than those of dimensions
        products = one @ one.T, other @ other.T
        shared = (products[0] * products[1]).sum()
    else:
        products = one.T @ one, other.T @ other
        shared = (one.T @ other).square().sum()
    return float(shared / (products[0].norm() * products[1].norm()))


def anisotropy(points: torch.Tensor) -> float:
    """The mean cosine of different points: 0 for directions all around, 1 for all the same (Ethayarajh 2019,
    section 3.4).

    Raises:
        ValueError: for fewer than two points.
    """
    cloud = _cloud(points, "points")
    unit = torch.nn.functional.normalize(cloud, dim=1)
    count = len(cloud)
    return float((unit.sum(0).square().sum() - unit.square().sum()) / (count * (count - 1)))


def align(x: torch.Tensor, onto: torch.Tensor) -> torch.Tensor:
    """x turned so that its points come as near to those of `onto` as a turn can bring them: orthogonal Procrustes
    (Schönemann 1966). Reflections are allowed; nothing is scaled or moved.

    (points, dimensions) both, and the result.

    Raises:
        ValueError: when the shapes differ.
    """
    one, other = _cloud(x, "x", least=1), _cloud(onto, "onto", least=1)
    if one.shape != other.shape:
        raise ValueError(
            f"x has shape {tuple(one.shape)} and onto {tuple(other.shape)}; give the same points in as many dimensions"
        )
    left, _, right = torch.linalg.svd(one.T @ other)
    return _as_given(one @ (left @ right), x)


@dataclass(frozen=True)
class Separation:
    """How far labels part points: `score`, the share of points whose nearest other point has their own label; `chance`,
    the mean of the same for shuffled labels, and `upper`, what one shuffle in twenty reaches."""

    score: float
    chance: float
    upper: float


def separation(points: torch.Tensor, labels: Sequence[Hashable], *, shuffles: int = 1000, seed: int = 0) -> Separation:
    """Whether points of one label lie together: nearest by cosine, every point held against all the others. Where
    several are equally near (a word has one embedding at one position, whatever its sense), each counts in part.

    Args:
        labels: one for each point.
        shuffles: how often the labels are shuffled, to say what chance gives; `seed` draws the orders.

    Raises:
        ValueError: for fewer than two points, or not one label for each.
    """
    cloud = _cloud(points, "points")
    if len(labels) != len(cloud):
        raise ValueError(f"there are {len(labels)} labels for {len(cloud)} points; give one for each")
    shuffles = whole_number(shuffles, "shuffles", 1)
    unit = torch.nn.functional.normalize(cloud, dim=1)
    cosines = (unit @ unit.T).fill_diagonal_(-torch.inf)
    nearest = cosines >= cosines.amax(1, keepdim=True) - 1e-7  # several where they are equally near
    point, other = nearest.nonzero(as_tuple=True)
    part = 1 / nearest.sum(1).double()[point] / len(cloud)  # of the score, (pairs,)
    order: dict[Hashable, int] = {}
    numbers = torch.tensor([order.setdefault(label, len(order)) for label in labels])
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.stack([numbers[torch.randperm(len(numbers), generator=generator)] for _ in range(shuffles)])
    shares = (drawn[:, point] == drawn[:, other]).double() @ part  # (shuffles,)
    score = float((numbers[point] == numbers[other]).double() @ part)
    return Separation(score, float(shares.mean()), float(shares.quantile(0.95, interpolation="higher")))


def _cloud(points: Any, name: str, least: int = 2) -> torch.Tensor:
    """(points, dimensions) in double precision on the CPU."""
    points = torch.as_tensor(points)
    if points.dim() != 2 or not points.shape[1]:
        raise ValueError(f"{name} has shape {tuple(points.shape)}; give (points, dimensions)")
    if len(points) < least:
        raise ValueError(f"{name} holds {len(points)} points; give at least {least}")
    points = points.detach().cpu().double()
    if not bool(points.isfinite().all()):
        raise ValueError(f"{name} holds numbers that are not finite; leave those rows out")
    return points


def _as_given(values: torch.Tensor, points: Any) -> torch.Tensor:
    if isinstance(points, torch.Tensor):
        return values.to(points.device, torch.float64 if points.dtype == torch.float64 else torch.float32)
    return values.float()
