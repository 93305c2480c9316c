"""What a row is: columns by name, and the place it was read from. Errors about data name that place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The names under which sets usually carry their columns, the usual one first.
COLUMN_NAMES = {
    "text": ("text", "text_a", "sentence", "sentence1", "premise", "first"),
    "pair": ("pair", "text_pair", "text_b", "sentence2", "hypothesis", "second"),
    "label": ("label", "labels", "score", "class"),
    "tokens": ("tokens", "words"),
    "tags": ("tags", "upos", "pos_tags", "ner_tags"),
    "prompt": ("prompt", "premise", "text", "sentence1"),
    "endings": ("endings", "choices"),
}


class DataError(ValueError):
    """Something in the data is not as it should be; the message names file, line and column."""


class Row(dict):
    """One example: a dictionary of columns that remembers the place it was read from."""

    def __init__(self, columns: Mapping[str, Any], place: str = ""):
        super().__init__(columns)
        self.place = place


def column_of(row: Mapping[str, Any], name: str, kind: Any = None, required: bool = True) -> Any:
    """The value of a column, found under its name or an alias."""
    for alias in COLUMN_NAMES.get(name, (name,)):
        if alias in row:
            value = row[alias]
            if kind is not None and not isinstance(value, kind):
                raise DataError(
                    f"{place_of(row)}, column {alias!r}: {value!r:.60} is of the type {type(value).__name__}, "
                    f"but it must be {_kind_name(kind)}"
                )
            return value
    if not required:
        return None
    known = " or ".join(map(repr, COLUMN_NAMES.get(name, (name,))))
    raise DataError(f"{place_of(row)}: no column {known}; it has {', '.join(map(repr, row)) or 'none'}")


def place_of(row: Mapping[str, Any]) -> str:
    """File and line that a row was read from, where it knows them."""
    return getattr(row, "place", "") or "a row"


def _kind_name(kind: Any) -> str:
    names = {str: "a text", list: "a list"}
    return " or ".join(names.get(one, one.__name__) for one in (kind if isinstance(kind, tuple) else (kind,)))
