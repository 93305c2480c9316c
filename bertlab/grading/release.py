"""The chapters as nbgrader and otter-grader want them, made from the one solved source.

nbgrader: `source/CHAPTER/CHAPTER.ipynb`, solved, whose solution and check cells carry nbgrader's metadata, and a
configuration; `nbgrader generate_assignment CHAPTER` then writes the students' version into `release/`.
otter: `CHAPTER/CHAPTER.ipynb` in the format of `otter assign`, which writes the students' version and the autograder.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bertlab.check import BEGIN, END, stub_of
from bertlab.files import write_whole
from bertlab.grading.chapters import Question, chapters_of, read_notebook, source_of

FORMATS = ("nbgrader", "otter")
POINTS = 2  # of an exercise

NBGRADER_CONFIG = '''\
"""nbgrader's configuration of this course; `nbgrader generate_assignment CHAPTER` run in this folder reads it."""

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions

from bertlab.check import BEGIN, without_solutions


class Stubs(ClearSolutions):
    """Solutions become the stubs of the course, `return ...` and `name = ...`, so that a chapter runs unanswered."""

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "code" and BEGIN in cell.source:
            cell.source = without_solutions(cell.source)
        return cell, resources


c = get_config()
c.CourseDirectory.course_id = "bertlab"
c.GenerateAssignment.preprocessors = [
    Stubs if step is ClearSolutions else step for step in GenerateAssignment.preprocessors.default()
]
c.ExecutePreprocessor.timeout = 300
'''


def release(
    kind: str, chapters: Path, folder: str | os.PathLike[str], names: Iterable[str] = (), points: int = POINTS
) -> list[Path]:
    """Write chapters for a grader; files of an earlier call are replaced, others stay.

    Args:
        kind: "nbgrader" or "otter".
        chapters: the folder of the solved notebooks.
        folder: where to write; made when it does not exist.
        names: of the chapters; all that have exercises when none is named.
        points: of each exercise.

    Returns:
        The notebooks that were written.

    Raises:
        ValueError: another kind, or points below one.
        LookupError: there is no such chapter.
        NotADirectoryError: `folder` is a file.
    """
    if kind not in FORMATS:
        raise ValueError(f"{kind!r} was given; there are {' and '.join(FORMATS)}")
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise ValueError(f"the points are {points!r}: give a whole number from 1 up")
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file: give a folder")
    written = []
    for name, questions in chapters_of(chapters, names).items():
        notebook = read_notebook(chapters / f"{name}.ipynb")
        if kind == "nbgrader":
            target = folder / "source" / name / f"{name}.ipynb"
            made = for_nbgrader(notebook, questions, points)
        else:
            target = folder / name / f"{name}.ipynb"
            made = for_otter(notebook, questions, points)
        target.parent.mkdir(parents=True, exist_ok=True)
        for beside in _files_beside(chapters):
            shutil.copyfile(beside, target.parent / beside.name)
        write_whole(target, json.dumps(made, ensure_ascii=False, indent=1) + "\n")
        written.append(target)
    config = folder / "nbgrader_config.py"
    if kind == "nbgrader" and not config.exists():
        write_whole(config, NBGRADER_CONFIG)
    return written


def _files_beside(chapters: Path) -> list[Path]:
    """What chapters read beside themselves: files of the course that are no notebooks."""
    return [path for path in sorted(chapters.iterdir()) if path.is_file() and path.suffix in (".txt", ".csv", ".jsonl")]


def _clean(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without outputs and without the tags of its own tests."""
    for cell in notebook["cells"]:
        metadata = cell.setdefault("metadata", {})
        metadata.pop("tags", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return notebook


# ------------------------------------------------------------------------------------------------------- nbgrader


def mark_for_nbgrader(notebook: dict[str, Any], questions: Iterable[Question], points: int = POINTS) -> None:
    """Give the cells of solutions and checks the metadata by which nbgrader knows them."""
    for question in questions:
        number = question.number.replace(".", "-")
        for count, place in enumerate(question.cells, 1):
            suffix = f"-{count}" if len(question.cells) > 1 else ""
            marks = {"grade": False, "solution": True, "locked": False, "grade_id": f"answer-{number}{suffix}"}
            notebook["cells"][place].setdefault("metadata", {})["nbgrader"] = _known(marks)
        marks = {"grade": True, "solution": False, "locked": True, "grade_id": f"check-{number}", "points": points}
        notebook["cells"][question.check].setdefault("metadata", {})["nbgrader"] = _known(marks)


def _known(marks: dict[str, Any]) -> dict[str, Any]:
    return {**marks, "task": False, "schema_version": 3}


def for_nbgrader(notebook: dict[str, Any], questions: list[Question], points: int = POINTS) -> dict[str, Any]:
    """A solved chapter as nbgrader's source: the check shows its verdict, and its value is the points."""
    notebook = _clean(notebook)
    mark_for_nbgrader(notebook, questions, points)
    for question in questions:
        shown = f'verdict = check("{question.number}", {question.answer})\ndisplay(verdict)\nverdict.points({points})'
        notebook["cells"][question.check]["source"] = shown.splitlines(keepends=True)
    return notebook


# ---------------------------------------------------------------------------------------------------------- otter


def for_otter(notebook: dict[str, Any], questions: list[Question], points: int = POINTS) -> dict[str, Any]:
    """A solved chapter in the format of `otter assign`: raw cells around each exercise, one test for each point."""
    cells = _clean(notebook)["cells"]
    opening = {question.told: question for question in questions}
    solutions = {place: question for question in questions for place in question.cells}
    checks = {question.check: question for question in questions}
    name = questions[0].chapter
    made = [_raw(f"# ASSIGNMENT CONFIG\nname: {name}\nsolutions_pdf: false\ntests:\n  ok_format: false")]
    for place, cell in enumerate(cells):
        if place in opening:
            question = opening[place]
            made.append(_raw(f"# BEGIN QUESTION\nname: {otter_name(question)}\npoints: {points}"))
            made.append(cell)
        elif place in solutions:
            cell["source"] = otter_solution(source_of(cell)).splitlines(keepends=True)
            made += [_raw("# BEGIN SOLUTION"), cell, _raw("# END SOLUTION")]
        elif place in checks:
            made.append(_raw("# BEGIN TESTS"))
            made += [_code(_otter_test(checks[place], point, points)) for point in range(1, points + 1)]
            made += [_raw("# END TESTS"), _raw("# END QUESTION")]
        else:
            made.append(cell)
    return {**notebook, "cells": [{**cell, "id": f"cell-{place}"} for place, cell in enumerate(made)]}


def otter_name(question: Question) -> str:
    """The name of a question: "q03_2"."""
    return "q" + question.number.replace(".", "_")


def otter_solution(source: str) -> str:
    """A solution cell with otter's marks instead of ours, and our stub as what students see."""
    lines: list[str] = []
    solution: list[str] = []
    inside = False
    for line in source.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if line.strip() == BEGIN:
            inside, solution = True, []
            lines.append(f"{indent}# BEGIN SOLUTION NO PROMPT")
        elif line.strip() == END:
            inside = False
            lines += [f"{indent}# END SOLUTION", f'{indent}""" # BEGIN PROMPT', *stub_of(solution, "the solution")]
            lines.append(f'{indent}"""; # END PROMPT')
        else:
            lines.append(line)
            if inside:
                solution.append(line)
    return "\n".join(lines)


def _otter_test(question: Question, point: int, points: int) -> str:
    names = {node.id for node in ast.walk(ast.parse(question.answer)) if isinstance(node, ast.Name)}
    return (
        f'""" # BEGIN TEST CONFIG\npoints: 1\n""" # END TEST CONFIG\n'
        f"def test_{otter_name(question)}_{point}({', '.join(sorted(names))}):\n"
        "    from bertlab.check import check\n\n"
        f'    verdict = check("{question.number}", {question.answer})\n'
        f"    assert verdict.points({points}) >= {point}, verdict"
    )


def _raw(source: str) -> dict[str, Any]:
    return {"cell_type": "raw", "id": "", "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": "", "metadata": {}, "source": source.splitlines(keepends=True)}
    return {**cell, "outputs": [], "execution_count": None}
