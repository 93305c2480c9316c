"""Probes: what is there to be read, what is chance, and what a control task says."""

import numpy as np
import pytest
import torch
from analysis_cases import small_lab

from bertlab.analysis.probing import control_labels, each_layer, probe, probe_layers

ROWS = [
    {"tokens": ["the", "cats", "sat", "."], "tags": ["DET", "NOUN", "VERB", "PUNCT"]},
    {"tokens": ["a", "dog", "", "ran"], "tags": ["DET", "NOUN", "X", "VERB"]},
    {"tokens": ["who", "is", "she", "?"], "tags": ["PRON", "VERB", "PRON", "PUNCT"]},
    {"tokens": ["a", "big", "house"], "tags": ["DET", "ADJ", "NOUN"]},
] * 3  # fmt: skip


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def labels(rows, seed=0):
    """Labels of which one is far more frequent than the others."""
    return np.random.default_rng(seed).choice(4, size=rows, p=[0.6, 0.2, 0.15, 0.05]).tolist()


def test_random_features_are_near_the_majority_when_few_and_below_when_many():
    few, many = (probe(drawn(3000, size), labels(3000)) for size in (5, 384))
    assert abs(few.accuracy - few.majority) < 0.01
    assert few.majority == pytest.approx(0.6, abs=0.03)
    assert many.majority - many.accuracy > 0.05


def test_one_hot_features_are_read_without_a_fault():
    names = [["O", "B", "I", "rare"][label] for label in labels(500)]
    names[:2] = ["twice", "twice"]
    one_hot = torch.tensor([[float(name == other) for other in sorted(set(names))] for name in names])
    assert probe(one_hot, names).accuracy == 1
    assert probe(one_hot, names, control=control_labels(names, 3), seed=4).control_accuracy == 1


def test_selectivity_is_what_is_left_of_the_accuracy():
    words = [f"w{number % 40}" for number in range(800)]
    tags = [number % 3 for number in range(800)]
    features = torch.tensor([[float(tag == n) for n in range(3)] for tag in tags]) + 0.01 * drawn(800, 3)
    found = probe(features, tags, control=control_labels(words, 3, seed=1))
    assert found.accuracy == 1 and found.selectivity == found.accuracy - found.control_accuracy
    assert probe(features, tags).selectivity is None


def test_groups_are_held_out_whole():
    groups = [number // 5 for number in range(300)]
    features = torch.nn.functional.one_hot(torch.tensor(groups)).float()
    own = [group % 2 for group in groups]  # known of a group that was seen, not of one that was not
    assert probe(features, own).accuracy == 1
    assert probe(features, own, groups=groups).accuracy < 0.8


def test_the_same_seed_holds_the_same_rows_out():
    state = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, two, other = (probe(drawn(200, 6), labels(200), seed=seed) for seed in (1, 1, 2))
    assert one == two != other
    assert torch.equal(state[0], torch.get_rng_state()) and (state[1] == np.random.get_state()[1]).all()


def test_a_word_type_has_one_class_whatever_the_order():
    words = ["the", "cat", "the", "dog", "cat"] + [f"w{n}" for n in range(200)]
    classes = control_labels(words, 5, 0)
    assert classes[0] == classes[2] and classes[1] == classes[4]
    assert set(classes) == set(range(5))
    assert control_labels(words[::-1], 5, 0) == classes[::-1]
    assert control_labels(words, 5, 1) != classes


def test_every_layer_is_probed_for_the_first_piece_of_each_word(tmp_path):
    lab = small_lab(tmp_path)
    told = []
    found = probe_layers(lab, ROWS, progress=told.append)
    assert len(found) == 4 and told == sorted(told) and told[-1] == 1
    assert all(0 <= one.accuracy <= 1 and one.control_accuracy is not None for one in found)
    features, tags, words, groups = [], [], [], []
    for number, row in enumerate(ROWS):
        encoding = lab.tokenizer(row["tokens"], is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            hidden = lab.model.bert(**encoding, output_hidden_states=True).hidden_states[2][0]
        first = {}
        for place, word in enumerate(encoding.word_ids(0)):
            if word is not None:
                first.setdefault(word, place)
        for word, place in first.items():
            features.append(hidden[place])
            tags.append(row["tags"][word])
            words.append(row["tokens"][word].replace("cats", "cat ##s"))
            groups.append(number)
    assert "X" not in tags
    control = control_labels(words, len(set(tags)), 0)
    assert found[2] == probe(torch.stack(features), tags, control=control, groups=groups)


def test_the_tags_of_a_task_are_found_in_their_column(tmp_path):
    lab = small_lab(tmp_path)
    rows = [{"tokens": row["tokens"], "pos_tags": [0] * len(row["tags"]), "ner_tags": row["tags"]} for row in ROWS]
    assert probe_layers(lab, rows, task="ner") == probe_layers(lab, ROWS)
    with pytest.raises(LookupError, match="no 'tags' and no 'chunk_tags'"):
        probe_layers(lab, rows, task="chunk")


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda lab: probe(drawn(4, 2), [0, 1]), ValueError, "2 labels for 4 rows"),
        (lambda lab: probe(drawn(4, 2), [1] * 4), ValueError, "labels are all 1"),
        (lambda lab: probe(drawn(4, 2), [0, 1, 0, 1], groups=[3] * 4), ValueError, "groups are all 3"),
        (lambda lab: probe(drawn(4, 2), [0, 1, 2, 3]), ValueError, "every label has one row"),
        (lambda lab: probe(drawn(4, 2) / 0, [0, 1, 0, 1]), ValueError, "features of row 0 are not all finite"),
        (lambda lab: probe(drawn(4), [0, 1, 0, 1]), ValueError, r"features have shape \(4,\)"),
        (lambda lab: control_labels(["a"], 1), ValueError, "classes is 1"),
        (lambda lab: control_labels([], 3), ValueError, "no words"),
        (lambda lab: probe_layers(lab, []), ValueError, "no rows to learn from"),
        (lambda lab: probe_layers(lab, [{"text": "a"}]), LookupError, "no list of 'tokens'"),
        (lambda lab: probe_layers(lab, [{"tokens": ["a"], "tags": []}]), ValueError, "1 tokens but other tags"),
        (
            lambda lab: probe_layers(lab, [{"tokens": ["a"] * 40, "tags": ["X"] * 40}]),
            ValueError,
            "sentence 0 has 42 tokens",
        ),
    ],
)
def test_bad_input_is_named(call, error, message, tmp_path):
    with pytest.raises(error, match=message):
        call(small_lab(tmp_path))


def test_layers_come_one_by_one_to_whoever_wants_to_stop(tmp_path):
    lab = small_lab(tmp_path)
    found = each_layer(lab, ROWS)
    first = [next(found), next(found)]
    found.close()
    assert first == probe_layers(lab, ROWS)[:2]
