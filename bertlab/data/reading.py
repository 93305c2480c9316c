"""Files of examples and of running text -> rows (dictionaries) and documents (lists of sentences).

Everything is read line by line, so a file may be larger than memory. Errors name file, line and column.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
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


def read(source: Any, *, columns: Mapping[str, Any] | None = None, format: str | None = None) -> Iterator[Row]:
    """Read rows one by one from a file, several files, a list of dictionaries or a `datasets` object.

    Formats, told from the file name (with or without `.gz`): `.jsonl`, `.json` (a list, or SQuAD's layout),
    `.csv`, `.tsv`, `.conll`/`.conllu`/`.iob2`/`.bio`, `.txt` (one text a line). Nothing is held in memory but
    the current row, except for `.json`.

    Args:
        columns: for tables and datasets, {name wanted: name in the source}, such as {"text": "review"};
            for CoNLL files, {name wanted: number of the column}, such as {"tokens": 0, "tags": -1}.
        format: the ending to go by where the file name has none of these.

    Raises:
        DataError: with file, line and column.
        FileNotFoundError: no such file.
        TypeError: not a kind of source named above.
    """
    if isinstance(source, (str, Path)):
        yield from _read_file(Path(source), columns, format)
    elif isinstance(source, Mapping) and "train" in source:
        raise TypeError(f"this holds several parts {sorted(source)}: give one of them, such as dataset['train']")
    elif isinstance(source, Iterable):
        for number, item in enumerate(source, start=1):
            if isinstance(item, (str, Path)):
                yield from _read_file(Path(item), columns, format)
            elif isinstance(item, Mapping):
                place = item.place if isinstance(item, Row) else f"row {number}"
                yield _renamed(Row(item, place), columns)
            else:
                raise TypeError(f"row {number} is a {type(item).__name__}, but a row is a dictionary of columns")
    else:
        raise TypeError(
            f"data is a {type(source).__name__}, but must be a file name, a list of dictionaries or a dataset"
        )


def _read_file(path: Path, columns, format: str | None) -> Iterator[Row]:
    ending = format or (path.suffixes[-2] if path.suffix == ".gz" and len(path.suffixes) > 1 else path.suffix)
    ending = ending.lower().lstrip(".")
    if path.is_dir():
        raise DataError(f"{path} is a folder, but data is a file in it, or several")
    if ending not in _READERS:
        raise DataError(f"{path} ends in {ending!r}, but known formats are {', '.join(_READERS)} (or format=...)")
    if not path.is_file():
        raise FileNotFoundError(f"there is no data file {path}")
    if ending in ("conll", "conllu", "iob2", "bio"):
        yield from read_conll(path, columns)
        return
    for row in _READERS[ending](path):
        yield _renamed(row, columns)


def _renamed(row: Row, columns: Mapping[str, str] | None) -> Row:
    for wanted, name in (columns or {}).items():
        if name not in row:
            raise DataError(f"{row.place} has no column {name!r}; it has {', '.join(map(repr, row)) or 'none'}")
        row[wanted] = row[name]
    return row


def lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file (gzip if it ends in .gz) with their numbers from 1, without line ends."""
    path = Path(path)
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    number = 0
    with opened as stream:
        try:
            for number, line in enumerate(stream, start=1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{path}, line {number}, column {error.start + 1}: byte {line[error.start]:#04x} is "
                        "not UTF-8; save the file as UTF-8"
                    ) from None
                yield number, text.rstrip("\r\n")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path}, after line {number}: the gzip data is broken ({error})") from None


def read_text(path: str | Path) -> Iterator[Row]:
    """One row {"text"} for each line that is not blank."""
    for number, line in lines(path):
        if line.strip():
            yield Row({"text": line}, f"{path}, line {number}")


def read_jsonl(path: str | Path) -> Iterator[Row]:
    """One row for each line, a JSON object; blank lines are skipped."""
    for number, line in lines(path):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {number}, column {error.colno}: not JSON ({error.msg})") from None
        if not isinstance(value, dict):
            raise DataError(f"{path}, line {number}: a {type(value).__name__}, but each line must be an object")
        yield Row(value, f"{path}, line {number}")


def read_json(path: str | Path) -> Iterator[Row]:
    """A JSON list of objects, or a SQuAD file: one row for each question."""
    text = "\n".join(line for _, line in lines(path))
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg})") from None
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        yield from _squad_rows(path, content["data"])
        return
    if not isinstance(content, list):
        raise DataError(f"{path}: neither a list of objects nor SQuAD's {{'data': [...]}}")
    for number, value in enumerate(content, start=1):
        if not isinstance(value, dict):
            raise DataError(f"{path}, item {number}: a {type(value).__name__}, but each item must be an object")
        yield Row(value, f"{path}, item {number}")


def _squad_rows(path: str | Path, articles: list) -> Iterator[Row]:
    """Rows {"id", "question", "context", "answers": [{"text", "answer_start"}]} of SQuAD 1.1 or 2.0."""
    for article_number, article in enumerate(articles):
        for paragraph_number, paragraph in enumerate(_part(path, f"data[{article_number}]", article, "paragraphs")):
            place = f"data[{article_number}].paragraphs[{paragraph_number}]"
            context = _part(path, place, paragraph, "context")
            for number, question in enumerate(_part(path, place, paragraph, "qas")):
                place_of_question = f"{place}.qas[{number}]"
                yield Row(
                    {
                        "id": str(question.get("id", f"{article_number}.{paragraph_number}.{number}")),
                        "title": article.get("title", ""),
                        "question": _part(path, place_of_question, question, "question"),
                        "context": context,
                        "answers": [] if question.get("is_impossible") else question.get("answers", []),
                    },
                    f"{path}, {place_of_question}",
                )


def _part(path, place: str, value: Any, key: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise DataError(f"{path}, {place}: no {key!r}, which a SQuAD file has there")
    return value[key]


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
            elif document:
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


def chunks(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Consecutive items in lists of `size`; the last one may be shorter."""
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
