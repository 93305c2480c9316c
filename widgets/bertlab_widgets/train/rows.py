"""The rows that a run learns from: pasted lines, what is held out, the kind of task, and what guessing gets."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from bertlab.data import DataError, Row, Task, column_of
from bertlab.language import mark, say
from bertlab.training import main_metric

MASKED = "masked words"
MOST_TOKENS = 128  # of an example that is learnt from here
NAMES = {"text": mark("text"), "pair": mark("second text"), "label": mark("label")}
ONE_OF_FIVE = 5  # of sets without a split of their own every fifth row is held out


def pasted_rows(text: str) -> list[Row]:
    """Pasted lines as rows: `text`, a tab (or ` | `), `label`; three parts for pairs; JSON objects; or text alone.

    Raises:
        DataError: with the number of the line.
    """
    rows, width = [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        place = say("pasted text, line {number}", number=number)
        if not line.strip():
            continue
        if line.lstrip().startswith("{"):
            try:
                rows.append(Row(json.loads(line), place))
            except json.JSONDecodeError as error:
                raise DataError(
                    say(
                        "{place}, column {column}: not JSON ({reason})",
                        place=place,
                        column=error.colno,
                        reason=error.msg,
                    )
                ) from None
            continue
        cells = [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split(" | "))]
        width = width or len(cells)
        if len(cells) != width:
            raise DataError(
                say(
                    "{place}: {count} part(s), but the lines before have {width}; write text, a tab, and the label",
                    place=place,
                    count=len(cells),
                    width=width,
                )
            )
        if width > 3:
            raise DataError(
                say(
                    "{place}: {width} parts; write text and label, or text, second text and label",
                    place=place,
                    width=width,
                )
            )
        names = {1: ["text"], 2: ["text", "label"], 3: ["text", "pair", "label"]}[width]
        if not all(cells):
            empty = say(NAMES[names[cells.index("")]])
            raise DataError(say("{place}: the {empty} is empty", place=place, empty=empty))
        rows.append(Row(dict(zip(names, cells)), place))
    if not rows:
        raise DataError(say("nothing was pasted: write one example a line, text, a tab, and the label"))
    return rows


def split_rows(rows: Sequence[Mapping[str, Any]]) -> tuple[list, list]:
    """(to learn from, held out): by the column "split" where there is one, else every fifth row is held out."""
    if any("split" in row for row in rows):
        return (
            [row for row in rows if row.get("split", "train") == "train"],
            [row for row in rows if row.get("split", "train") != "train"],
        )
    if len(rows) < 2 * ONE_OF_FIVE:
        return list(rows), []
    held_out = rows[ONE_OF_FIVE - 1 :: ONE_OF_FIVE]
    return [row for number, row in enumerate(rows, start=1) if number % ONE_OF_FIVE], list(held_out)


def kind_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """The kind of task that the columns of a set speak of."""
    row = rows[0]
    if "tokens" in row or "words" in row:
        return "tagging"
    if "question" in row:
        return "qa"
    if "choices" in row or "endings" in row:
        return "choice"
    label = column_of(row, "label", required=False)
    if label is None:
        return MASKED
    if isinstance(label, (list, tuple)):
        return "multilabel"
    values = [str(column_of(row, "label", required=False)) for row in rows]
    numbers = all(re.fullmatch(r"-?\d+(\.\d+)?", value) for value in values)
    return "regression" if numbers and any("." in value for value in values) else "classification"


def described(row: Mapping[str, Any], task: Task) -> tuple[str, str, str | None]:
    """(text, second text, truth) of an example, as a person reads it."""
    if task.kind == "tagging":
        words, tags = column_of(row, "tokens"), column_of(row, "tags", required=False)
        truth = (
            None
            if tags is None
            else " ".join(f"{word} [{tag}]" if str(tag) != "O" else str(word) for word, tag in zip(words, tags))
        )
        return " ".join(map(str, words)), "", truth
    if task.kind == "qa":
        answers = column_of(row, "answers", required=False)
        found = answers["text"] if isinstance(answers, Mapping) else [answer["text"] for answer in answers or []]
        return row["question"], row["context"], found[0] if found else say("(no answer)")
    if task.kind == "choice":
        endings, label = column_of(row, "endings"), column_of(row, "label", required=False)
        return (
            column_of(row, "prompt"),
            " | ".join(map(str, endings)),
            str(endings[int(label)]) if label is not None else None,
        )
    label = column_of(row, "label", required=False)
    if task.labels and isinstance(label, int) and 0 <= label < len(task.labels):
        label = task.labels[label]
    return column_of(row, "text"), column_of(row, "pair", required=False) or "", None if label is None else str(label)


def about_rows(train: Sequence, held_out: Sequence, task: Task) -> dict:
    """A set in figures: how many examples, which labels, and the first ones."""
    return {
        "rows": len(train),
        "held_out": len(held_out),
        "labels": list(task.labels)[:40],
        "examples": [dict(zip(("text", "pair", "label"), described(row, task))) for row in train[:6]],
    }


def examples(rows: Sequence[Mapping[str, Any]]) -> list[dict]:
    """The first texts of a set without labels."""
    return [{"text": column_of(row, "text", str), "pair": "", "label": None} for row in rows[:6]]


def guessing(
    task: Task, train: Sequence, held_out: Sequence, tokenizer: Any = None
) -> tuple[dict[str, float], dict[str, float]]:
    """What knowing nothing gives: values of the loss, and of the task's metric in percent, by name."""
    rows = held_out or train
    if task.kind == "classification":
        count = len(task.labels)
        labels = Counter(str(column_of(row, "label", required=False)) for row in rows)
        return {f"ln {count}": math.log(count)}, {
            "chance": 100 / count,
            "majority": 100 * max(labels.values()) / len(rows),
        }
    if task.kind == "next_sentence":
        return {"ln 2": math.log(2)}, {"chance": 50.0}
    if task.kind == "multilabel":
        return {"ln 2": math.log(2)}, {}
    if task.kind == "choice":
        count = sum(len(column_of(row, "endings")) for row in rows) / len(rows)
        return {f"ln {count:.3g}": math.log(count)}, {"chance": 100 / count}
    if task.kind == "tagging":
        tags = Counter(str(tag) for row in rows for tag in column_of(row, "tags"))
        accuracy = {} if main_metric(task) == "span_f1" else {"majority": 100 * max(tags.values()) / sum(tags.values())}
        return {f"ln {len(task.labels)}": math.log(len(task.labels))}, accuracy
    if task.kind == "regression":
        values = torch.tensor([float(column_of(row, "label")) for row in rows])
        return {"always the mean": float(values.var(unbiased=False))}, {"chance": 0.0}
    return {}, {}


def about_text(train: Sequence, held_out: Sequence) -> dict:
    """A set without labels in figures."""
    return {
        "rows": len(train),
        "held_out": len(held_out),
        "labels": [],
        "examples": examples(train),
        "chance": {},
    }
