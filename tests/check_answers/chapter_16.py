"""16 Similarity: right answers, and the typical wrong ones with a word of the hint or message."""

import torch

from bertlab.analysis import geometry
from bertlab.metrics import correlations


def split(a, b):
    return a @ b.T / (len(a) * len(b) * a.mean(0).norm() * b.mean(0).norm())


def cosines(a, b):
    return torch.nn.functional.normalize(a, dim=-1) @ torch.nn.functional.normalize(b, dim=-1).T


def with_itself(points):
    return cosines(points, points).mean()


def products(points):
    count = len(points)
    return (points @ points.T).fill_diagonal_(0).sum() / (count * (count - 1))


def spearman(x, y):
    return correlations(x, y)["spearman"] / 100


def orders(x, y):
    return float(torch.corrcoef(torch.stack([torch.tensor(v).argsort().double() for v in (x, y)]))[0, 1])


RIGHT = {
    "16.1": lambda: split,
    "16.2": lambda: geometry.anisotropy,
    "16.3": lambda: spearman,
}

WRONG = [
    ("16.1", "products", lambda: lambda a, b: a @ b.T, "lengths of the two means"),
    ("16.1", "cosines", lambda: cosines, "do not add up"),
    ("16.1", "mean of cosines", lambda: lambda a, b: cosines(a, b) / (len(a) * len(b)), "count more"),
    ("16.1", "turned", lambda: lambda a, b: split(a, b).T, "are the rows"),
    ("16.1", "the sum", lambda: lambda a, b: split(a, b).sum(), "added up"),
    ("16.2", "with itself", lambda: with_itself, "diagonal"),
    ("16.2", "products", lambda: products, "divide by the lengths"),
    ("16.2", "all pairs", lambda: lambda points: cosines(points, points), "One number"),
    ("16.3", "of the values", lambda: lambda x, y: correlations(x, y)["pearson"] / 100, "of their ranks"),
    ("16.3", "orders for ranks", lambda: orders, "once more"),
    ("16.3", "per cent", lambda: lambda x, y: correlations(x, y)["spearman"], "percent"),
]
