"""Where the rows of a set come from, and which columns are read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertlab.analysis import errors
from bertlab.data import DataError, read, samples, sentence_pairs
from bertlab.language import mark, say, say_n
from bertlab.rows import column_name, text_columns, texts_of

from ..panel import in_a_row
from ..workbench import SelectionError
from .kinds import check_kind, check_labels, check_texts, labels_in

GIVEN = "given"  # rows from Python
SHIPPED = {  # set -> what it is called, the head that fits
    "sentiment": (mark("Reviews, praise or blame"), "sentiment"),
    "pairs": (mark("Does the second follow?"), "inference"),
    "sentence_pairs": (mark("Next sentence: four kinds of pairs"), errors.PAIRS),
    "topics": (mark("Eight topics"), "topics"),
}
READ_FROM = {
    "text": mark("text from “{column}”"),
    "pair": mark("second text from “{column}”"),
    "label": mark("label from “{column}”"),
}
SPLITS = (mark("dev"), mark("train"), mark("both"))
MOST = 100_000  # rows that are read of a longer set
MOST_GROUPS = 12
ROW = {"text": "..."}  # the least that a row holds


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
            title = say(SHIPPED[self.source][0])
            whole = self.source == "sentence_pairs" or self.split == "both"
            return title if whole else say("{title}: {split}", title=title, split=say(self.split))
        return say("rows given in Python") if self.source == GIVEN else Path(self.source).name


@dataclass
class Rows:
    """The rows of a set, read: with the columns that count, and what had to be guessed."""

    rows: list[Mapping[str, Any]]
    columns: list[str]
    read: dict[str, str | None]  # text, pair, label -> the column; None where there is none
    more: bool = False  # whether the set goes on after these rows
    groups: dict[str, list[str]] = field(default_factory=dict)  # column -> its few values
    labelled: bool = True  # whether any row has a label
    blank: int = 0  # rows whose text is there, and empty

    def texts(self, number: int) -> tuple[str, str]:
        """The text of a row and its second one, "" where there is none."""
        text, pair = texts_of(self.rows[number])
        return text, pair or ""

    def guessed(self) -> str:
        """What was guessed of the columns whose names are not bertlab's own, and what they lack; empty for nothing."""
        found = [
            say(message, column=column)
            for name, message in READ_FROM.items()
            if (column := self.read[name]) not in (None, name)
        ]
        parts = [say("Read: {columns}.", columns=say(", ").join(found))] if found else []
        if self.read["label"] is None:
            parts.append(say("No column of labels was found: rows are predicted, not judged."))
        elif not self.labelled:
            column = self.read["label"]
            parts.append(say("No row has a label in “{column}”: rows are predicted, not judged.", column=column))
        if self.blank:
            parts.append(
                say_n(
                    "{count:,} text is empty: of it the head sees [CLS] and [SEP] alone.",
                    "{count:,} texts are empty: of them the head sees [CLS] and [SEP] alone.",
                    self.blank,
                )
            )
        return in_a_row(parts)


def kept(data: Any) -> Any:
    """Rows that can be gone through again: what a generator gives is read once, and kept."""
    return list(itertools.islice(data, MOST + 1)) if isinstance(data, Iterator) else data


def rows_of(wanted: Wanted, given: Any) -> Iterator[float | Rows]:
    """Read a set; yields now and then while it reads, and the `Rows` at the end.

    Raises:
        DataError: with file, line and column; FileNotFoundError; TypeError for what is no set.
    """
    rows: list[Mapping[str, Any]] = []
    if wanted.source == GIVEN and _are_texts(given):
        raise SelectionError(
            say("the data is a list of texts, but a row is a dictionary of columns: give [{example}, ...]", example=ROW)
        )
    source = given if wanted.source == GIVEN else _source(wanted)
    more = False
    for row in read(source, columns=wanted.renamed or None):
        if not rows:
            check_kind(row, wanted.name, wanted.renamed)
        if len(rows) == wanted.limit:
            more = True
            break
        rows.append(row)
        if not len(rows) % 2000:
            yield 0.0
    if not rows:
        raise DataError(say("{set}: there are no rows in it; choose another set", set=wanted.name))
    yield _told(rows, wanted.renamed, more)


def _are_texts(given: Any) -> bool:
    """Whether texts were given where rows are wanted, or names of files."""
    first = given[0] if isinstance(given, (list, tuple)) and given else None
    return isinstance(first, str) and (" " in first or "." not in first)


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
    check_texts(rows, text)
    check_labels(rows)
    label = column_name(first, "label")
    found = {"text": text, "pair": pair, "label": label}
    found = {name: renamed.get(name, column) if column == name else column for name, column in found.items()}
    if label is not None and first[label] is None and "label" in renamed:
        found["label"] = None
    columns = [str(name) for name in first if name not in renamed or name in renamed.values()]
    used = {*found.values(), text, pair, label}
    groups = _groups(rows, [name for name in columns if name not in used])
    labelled = next(labels_in(rows), None) is not None
    return Rows(rows, columns, found, more, groups, labelled, sum(not row[text].strip() for row in rows))


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
