"""The usual mistakes: each does what its name says, to a copy."""

import pytest
import torch
from analysis_cases import small_lab

from bertlab import bugs


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture
def batch(lab):
    return lab.tokenizer(["the cats sat", "who ran"], ["he", "a big mat"], padding=True, return_tensors="pt")


def tokens(lab, batch, row):
    return lab.tokenizer.convert_ids_to_tokens(batch["input_ids"][row].tolist())


def test_a_forgotten_mask_is_not_there(batch):
    changed = bugs.forgotten_mask(batch)
    assert "attention_mask" not in changed and torch.equal(changed["input_ids"], batch["input_ids"])


def test_swapped_segments_are_the_other_way_round(batch):
    assert torch.equal(bugs.swapped_segments(batch)["token_type_ids"], 1 - batch["token_type_ids"])
    assert bugs.swapped_segments({"input_ids": torch.ones(1, 3, dtype=torch.long)})["token_type_ids"].tolist() == [
        [1] * 3
    ]


def test_shifted_positions_begin_at_one(batch):
    changed = bugs.shifted_positions(batch)
    assert changed["position_ids"].tolist() == [list(range(1, 9))] * 2


def test_padding_goes_to_the_left_with_its_mask(lab, batch):
    changed = bugs.padding_left(batch)
    for row in range(2):
        kept = [t for t in tokens(lab, batch, row) if t != "[PAD]"]
        assert [t for t, real in zip(tokens(lab, changed, row), changed["attention_mask"][row]) if real] == kept
    assert changed["attention_mask"].diff(dim=1).min() >= 0
    alone = lab.encode("the cat")
    assert torch.equal(bugs.padding_left(alone)["input_ids"], alone["input_ids"])


def test_truncation_ends_in_the_texts_own_sep(lab, batch):
    changed = bugs.silent_truncation(batch, 5)
    assert [tokens(lab, changed, row) for row in range(2)] == [
        ["[CLS]", "the", "cat", "##s", "[SEP]"], ["[CLS]", "who", "ran", "[SEP]", "[SEP]"],
    ]  # fmt: skip
    assert bugs.silent_truncation(batch)["input_ids"].shape == (2, 4)
    whole = bugs.silent_truncation(batch, 50)
    assert torch.equal(whole["input_ids"], batch["input_ids"])


def test_special_tokens_are_missing_and_padding_is_not_counted(lab, batch):
    changed = bugs.missing_special_tokens(batch)
    assert [[t for t in tokens(lab, changed, row) if t != "[PAD]"] for row in range(2)] == [
        ["the", "cat", "##s", "sat", "he"], ["who", "ran", "a", "big", "mat"],
    ]  # fmt: skip
    assert changed["token_type_ids"].tolist() == [[0, 0, 0, 0, 1], [0, 0, 1, 1, 1]]
    with pytest.raises(ValueError, match="nothing but special tokens"):
        bugs.missing_special_tokens(lab.encode(""))


@pytest.mark.parametrize("name", [name for name in bugs.MISTAKES if name not in ("softmax_twice", "forgotten_eval")])
def test_what_is_given_stays_as_it_was(lab, batch, name):
    before = {key: value.clone() for key, value in batch.items()}
    padding, case = lab.tokenizer.padding_side, lab.tokenizer.do_lower_case
    if name in ("wrong_case", "other_vocabulary"):
        bugs.MISTAKES[name](lab, "The Cats sat")
    else:
        bugs.MISTAKES[name](batch)
    assert all(torch.equal(value, before[key]) for key, value in batch.items())
    assert (lab.tokenizer.padding_side, lab.tokenizer.do_lower_case) == (padding, case)


def test_an_uncased_model_does_not_know_capitals(lab):
    changed = bugs.wrong_case(lab, "The cats Sat")
    assert tokens(lab, changed, 0) == ["[CLS]", "[UNK]", "cat", "##s", "[UNK]", "[SEP]"]


def test_another_vocabulary_has_the_same_words_at_other_places(lab):
    right, wrong = lab.encode("the cats sat"), bugs.other_vocabulary(lab, "the cats sat")
    same = right["input_ids"] == wrong["input_ids"]
    assert same[0].tolist() == [True, False, False, False, False, True]
    assert int(wrong["input_ids"].max()) < len(lab.tokenizer)


def test_forgotten_eval_ends_and_restores_each_part(lab):
    lab.model.cls.train()
    try:
        with bugs.forgotten_eval(lab.model):
            assert all(module.training for module in lab.model.modules())
        assert lab.model.cls.training and not lab.model.bert.training
    finally:
        lab.model.eval()


def test_softmax_twice_is_flat_and_keeps_the_order():
    logits = torch.tensor([[4.0, 0.0, -2.0]])
    twice = bugs.softmax_twice(logits)
    assert torch.allclose(twice, logits.softmax(-1).softmax(-1)) and float(twice.max()) < 0.6
    assert twice.argmax() == logits.argmax()


@pytest.mark.parametrize(
    "batch, error, message",
    [
        ([1, 2], TypeError, "the batch is a list"),
        ({}, ValueError, "no input_ids"),
        ({"input_ids": [[1, 2]]}, TypeError, "input_ids is a list; tokenize with return_tensors"),
        ({"input_ids": torch.ones(2, 3, 4)}, ValueError, r"give \(batch, sequence\)"),
    ],
)
def test_what_is_no_batch_is_refused(batch, error, message):
    with pytest.raises(error, match=message):
        bugs.padding_left(batch)
