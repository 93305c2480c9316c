"""JSON in the layouts that tools write, and SQuAD's with all that can be wrong in it."""

import json

import pytest

from bertlab.rows import DataError, read

ROWS = [{"text": "the cat", "label": 1}, {"text": "sat", "label": 0}]


def written(folder, name, content):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "content",
    [
        "".join(json.dumps(row) + "\n" for row in ROWS),
        {"text": ["the cat", "sat"], "label": [1, 0]},
        {"text": {"0": "the cat", "1": "sat"}, "label": {"0": 1, "1": 0}},
        {"0": ROWS[0], "1": ROWS[1]},
        {"columns": ["text", "label"], "index": [0, 1], "data": [["the cat", 1], ["sat", 0]]},
    ],
    ids=["lines", "lists", "columns", "index", "split"],
)
def test_the_layouts_of_pandas_and_datasets_are_read(tmp_path, content):
    assert list(read(written(tmp_path, "a.json", content))) == ROWS


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.json", "[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("a.jsonl", '{"text": "a"}\n' + "[" * 100_000 + "]" * 100_000, "line 2: .*nested too deeply"),
        ("a.jsonl", '{"label": ' + "9" * 5000 + "}", "line 1: a number cannot be read"),
        ("a.json", '{"label": ' + "9" * 5000 + "}", "a number cannot be read"),
        ("a.jsonl", '[\n{"text": "a"}\n]', "line 1, column 2: .*ends in .json"),
        ("a.json", {"train": [{"text": "a"}], "test": [{"text": "b"}]}, r"several parts \['test', 'train'\]"),
        ("a.json", {"text": ["a", "b"], "label": [1]}, "equally long"),
    ],
)
def test_what_is_no_table_says_so(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        list(read(written(tmp_path, name, content)))


def squad(**question):
    asked = {"id": "1", "question": "who ?", **question}
    return {"data": [{"title": "t", "paragraphs": [{"context": "anna saw it", "qas": [asked]}]}]}


@pytest.mark.parametrize("question", [{}, {"answers": None}, {"answers": []}, {"answers": [], "is_impossible": False}])
def test_a_question_whose_answers_are_hidden_has_none_given(tmp_path, question):
    (row,) = read(written(tmp_path, "a.json", squad(**question)))
    assert "answers" not in row


def test_an_impossible_question_has_no_answer(tmp_path):
    (row,) = read(written(tmp_path, "a.json", squad(is_impossible=True, plausible_answers=[{"text": "it"}])))
    assert row["answers"] == []


@pytest.mark.parametrize(
    "content, message",
    [
        ([1], r"data\[0\]: no 'paragraphs', which a SQuAD file has there; 1"),
        ([{"paragraphs": {"a": 1}}], r"data\[0\].paragraphs: .* type dict, but a SQuAD file has a list there"),
        ([{"paragraphs": [{"context": 3, "qas": []}]}], "context: 3 is of the type int, but .* a text there"),
        ([{"paragraphs": [{"context": "a", "qas": {}}]}], "qas: .* a list there"),
        ([{"paragraphs": [{"context": "a", "qas": ["who ?"]}]}], r"qas\[0\]: no 'question', .*; 'who \?'"),
        ([{"paragraphs": [{"context": "a", "qas": [{"question": None}]}]}], "question: None is of the type NoneType"),
        (
            [{"paragraphs": [{"context": "a", "qas": [{"question": "q", "answers": "a"}]}]}],
            "answers: 'a' is of the type",
        ),
    ],
)
def test_a_malformed_squad_names_the_place(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        list(read(written(tmp_path, "a.json", {"data": content})))


def test_questions_that_are_flat_already_are_rows(tmp_path):
    row = {"question": "who ?", "context": "anna", "answers": {"text": ["anna"], "answer_start": [0]}}
    assert list(read(written(tmp_path, "a.json", {"version": "1", "data": [row]}))) == [row]
