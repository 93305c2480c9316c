"""Nano settings: they start at chance, learn on the engine's generators, and repeat under a seed."""

import math
from itertools import islice

import pytest
import torch

from bertlab.nano import SETTINGS, agreement, real_text, reversal


@pytest.mark.parametrize("name", SETTINGS)
def test_a_nano_model_is_small_knows_nothing_and_is_judged_at_intervals(name):
    nano = SETTINGS[name]()
    assert 0.1e6 <= sum(parameter.numel() for parameter in nano.model.parameters()) <= 3e6
    assert nano.lines["ln V"] == math.log(len(nano.tokenizer))
    figures = nano.measure()
    assert figures.get("loss", figures.get("masked_loss")) > 0.8 * nano.lines["ln V"]
    records = list(islice(nano.train(steps=4, evaluate_every=2, batch_size=8), 3))
    assert [record.step for record in records] == [1, 2, 3]
    assert [record.evaluation is not None for record in records] == [False, True, False]
    assert nano.metric in records[1].evaluation


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_seed_gives_the_same_losses_and_another_seed_others(name):
    def losses(seed):
        return [record.loss for record in SETTINGS[name](seed=seed).train(steps=3, batch_size=8, seed=seed)]

    runs = [losses(seed) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


def test_reversal_is_learnt_and_its_cross_attention_runs_from_corner_to_corner():
    nano = reversal(pairs=3000)
    assert nano.measure()["letters"] < 15
    assert list(nano.train(steps=90, evaluate_every=90))[-1].evaluation["letters"] > 75
    source = torch.tensor([nano.tokenizer.convert_tokens_to_ids("[CLS] b a d c e f [SEP]".split())])
    target = torch.tensor([nano.tokenizer.convert_tokens_to_ids("[CLS] f e c d a".split())])
    weights = nano.model.cross_attention(source, target)  # (layers, heads, target, source)
    assert weights.shape == (1, 4, 6, 8)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 4, 6))
    backwards = [6 - row for row in range(6)]
    follows = (weights[0].argmax(-1) == torch.tensor(backwards)).float().mean(-1)  # share of rows, by head
    assert follows.max() > 0.6


def test_agreement_masks_every_verb_and_knows_its_baselines():
    nano = agreement(sentences=200)
    assert nano.chance["accuracy"] == 50
    assert {"majority", "first noun", "nearest noun"} <= set(nano.chance)
    figures = nano.measure()
    assert 35 < figures["accuracy"] < 65 and "attractors_1" in figures


def test_real_text_is_judged_against_the_unigram_entropy_of_what_is_held_out():
    nano = real_text(texts=["the cat sat on the mat."] * 30, validation=["the cat sat on the mat."] * 4, vocabulary=60)
    expected = -(2 / 7 * math.log(2 / 7) + 5 / 7 * math.log(1 / 7))
    assert nano.lines["unigram entropy"] == pytest.approx(expected)
    last = list(nano.train(steps=60, evaluate_every=60, batch_size=16))[-1]
    assert last.evaluation["masked_loss"] < nano.lines["unigram entropy"]


def test_wrong_settings_are_refused():
    with pytest.raises(LookupError, match="no setting 'speed'"):
        next(agreement(sentences=64).train(speed=1))
    with pytest.raises(ValueError, match="epochs have no fixed length"):
        next(reversal(pairs=64).train(epochs=1))
