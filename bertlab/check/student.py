"""The student copy of a notebook: the solved one without its solutions and outputs."""

from __future__ import annotations

import ast
import json
import textwrap

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def student_copy(text: str) -> str:
    """A solved notebook (the JSON text of an .ipynb file) as students get it.

    What stands between `### BEGIN SOLUTION` and `### END SOLUTION` becomes a stub: `return ...` inside a function,
    `name = ...` where the solution assigns a name. Outputs go, since they belong to the solution.

    Raises:
        ValueError: the text is no notebook, or a solution is not closed, not opened, or is none of the two kinds.
    """
    notebook = json.loads(text)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("this is no notebook: it has no list of cells")
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            cell["source"] = without_solutions(source, f"cell {number}").splitlines(keepends=True)
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def without_solutions(source: str, where: str = "the cell") -> str:
    """The code of one cell with every solution replaced by a stub."""
    kept: list[str] = []
    solution: list[str] | None = None
    for line in source.splitlines():
        marker = line.strip()
        if marker in (BEGIN, END) and (marker == BEGIN) != (solution is None):
            raise ValueError(f"{where}: {marker!r} stands where it does not belong; solutions begin, then end")
        if marker == BEGIN:
            solution = []
        elif marker == END:
            kept += stub_of(solution, where)
            solution = None
        elif solution is not None:
            solution.append(line)
        else:
            kept.append(line)
    if solution is not None:
        raise ValueError(f"{where}: a solution begins and does not end; add {END!r}")
    return "\n".join(kept)


def stub_of(solution: list[str], where: str) -> list[str]:
    """The lines that stand for a solution in the student copy.

    Raises:
        ValueError: the solution stands outside a function and does not end by assigning a name.
    """
    first = next((line for line in solution if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    if indent:
        return [f"{indent}return ...  # your code here"]
    statements = ast.parse(textwrap.dedent("\n".join(solution))).body
    if statements and isinstance(statements[-1], ast.Assign) and isinstance(statements[-1].targets[0], ast.Name):
        return [f"{statements[-1].targets[0].id} = ...  # your answer here"]
    raise ValueError(f"{where}: a solution outside a function has to end by assigning a name")
