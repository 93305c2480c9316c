"""Mistakes tried on a text: each one bites, and leaves everything as it was."""

import inspect

import pytest
import torch
from analysis_cases import small_lab

import bertlab
from bertlab import bugs


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"), hidden_dropout_prob=0.2)


@pytest.mark.parametrize("name", bugs.MISTAKES)
@pytest.mark.parametrize("text", ["the cats sat on a mat.", "dog", "the " * 60])
def test_every_mistake_bites_and_leaves_lab_tokenizer_and_random_numbers_alone(lab, name, text):
    weights = {key: value.clone() for key, value in lab.model.state_dict().items()}
    state, modes = torch.get_rng_state(), [module.training for module in lab.model.modules()]
    found = bugs.try_on(lab, text, name)
    assert 0 < found.change <= 1
    assert found.before.shape == found.after.shape == (len(found.tokens), lab.model.config.vocab_size)
    assert torch.allclose(found.before.sum(-1), torch.ones(len(found.tokens)), atol=1e-5)
    distance = (found.before - found.after).abs().sum(-1) / 2
    assert found.change == pytest.approx(float(distance.mean()), abs=1e-6)
    assert torch.equal(state, torch.get_rng_state())
    assert modes == [module.training for module in lab.model.modules()]
    assert all(torch.equal(value, weights[key]) for key, value in lab.model.state_dict().items())
    assert (lab.tokenizer.padding_side, lab.tokenizer.do_lower_case) == ("right", True)


@pytest.mark.parametrize("name", bugs.MISTAKES)
def test_what_is_predicted_without_the_mistake_is_what_the_lab_predicts(lab, name):
    found = bugs.try_on(lab, "the cats sat on a mat.", name)
    recording = lab.record(found.text)
    expected = recording.output.prediction_logits[0].softmax(-1)
    places = [recording.tokens.index(token) for token in found.tokens if recording.tokens.count(token) == 1]
    kept = [at for at, token in enumerate(found.tokens) if recording.tokens.count(token) == 1]
    assert torch.allclose(found.before[kept], expected[places], atol=1e-5)


@pytest.mark.parametrize("name", [name for name in bugs.MISTAKES if name != "missing_special_tokens"])
def test_every_text_is_framed_by_its_special_tokens_but_where_they_are_missing(lab, name):
    tokens = bugs.try_on(lab, "the cats sat on a mat.", name).tokens
    assert [tokens[0], tokens[-1]] == ["[CLS]", "[SEP]"]
    bare = bugs.try_on(lab, "the cats sat on a mat.", "missing_special_tokens").tokens
    assert not {"[CLS]", "[SEP]"} & set(bare)


def test_the_same_mistake_twice_is_the_same(lab):
    one, other = (bugs.try_on(lab, "the cat", "forgotten_eval") for _ in range(2))
    assert torch.equal(one.after, other.after)


def test_a_cased_model_loses_its_capitals(tmp_path):
    cased = small_lab(tmp_path)
    tokenizer = bertlab.BertTokenizerFast(tmp_path / "vocab.txt", do_lower_case=False, model_max_length=31)
    lab = bertlab.Lab(cased.model, tokenizer, name="cased")
    assert bugs.try_on(lab, "the cat sat", "wrong_case").change > 0


def test_every_mistake_says_how_it_happens():
    for name, mistake in bugs.MISTAKES.items():
        assert "It happens" in inspect.getdoc(mistake), name
        assert getattr(bugs, name) is mistake


def test_bad_input_is_named(lab, tmp_path):
    for call, error, message in (
        (
            lambda: bugs.try_on(lab, "the cat", "forgotten"),
            LookupError,
            "no mistake 'forgotten'; there are forgotten_mask",
        ),
        (lambda: bugs.try_on(lab, ["the cat"], "padding_left"), TypeError, "the text is a list"),
        (lambda: bugs.try_on(lab, "  ", "padding_left"), ValueError, "has no words"),
    ):
        with pytest.raises(error, match=message):
            call()
    one_segment = small_lab(tmp_path, type_vocab_size=1)
    with pytest.raises(ValueError, match="one segment only"):
        bugs.try_on(one_segment, "the cat", "swapped_segments")
