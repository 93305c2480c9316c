"""The metrics against hand-counted cases and against libraries that count them too."""

import random

import numpy as np
import pytest

from bertlab import metrics


def test_accuracy_and_correlations_are_percentages():
    assert metrics.accuracy([1, 0, 1, 1], [1, 1, 1, 1]) == 75.0
    assert metrics.correlations([1.0, 2.0, 3.0], [10.0, 20.0, 40.0])["spearman"] == pytest.approx(100.0)
    assert metrics.correlations([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) == {"spearman": 0.0, "pearson": 0.0}
    assert metrics.matthews([1, 0, 1, 0], [1, 0, 0, 1]) == 0.0


def test_macro_f1_weighs_labels_equally():
    assert metrics.macro_f1([0, 0, 0, 0], [0, 0, 0, 1], 2) == pytest.approx(100 * (6 / 7 + 0) / 2)
    scores = metrics.multilabel_f1(np.array([[1, 0], [1, 1]]), np.array([[1, 1], [1, 0]]))
    assert scores == {"macro_f1": 50.0, "micro_f1": pytest.approx(100 * 4 / 6)}


@pytest.mark.parametrize(
    "tags, expected",
    [
        ("O B-PER I-PER O", [("PER", 1, 3)]),
        ("B-PER B-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("I-PER I-PER O I-LOC", [("PER", 0, 2), ("LOC", 3, 4)]),
        ("B-PER I-LOC I-LOC", [("PER", 0, 1), ("LOC", 1, 3)]),
        ("O O", []),
        ("", []),
        ("B-PER E-PER O S-LOC", [("PER", 0, 2), ("LOC", 3, 4)]),
        ("B-PER I-PER L-PER O U-LOC U-LOC", [("PER", 0, 3), ("LOC", 4, 5), ("LOC", 5, 6)]),
        ("B-PER M-PER E-PER W-LOC", [("PER", 0, 3), ("LOC", 3, 4)]),
        ("I-PER B-PER I-PER", [("PER", 0, 1), ("PER", 1, 3)]),
        ("E-PER E-PER I-PER", [("PER", 0, 1), ("PER", 1, 2), ("PER", 2, 3)]),
        ("S-PER I-PER E-LOC", [("PER", 0, 1), ("PER", 1, 2), ("LOC", 2, 3)]),
        ("B I O B B", [("", 0, 2), ("", 3, 4), ("", 4, 5)]),
        ("B-per-son I-per-son I-per", [("per-son", 0, 2), ("per", 2, 3)]),
        ("B_PER I_PER NOUN X LOC", [("PER", 0, 2)]),
    ],
)
def test_spans_are_read_as_the_conll_script_reads_them(tags, expected):
    assert metrics.spans(tags.split()) == expected


def test_span_f1_counts_whole_entities():
    scores = metrics.span_f1([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "I-PER", "O", "B-ORG"]])
    assert scores == {"span_f1": 50.0, "precision": 50.0, "recall": 50.0}
    assert metrics.span_f1([["O"]], [["B-PER"]])["span_f1"] == 0.0


def test_a_missed_word_alone_counts_as_an_entity():
    scores = metrics.span_f1([["B-PER", "E-PER", "O", "O"]], [["B-PER", "E-PER", "O", "S-LOC"]])
    assert scores == {"span_f1": pytest.approx(200 / 3), "precision": 100.0, "recall": 50.0}


@pytest.mark.parametrize(
    "labels, entities",
    [
        ("O B-PER I-PER", True), ("I-PER O I-LOC", True), ("B I O", True), ("I O", True), ("O S-LOC", True),
        ("O U-LOC L-LOC", True), ("B-PER X [CLS] [SEP] O", True), ("NOUN VERB ADJ", False), ("O PER LOC", False),
        ("B C D", False), ("O", False), ("", False), ("LABEL_0 LABEL_1", False), ("B- O", False),
    ],
)  # fmt: skip
def test_labels_of_entities_are_known_by_their_scheme(labels, entities):
    assert metrics.has_entities(labels.split()) is entities


def test_nothing_has_no_share():
    with pytest.raises(ValueError, match="0 predictions"):
        metrics.accuracy([], [])


def test_span_f1_agrees_with_seqeval():
    seqeval = pytest.importorskip("seqeval.metrics")
    generator = random.Random(0)
    tags = ["O", *(f"{place}-{name}" for place in "BIES" for name in ("PER", "LOC", "A-B"))]
    for _ in range(30):
        lengths = [generator.randint(1, 15) for _ in range(8)]
        one, two = ([[generator.choice(tags) for _ in range(n)] for n in lengths] for _ in range(2))
        assert metrics.span_f1(one, two)["span_f1"] == pytest.approx(100 * seqeval.f1_score(two, one))


def test_answers_are_compared_as_squad_compares_them():
    assert metrics.normalize_answer("The  Cat's, hat!") == "cats hat"
    scores = metrics.squad_scores(["the cat", "dog house", "", "x"], [["Cat."], ["a dog", "house of dogs"], [], [""]])
    assert scores["exact_match"] == 50.0
    assert scores["f1"] == pytest.approx(100 * (1 + 2 / 3 + 1 + 0) / 4)


def test_lists_of_different_lengths_are_refused():
    for metric in (metrics.accuracy, metrics.matthews, metrics.span_f1, metrics.squad_scores):
        with pytest.raises(ValueError, match="one for each"):
            metric([1], [1, 2])
