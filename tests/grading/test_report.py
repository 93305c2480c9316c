"""The report: who made which mistake, and nothing in it that a student wrote runs."""

import csv
import io

import pytest

from bertlab.grading import Marks, Question, plain, write_report
from bertlab.grading.grade import Mark
from bertlab.grading.report import cell, page, table_csv

QUESTIONS = [Question(number, "03_attention", "x", (0,), 1, 0) for number in ("03.1", "03.2")]
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def marks():
    scale = Mark("differs", "probs differ at [0, 1]: 0.3", "The products are not scaled.", 0.5)
    return Marks(
        QUESTIONS,
        {
            "ada": {"03.1": Mark("correct", share=1.0), "03.2": scale},
            "=HYPERLINK(1)": {"03.1": Mark("differs", EVIL, ""), "03.2": scale},
            EVIL: {"03.1": Mark("todo"), "03.2": Mark()},
        },
        [(EVIL, EVIL)],
        ["the network"],
    )


def rows(text):
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_table_has_exercise_by_student_and_the_sums(marks):
    table = rows(table_csv(marks, 2))
    assert table[0] == ["exercise", "chapter", "possible", EVIL, "'=HYPERLINK(1)", "ada"]
    assert table[1][2:] == ["2", "0.0", "0.0", "2.0"]
    assert table[2][2:] == ["2", "", "1.0", "1.0"]
    assert table[3] == ["sum", "", "4", "0.0", "1.0", "3.0"]


def test_the_most_common_mistake_comes_first(marks, tmp_path):
    write_report(marks, tmp_path / "out")
    table = rows((tmp_path / "out" / "mistakes.csv").read_text(encoding="utf-8"))
    assert table[1][:3] == ["03.2", "2", "The products are not scaled."]
    assert table[2][0] == "03.1"


def test_numbers_do_not_make_two_mistakes_of_one():
    messages = ["score is 3.5, which is not the library's.", "score is -1e-4, which is not the library's."]
    row = {name: {"03.1": Mark("differs", text)} for name, text in zip("ab", messages)}
    (only,) = Marks(QUESTIONS[:1], row).mistakes()
    assert only[3] == ["a", "b"]


def test_hostile_text_is_shown_and_does_not_run(marks):
    text = page(marks, 2)
    assert "<script" not in text and "<img" not in text
    assert "&lt;script&gt;" in text
    assert "default-src 'none'" in text
    assert "Not held on this machine" in text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r\n=", " =", "\u200b=", "＝"])
def test_a_cell_begins_no_formula(start):
    assert str(cell(f"{start}1+1")).startswith("'")


def test_what_moves_a_terminal_is_taken_out():
    assert plain("a\x1b[2Jb\u202ec\nd") == "a [2Jb c d"
    assert len(plain("x" * 9999)) == 300
