"""Run notebooks and store them clean: only the text of cells whose output is checked stays.

python tools/store_notebooks.py notebooks/00_tour.ipynb ...        # all when none is named
python tools/store_notebooks.py --marks                            # run nothing, only mark exercises for nbgrader
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "widgets")]

from bertlab.grading import mark_for_nbgrader, questions_of  # noqa: E402

CHECKED = {"nbval-check-output", "raises-exception"}


def store(path: Path) -> None:
    """Run one notebook and write it back; a cell that fails raises, and the file stays as it was."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if kept(cell, output)]
            if not cell.outputs:
                cell.execution_count = None  # nbval wants the count of cells with output, and only of those
    nbformat.write(notebook, path)
    mark(path)


def mark(path: Path) -> None:
    """Give the cells of exercises the metadata by which nbgrader knows them; cells that are none lose it."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
    mark_for_nbgrader(notebook, questions_of(path))
    nbformat.write(notebook, path)


def kept(cell: nbformat.NotebookNode, output: nbformat.NotebookNode) -> bool:
    """Whether an output is stored: text of a checked cell, not what libraries wrote to stderr."""
    if not CHECKED & set(cell.metadata.get("tags", [])) or output.get("name") == "stderr":
        return False
    return output.output_type in ("stream", "error") or set(output.get("data", {})) <= {"text/plain", "text/html"}


if __name__ == "__main__":
    # As the root conftest.py does for pytest: this checkout, one thread.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "widgets"), os.environ.get("PYTHONPATH", "")])
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    only_marks = "--marks" in sys.argv
    course = [*sorted((ROOT / "notebooks").glob("*.ipynb")), *sorted((ROOT / "notebooks").glob("[!.]*/*.ipynb"))]
    for name in [word for word in sys.argv[1:] if word != "--marks"] or course:
        (mark if only_marks else store)(Path(name))
        print(f"{'marked' if only_marks else 'stored'} {name}")
