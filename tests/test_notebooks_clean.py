"""How notebooks are stored: no widget state, no timings, no output but the text that nbval checks."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
CHECKED = {"nbval-check-output", "raises-exception"}
LARGEST = 300_000  # bytes


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(params=NOTEBOOKS, ids=name_of)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(notebook):
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            yield number, cell, set(cell["metadata"].get("tags", []))


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_a_notebook_is_valid(path):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(path, as_version=4))


def test_a_notebook_is_small(path):
    assert path.stat().st_size <= LARGEST


def test_a_notebook_runs_in_any_python_3_kernel_and_keeps_no_widget_state(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info"}
    assert "version" not in notebook["metadata"].get("language_info", {})


def test_a_notebook_opens_with_its_title(notebook):
    first = notebook["cells"][0]
    assert first["cell_type"] == "markdown"
    assert "".join(first["source"]).startswith("# ")


def test_only_checked_cells_keep_their_output_and_it_is_text(notebook):
    for number, cell, tags in code_cells(notebook):
        if not tags & CHECKED:
            assert cell["outputs"] == [], f"cell {number} is stored with output that nothing checks"
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                assert "raises-exception" in tags, f"cell {number} is stored with an error"
            kinds = set(output.get("data", {"text/plain": ""}))
            assert "application/vnd.jupyter.widget-view+json" not in kinds, f"cell {number} keeps a widget"
            assert not [kind for kind in kinds if kind.startswith("image/")], f"cell {number} keeps an image"


def test_a_cell_that_is_to_be_checked_has_something_to_check(notebook):
    for number, cell, tags in code_cells(notebook):
        if "nbval-check-output" in tags:
            assert cell["outputs"], f"cell {number} is tagged nbval-check-output and has no stored output"


def test_nothing_remembers_when_or_how_often_a_cell_ran(notebook):
    for number, cell, _ in code_cells(notebook):
        assert "execution" not in cell["metadata"], f"cell {number} keeps timings"
        assert cell["outputs"] or cell["execution_count"] is None, f"cell {number} keeps its count"
