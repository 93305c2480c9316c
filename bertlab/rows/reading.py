"""Files of examples and of running text -> rows (dictionaries) and documents (lists of sentences).

Everything is read line by line, so a file may be larger than memory. Errors name file, line and column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bertlab.rows.columns import DataError, Row, column_of, listed
from bertlab.rows.conll import ENDINGS as CONLL
from bertlab.rows.conll import read_conll
from bertlab.rows.lines import lines
from bertlab.rows.objects import read_json, read_jsonl, rows_of_columns
from bertlab.rows.tables import read_csv, read_tsv


def read(source: Any, *, columns: Mapping[str, Any] | None = None, format: str | None = None) -> Iterator[Row]:
    """Read rows one by one from a file, several files, a list of dictionaries, a table of pandas or polars, a
    dictionary of columns, or a `datasets` object.

    Formats, told from the file name (with or without `.gz`): `.jsonl`, `.json` (a list, or SQuAD's layout),
    `.csv`, `.tsv`, `.conll`/`.conllu`/`.iob2`/`.bio`, `.txt` (one text a line). Nothing is held in memory but
    the current row, except for `.json`.

    Args:
        columns: for tables and datasets, {name wanted: name in the source}, such as {"text": "review"}, or None for
            one that shall not be there, such as {"pair": None};
            for CoNLL files, {name wanted: number of the column}, such as {"tokens": 0, "tags": -1}.
        format: the ending to go by where the file name has none of these.

    Raises:
        DataError: with file, line and column.
        FileNotFoundError: no such file.
        TypeError: not a kind of source named above.
    """
    if isinstance(source, (str, Path)):
        yield from _read_file(Path(source), columns, format)
        return
    for number, item in enumerate(_items(source), start=1):
        if isinstance(item, (str, Path)):
            yield from _read_file(Path(item), columns, format)
        elif isinstance(item, Mapping):
            row = Row(item, getattr(item, "place", f"row {number}"), getattr(item, "names", None))
            yield _renamed(row, columns)
        else:
            raise TypeError(f"row {number} is a {type(item).__name__}, but a row is a dictionary of columns")


def _items(source: Any) -> Iterable[Any]:
    """Rows, or names of files."""
    if isinstance(source, Mapping):
        if "train" in source:
            raise TypeError(f"this holds several parts {sorted(source)}: give one of them, such as dataset['train']")
        if not source or not all(isinstance(listed(column), (list, tuple)) for column in source.values()):
            raise TypeError("data is one dictionary, but must be a list of dictionaries, or one of columns (lists)")
        return rows_of_columns({name: listed(column) for name, column in source.items()})
    if callable(getattr(source, "iter_rows", None)) and hasattr(source, "columns"):  # polars
        return source.iter_rows(named=True)
    if callable(getattr(source, "itertuples", None)) and hasattr(source, "columns"):  # pandas
        names = [str(name) for name in source.columns]
        return (dict(zip(names, cells)) for cells in source.itertuples(index=False, name=None))
    if isinstance(source, Iterable):
        classes = class_names(source)
        return (
            (Row(item, f"row {number}", classes) for number, item in enumerate(source, start=1)) if classes else source
        )
    raise TypeError(f"data is a {type(source).__name__}, but must be a file name, a list of dictionaries or a dataset")


def class_names(dataset: Any) -> dict[str, list[str]]:
    """The names of the classes by column, of a `datasets` object whose columns know them."""
    features = getattr(dataset, "features", None)
    if not isinstance(features, Mapping):
        return {}
    inner = {name: getattr(feature, "feature", feature) for name, feature in features.items()}
    return {name: list(one.names) for name, one in inner.items() if getattr(one, "names", None)}


def _read_file(path: Path, columns: Mapping[str, Any] | None, format: str | None) -> Iterator[Row]:
    ending = format or (path.suffixes[-2] if path.suffix == ".gz" and len(path.suffixes) > 1 else path.suffix)
    ending = ending.lower().lstrip(".")
    if path.is_dir():
        raise DataError(f"{path} is a folder, but data is a file in it, or several")
    if ending not in _READERS:
        raise DataError(f"{path} ends in {ending!r}, but known formats are {', '.join(_READERS)} (or format=...)")
    if not path.is_file():
        raise FileNotFoundError(f"there is no data file {path}")
    if ending in CONLL:
        yield from read_conll(path, columns, ending)
        return
    for row in _READERS[ending](path):
        yield _renamed(row, columns)


def _renamed(row: Row, columns: Mapping[str, Any] | None) -> Row:
    for wanted, name in (columns or {}).items():
        if name is None:
            row[wanted] = None
        elif name not in row:
            raise DataError(f"{row.place} has no column {name!r}; it has {', '.join(map(repr, row)) or 'none'}")
        else:
            row[wanted] = row[name]
            if name in row.names:
                row.names = {**row.names, wanted: row.names[name]}
    return row


def read_text(path: str | Path) -> Iterator[Row]:
    """One row {"text"} for each line that is not blank."""
    for number, line in lines(path):
        if line.strip():
            yield Row({"text": line}, f"{path}, line {number}")


_READERS: dict[str, Callable] = {
    "jsonl": read_jsonl,
    "ndjson": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "tsv": read_tsv,
    "conll": read_conll,
    "conllu": read_conll,
    "iob2": read_conll,
    "bio": read_conll,
    "txt": read_text,
}


LONGEST = 100_000  # sentences of a document; a text without blank lines is cut, so that memory holds it


def documents(source: Any) -> Iterator[list[str]]:
    """Running text as documents, each a list of sentences, from `.txt` or `.jsonl` files (or .gz, or rows).

    Text files have one sentence a line and a blank line between documents (the format of the BERT paper's
    code). Rows have a column "text": each line of it is a sentence.
    """
    if isinstance(source, (str, Path)) and Path(source).name.removesuffix(".gz").endswith(".txt"):
        document: list[str] = []
        for _, line in lines(source):
            if line.strip():
                document.append(line.strip())
            if document and (not line.strip() or len(document) == LONGEST):
                yield document
                document = []
        if document:
            yield document
        return
    if isinstance(source, Iterable) and not isinstance(source, (str, Path, Mapping)):
        if isinstance(source, (list, tuple)) and all(isinstance(item, (str, Path)) for item in source):
            for path in source:
                yield from documents(path)
            return
    for row in read(source):
        text = column_of(row, "text", str)
        sentences = [line.strip() for line in text.splitlines() if line.strip()]
        if sentences:
            yield sentences
