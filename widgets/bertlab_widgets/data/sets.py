"""Where the rows of a set come from, which columns are read, and which head judges them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertlab.analysis import errors
from bertlab.data import DataError, read, samples, sentence_pairs
from bertlab.rows import column_name, listed, text_columns, texts_of

from ..workbench import SelectionError

GIVEN = "given"  # rows from Python
SHIPPED = {  # set -> what it is called, the head that fits
    "sentiment": ("Reviews, praise or blame (ships)", "sentiment"),
    "pairs": ("Does the second follow? (ships)", "inference"),
    "sentence_pairs": ("Next sentence: four kinds of pairs (ships)", errors.PAIRS),
    "topics": ("Eight topics (ships)", "topics"),
}
SPLITS = ("dev", "train", "both")
MOST = 100_000  # rows that are read of a longer set
LOOKED_AT = 2_000  # rows by which a head is chosen and columns for grouping are found
MOST_GROUPS = 12


@dataclass(frozen=True)
class Wanted:
    """What is to be judged: everything that a run depends on, beside the model."""

    source: str
    split: str
    task: str
    columns: tuple[tuple[str, str | None], ...]
    limit: int
    given: int = 0  # number of the rows that were given from Python

    @property
    def renamed(self) -> dict[str, str | None]:
        """The columns by name, as `read` takes them."""
        return dict(self.columns)

    @property
    def name(self) -> str:
        """The set in a few words."""
        if self.source in SHIPPED:
            title = SHIPPED[self.source][0].removesuffix(" (ships)")
            return title if self.source == "sentence_pairs" or self.split == "both" else f"{title}: {self.split}"
        return "rows given in Python" if self.source == GIVEN else Path(self.source).name


@dataclass
class Rows:
    """The rows of a set, read: with the columns that count, and what had to be guessed."""

    rows: list[Mapping[str, Any]]
    columns: list[str]
    read: dict[str, str | None]  # text, pair, label -> the column; None where there is none
    more: bool = False  # whether the set goes on after these rows
    groups: dict[str, list[str]] = field(default_factory=dict)  # column -> its few values

    def texts(self, number: int) -> tuple[str, str]:
        """The text of a row and its second one, "" where there is none."""
        text, pair = texts_of(self.rows[number])
        return text, pair or ""

    def guessed(self) -> str:
        """Which columns were taken for what, where their names are not bertlab's own; empty where none was guessed."""
        found = [
            f"{what} from “{column}”"
            for what, name in (("text", "text"), ("second text", "pair"), ("label", "label"))
            if (column := self.read[name]) not in (None, name)
        ]
        said = f"Read: {', '.join(found)}." if found else ""
        if self.read["label"] is None:
            said += f"{' ' if said else ''}No column of labels was found: rows are predicted, not judged."
        return said


def kept(data: Any) -> Any:
    """Rows that can be gone through again: what a generator gives is read once, and kept."""
    return list(itertools.islice(data, MOST + 1)) if isinstance(data, Iterator) else data


def rows_of(wanted: Wanted, given: Any) -> Iterator[float | Rows]:
    """Read a set; yields now and then while it reads, and the `Rows` at the end.

    Raises:
        DataError: with file, line and column; FileNotFoundError; TypeError for what is no set.
    """
    rows: list[Mapping[str, Any]] = []
    source = given if wanted.source == GIVEN else _source(wanted)
    more = False
    for row in read(source, columns=wanted.renamed or None):
        if len(rows) == wanted.limit:
            more = True
            break
        rows.append(row)
        if not len(rows) % 2000:
            yield 0.0
    if not rows:
        raise DataError(f"{wanted.name}: there are no rows in it; choose another set")
    yield _told(rows, wanted.renamed, more)


def _source(wanted: Wanted) -> Any:
    if wanted.source == "sentence_pairs":
        return sentence_pairs()
    if wanted.source in SHIPPED:
        return samples(wanted.source, None if wanted.split == "both" else wanted.split)
    return Path(wanted.source).expanduser()


def columns_seen(wanted: Wanted, given: Any) -> list[str]:
    """The names of the columns of the first row, for choosing among them; empty where nothing can be read."""
    try:
        source = given if wanted.source == GIVEN else _source(wanted)
        return [str(name) for name in next(iter(read(source)), {})]
    except (ValueError, TypeError, OSError, LookupError):
        return []


def _told(rows: list[Mapping[str, Any]], renamed: Mapping[str, str | None], more: bool) -> Rows:
    first = rows[0]
    text, pair = text_columns(first)
    texts_of(first)  # says what is missing
    label = column_name(first, "label")
    found = {"text": text, "pair": pair, "label": label}
    found = {name: renamed.get(name, column) if column == name else column for name, column in found.items()}
    if label is not None and first[label] is None and "label" in renamed:
        found["label"] = None
    columns = [str(name) for name in first if name not in renamed or name in renamed.values()]
    used = {*found.values(), text, pair, label}
    return Rows(rows, columns, found, more, _groups(rows, [name for name in columns if name not in used]))


def _groups(rows: list[Mapping[str, Any]], columns: list[str]) -> dict[str, list[str]]:
    """The columns with at least two and few different short values, by which rows can be told apart."""
    found = {}
    for column in columns:
        values: dict[str, None] = {}
        for row in rows:
            value = row.get(column)
            if not isinstance(value, (str, int, bool)) or len(str(value)) > 40 or len(values) > MOST_GROUPS:
                values = {}
                break
            values[str(value)] = None
        if 2 <= len(values) <= MOST_GROUPS:
            found[column] = list(values)
    return found


def task_for(lab: Any, wanted: Wanted, rows: Rows) -> str:
    """The head that judges a set: the one that was chosen, the one that fits a set that ships, or one whose labels do.

    Raises:
        SelectionError: none fits; names what the set has.
    """
    if wanted.task:
        return wanted.task
    names = errors.tasks_of(lab)
    if wanted.source in SHIPPED and SHIPPED[wanted.source][1] in names:
        return SHIPPED[wanted.source][1]
    labels = _labels_in(rows)
    if labels:
        for name in names:
            known = {label.lower() for label in errors.labels_of(lab, name)}
            numbers = {str(number) for number in range(len(known))}
            if labels <= known or (labels <= numbers and len(labels) == len(known) and name in lab.tasks):
                return name
        shown = ", ".join(sorted(labels)[:6]) + (" …" if len(labels) > 6 else "")
        raise SelectionError(
            f"no head of {lab.name} has the labels of this set ({shown}); it has heads for {', '.join(names)}: "
            "choose one, or leave the labels out"
        )
    fitting = ["inference", errors.PAIRS] if rows.read["pair"] else ["sentiment"]
    return next((name for name in [*fitting, *names] if name in names), names[0])


def _labels_in(rows: Rows) -> set[str]:
    column = column_name(rows.rows[0], "label")
    if column is None:
        return set()
    values = (listed(row.get(column)) for row in itertools.islice(rows.rows, LOOKED_AT))
    named = getattr(rows.rows[0], "names", {}).get(column)
    return {
        (named[value] if named and isinstance(value, int) and 0 <= value < len(named) else str(value)).lower()
        for value in values
        if value is not None and value != "" and not isinstance(value, (list, tuple)) and value != -1
    }
