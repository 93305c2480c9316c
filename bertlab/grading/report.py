"""Marks as tables: a page for a teacher, and CSV files for a spreadsheet. Nothing in them that a student wrote runs."""

from __future__ import annotations

import csv
import html
import io
import os
import re
from pathlib import Path
from typing import Any

from bertlab.files import write_whole
from bertlab.grading.grade import Mark, Marks
from bertlab.language import current, direction, say, say_n

SIGNS = {"correct": "✓", "differs": "✗", "todo": "○", "missing": "–"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # what a spreadsheet would compute
LONGEST = 300  # characters of a student's name, of a message

STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:1rem auto;max-width:70rem;padding:0 1rem}
table{border-collapse:collapse}th,td{border:1px solid #8886;padding:.25rem .6rem;text-align:left;vertical-align:top}
td.mark{text-align:center}.correct{color:#0072b2}.differs{color:#bd4b00}.scroll{overflow-x:auto}
@media (prefers-color-scheme:dark){.correct{color:#56b4e9}.differs{color:#e69f00}}
"""


def write_report(marks: Marks, folder: str | os.PathLike[str], points: float = 2) -> list[Path]:
    """Write `report.html`, `report.csv` (exercise by student) and `mistakes.csv`; earlier ones are replaced.

    Args:
        marks: what `grade` found.
        folder: where to write; made when it does not exist.
        points: of each exercise.
    """
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file: give a folder for the report")
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "report.html": page(marks, points),
        "report.csv": table_csv(marks, points),
        "mistakes.csv": mistakes_csv(marks),
    }
    for name, text in texts.items():
        write_whole(folder / name, text)
    return [folder / name for name in texts]


def plain(text: object) -> str:
    """One line of text without what moves a terminal's cursor or turns the direction of writing."""
    clean = re.sub(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+", " ", str(text))
    clean = clean.strip()
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


def cell(value: object) -> object:
    """A value for a CSV file; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, (int, float)):
        return value
    text = plain(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(rows: list[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([[cell(value) for value in row] for row in rows])
    return "\ufeff" + out.getvalue()  # spreadsheets read UTF-8 with this mark


def _earned(mark: Mark, points: float) -> float:
    return round(mark.share * points, 4)


def table_csv(marks: Marks, points: float) -> str:
    """Exercise by student: the points of each, empty where nothing was handed in, and the sums."""
    students = sorted(marks.marks)
    rows: list[list[Any]] = [["exercise", "chapter", "possible", *students]]
    for question in marks.questions:
        row = [marks.marks[student][question.number] for student in students]
        earned = ["" if mark.state == "missing" else _earned(mark, points) for mark in row]
        rows.append([question.number, question.chapter, points, *earned])
    totals = [sum(_earned(mark, points) for mark in marks.marks[student].values()) for student in students]
    return _csv([*rows, ["sum", "", points * len(marks.questions), *totals]])


def mistakes_csv(marks: Marks) -> str:
    """The mistakes, the most common first."""
    rows = [[number, len(names), kind, example, "; ".join(map(plain, names))] for number, kind, example, names
            in marks.mistakes()]  # fmt: skip
    return _csv([["exercise", "students", "mistake", "example", "who"], *rows])


def page(marks: Marks, points: float) -> str:
    """The report as one page that runs nothing and asks nothing of a network."""
    students = sorted(marks.marks)
    handed_in = say_n(
        "{count} student, {exercises} exercises; {points:g} points each. "
        "✓ right, ✗ not right, ○ not answered, – not handed in.",
        "{count} students, {exercises} exercises; {points:g} points each. "
        "✓ right, ✗ not right, ○ not answered, – not handed in.",
        len(students),
        exercises=len(marks.questions),
        points=points,
    )
    title = _text(say("Report"))
    parts = [
        f'<!doctype html><html lang="{current().replace("_", "-")}" dir="{direction()}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1><p>{_text(handed_in)}</p>",
    ]
    parts += [_heading(say("Mistakes, the most common first")), _mistakes(marks)]
    parts += [_heading(say("Marks")), _table(marks, students, points)]
    if marks.notes:
        notes = "".join(f"<li>{_text(student)}: {_text(note)}</li>" for student, note in marks.notes)
        parts += [_heading(say("What went wrong")), f"<ul>{notes}</ul>"]
    if marks.lacking:
        held, lacking = say("Not held on this machine:"), ", ".join(map(say, marks.lacking))
        why = say("Its kernel gives no namespaces, so the submissions ran with limits alone.")
        parts.append(f"<p><b>{_text(held)}</b> {_text(lacking)}. {_text(why)}</p>")
    return "".join([*parts, "</body></html>\n"])


def _heading(text: str) -> str:
    return f"<h2>{_text(text)}</h2>"


def _text(value: object) -> str:
    return html.escape(plain(value))


def _mistakes(marks: Marks) -> str:
    rows = [
        f"<tr><td>{_text(number)}</td><td>{len(names)}</td><td>{_text(kind)}<br><small>{_text(example)}</small></td>"
        f"<td>{_text(', '.join(names))}</td></tr>"
        for number, kind, example, names in marks.mistakes()
    ]
    if not rows:
        none = say("There are none.")
        return f"<p>{_text(none)}</p>"
    head = "".join(f"<th>{_text(name)}</th>" for name in (say("exercise"), say("students"), say("mistake"), say("who")))
    head = f"<tr>{head}</tr>"
    return f'<div class="scroll"><table>{head}{"".join(rows)}</table></div>'


def _table(marks: Marks, students: list[str], points: float) -> str:
    head = "".join(f"<th>{_text(student)}</th>" for student in students)
    rows = []
    for question in marks.questions:
        cells = []
        for student in students:
            mark = marks.marks[student][question.number]
            earned = "" if mark.state == "missing" else f" {_earned(mark, points):g}"
            title = _text(f"{mark.message} {mark.hint}")
            state = mark.state if mark.state in SIGNS else "missing"
            cells.append(f'<td class="mark {state}" title="{title}">{SIGNS[state]}{earned}</td>')
        rows.append(f"<tr><th>{_text(question.number)} {_text(question.chapter[3:])}</th>{''.join(cells)}</tr>")
    sums = [sum(_earned(mark, points) for mark in marks.marks[student].values()) for student in students]
    total = "".join(f'<td class="mark"><b>{value:g}</b></td>' for value in sums)
    possible = say("of {total:g}", total=points * len(marks.questions))
    rows.append(f"<tr><th>{_text(possible)}</th>{total}</tr>")
    return f'<div class="scroll"><table><tr><th>{_text(say("exercise"))}</th>{head}</tr>{"".join(rows)}</table></div>'
