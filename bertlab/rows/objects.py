"""JSON: a line or an item of a list is a row; of SQuAD's layout, every question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bertlab.rows.columns import KNOWN_NAMES, DataError, Row
from bertlab.rows.lines import lines


def read_jsonl(path: str | Path) -> Iterator[Row]:
    """One row for each line, a JSON object; blank lines are skipped."""
    for number, line in lines(path):
        if not line.strip():
            continue
        value = _parsed(f"{path}, line {number}", line)
        if not isinstance(value, dict):
            raise DataError(f"{path}, line {number}: a {type(value).__name__}, but each line must be an object")
        yield Row(value, f"{path}, line {number}")


def _parsed(place: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        hint = ""
        if text.strip() in ("[", "{"):
            hint = "; a value over several lines belongs into a file that ends in .json"
        raise DataError(f"{place}, column {error.colno}: not JSON ({error.msg}){hint}") from None
    except RecursionError:
        raise DataError(f"{place}: lists or objects are nested too deeply to be read") from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{place}: a number cannot be read ({error})") from None


def read_json(path: str | Path) -> Iterator[Row]:
    """A JSON list of objects, columns of equal length, or a SQuAD file: one row for each question.

    A file of JSON lines, which some tools write under this ending too, is read as one.
    """
    text = "\n".join(line for _, line in lines(path))
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Extra data") and text.lstrip().startswith("{"):
            yield from read_jsonl(path)
            return
        raise DataError(f"{path}, line {error.lineno}, column {error.colno}: not JSON ({error.msg})") from None
    except (RecursionError, ValueError):
        content = _parsed(str(path), text)
    del text
    if isinstance(content, dict):
        yield from _rows_of_object(path, content)
        return
    if not isinstance(content, list):
        raise DataError(f"{path}: neither a list of objects nor SQuAD's {{'data': [...]}}")
    for number, value in enumerate(content, start=1):
        if not isinstance(value, dict):
            raise DataError(f"{path}, item {number}: a {type(value).__name__}, but each item must be an object")
        yield Row(value, f"{path}, item {number}")


def _rows_of_object(path: str | Path, content: dict[str, Any]) -> Iterator[Row]:
    """SQuAD's layout, or what pandas makes of a table: columns, each a list or an object with the same keys."""
    data = content.get("data")
    if isinstance(data, list) and isinstance(content.get("columns"), list):  # orient="split"
        for number, cells in enumerate(data):
            if not isinstance(cells, list) or len(cells) != len(content["columns"]):
                raise DataError(f"{path}, data[{number}]: not a list of {len(content['columns'])} cells")
            yield Row(dict(zip(map(str, content["columns"]), cells)), f"{path}, data[{number}]")
    elif isinstance(data, list):
        yield from _squad_rows(path, data)
    elif content and all(isinstance(part, list) and part and isinstance(part[0], dict) for part in content.values()):
        raise DataError(f"{path}: this holds several parts {sorted(content)}: save the one to be read in its own file")
    elif content and all(isinstance(row, dict) and KNOWN_NAMES & row.keys() for row in content.values()):
        for key, row in content.items():  # orient="index"
            yield Row(row, f"{path}, {key!r}")
    elif content and all(isinstance(column, (list, dict)) for column in content.values()):
        columns = {name: list(column.values()) if isinstance(column, dict) else column
                   for name, column in content.items()}  # fmt: skip
        yield from rows_of_columns(columns, str(path))
    else:
        raise DataError(
            f"{path}: neither a list of objects nor SQuAD's {{'data': [...]}}; objects line by line belong into a "
            "file that ends in .jsonl"
        )


def rows_of_columns(columns: Mapping[str, Any], place: str = "the data") -> Iterator[Row]:
    """Columns of equal length -> rows.

    Raises:
        DataError: the columns differ in length.
    """
    counts = {name: len(column) for name, column in columns.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"{place}: columns must be equally long, but have {counts}")
    for number, cells in enumerate(zip(*columns.values()), start=1):
        yield Row(dict(zip(columns, cells)), f"{place}, row {number}")


def _squad_rows(path: str | Path, articles: list) -> Iterator[Row]:
    """Rows {"id", "question", "context", "answers": [{"text", "answer_start"}]} of SQuAD 1.1 or 2.0.

    A question whose answers are not given, as in hidden test sets, has no "answers"; one that is marked as impossible
    has none of them: [].
    """
    for article_number, article in enumerate(articles):
        at_article = f"data[{article_number}]"
        if isinstance(article, dict) and "paragraphs" not in article and "context" in article:  # flat already
            yield Row(article, f"{path}, {at_article}")
            continue
        for paragraph_number, paragraph in enumerate(_part(path, at_article, article, "paragraphs", list)):
            place = f"{at_article}.paragraphs[{paragraph_number}]"
            context = _part(path, place, paragraph, "context", str)
            for number, question in enumerate(_part(path, place, paragraph, "qas", list)):
                at_question = f"{place}.qas[{number}]"
                asked = _part(path, at_question, question, "question", str)
                row = {
                    "id": str(question.get("id", f"{article_number}.{paragraph_number}.{number}")),
                    "title": article.get("title", ""),
                    "question": asked,
                    "context": context,
                }
                if question.get("is_impossible"):
                    row["answers"] = []
                elif question.get("answers"):
                    row["answers"] = _part(path, at_question, question, "answers", (list, dict))
                yield Row(row, f"{path}, {at_question}")


def _part(path: str | Path, place: str, value: Any, key: str, kind: Any) -> Any:
    if not isinstance(value, dict) or key not in value:
        found = f"it has {', '.join(map(repr, value)) or 'nothing'}" if isinstance(value, dict) else f"{value!r:.60}"
        raise DataError(f"{path}, {place}: no {key!r}, which a SQuAD file has there; {found}")
    if not isinstance(value[key], kind):
        wanted = {list: "a list", str: "a text"}.get(kind, "a list of answers")
        raise DataError(
            f"{path}, {place}.{key}: {value[key]!r:.60} is of the type {type(value[key]).__name__}, but a SQuAD file "
            f"has {wanted} there"
        )
    return value[key]
