"""The form that every chapter of the course has, in each language."""

import ast
import json
import re
import statistics
import unicodedata
from pathlib import Path

import pytest

from bertlab.check.student import without_solutions
from bertlab.grading import questions_of

ROOT = Path(__file__).resolve().parent.parent
WIDEST = 96  # characters of JupyterLab's code font beside the file browser
NOTEBOOKS = ROOT / "notebooks"
CHAPTERS = [*sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")), *sorted(NOTEBOOKS.glob("*/[0-9][0-9]_*.ipynb"))]

# What the parts of a chapter are called, by the folder of its language; English chapters stand in notebooks/ itself.
WORDS = {
    "notebooks": {
        "?": "?", "minute": "minute", "predict": "**Predict", "exercise": "### Exercise ",
        "verified": "## What we verified", "not taken": "**Roads not taken.**", "read": "**To read.**",
        "questions": "**Three open questions**",
    },
    "zh": {
        "?": "？", "minute": "分钟", "predict": "**先猜**", "exercise": "### 练习",
        "verified": "## 我们验证了什么", "not taken": "**没有走的路**", "read": "**延伸阅读**",
        "questions": "**三个开放问题**",
    },
}  # fmt: skip


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.relative_to(NOTEBOOKS).with_suffix("").as_posix())
def chapter(request):
    return request.param


@pytest.fixture
def cells(chapter):
    return json.loads(chapter.read_text(encoding="utf-8"))["cells"]


@pytest.fixture
def words(chapter):
    return WORDS[chapter.parent.name]


def sources(cells, kind):
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def test_code_cells_are_short(cells):
    lengths = [len(code.splitlines()) for code in sources(cells, "code")]
    assert statistics.median(lengths) <= 5
    assert max(lengths) <= 20, "longer code belongs in the library"


def test_code_is_not_wider_than_a_cell_at_1280_pixels(cells):
    lines = [line for code in sources(cells, "code") for line in code.splitlines()]
    assert not [line for line in lines if columns(line) > WIDEST]


def columns(line):
    """The width of a line in characters of a code font: those of Chinese take two."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in line)


def test_a_chapter_opens_with_its_question_and_what_one_will_be_able_to_do(cells, words):
    opening = sources(cells, "markdown")[0]
    assert opening.splitlines()[0].endswith(words["?"])
    assert 3 <= len(re.findall(r"^- ", opening, re.MULTILINE)) <= 5
    assert words["minute"] in opening


def test_the_first_code_cell_imports_and_sets_the_seed(cells):
    first = sources(cells, "code")[0]
    assert "import bertlab" in first
    assert "torch.manual_seed(" in first


def test_a_guess_comes_before_each_panel(cells, words):
    text = " ".join("".join(cell["source"]) for cell in cells)
    assert text.count(words["predict"]) >= 3


# Looks about which the gate of their panel has no question of its own.
WITHOUT_QUESTION = ("window_size=",)


def test_a_panel_that_follows_a_guess_waits_for_it(cells, words):
    for before, cell in zip(cells, cells[1:]):
        code = "".join(cell["source"])
        asked = before["cell_type"] == "markdown" and words["predict"] in "".join(before["source"])
        if asked and cell["cell_type"] == "code" and re.search(r"^\w+Panel\(", code, re.MULTILINE):
            assert "predict_first=True" in code or any(look in code for look in WITHOUT_QUESTION), code


def test_no_stored_output_tells_what_a_panel_asks(cells):
    """Only text of checked cells is stored, and a panel is no such cell."""
    for cell in cells:
        if cell["cell_type"] == "code" and "predict_first=True" in "".join(cell["source"]):
            assert not cell["outputs"]


def test_a_stored_notebook_keeps_no_state_of_widgets():
    for path in CHAPTERS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert set(notebook["metadata"]) == {"kernelspec", "language_info"}, path.name


def test_a_chapter_closes_with_what_was_verified_what_to_read_and_open_questions(cells, words):
    closing = sources(cells, "markdown")[-1]
    for part in ("verified", "not taken", "read", "questions"):
        assert words[part] in closing
    assert re.findall(r"^\d\.", closing, re.MULTILINE) == ["1.", "2.", "3."]


def test_the_files_and_names_to_read_exist(cells, words):
    closing = sources(cells, "markdown")[-1]
    files = re.findall(r"`(bertlab/[\w/]+\.py)`", closing)
    assert files
    known = set()
    for file in files:
        nodes = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
        known |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    reading = closing.split(words["read"])[1].split(words["questions"])[0]
    for name in re.findall(r"`([A-Za-z_.]+)`", reading):
        assert name.rpartition(".")[2] in known, name


def test_every_exercise_is_described_solved_and_checked(cells, words):
    everything = "\n".join(sources(cells, "markdown"))
    code = "\n".join(sources(cells, "code"))
    announced = re.findall(rf"^{words['exercise']}(\d\d\.\d)", everything, re.MULTILINE)
    assert announced == re.findall(r'check\("(\d\d\.\d)"', code)
    assert code.count("### BEGIN SOLUTION") == code.count("### END SOLUTION") == len(announced)


def test_an_unanswered_exercise_stops_nothing_that_follows(cells):
    """Students run a chapter from top to bottom: beside its check, an answer is used only where it is there."""
    codes = [(code, ast.parse(code)) for code in sources(cells, "code")]
    for solved, tree in codes:
        if "### BEGIN SOLUTION" not in solved:
            continue
        stub = ast.parse(without_solutions(solved))
        answers = {node.name for node in stub.body if isinstance(node, ast.FunctionDef)}
        answers |= {node.targets[0].id for node in stub.body if isinstance(node, ast.Assign) and is_stub(node.value)}
        assert answers
        for code, using in codes:
            names = [node for node in ast.walk(using) if isinstance(node, ast.Name)]
            own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
            used = {node.id for node in names} & answers - own
            guarded = all(f"if {name} is not ..." in code for name in used)
            assert using is tree or code.startswith("check(") or guarded, code


def test_exercises_carry_what_nbgrader_asks_for(cells, chapter):
    found = questions_of(chapter)
    marked = {place: cell["metadata"]["nbgrader"] for place, cell in enumerate(cells) if "nbgrader" in cell["metadata"]}
    assert set(marked) == {place for question in found for place in (*question.cells, question.check)}, (
        "run `python tools/store_notebooks.py --marks`"
    )
    for question in found:
        assert marked[question.check]["grade"] and marked[question.check]["points"] > 0
        assert all(marked[place]["solution"] for place in question.cells)


def test_graders_know_the_cell_that_describes_each_exercise(cells, chapter, words):
    for question in questions_of(chapter):
        assert words["exercise"] + question.number in "".join(cells[question.told]["source"])


def is_stub(value):
    return isinstance(value, ast.Constant) and value.value is ...
