"""What counts as a number: numpy's whole numbers are whole numbers, True and False are none."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any


def as_whole(value: Any) -> int | None:
    """A whole number of any library as Python's own; None for what is none, True and False among it."""
    if isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool"):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, of Python, numpy or torch; True and False are none."""
    return as_whole(value) is not None


def is_number(value: Any) -> bool:
    """Whether it is a finite real number; True and False are none."""
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            return math.isfinite(value)
        except OverflowError:  # a whole number beyond the largest float
            return True
    return False


def plain(value: Any) -> Any:
    """A value with Python's own numbers in place of numpy's, inside dictionaries, lists and tuples too."""
    if isinstance(value, dict):
        return type(value)((plain(key), plain(inner)) for key, inner in value.items()) if value else value
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(plain(inner) for inner in value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):  # a number, or an array of them
        return value.tolist()
    return value
