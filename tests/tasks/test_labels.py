"""Labels are told from missing values, numbers from names, one label from several."""

import math

import numpy as np
import pytest

from bertlab.rows import DataError, Row
from bertlab.tasks import Task, answered, encode, infer_task
from bertlab.tasks.labels import label_id, label_vector, whole_number

from training_cases import tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


def rows(values):
    return [Row({"text": "the film", "label": value}, f"row {n}") for n, value in enumerate(values, start=1)]


def labels_of(values, kind="classification"):
    return infer_task(kind, rows(values)).labels


@pytest.mark.filterwarnings("ignore:.*taken for a missing one")
@pytest.mark.parametrize("missing", [None, math.nan, np.float64("nan"), "", "  ", "-", "null", "NaN", "<NA>"])
def test_what_is_missing_is_no_class(missing):
    assert labels_of(["pos", missing, "neg"]) == ("neg", "pos")


def test_minus_one_beside_other_numbers_is_missing_and_is_said_to_be():
    with pytest.warns(UserWarning, match=r"row 4: the label -1 is taken for a missing one.*labels=\(..., '-1'\)"):
        assert labels_of([0, 1, 2, -1]) == ("0", "1", "2")
    assert labels_of([-1, 1, 1]) == ("-1", "1"), "of two classes, as for a support vector machine"
    assert labels_of([10, -2, -1, 2]) == ("-2", "-1", "2", "10"), "of a scale that goes below it"


@pytest.mark.parametrize("value", ["none", "unknown"])
def test_what_may_be_a_class_is_one_and_is_said_to_be(value):
    with pytest.warns(UserWarning, match=f"'{value}' is taken for a label"):
        assert value in labels_of(["racism", value, "sexism"])


def test_rows_without_a_label_are_left_out_and_counted(tokenizer):
    task, given = Task("classification", ("neg", "pos")), rows(["pos", None, "-", "neg"])
    with pytest.warns(UserWarning, match="2 of 4 rows have no 'label' and are left out, the first of them row 2"):
        assert [row["label"] for row in answered(given, task)] == ["pos", "neg"]
    assert ["labels" in feature for feature in encode(given, task, tokenizer)] == [True, False, False, True]
    with pytest.raises(DataError, match="row 1: nothing in column 'label'.*no row has an answer"):
        answered(rows([None, ""]), task)
    with pytest.raises(DataError, match="no row has a label|none of 2 rows has a label"):
        labels_of([None, ""])


@pytest.mark.parametrize(
    "values, labels",
    [
        ([str(n) for n in range(11)], tuple(str(n) for n in range(11))),
        (["10", "2", "0"], tuple(str(n) for n in range(11))),
        ([1.0, 0.0], ("0", "1")),
        (["1.0", "0.0", "2.0"], ("0", "1", "2")),
        ([1, "1", 0], ("0", "1")),
        (np.array([2, 0]), ("0", "1", "2")),
        ([f"LABEL_{n}" for n in (10, 2, 1)], ("LABEL_1", "LABEL_2", "LABEL_10")),
        ([" pos", "pos", "neg"], ("neg", "pos")),
        ([True, False], ("False", "True")),
    ],
)
def test_numbers_keep_their_order_however_they_are_written(values, labels):
    assert labels_of(values) == labels


def test_names_that_differ_only_in_case_are_told():
    with pytest.warns(UserWarning, match=r"\['Pos', 'pos'\] differ only in case"):
        assert labels_of(["Pos", "pos", "neg"]) == ("Pos", "neg", "pos")


@pytest.mark.parametrize(
    "values, message",
    [
        ([1_700_000_000 + n for n in range(30)], "look like ids or times"),
        (range(0, 10**9, 10**7), "look like ids or times"),
        ([f"text {n}" for n in range(10_001)], "more than 10,000 different labels"),
        ([0.5, 1.5], "row 1, column 'label': 0.5 is a number with a fraction"),
        ([["a"], "b"], "row 1: .* does not tell the names"),
        (["b", {"a": 1}], "row 2, column 'label': .* is no label"),
        (["9" * 5000, "1"], "row 1, column 'label': .* 5,000 characters"),
    ],
)
def test_what_cannot_be_labels_is_refused_with_its_place(values, message):
    with pytest.raises(DataError, match=message):
        labels_of(values)


def test_whole_numbers_are_told_from_names():
    wholes = [(3, 3), ("3", 3), (" 3 ", 3), ("3.0", 3), (3.0, 3), (np.int64(3), 3), ("-3", -3), (True, 1)]
    assert [whole_number(value) for value, _ in wholes] == [number for _, number in wholes]
    assert [whole_number(value) for value in ("3.5", 3.5, "three", "", None, math.nan, math.inf, "3e2")] == [None] * 8


@pytest.mark.parametrize(
    "value, number", [("pos", 1), ("POS ", 1), (1, 1), ("1", 1), (1.0, 1), (np.int64(0), 0), (False, 0)]
)
def test_a_label_is_known_by_name_or_number(value, number):
    assert label_id({}, "label", value, ("neg", "pos")) == number


def test_a_number_among_names_that_are_numbers_is_a_name():
    stars = ("1", "2", "3", "4", "5")
    assert [label_id({}, "label", value, stars) for value in (1, "5", 3.0)] == [0, 4, 2]
    for value in (0, 6, "0"):
        with pytest.raises(DataError, match="is not known; labels are '1', '2', '3', '4', '5'$"):
            label_id({}, "label", value, stars)


# ------------------------------------------------------------------------------------------- several at once

EMOTIONS = ("anger", "joy", "fear")


@pytest.mark.parametrize(
    "value, vector",
    [
        ("joy,anger", [1, 1, 0]), ("joy; fear", [0, 1, 1]), ("joy|fear", [0, 1, 1]), ("", [0, 0, 0]), ([], [0, 0, 0]),
        ("['joy', 'fear']", [0, 1, 1]), ("[0, 2]", [1, 0, 1]), ("[0 2]", [1, 0, 1]), ("0,2", [1, 0, 1]),
        (["joy", 2], [0, 1, 1]), (np.array([0, 2]), [1, 0, 1]), ({"joy"}, [0, 1, 0]), (2, [0, 0, 1]),
        ([0.0, 1.0, 0.0], [0, 1, 0]), ([1, 1, 0], [1, 1, 0]), ([0, 0, 1], [0, 0, 1]), ([True, False, True], [1, 0, 1]),
        (np.array([0.0, 1.0, 1.0]), [0, 1, 1]),
    ],
)  # fmt: skip
def test_several_labels_are_a_list_or_a_vector(value, vector):
    assert label_vector({}, "label", value, EMOTIONS) == vector


@pytest.mark.parametrize(
    "value, labels, message",
    [
        ([0, 1], ("a", "b"), "could be the numbers of labels, or 0 and 1 for each label"),
        ([1.0, 0.0], EMOTIONS, "holds 2 numbers 0 and 1, but there are 3 labels"),
        ([1, 1], EMOTIONS, "holds 2 numbers 0 and 1"),
        ([0.2, 0.9, 0.1], EMOTIONS, "label 0.2 is not known"),
        ("joy,rage", EMOTIONS, "label 'rage' is not known"),
        ([["joy"]], EMOTIONS, "is not known"),
        (3.5, EMOTIONS, "is not a list of labels"),
    ],
)
def test_lists_that_are_neither_are_refused(value, labels, message):
    with pytest.raises(DataError, match=message):
        label_vector({}, "label", value, labels)


def test_the_labels_of_a_set_are_split_as_its_cells_are():
    assert labels_of(["joy", "joy, anger", ""], "multilabel") == ("anger", "joy")
    assert labels_of(["3,10", "27", "3"], "multilabel") == tuple(map(str, range(28)))
    assert labels_of([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]], "multilabel") == ("0", "1", "2")
    assert labels_of([[0, 1], [1, 1], [0, 0]], "multilabel") == ("0", "1")
    with pytest.raises(DataError, match="row 1: its label has one place"):
        labels_of([[0.0, 1.0], [1.0, 0.0, 1.0]], "multilabel")


def test_a_word_without_a_tag_is_named(tokenizer):
    row = Row({"tokens": ["a", "b"], "tags": ["B-X", None]}, "a.jsonl, line 3")
    with pytest.raises(DataError, match="a.jsonl, line 3, column 'tags': word 2 has no tag"):
        infer_task("tagging", [row])
    with pytest.raises(DataError, match="a.jsonl, line 3, column 'tags': the word 'b' has no tag"):
        encode([row], Task("tagging", ("O", "B-X")), tokenizer)


@pytest.mark.parametrize("value, message", [("1e300", "too large"), ("2,5", "decimal point"), ("x", "not a number")])
def test_numbers_that_cannot_be_learnt_are_refused(tokenizer, value, message):
    with pytest.raises(DataError, match=f"row 1, column 'label': .*{message}"):
        encode(rows([value]), Task("regression"), tokenizer)
    assert encode(rows([-1]), Task("regression"), tokenizer)[0]["labels"] == -1.0
