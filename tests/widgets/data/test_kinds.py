"""Sets that cannot be judged, or only in part: told from their rows, with what to do."""

import math

import pytest
from bertlab_widgets import DataPanel
from bertlab_widgets.train import fresh_model
from panel_checks import TEXT
from small_lab import small_lab

from bertlab.data import Task


def judge(lab, rows, **settings):
    return DataPanel(lab, TEXT, data=rows, **settings)


@pytest.mark.parametrize(
    ("rows", "found", "advice"),
    [
        ([{"text": "a", "label": 1}, {"text": "b", "label": 0.25}], "Row 2, column 'label': 0.25 is a number with", ""),
        (
            [{"text": "a", "score": "3.5"}],
            "column 'score': '3.5' is a number with a fraction",
            "under Label, or (none)",
        ),
        ([{"text": "a", "label": ["joy", "anger"]}], "is a list, several labels for one text", "(none)"),
        ([{"text": "a", "label": [1, 0]}, {"text": "b", "label": [1, 1]}], "Row 2, column 'label': [1, 1] is a", ""),
        ([{"text": "a", "label": {"stars": 1}}], "is an object and no label", "one label for each text"),
        ([{"tokens": ["a"], "tags": ["O"]}], "'tokens', 'tags' hold words and a tag", "TrainPanel"),
        ([{"ctx": "a", "endings": ["b", "c"], "label": 0}], "'ctx', 'endings' hold a beginning and", "TrainPanel"),
        ([{"question": "a?", "context": "b", "answers": {"text": ["b"]}}], "questions and passages", "under Text"),
        ([{"headword": "a", "label": "positive"}], "of its columns 'headword', 'label' none", "{'text': 'headword'}"),
        (["the cat", "the dog"], "a list of texts", "give [{'text': '...'}, ...]"),
        ([], "there are no rows in it", "choose another set"),
        ([{"text": "a"}, {"text": None}], "Row 2: the column 'text' is empty there", "give it a text"),
        ([{"text": math.nan}, {"text": "a"}, {}], "in 2 of 3 rows there is no text", "leave them out"),
        ([{"text": "a"}, {"text": 12}], "Row 2: the column 'text' holds 12, which is no text", "write it as one"),
    ],
)
@pytest.mark.parametrize("task", ["", "sentiment"])
def test_a_set_that_no_head_can_judge_is_told_from_its_rows_with_what_to_do(lab, rows, found, advice, task):
    panel = judge(lab, rows, task=task)
    assert found.lower() in panel.error.lower() and advice in panel.error
    assert panel.data() is None and "nothing is predicted yet" in panel.answer


@pytest.mark.parametrize(
    ("rows", "found", "advice"),
    [
        ([{"text": "a", "label": "good"}], "(good); it has heads for sentiment (negative, positive)", "give the set"),
        (
            [{"text": "a", "label": 1}],
            "the labels of this set (1)",
            "under Head the one whose labels these numbers are",
        ),
        ([{"text": "a", "label": "neutral"}], "no head of small has the labels", "give the set"),
    ],
)
def test_labels_that_no_head_has_are_told_with_those_that_there_are(lab, rows, found, advice):
    panel = judge(lab, rows)
    assert found.lower() in panel.error.lower() and advice in panel.error and panel.data() is None


def test_a_set_of_another_kind_is_judged_where_its_texts_are_pointed_out(lab):
    rows = [{"tokens": ["a"], "tags": ["O"], "sentence": "the cat", "label": "positive"}] * 3
    assert "hold words and a tag" in judge(lab, rows).error
    panel = judge(lab, rows, columns={"text": "sentence"})
    assert not panel.error and panel.view["labelled"] == 3


@pytest.mark.parametrize("name", ["none.csv", "none.jsonl", "none.txt"])
def test_an_empty_file_is_a_sentence(lab, tmp_path, name):
    path = tmp_path / name
    path.write_text("", encoding="utf8")
    assert "empty" in (error := DataPanel(lab, TEXT, source=str(path)).error) or "no rows" in error


def test_a_file_of_one_column_is_predicted_or_asks_which_one_holds_the_texts(lab, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("text\nthe cat\nthe dog\n", encoding="utf8")
    panel = DataPanel(lab, TEXT, source=str(path))
    assert panel.view["known"] == 2 and "No column of labels" in panel.view["guessed"] and not panel.error
    path.write_text("lines\nthe cat\nthe dog\n", encoding="utf8")
    panel = DataPanel(lab, TEXT, source=str(path))
    assert "'lines' none has a name" in panel.error and panel.view["columns"] == ["lines"]
    panel.columns = {"text": "lines"}
    assert panel.view["known"] == 2 and not panel.error


def test_a_label_that_is_missing_is_no_label_however_it_is_written(lab):
    missing = [None, math.nan, "", " ", "-", "nan", -1]
    panel = judge(lab, [{"text": "a", "label": "positive"}, *({"text": "b", "label": label} for label in missing)])
    assert panel.view["task"] == "sentiment" and panel.view["labelled"] == 1 and not panel.error
    panel = judge(lab, [{"text": "b", "label": label} for label in missing])
    assert panel.view["labelled"] == 0 and "No row has a label in “label”" in panel.view["guessed"]


def test_texts_that_are_empty_are_counted_and_told(lab):
    panel = judge(lab, [{"text": text, "label": "positive"} for text in ("the cat", "", "  ")])
    assert panel.view["known"] == 3 and "2 texts are empty" in panel.view["guessed"]


def test_numbers_are_taken_for_the_labels_of_a_trained_head_that_reads_so_many_texts_and_said(lab):
    rows = [{"text": "a", "label": number} for number in (0, 1)]
    assert "labels of this set (0, 1)" in judge(lab, rows).error
    panel = judge(lab, rows, task="sentiment")
    assert (
        panel.view["guessed"] == "Its labels are numbers, taken as those of the head: 0 for negative, 1 for positive."
    )
    assert [row.gold for row in panel.data().rows] == ["negative", "positive"]
    own = small_lab()
    own.add_task("inference", own.task_model("inference"))
    three = [{"text": "a", "label": str(number)} for number in range(3)]
    assert "labels of this set" in judge(own, three).error
    pairs = judge(own, [{**row, "pair": "b"} for row in three])
    assert pairs.view["task"] == "inference" and "2 for contradiction" in pairs.view["guessed"]


def test_a_head_that_does_not_choose_a_label_is_refused_with_those_that_do(lab):
    panel = judge(lab, [{"text": "a", "label": "positive"}], task="ner")
    assert "The head 'ner' does not choose one of several labels; those that do are sentiment" in panel.error


def test_twenty_thousand_rows_are_looked_through_before_the_first_is_predicted(lab):
    rows = [{"text": "the cat", "label": "positive"}] * 20_000
    panel = judge(lab, [*rows, {"text": "the dog", "label": 0.5}])
    assert panel.wait() and "Row 20001, column 'label': 0.5" in panel.error and panel.judged is None
    panel = judge(lab, [*rows, {"text": None, "label": "positive"}])
    assert panel.wait() and "Row 20001: the column 'text' is empty" in panel.error and panel.judged is None


def test_chance_and_the_most_frequent_label_are_written_alike():
    own, names = small_lab(), [f"topic{number}" for number in range(8)]
    own.add_task("topics", fresh_model(own, Task("classification", tuple(names))))
    panel = judge(own, [{"text": "the cat", "label": name} for name in names], predict_first=True)
    assert "would give 12.5 %, chance 12.5 %" in panel.answer and "Chance is 12.5 %" in panel.gate_question
    assert panel.view["majority_said"] == "12.5 %"
