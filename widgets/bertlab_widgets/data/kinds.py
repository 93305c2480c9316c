"""Why no head can judge some sets, in words.

A head of classification takes texts, or pairs of texts, with one label each. The rows are looked at before anything is
predicted, so that nothing is counted that means something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bertlab.data import DataError, Task, place_of
from bertlab.language import mark, say, say_n
from bertlab.rows import column_name, listed, text_columns

from ..workbench import SelectionError

OTHER_KINDS = (  # columns that belong to sets of another kind -> what such a set is
    (("tokens", "tags"), mark("words and a tag for each of them, a set for tagging")),
    (("prompt", "endings"), mark("a beginning and endings to choose from, a set for choice")),
    (("question", "context", "answers"), mark("questions and passages that answer them, a set for qa")),
)
ANY = Task("classification")  # what counts as a missing label wherever it stands


def check_kind(row: Mapping[str, Any], name: str, renamed: Mapping[str, str | None]) -> None:
    """Refuse a set whose columns are those of another kind, unless its texts were pointed out.

    Args:
        row: the first one; name: that of the set; renamed: columns by name, as `read` takes them.

    Raises:
        SelectionError: says what it is, and what can be done.
    """
    if renamed.get("text"):
        return
    for wanted, what in OTHER_KINDS:
        columns = [column_name(row, column) for column in wanted]
        if None not in columns and any(not isinstance(listed(row[column]), str) for column in columns):
            raise SelectionError(
                say(
                    "{set}: the columns {columns} hold {what}, but here a head judges whole texts; train on the set in "
                    "TrainPanel, or choose a column of texts under Text",
                    set=name,
                    columns=say(", ").join(map(repr, columns)),
                    what=say(what),
                )
            )
    if text_columns(row)[0] is None:
        raise SelectionError(
            say(
                "{set}: of its columns {columns} none has a name that tells that it holds the texts; choose it under "
                "Text, or from Python with columns={example}",
                set=name,
                columns=say(", ").join(map(repr, row)),
                example={"text": next(map(str, row), "...")},
            )
        )


def check_texts(rows: Sequence[Mapping[str, Any]], column: str) -> None:
    """Refuse a set of which some rows have no text.

    Raises:
        DataError: counts them, names the first one, and says what can be done.
    """
    strange = [row for row in rows if not isinstance(row.get(column), str)]
    if not strange:
        return
    place, value = place_of(strange[0]), strange[0].get(column)
    shown = f"{value!r:.40}"
    if value is None or value != value:
        raise DataError(
            say_n(
                "{place}: the column {column!r} is empty there; leave the row out, or give it a text",
                "{place}: the column {column!r} is empty there, in {count:,} of {total:,} rows there is no text; leave "
                "them out, or give them one",
                len(strange),
                place=place,
                column=column,
                total=len(rows),
            )
        )
    raise DataError(
        say(
            "{place}: the column {column!r} holds {value}, which is no text; write it as one, or choose another "
            "column under Text",
            place=place,
            column=column,
            value=shown,
        )
    )


def check_labels(rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse labels of which a head of classification could learn or guess none.

    Raises:
        DataError: several labels for a text, numbers with a fraction, objects; says what can be done.
    """
    for row, column, value in labels_in(rows):
        if what := _not_one_label(value):
            place, shown = say("{place}, column {column!r}", place=place_of(row), column=column), f"{value!r:.40}"
            found = say(what, place=place, value=shown)
            raise DataError(
                say(
                    "{what}; here a head chooses one label for each text: choose another column under Label, or (none) "
                    "to have the rows predicted and not judged",
                    what=found,
                )
            )


def _not_one_label(value: Any) -> str:
    """What a label is, where it is not one name or number, as a message; empty where it is."""
    if isinstance(value, Mapping):
        return mark("{place}: {value} is an object and no label")
    if isinstance(value, (list, tuple, set)) and not _are_probabilities(value):
        return mark("{place}: {value} is a list, several labels for one text, as in a set for multilabel")
    return (
        mark("{place}: {value} is a number with a fraction, as in a set for regression") if _is_fraction(value) else ""
    )


def labels_in(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str, Any]]:
    """(row, column, label) of the rows that have a label."""
    column = column_name(rows[0], "label")
    for row in rows if column is not None else ():
        if column in row and ANY.rules.answered(row, ANY):
            yield row, column, listed(row[column])


def _are_probabilities(values: Sequence) -> bool:
    numbers = [value for value in values if isinstance(value, (int, float)) and 0 <= value <= 1]
    return len(numbers) == len(values) and abs(sum(numbers) - 1) < 1e-3


def _is_fraction(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and float(value) != int(float(value))
    except (TypeError, ValueError, OverflowError):
        return False
