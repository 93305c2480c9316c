"""Tables: .csv and .tsv, whose first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from bertlab.rows.columns import DataError, Row
from bertlab.rows.lines import lines


def read_csv(path: str | Path) -> Iterator[Row]:
    """A table with commas and quotes (RFC 4180); its first line names the columns."""
    yield from _table(path, {"delimiter": ",", "strict": True})


def read_tsv(path: str | Path) -> Iterator[Row]:
    """A table with tabs, quotes being ordinary characters; its first line names the columns."""
    yield from _table(path, {"delimiter": "\t", "quoting": csv.QUOTE_NONE})


def _table(path: str | Path, dialect: dict) -> Iterator[Row]:
    csv.field_size_limit(2**30)
    table = csv.reader((line + "\n" for _, line in lines(path)), **dialect)
    names: list[str] | None = None
    while True:
        start = table.line_num + 1
        try:
            cells = next(table)
        except StopIteration:
            break
        except csv.Error as error:
            raise DataError(f"{path}, line {start}: {error}") from None
        if not cells:
            continue
        if names is None:
            names = [cell.strip() for cell in cells]
            for column, name in enumerate(names, start=1):
                if not name or names.index(name) != column - 1:
                    problem = "has no name" if not name else f"repeats the name {name!r}"
                    raise DataError(f"{path}, line {start}, column {column}: the heading {problem}")
            continue
        if len(cells) != len(names):
            raise DataError(f"{path}, line {start}: {len(cells)} columns, but the heading has {len(names)}")
        yield Row(dict(zip(names, cells, strict=True)), f"{path}, line {start}")
    if names is None:
        raise DataError(f"{path} is empty: its first line must name the columns")
