"""JSON: a line or an item of a list is a row; of SQuAD's layout, every question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertlab.rows.columns import DataError, Row
from bertlab.rows.lines import lines


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
