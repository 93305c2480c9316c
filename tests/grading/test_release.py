"""The releases for nbgrader and otter-grader: one source, and what each of them needs."""

import json

import pytest
from grading_cases import write_chapters

from bertlab.check import check, without_solutions
from bertlab.command.course import notebook_source
from bertlab.grading import questions_of, release
from bertlab.grading.release import otter_solution


@pytest.fixture
def chapters(tmp_path):
    return write_chapters(tmp_path / "chapters")


def cells_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def text(cell):
    return "".join(cell["source"])


def test_every_chapter_of_the_course_can_be_released(tmp_path):
    for kind in ("nbgrader", "otter"):
        written = release(kind, notebook_source(), tmp_path / kind)
        assert {path.stem for path in written} >= {"01_tokenize", "03_attention", "05_mlm", "08_classify"}


def test_nbgrader_knows_solutions_and_checks_by_their_metadata(tmp_path, chapters):
    (path,) = release("nbgrader", chapters, tmp_path / "course")
    assert path == tmp_path / "course" / "source" / "01_tokenize" / "01_tokenize.ipynb"
    marks = [cell["metadata"]["nbgrader"] for cell in cells_of(path) if "nbgrader" in cell["metadata"]]
    assert [mark["grade_id"] for mark in marks] == ["answer-01-2", "check-01-2", "answer-01-3", "check-01-3"]
    assert [mark["grade"] for mark in marks] == [False, True, False, True]
    assert [mark.get("points") for mark in marks] == [None, 2, None, 2]
    asked = [text(cell) for cell in cells_of(path) if cell["metadata"].get("nbgrader", {}).get("grade")]
    assert asked[0].endswith("verdict.points(2)")
    assert (tmp_path / "course" / "nbgrader_config.py").is_file()


def test_a_configuration_of_the_teacher_stays(tmp_path, chapters):
    own = tmp_path / "course" / "nbgrader_config.py"
    own.parent.mkdir()
    own.write_text("mine")
    release("nbgrader", chapters, tmp_path / "course")
    assert own.read_text() == "mine"


def test_otter_gets_raw_cells_around_each_exercise_and_a_test_for_each_point(tmp_path, chapters):
    (path,) = release("otter", chapters, tmp_path / "course", points=3)
    cells = cells_of(path)
    raw = [text(cell).splitlines()[0] for cell in cells if cell["cell_type"] == "raw"]
    one = ["BEGIN QUESTION", "BEGIN SOLUTION", "END SOLUTION", "BEGIN TESTS", "END TESTS", "END QUESTION"]
    assert raw == ["# ASSIGNMENT CONFIG", *(f"# {line}" for line in one * 2)]
    tests = [text(cell) for cell in cells if "def test_" in text(cell)]
    assert len(tests) == 6
    scope = {}
    exec(tests[0], scope)
    scope["test_q01_2_1"]("antidisestablishmentarianism")
    with pytest.raises(AssertionError):
        scope["test_q01_2_1"]("cat")
    assert len({cell["id"] for cell in cells}) == len(cells)


def test_an_otter_solution_runs_as_the_solved_one_and_shows_our_stub():
    source = "def f(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION\n"
    scope = {}
    exec(otter_solution(source), scope)
    assert scope["f"](1) == 2
    shown = [line for line in otter_solution(source).splitlines() if "PROMPT" not in line]
    assert "    return ...  # your code here" in shown
    assert without_solutions(source).splitlines()[-1] == "    return ...  # your code here"


def test_points_are_plain_numbers_and_strict_checks_raise():
    right, wrong, open_ = (check("01.2", word) for word in ("antidisestablishmentarianism", "cat", ...))
    assert [verdict.points(2) for verdict in (right, wrong, open_)] == [2.0, 0.0, 0.0]
    assert type(right.points(2)) is float and repr(right.points(2)) == "2.0"
    assert check("01.2", "antidisestablishmentarianism", strict=True).correct
    for answer in ("cat", ..., object()):
        with pytest.raises(AssertionError, match="01.2"):
            check("01.2", answer, strict=True)
    with pytest.raises(AssertionError, match="no such exercise"):
        check("99.9", 1, strict=True)
    for nonsense in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="the points are"):
            right.points(nonsense)
    with pytest.raises(TypeError, match="the points are"):
        right.points("2")


def test_what_cannot_be_released_is_refused(tmp_path, chapters):
    with pytest.raises(ValueError, match="nbgrader and otter"):
        release("moodle", chapters, tmp_path / "course")
    with pytest.raises(ValueError, match="the points are"):
        release("otter", chapters, tmp_path / "course", points=0)
    with pytest.raises(LookupError, match="no chapter '77'"):
        release("otter", chapters, tmp_path / "course", ["77"])
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        release("otter", chapters, tmp_path / "file")


def test_questions_are_found_in_the_order_of_a_chapter(chapters):
    questions = questions_of(chapters / "01_tokenize.ipynb")
    assert [(q.number, q.answer, q.cells, q.check, q.told) for q in questions] == [
        ("01.2", "many", (3,), 4, 2),
        ("01.3", "twins", (6,), 7, 5),
    ]
