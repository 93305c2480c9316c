"""What stands in a label column -> the ids of labels; and the labels of a set, told from its rows.

Whole numbers are numbers however they are written (2, "2", 2.0, "2.0" in a table with gaps); what is missing is no
label; blanks around a name do not belong to it, and its case counts only where it tells two labels apart.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from bertlab.rows import DataError, listed, place_of

MOST_LABELS = 10_000  # more names than this are no labels
LONGEST_LABEL = 500  # characters
_WHOLE = re.compile(r"[-+]?\d{1,18}(\.0*)?")
_NONE_WRITTEN = ("-", "nan", "null", "<na>", "n/a", "#n/a")  # how tables write that a label is missing
_DOUBTFUL = ("none", "na", "unknown", "?")  # what may be a label, and may be a missing one


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: None, NaN, NA, or a text of blanks."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, Real) and value != value


def no_label(value: Any, labels: Sequence[str] = ()) -> bool:
    """Whether a cell says that there is no label: it is empty, -1, or a word for nothing, and no label is called so."""
    if is_missing(value):
        return True
    if isinstance(value, str) and value.strip().lower() in _NONE_WRITTEN:
        return _name_of(value, labels) is None
    return whole_number(value) == -1 and not isinstance(value, bool) and _name_of("-1", labels) is None


def whole_number(value: Any) -> int | None:
    """The whole number that a value is, also one in letters or one written as 2.0; None for anything else."""
    value = listed(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        real: Any = value  # typeshed's Real is nothing that int() takes
        return int(real) if real == real and abs(real) < 2**53 and real == int(real) else None
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    return None


def _name_of(value: Any, labels: Sequence[str]) -> int | None:
    """The id of the label that has this name."""
    text = str(value)
    if text in labels:
        return labels.index(text)
    number = None if isinstance(value, bool) else whole_number(value)
    for name in (text.strip(), *([] if number is None else [str(number)])):
        if name in labels:
            return labels.index(name)
    if number is not None:
        same = [place for place, label in enumerate(labels) if whole_number(label) == number]
    else:
        same = [place for place, label in enumerate(labels) if label.strip().casefold() == text.strip().casefold()]
    return same[0] if len(same) == 1 else None


def label_id(row: Mapping[str, Any], column: str, value: Any, labels: tuple[str, ...]) -> int:
    """A label given as a name, or as its number where no label has a number for a name -> its id."""
    value = listed(value)
    named = _name_of(value, labels)
    if named is not None:
        return named
    number = whole_number(value)
    ordinal = all(label == str(place) for place, label in enumerate(labels))
    if number is not None and 0 <= number < len(labels):
        if ordinal or isinstance(value, bool) or not any(whole_number(label) is not None for label in labels):
            return number
    shown = ", ".join(map(repr, labels[:12])) + (" ..." if len(labels) > 12 else "")
    ids = f" or their ids 0..{len(labels) - 1}" if all(whole_number(label) is None for label in labels) else ""
    raise DataError(f"{place_of(row)}, column {column!r}: label {value!r:.60} is not known; labels are {shown}{ids}")


def label_probabilities(row: Mapping[str, Any], column: str, value: Sequence, labels: tuple[str, ...]) -> list[float]:
    """A list of probabilities, one for each label."""
    numbers = [float(one) if isinstance(one, Real) else float("nan") for one in value]
    if len(numbers) != len(labels) or not all(0.0 <= one <= 1.0 for one in numbers) or abs(sum(numbers) - 1.0) > 1e-3:
        raise DataError(
            f"{place_of(row)}, column {column!r}: {value!r:.60} is not a label, nor {len(labels)} probabilities that "
            "sum to 1, one for each label"
        )
    return numbers


# ---------------------------------------------------------------------------------------------- several at once


def several(row: Mapping[str, Any], column: str, value: Any, labels: Sequence[str] = ()) -> list[Any]:
    """The labels of a cell that may hold several: a list, or a text such as "joy, anger" or "['joy', 'anger']".

    A comma parts them, or where there is none, a semicolon or |; a text that is itself a label stays whole.
    """
    value = listed(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if no_label(value, labels):
        return []
    if isinstance(value, str):
        if value.strip() in labels:
            return [value]
        if value.strip()[:1] + value.strip()[-1:] == "[]":
            return _list_in_letters(row, column, value.strip())
        parting = next((mark for mark in ",;|" if mark in value), ",")
        return [part.strip() for part in value.split(parting) if part.strip()]
    if whole_number(value) is not None and not isinstance(value, bool):
        return [value]
    raise DataError(f"{place_of(row)}, column {column!r}: {value!r:.60} is not a list of labels")


def _list_in_letters(row: Mapping[str, Any], column: str, text: str) -> list[Any]:
    inner = text[1:-1]
    if "," not in inner and "'" not in inner and '"' not in inner:  # as numpy writes an array
        return inner.split()
    try:
        found = ast.literal_eval(text) if len(text) < 100_000 else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        found = None
    if found is None and "'" not in inner and '"' not in inner:
        found = [part.strip() for part in inner.split(",") if part.strip()]
    if not isinstance(found, list):
        raise DataError(f"{place_of(row)}, column {column!r}: {text!r:.60} is not a list of labels")
    return found


def is_vector(values: Sequence[Any]) -> bool | None:
    """Whether a list of 0 and 1 has one place for each label: True; None where it could be a list of numbers of labels
    too; False for any other list."""
    numbers = [whole_number(value) for value in values]
    if not values or any(isinstance(value, str) for value in values) or not set(numbers) <= {0, 1}:
        return False
    if len(set(numbers)) < len(numbers) or any(isinstance(value, (bool, float)) for value in values):
        return True
    return None


def label_vector(row: Mapping[str, Any], column: str, value: Any, labels: tuple[str, ...]) -> list[float]:
    """Several labels, by name or by number, or a vector of 0 and 1 -> a vector of 0 and 1, one for each label."""
    found = several(row, column, value, labels)
    vector = is_vector(found)
    if vector is not False and len(found) == len(labels):
        if vector is None:
            raise DataError(
                f"{place_of(row)}, column {column!r}: {found!r:.60} could be the numbers of labels, or 0 and 1 for "
                "each label; give names, or floats for 0 and 1"
            )
        return [float(whole_number(one)) for one in found]
    if vector:
        raise DataError(
            f"{place_of(row)}, column {column!r}: {found!r:.60} holds {len(found)} numbers 0 and 1, but there are "
            f"{len(labels)} labels"
        )
    ids = {label_id(row, column, label, labels) for label in found}
    return [float(label in ids) for label in range(len(labels))]


# ---------------------------------------------------------------------------------------------- labels of a set


class Found:
    """The labels that occur in a set: numbers, names, and what is missing."""

    def __init__(self) -> None:
        self.values: dict[Any, str] = {}  # value -> the place of its first row
        self.rows = 0
        self.missing = 0
        self.negative = 0

    def add(self, row: Mapping[str, Any], column: str, value: Any) -> None:
        """Note one label.

        Raises:
            DataError: a list, an object or a fraction; or more labels than a task can have.
        """
        value = listed(value)
        if is_missing(value):
            self.missing += 1
            return
        if not isinstance(value, (str, bool, Real)):
            raise DataError(f"{place_of(row)}, column {column!r}: {value!r:.60} is no label: give a name or a number")
        number = whole_number(value)
        if isinstance(value, Real) and number is None:
            raise DataError(
                f"{place_of(row)}, column {column!r}: {value!r:.60} is a number with a fraction, but labels are names "
                "or whole numbers; for numbers there is the kind 'regression'"
            )
        if isinstance(value, str) and len(value) > LONGEST_LABEL:
            raise DataError(
                f"{place_of(row)}, column {column!r}: {value!r:.40} has {len(value):,} characters, which is a text, no "
                "label; say which column holds the label, with columns={'label': ...}"
            )
        self.rows += 1
        self.negative += number == -1
        self.values.setdefault(value if isinstance(value, bool) or number is None else number, place_of(row))
        if isinstance(value, str) and number is None and value != value.strip():
            self.values.setdefault(value.strip(), self.values.pop(value, place_of(row)))
        if len(self.values) > MOST_LABELS:
            raise DataError(
                f"{place_of(row)}, column {column!r}: more than {MOST_LABELS:,} different labels; is it a column of "
                "ids, times or texts? say which column holds the label, with columns={'label': ...}"
            )

    def names(self, given: Mapping[int, str], known: Sequence[str] | None = None) -> list[str]:
        """The labels in the order of their ids: numbers from 0 on, with the names that are given for them, or names
        sorted, numbers within them as numbers.

        Args:
            given: names by number, as a column "label_text" tells them.
            known: the names that a data set has for its numbers.

        Raises:
            DataError: there are no rows, or none has a label; or the numbers cannot be labels.
        """
        if not self.rows and not self.missing:
            raise DataError("there are no rows, so there are no labels to tell apart; give labels, or other data")
        if not self.values:
            raise DataError(f"none of {self.missing} rows has a label; give labels, or other data")
        if known and all(isinstance(value, int) and -1 <= value < len(known) for value in self.values):
            return list(known)
        values = self._without_words_for_nothing()
        numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
        if numbers and len(numbers) == len(values):
            if -1 in values and min(numbers) == -1 and set(numbers) != {-1, 1}:
                self._say(self.negative, -1, "'-1'")
                numbers.remove(-1)
            if numbers and min(numbers) >= 0:
                self._check_dense(max(numbers), len(numbers))
                return [given.get(number, str(number)) for number in range(max(numbers) + 1)]
            return [str(number) for number in sorted(numbers)]
        names = sorted(dict.fromkeys(map(str, values)), key=lambda name: (name != "O", natural(name)))
        self._warn_of_doubtful(names)
        return names

    def _without_words_for_nothing(self) -> list[Any]:
        written = [value for value in self.values if isinstance(value, str) and value.lower() in _NONE_WRITTEN]
        for value in written:
            self._say(1, value, repr(value))
        return [value for value in self.values if value not in written]

    def _say(self, count: int, value: Any, name: str) -> None:
        self.missing += count
        warnings.warn(
            f"{self.values[value]}: the label {value!r} is taken for a missing one, and there is no class of that "
            f"name; if it is a label, name it among labels=(..., {name})",
            UserWarning, stacklevel=5,
        )  # fmt: skip

    def _warn_of_doubtful(self, names: list[str]) -> None:
        lower = [name.lower() for name in names]
        for name in names:
            if name.lower() in _DOUBTFUL:
                text = f"{self.values.get(name, 'the data')}: {name!r} is taken for a label; leave out the rows where "
                warnings.warn(text + "it stands for a missing one", UserWarning, stacklevel=5)
            elif lower.count(name.lower()) > 1:
                alike = [other for other in names if other.lower() == name.lower()]
                warnings.warn(
                    f"{alike} differ only in case, but are taken for different labels", UserWarning, stacklevel=5
                )

    def _check_dense(self, highest: int, count: int) -> None:
        if highest >= 1000 and highest + 1 > 10 * count:
            raise DataError(
                f"{self.values[highest]}: the labels are {count} different numbers up to {highest}, which look like "
                "ids or times; say which column holds the label, with columns={'label': ...}, or give labels"
            )


def natural(name: str) -> list[tuple[int, str, int]]:
    """A key that sorts names as people do: "label 10" after "label 2"."""
    parts = re.split(r"(\d{1,18})", name)
    return [(1, "", int(part)) if place % 2 else (0, part, 0) for place, part in enumerate(parts)]
