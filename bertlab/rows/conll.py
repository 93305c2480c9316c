"""CoNLL: one token a line, its columns beside it, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bertlab.rows.columns import DataError, Row
from bertlab.rows.lines import lines

ENDINGS = ("conll", "conllu", "iob2", "bio")
LONGEST = 100_000  # words of a sentence; more of them mean that the blank lines are missing

Line = tuple[int, str]
_BLANK = " \t"  # what separates columns; other blanks, such as the no-break space, belong to words


def read_conll(path: str | Path, columns: Mapping[str, int] | None = None, ending: str | None = None) -> Iterator[Row]:
    """Sentences of a CoNLL file: rows {"tokens": [...], "tags": [...]}.

    Columns stand between tabs, or between spaces where a line has no tab; empty ones at its end do not count.
    `-DOCSTART-` lines and comments are skipped: lines such as `# text = ...`, and a line at the beginning of a
    sentence whose first column is `#`, unless it ends in a tag. By default tokens and tags are the first and the last
    column (a file of one column has no tags), in `.conllu` files FORM and UPOS (multi-word and empty nodes left out),
    in `.iob2` files the second and third.

    Args:
        columns: {name: number of the column}, from 0, or from the end with -1.
        ending: the format, where the file's name does not tell it.

    Raises:
        DataError: with file, line and column.
    """
    ending = ending or Path(path).name.removesuffix(".gz").rpartition(".")[2].lower()
    universal = ending == "conllu"
    given = columns is not None
    if columns is None:
        columns = {"conllu": {"tokens": 1, "tags": 3}, "iob2": {"tokens": 1, "tags": 2}}.get(
            ending, {"tokens": 0, "tags": -1}
        )
    width, seen = 0, {"O"}
    for block in _blocks(path):
        rows = [(number, _cells(line)) for number, line in _words(block, universal, width, seen)]
        if universal:
            rows = [(number, cells) for number, cells in rows if cells[0].isdigit()]  # not 3-4 (don't), not 8.1
        if not rows:
            continue
        width = width or len(rows[0][1])
        if width == 1 and not given:
            columns = {"tokens": 0}
        sentence: dict[str, list[str]] = {name: [] for name in columns}
        for number, cells in rows:
            if len(cells) != width:
                raise DataError(f"{path}, line {number}: {len(cells)} columns, but the lines before have {width}")
            for name, column in columns.items():
                try:
                    sentence[name].append(cells[column])
                except (IndexError, TypeError):
                    raise DataError(
                        f"{path}, line {number}: no column {column!r} for {name!r}; columns are numbers from 0 to "
                        f"{width - 1}"
                    ) from None
        if len(seen) < 1000:
            seen.update(sentence.get("tags", ()))
        yield Row(sentence, f"{path}, line {rows[0][0]}")


def _blocks(path: str | Path) -> Iterator[list[Line]]:
    """The lines between blank ones."""
    block: list[Line] = []
    for number, line in lines(path):
        line = line.rstrip(_BLANK)
        if line:
            block.append((number, line))
            if len(block) > LONGEST:
                raise DataError(
                    f"{path}, line {block[0][0]}: {LONGEST:,} lines without a blank one, but a blank line must end "
                    "each sentence"
                )
        elif block:
            yield block
            block = []
    if block:
        yield block


def _cells(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else re.split(" +", line.lstrip(" "))


def _words(block: list[Line], universal: bool, width: int, seen: set[str]) -> list[Line]:
    """The lines of a sentence that are words."""
    found: list[Line] = []
    for place, (number, line) in enumerate(block):
        if line.startswith("-DOCSTART-") or (line.startswith("#") and (universal or _is_comment(line))):
            continue
        if not found and re.match("#[ \t]", line):  # a comment, or the word "#"
            following = [other for _, other in block[place + 1 :] if not re.match("#[ \t]", other)]
            wanted = width or (len(_cells(following[0])) if following else 0)
            cells = _cells(line)
            is_tag = cells[-1] in seen or re.match("[BIESLU]-", cells[-1])
            if len(cells) != wanted or not (is_tag or (following and cells[-1] in _tags(following))):
                continue
        found.append((number, line))
    return found


def _tags(block: list[str]) -> set[str]:
    return {_cells(line)[-1] for line in block}


def _is_comment(line: str) -> bool:
    return "\t" not in line and (" = " in line or line.startswith(("# newdoc", "# newpar")))
