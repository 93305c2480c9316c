"""What a chapter asks: its exercises, the cells of their solutions, and the expression that is checked."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertlab.check import BEGIN
from bertlab.language import say

# The heading of an exercise, in any language: "### Exercise 03.2".
TOLD = re.compile(r"^### [^\d\n]+\d\d\.\d", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """One exercise of a chapter."""

    number: str  # "03.2"
    chapter: str  # "03_attention"
    answer: str  # the expression that its check gets, such as "attention"
    cells: tuple[int, ...]  # of its solution
    check: int  # the cell of its check
    told: int  # the cell that describes it


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook file as a dictionary with a list of cells.

    Raises:
        ValueError: it is no notebook of format 4.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ValueError(say("{name} is no notebook: {error}", name=path.name, error=error)) from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError(say("{name} is no notebook of format 4: it has no list of cells", name=path.name))
    return notebook


def source_of(cell: dict[str, Any]) -> str:
    """The source of a cell as one text; of anything else that stands there, an empty one."""
    source = cell.get("source", "")
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def checked(source: str) -> tuple[str, str] | None:
    """(number, answer) of a cell that does nothing but check: `check("03.2", attention)`, `.points(2)` after it too."""
    try:
        body = ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        return None
    call = body[0].value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "points":
        call = call.func.value
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check"):
        return None
    if len(call.args) != 2 or not isinstance(call.args[0], ast.Constant):
        return None
    return str(call.args[0].value), ast.unparse(call.args[1])


def questions_of(path: Path) -> list[Question]:
    """The exercises of a solved chapter, in order.

    Raises:
        ValueError: an exercise has no solution, or none that stands before its check.
    """
    found: list[Question] = []
    solutions: list[int] = []
    told = 0
    for place, cell in enumerate(read_notebook(path)["cells"]):
        source = source_of(cell)
        if cell.get("cell_type") == "markdown" and TOLD.search(source):
            told = place
        elif cell.get("cell_type") == "code":
            asked = checked(source)
            if BEGIN in source:
                solutions.append(place)
            elif asked and asked[0] not in {question.number for question in found}:
                if not solutions:
                    raise ValueError(f"{path.name}: exercise {asked[0]} is checked and no solution stands before it")
                found.append(Question(asked[0], path.stem, asked[1], tuple(solutions), place, told))
                solutions = []
    return found


def chapters_of(folder: Path, names: Iterable[str] = ()) -> dict[str, list[Question]]:
    """Chapter -> its exercises, for the chapters of a folder that have any.

    Args:
        folder: of the solved notebooks.
        names: of chapters ("03_attention", or "03"); all of them when none is named.

    Raises:
        LookupError: there is no such chapter, or it has no exercises.
    """
    known = {path.stem: questions_of(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    known = {name: questions for name, questions in known.items() if questions}
    chosen = {}
    for name in names:
        stem = Path(name).stem
        fitting = [chapter for chapter in known if chapter == stem or chapter.split("_")[0] == stem]
        if not fitting:
            raise LookupError(f"there is no chapter {name!r} with exercises; there are {', '.join(known)}")
        chosen[fitting[0]] = known[fitting[0]]
    return chosen or known
