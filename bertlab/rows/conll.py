"""CoNLL: one token a line, its columns beside it, a blank line between sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bertlab.rows.columns import DataError, Row
from bertlab.rows.lines import lines


def read_conll(path: str | Path, columns: Mapping[str, int] | None = None) -> Iterator[Row]:
    """Sentences of a CoNLL file: rows {"tokens": [...], "tags": [...]}.

    One token a line, a blank line between sentences; `-DOCSTART-` lines and comments (`# text = ...`) are
    skipped. By default tokens and tags are the first and the last column, in `.conllu` files FORM and UPOS
    (multi-word and empty nodes left out), in `.iob2` files the second and third.
    """
    name = Path(path).name.removesuffix(".gz")
    if columns is None:
        columns = {"tokens": 0, "tags": -1}
        if name.endswith(".conllu"):
            columns = {"tokens": 1, "tags": 3}
        elif name.endswith(".iob2"):
            columns = {"tokens": 1, "tags": 2}
    sentence: dict[str, list[str]] = {key: [] for key in columns}
    start = width = 0
    for number, line in lines(path):
        if not line.strip():
            if start:
                yield Row(sentence, f"{path}, line {start}")
            sentence, start = {key: [] for key in columns}, 0
            continue
        if line.startswith("-DOCSTART-") or _is_comment(line):
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if name.endswith(".conllu") and not cells[0].isdigit():
            continue  # 3-4 don't (multi-word token), 8.1 (empty node)
        width = width or len(cells)
        if len(cells) != width:
            raise DataError(f"{path}, line {number}: {len(cells)} columns, but the lines before have {width}")
        for key, column in columns.items():
            try:
                sentence[key].append(cells[column])
            except IndexError:
                raise DataError(f"{path}, line {number}: no column {column} for {key!r}, only {width}") from None
        start = start or number
    if start:
        yield Row(sentence, f"{path}, line {start}")


def _is_comment(line: str) -> bool:
    return line.startswith("#") and "\t" not in line and (" = " in line or line.startswith(("# newdoc", "# newpar")))
