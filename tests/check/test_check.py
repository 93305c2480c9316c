"""Every check knows a right answer from wrong ones, names the kind of mistake, and never raises; student copies."""

import ast
import gettext
import json
import re
from pathlib import Path

import pytest
from check_answers import RIGHT, WRONG
from check_answers.chapter_03 import attend

from bertlab.check import __main__ as command
from bertlab.check import check, exercises, student_copy
from bertlab.check.chapter_03 import TEXTS
from bertlab.check.chapter_05 import recalls
from bertlab.check.student import BEGIN, END, without_solutions
from bertlab.check.verdict import _CHECKS, Differs, Verdict, exercise, shipped_lab
from bertlab.samples import samples

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


# -------------------------------------------------------------------------------------------------- checks


def test_every_exercise_has_a_right_and_a_wrong_answer_here():
    assert exercises() == sorted(RIGHT) == sorted({number for number, *_ in WRONG})


@pytest.mark.parametrize("number", sorted(RIGHT))
def test_a_right_answer_is_correct(number):
    verdict = check(number, RIGHT[number]())
    assert verdict.correct, verdict
    assert not verdict.hint


@pytest.mark.parametrize("number, what, answer, word", WRONG, ids=[f"{number} {what}" for number, what, *_ in WRONG])
def test_a_wrong_answer_differs_and_the_mistake_is_named(number, what, answer, word):
    verdict = check(number, answer())
    assert verdict.state == "differs", verdict
    assert verdict.message
    assert word in f"{verdict.message} {verdict.hint}", verdict


@pytest.mark.parametrize("number", sorted(RIGHT))
@pytest.mark.parametrize(
    "answer",
    [None, 3, "text", [], {}, object(), float("nan"), lambda *a: object()],
    ids=lambda value: type(value).__name__,
)
def test_no_answer_of_any_kind_raises(number, answer):
    assert check(number, answer).state == "differs"


@pytest.mark.parametrize("number", sorted(RIGHT))
def test_what_is_not_answered_yet_is_to_do(number):
    assert check(number).state == check(number, ...).state == "todo"
    if callable(RIGHT[number]()):
        assert check(number, lambda *arguments: ...).state == "todo"


def test_a_function_that_is_not_implemented_is_to_do():
    def not_yet(word, vocabulary):
        raise NotImplementedError

    assert check("01.1", not_yet).state == "todo"


def test_an_unknown_number_gets_the_nearest_one_suggested():
    verdict = check("3.2", attend)
    assert verdict.state == "unknown"
    assert "03.2" in verdict.message


def test_an_answer_that_is_interrupted_says_so(monkeypatch):
    def endless(word, vocabulary):
        raise KeyboardInterrupt

    assert "interrupted" in check("01.1", endless).message


def test_a_broken_check_is_a_verdict_too(monkeypatch):
    monkeypatch.setattr("bertlab.check.verdict._CHECKS", dict(_CHECKS))
    monkeypatch.setitem(_CHECKS, "99.1", lambda answer: 1 / 0)
    assert check("99.1", 1).state in ("differs", "unknown")


def test_a_check_does_not_let_an_answer_change_its_arguments():
    def changing(q, k, v, blocked):
        result = attend(q.clone(), k.clone(), v.clone(), blocked)
        q.zero_(), v.zero_()
        return result

    assert check("03.2", changing).correct
    assert check("03.2", attend).correct


def test_the_verdict_folds_its_hint_and_escapes_what_it_shows():
    verdict = Verdict("03.2", "differs", "probs <b>differ</b>", "Scale & mask.")
    page = verdict._repr_html_()
    assert "<details><summary>Hint</summary>Scale &amp; mask.</details>" in page
    assert "<b>differ</b>" not in page
    assert "Scale" not in repr(verdict)
    assert repr(Verdict("03.2", "todo")) == "○ 03.2 todo"


@pytest.mark.parametrize("state", ["todo", "correct", "differs", "unknown"])
@pytest.mark.parametrize("paper", ["#ffffff", "#111111", "#212121"])
def test_a_verdict_is_read_on_light_and_on_dark_paper(state, paper):
    page = Verdict("03.2", state, "a message")._repr_html_()
    (coloured,) = re.findall(r'<span style="color:(#\w{6})">(.)</span>', page)
    assert not coloured[1].isalnum(), "words keep the page's own ink"
    light, dark = sorted((luminance(coloured[0]), luminance(paper)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.2, 1.4.11: marks


def luminance(colour):
    """The relative luminance of WCAG."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Bracketed(gettext.NullTranslations):
    """A language in which every sentence stands in brackets."""

    def gettext(self, message):
        return f"⟦{message}⟧"


@pytest.fixture
def bracketed(monkeypatch):
    monkeypatch.setattr("bertlab.language.catalogue._catalogue", Bracketed())


@pytest.mark.parametrize("number", sorted(RIGHT))
def test_all_that_a_verdict_tells_is_said_in_the_language_that_is_chosen(number, bracketed):
    answers = [RIGHT[number](), *(answer() for exercise_, _, answer, _ in WRONG if exercise_ == number), None]
    for verdict in [check(number, answer) for answer in answers]:
        for text in filter(None, [verdict.message, verdict.hint]):
            assert text.startswith("⟦") and text.endswith("⟧"), text
        assert verdict.state in ("correct", "differs")
        assert f"⟦{verdict.state}⟧" in repr(verdict) and f"⟦{verdict.state}⟧" in verdict._repr_html_()


def test_what_an_answer_is_called_in_a_message_is_said_too(bracketed):
    verdict = check("03.1", lambda x, heads: x)
    assert verdict.message.startswith("⟦⟦q of layer 0⟧ has shape"), verdict
    verdict = check("03.1", lambda x, heads: 1 / 0)
    assert "for ⟦a tensor of shape" in verdict.message, verdict


def test_an_exercise_is_registered_by_its_number():
    @exercise("99.9")
    def always_wrong(answer):
        raise Differs("no.", "a hint")

    try:
        assert check("99.9", 1) == Verdict("99.9", "differs", "no.", "a hint")
    finally:
        del _CHECKS["99.9"]


# ------------------------------------------------------------------------------------------ student copies


def code_of(text):
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


def test_a_solution_in_a_function_becomes_a_stub():
    source = f"def f(x):\n    {BEGIN}\n    y = x + 1\n    return y\n    {END}\n"
    assert without_solutions(source) == "def f(x):\n    return ...  # your code here"


def test_a_solution_that_assigns_becomes_a_stub_of_the_last_name():
    assert without_solutions(f"{BEGIN}\na = 1\nb = a\n{END}\nprint(1)") == "b = ...  # your answer here\nprint(1)"


@pytest.mark.parametrize(
    "source", [f"{BEGIN}\na = 1", f"a = 1\n{END}", f"{BEGIN}\n{BEGIN}\na = 1\n{END}", f"{BEGIN}\nprint(1)\n{END}"]
)
def test_solutions_that_do_not_fit_are_named(source):
    with pytest.raises(ValueError, match="the cell: "):
        without_solutions(source)


@pytest.mark.parametrize("text", ["[]", "{}", '{"cells": 3}'])
def test_what_is_no_notebook_is_refused(text):
    with pytest.raises(ValueError, match="no notebook"):
        student_copy(text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_student_copy_holds_no_solution_and_no_output(path):
    text = path.read_text(encoding="utf-8")
    copy = student_copy(text)
    assert BEGIN not in copy and END not in copy
    for code in code_of(copy):
        ast.parse(code)
    assert not any(cell.get("outputs") for cell in json.loads(copy)["cells"])
    assert copy.count("return ...") + copy.count("= ...") == text.count(BEGIN)


def test_every_exercise_stands_in_its_chapter_and_its_stub_is_to_do():
    found = set()
    for path in NOTEBOOKS:
        stubs = {}
        for code in code_of(student_copy(path.read_text(encoding="utf-8"))):
            if re.search(r"(return|=) \.\.\.", code):
                tree = [node for node in ast.parse(code).body if isinstance(node, (ast.FunctionDef, ast.Assign))]
                tree = [node for node in tree if "..." in ast.unparse(node)]
                exec(compile(ast.Module(tree, []), path.name, "exec"), stubs)
            call = re.fullmatch(r'check\("(\d\d\.\d)", (\w+)\)', code.strip())
            if call:
                number, name = call.groups()
                assert path.stem.startswith(number[:2])
                assert check(number, stubs[name]).state == "todo"
                found.add(number)
    assert found == set(exercises())


def test_the_command_writes_copies_and_keeps_what_is_there(tmp_path, capsys):
    solved, students = tmp_path / "solved", tmp_path / "students"
    solved.mkdir()
    cell = {"cell_type": "code", "source": [f"{BEGIN}\n", "a = 1\n", END], "outputs": [1], "execution_count": 1}
    (solved / "01.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert command.main([str(solved), str(students)]) == 0
    assert "a = ..." in (students / "01.ipynb").read_text()
    (students / "01.ipynb").write_text("mine")
    command.main([str(solved), str(students)])
    assert (students / "01.ipynb").read_text() == "mine"
    assert "kept" in capsys.readouterr().out
    command.main([str(solved), str(students), "--force"])
    assert "a = ..." in (students / "01.ipynb").read_text()


def test_the_command_refuses_to_write_over_the_solved_notebooks(tmp_path):
    (tmp_path / "01.ipynb").write_text("{}")
    with pytest.raises(SystemExit):
        command.main([str(tmp_path), str(tmp_path)])
    assert (tmp_path / "01.ipynb").read_text() == "{}"


def test_the_texts_of_the_attention_chapter_are_those_of_its_check():
    notebook = (ROOT / "notebooks" / "03_attention.ipynb").read_text(encoding="utf-8")
    assert all(json.dumps(text)[1:-1] in notebook for text in TEXTS)


def test_the_recall_is_that_of_the_dev_items():
    lab, rows = shipped_lab(), samples("cloze", "dev")
    hits = [bool({c.token for c in lab.fill_mask(row["text"])[0]} & set(row["answers"])) for row in rows]
    assert recalls()[0] == sum(hits) / len(rows)


def test_a_number_that_is_the_whole_answer_is_not_told():
    verdict = check("05.3", 0.123)
    assert f"{recalls()[0]:.4f}"[:5] not in verdict.message + verdict.hint


class Hostile:
    """Whatever is asked of it raises, its own message included."""

    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __eq__ = __hash__ = __iter__ = __len__ = __float__ = __getattr__ = __call__ = lambda self, *_: exit("no")


class Mute(Exception):
    def __str__(self):
        raise KeyError("no")


def leaves(*_):
    raise SystemExit


def falls_silent(*_):
    raise Mute


@pytest.mark.parametrize("number", exercises())
@pytest.mark.parametrize("answer", [Hostile(), leaves, falls_silent], ids=["hostile", "leaves", "silent"])
def test_no_answer_makes_a_check_raise(number, answer):
    verdict = check(number, answer)
    assert not verdict.correct
    assert verdict.points(2) == 0


def test_half_of_an_answer_earns_half_of_the_points():
    def no_context(q, k, v, blocked):
        probs = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + blocked).softmax(-1)
        return probs, v

    assert check("03.2", no_context).points(2) == 1.0


@pytest.mark.parametrize(
    "number, what",
    [("06.2", "types of zero"), ("11.3", "how many"), ("14.2", "one pass"), ("15.2", "in order")],
)
def test_an_answer_of_which_one_part_is_right_earns_half(number, what):
    (answer,) = [answer for exercise_, name, answer, _ in WRONG if (exercise_, name) == (number, what)]
    assert check(number, answer()).points(2) == 1
