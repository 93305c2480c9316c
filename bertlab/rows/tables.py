"""Tables: .csv and .tsv, whose first line names the columns."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from bertlab.rows.columns import DataError, Row
from bertlab.rows.lines import lines

LONGEST_CELL = 2**28  # characters; a quote that is never closed would take the rest of the file for a cell


def read_csv(path: str | Path) -> Iterator[Row]:
    """A table with commas and quotes (RFC 4180); its first line names the columns.

    Where the first line has no comma, but semicolons or tabs (spreadsheets of many countries write these), they
    separate the columns; so does what a line "sep=;" before it says. A first column without a name, such as the index
    that pandas writes, is left out, and so are empty columns and rows at the end.
    """
    yield from _table(path, ",")


def read_tsv(path: str | Path) -> Iterator[Row]:
    """A table with tabs; its first line names the columns.

    Quotes are ordinary characters, unless the names of the columns are all quoted, or a cell is a quoted one in which
    every quote is doubled, as pandas writes it.
    """
    yield from _table(path, "\t")


def _table(path: str | Path, delimiter: str) -> Iterator[Row]:
    numbered = ((number, line) for number, line in lines(path) if number > 1 or line.strip())
    first = next(numbered, None)
    if first is not None and (told := re.fullmatch(r'"?sep=(.)"?', first[1].strip())):
        delimiter, first = told[1], next(numbered, None)
    if first is None:
        raise DataError(f"{path} is empty: its first line must name the columns")
    heading = first[1]
    if delimiter == "," and "," not in heading:
        delimiter = next((other for other in ";\t|" if other in heading), ",")
    plain = delimiter == "\t" and not re.fullmatch(r'"[^"\t]*"(\t"[^"\t]*")*', heading)
    dialect = {"quoting": csv.QUOTE_NONE} if plain else {"strict": True}
    if csv.field_size_limit() < LONGEST_CELL:
        csv.field_size_limit(LONGEST_CELL)
    names: list[str] = []
    for number, cells in _cells(path, itertools.chain([first], numbered), {"delimiter": delimiter, **dialect}):
        if not names:
            names = _names(path, number, cells)
            continue
        cells += [""] * (len(names) - len(cells)) if not any(names[len(cells) :]) else []
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            named = delimiter if delimiter.strip() else "a tab"
            raise DataError(
                f"{path}, line {number}: {len(cells)} columns, but the heading has {len(names)}; {named!r} separates "
                f"them{'' if plain else ', and a cell that holds it must stand in quotes'}"
            )
        if plain:
            cells = [_unquoted(cell) for cell in cells]
        for column, (name, cell) in enumerate(zip(names, cells), start=1):
            if not name and column > 1 and cell.strip():
                raise DataError(f"{path}, line {number}, column {column}: {cell!r:.60} stands below no name")
        yield Row({name: cell for name, cell in zip(names, cells) if name}, f"{path}, line {number}")


def _cells(path: str | Path, numbered: Iterable[tuple[int, str]], dialect: dict) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, with the number of its first line."""
    current = start = 0

    def texts() -> Iterator[str]:
        nonlocal current, start
        for current, line in numbered:
            start = start or current
            yield line + "\n"

    table = csv.reader(texts(), **dialect)
    while True:
        start = 0
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{path}, line {start or current}: {error}; are its quotes closed and doubled?") from None
        if cells:
            yield start, cells


def _names(path: str | Path, number: int, cells: list[str]) -> list[str]:
    """The names of the columns; "" for the first one without a name, and for empty ones at the end."""
    names = [cell.strip() for cell in cells]
    last = max((column for column, name in enumerate(names) if name), default=-1)
    for column, name in enumerate(names[: last + 1]):
        if not name and column:
            raise DataError(f"{path}, line {number}, column {column + 1}: the heading has no name")
        if name and names.index(name) != column:
            raise DataError(f"{path}, line {number}, column {column + 1}: the heading repeats the name {name!r}")
    if last < 0:
        raise DataError(f"{path}, line {number}: the heading has no name")
    return names


def _unquoted(cell: str) -> str:
    inner = cell[1:-1]
    if len(cell) > 3 and cell[0] == cell[-1] == '"' and '""' in inner and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell
