"""13 Interventions: right answers, and the typical wrong ones with a word of the hint or message."""

import math

from bertlab.check.chapter_13 import patches


def restored(patched, clean, corrupt):
    return (patched - corrupt) / (clean - corrupt)


def integrate(gradient, start, end, steps, shift=0.5, mean=True, way=True):
    points = [start + (number + shift) / steps * (end - start) for number in range(steps)]
    total = sum(gradient(point) for point in points)
    return (total / steps if mean else total) * ((end - start) if way else 1)


def by_library(layer, place):
    return float(patches()["right"][layer, place])


RIGHT = {
    "13.1": lambda: restored,
    "13.2": lambda: by_library,
    "13.3": lambda: integrate,
}

WRONG = [
    ("13.1", "turned round", lambda: lambda p, a, b: restored(p, b, a), "swapped"),
    ("13.1", "not divided", lambda: lambda p, a, b: p - b, "Divide by the distance"),
    ("13.1", "cut", lambda: lambda p, a, b: restored(p, a, b).clamp(0, 1), "do not cut"),
    ("13.2", "nothing put in", lambda: lambda layer, place: patches()["corrupt"], "nothing was put"),
    ("13.2", "the clean run", lambda: lambda layer, place: patches()["clean"], "clean run"),
    ("13.2", "turned round", lambda: lambda a, b: float(patches()["turned"][a, b]), "swapped"),
    ("13.2", "the probability", lambda: lambda a, b: math.exp(by_library(a, b)), "logarithm"),
    ("13.3", "the beginnings", lambda: lambda *a: integrate(*a, shift=0), "beginning of each piece"),
    ("13.3", "the ends", lambda: lambda *a: integrate(*a, shift=1), "end of each piece"),
    ("13.3", "the sum", lambda: lambda *a: integrate(*a, mean=False), "their mean"),
    ("13.3", "not multiplied", lambda: lambda *a: integrate(*a, way=False), "multiplied by"),
    ("13.3", "gradient x input", lambda: lambda g, a, b, n: g(b) * (b - a), "at the end alone"),
]
