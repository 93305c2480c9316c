"""A set judged row by row: against one prediction after the other."""

import math

import pytest
import torch
from analysis_cases import small_lab
from model_cases import tiny

from bertlab.analysis import errors
from bertlab.data import DataError

LABELS = ("bad", "fair", "good")
ROWS = [
    {"text": "the cats sat on a mat.", "label": "good"},
    {"text": "who ran?", "label": "bad"},
    {"text": "a dog", "pair": "he is big", "label": 1},
    {"text": "paris is the capital of france", "label": [0.1, 0.2, 0.7]},
    {"text": "she ran", "label": "fair"},
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = small_lab(tmp_path_factory.mktemp("lab"))
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {name: n for n, name in enumerate(LABELS)}}
    size = {"vocab_size": lab.model.config.vocab_size, "type_vocab_size": 2}
    lab.add_task("mood", tiny("BertForSequenceClassification", num_labels=3, **names, **size))
    return lab


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_each_row_is_what_the_model_says_of_it_alone(lab, batch_size):
    found = errors.table(lab, ROWS, "mood", batch_size=batch_size)
    assert [row.number for row in found.rows] == list(range(5)) and found.labels == list(LABELS)
    gold = ["good", "bad", "fair", "good", "fair"]
    confusion = torch.zeros(3, 3, dtype=torch.long)
    for row, source, wanted in zip(found.rows, ROWS, gold):
        answer = lab.classify(source["text"], source.get("pair"), task="mood")
        assert row.source == source and row.gold == wanted and row.prediction == answer.label
        assert row.confidence == pytest.approx(answer.probabilities[answer.label], abs=1e-5)
        assert row.right == (answer.label == wanted)
        shares = source["label"] if isinstance(source["label"], list) else [float(name == wanted) for name in LABELS]
        loss = -sum(p * math.log(answer.probabilities[name]) for p, name in zip(shares, LABELS) if p)
        assert row.loss == pytest.approx(loss, abs=1e-5)
        confusion[LABELS.index(wanted), LABELS.index(answer.label)] += 1
    assert torch.equal(found.confusion, confusion)
    assert found.accuracy == pytest.approx(sum(row.right for row in found.rows) / 5)


def test_rows_stream_with_their_numbers_and_can_be_counted_on_the_way(lab):
    told, seen = [], []
    for row in errors.stream(lab, ROWS, "mood", batch_size=2, progress=told.append):
        seen.append(row)
        assert errors.table_of(seen, LABELS).confusion.sum() == len(seen)
    assert sorted(row.number for row in seen) == list(range(5)) and told[-1] == 1


def judged(confidence, right):
    return errors.JudgedRow(0, {}, "a", "a" if right else "b", confidence, 0.0, right, False)


def test_calibration_sorts_by_confidence_and_weighs_the_gaps():
    rows = [judged(0.95, True), judged(0.91, False), judged(0.5, True), judged(1.0, True), judged(0.501, False)]
    found = errors.calibration(rows)
    assert [b.count for b in found.bins] == [0, 0, 0, 0, 1, 1, 0, 0, 0, 3]
    assert found.bins[4].high == 0.5 and found.bins[9].accuracy == pytest.approx(2 / 3)
    expected = (abs(1 - 0.5) + abs(0 - 0.501) + 3 * abs(2 / 3 - (0.95 + 0.91 + 1.0) / 3)) / 5
    assert found.expected_error == pytest.approx(expected)


def test_a_text_that_is_too_long_is_read_as_far_as_it_fits_and_says_so(lab):
    found = errors.table(lab, [{"text": "the " * 50, "label": "bad"}, {"text": "the " * 29, "label": "bad"}], "mood")
    assert [row.cut for row in found.rows] == [True, False]


@pytest.mark.parametrize(
    "rows, task, error, message",
    [
        ([], "mood", DataError, "no rows"),
        ([{"text": "he"}], "mood", DataError, "row 1 has no label"),
        ([{"text": "he", "label": "worse"}], "mood", DataError, "label 'worse' is not known"),
        (ROWS, "moods", LookupError, "no task 'moods'"),
        (ROWS, "pos", ValueError, "'pos' does not choose one of several labels"),
        (ROWS, "similarity", ValueError, "'similarity' does not choose"),
        (ROWS, "emotions", ValueError, "'emotions' does not choose"),
    ],
)
def test_bad_input_is_named(lab, rows, task, error, message):
    with pytest.raises(error, match=message):
        errors.table(lab, rows, task)


def test_rows_without_a_label_are_predicted_where_that_is_asked_for(lab):
    rows = [*ROWS[:2], {"text": "the dog sat"}, {"text": "he", "label": None}]
    found = sorted(errors.stream(lab, rows, "mood", labelled=False), key=lambda row: row.number)
    assert [row.gold for row in found] == ["good", "bad", None, None]
    assert [row.loss is None and row.right is None for row in found] == [False, False, True, True]
    assert found[2].prediction == lab.classify("the dog sat", task="mood").label
    table = errors.table_of(found, LABELS)
    assert len(table.rows) == 4 and table.confusion.sum() == 2
    assert table.accuracy == pytest.approx(sum(row.right for row in found[:2]) / 2)
    assert math.isnan(errors.table_of(found[2:], LABELS).accuracy)


def test_pairs_of_sentences_are_judged_by_the_head_of_pre_training(lab):
    rows = [
        {"text": "the cats sat.", "pair": "he is big", "label": "random"},
        {"text": "she ran on a mat", "pair": "who?", "label": 0},
    ]
    found = errors.table(lab, rows, "next_sentence")
    assert found.labels == ["next", "random"] and [row.gold for row in found.rows] == ["random", "next"]
    for row, source in zip(found.rows, rows):
        said = lab.next_sentence(source["text"], source["pair"]).probabilities
        shares = [said["is_next"], said["random"]]
        assert row.confidence == pytest.approx(max(shares), abs=1e-5)
        assert row.loss == pytest.approx(-math.log(shares[found.labels.index(row.gold)]), abs=1e-5)
    with pytest.raises(DataError, match="no second text"):
        errors.table(lab, [{"text": "he", "label": "next"}], "next_sentence")


def test_the_tasks_that_can_be_judged_are_listed(lab):
    names = errors.tasks_of(lab)
    assert names[0] == "mood" and {"sentiment", "inference", "next_sentence"} <= set(names)
    assert not {"emotions", "similarity", "pos", "qa"} & set(names)
