"""15 Audit and ship: right answers, and the typical wrong ones with a word of the hint or message."""

import torch

from bertlab.check.chapter_15 import library_interval
from bertlab.data import length_sorted_batches


def quantiles_of_the_values(values, draws, seed):
    values = torch.tensor(values)
    return float(values.quantile(0.025)), float(values.quantile(0.975))


def without_replacement(values, draws, seed):
    mean = sum(values) / len(values)
    return mean, mean


def in_order(lengths, size):
    return [list(range(first, min(first + size, len(lengths)))) for first in range(0, len(lengths), size)]


def shortest_first(lengths, size):
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return [order[first : first + size] for first in range(0, len(order), size)]


def by_lengths(lengths, size):
    return [sorted(lengths)[first : first + size] for first in range(0, len(lengths), size)]


RIGHT = {
    "15.1": lambda: library_interval,
    "15.2": lambda: length_sorted_batches,
}

WRONG = [
    ("15.1", "of the values", lambda: quantiles_of_the_values, "quantiles of the values"),
    ("15.1", "5 and 95 %", lambda: lambda v, n, s: library_interval(v, n, s, 0.9), "2.5 % quantile"),
    ("15.1", "least and most", lambda: lambda v, n, s: library_interval(v, n, s, 1.0), "smallest and the largest"),
    ("15.1", "without replacement", lambda: without_replacement, "with replacement"),
    ("15.1", "turned round", lambda: lambda v, n, s: library_interval(v, n, s)[::-1], "in this order"),
    ("15.1", "the width", lambda: lambda v, n, s: 1.5, "(low, high)"),
    ("15.2", "in order", lambda: in_order, "Sort by length"),
    ("15.2", "shortest first", lambda: shortest_first, "Longest first"),
    ("15.2", "the lengths", lambda: by_lengths, "not their lengths"),
    ("15.2", "the rest dropped", lambda: lambda x, n: length_sorted_batches(x, n)[: len(x) // n], "exactly once"),
    ("15.2", "one batch", lambda: lambda x, n: [list(range(len(x)))], "to a batch"),
]
