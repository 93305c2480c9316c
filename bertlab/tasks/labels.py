"""What stands in a label column -> the ids of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from bertlab.rows import DataError, place_of


def label_id(row: Mapping[str, Any], column: str, value: Any, labels: tuple[str, ...]) -> int:
    """A label given as a number, a name, or a number in letters -> its id."""
    if isinstance(value, (bool, np.bool_)):
        value = int(value)
    if str(value) in labels:  # a name, also where names are numbers: the label 1 of ("1", "2", "3") is the first
        return labels.index(str(value))
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        value = int(value)
    if isinstance(value, (int, np.integer)) and 0 <= value < len(labels):
        return int(value)
    shown = ", ".join(map(repr, labels[:12])) + (" ..." if len(labels) > 12 else "")
    raise DataError(
        f"{place_of(row)}, column {column!r}: label {value!r:.60} is not known; "
        f"labels are {shown} or their ids 0..{len(labels) - 1}"
    )


def label_probabilities(row: Mapping[str, Any], column: str, value: Sequence, labels: tuple[str, ...]) -> list[float]:
    """A list of probabilities, one for each label."""
    numbers = [float(one) if isinstance(one, Real) else float("nan") for one in value]
    if len(numbers) != len(labels) or not all(0.0 <= one <= 1.0 for one in numbers) or abs(sum(numbers) - 1.0) > 1e-3:
        raise DataError(
            f"{place_of(row)}, column {column!r}: {value!r:.60} is not a label, nor {len(labels)} probabilities that "
            "sum to 1, one for each label"
        )
    return numbers
