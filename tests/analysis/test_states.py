"""Vectors of texts: pooled over real tokens, the same in any company and order."""

import numpy as np
import pytest
import torch
from analysis_cases import small_lab

TEXTS = ["the cat sat on a mat.", "dogs", "", "paris is the capital of france, who ran?", "he"]


def embed(lab, texts, **options):
    return lab.embed(texts, **options)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


@pytest.mark.parametrize("layer", [0, 1, 3, -1, -4, np.int64(2)])
def test_vectors_are_pooled_from_the_hidden_states_of_real_tokens(lab, layer):
    for number, text in enumerate(TEXTS):
        hidden = lab.record(text).hidden(int(layer))[0]
        expected = {"mean": hidden.mean(0), "max": hidden.amax(0), "cls": hidden[0]}
        expected["pooler"] = lab.model.bert.pooler(hidden[None])[0].detach()
        for pooling, vector in expected.items():
            found = embed(lab, TEXTS, layer=layer, pooling=pooling)
            assert found.shape == (5, 24) and not found.requires_grad
            assert torch.allclose(found[number], vector, atol=1e-5), (text, pooling)


def test_one_string_is_one_row(lab):
    assert embed(lab, TEXTS[0]).shape == (1, 24)
    assert torch.allclose(embed(lab, TEXTS[0]), embed(lab, TEXTS)[:1], atol=1e-6)


def test_the_side_that_the_tokenizer_pads_makes_no_difference(lab):
    expected = embed(lab, TEXTS, pooling="cls")
    lab.tokenizer.padding_side = "left"
    try:
        assert torch.allclose(embed(lab, TEXTS, pooling="cls"), expected, atol=1e-6)
    finally:
        lab.tokenizer.padding_side = "right"


def test_the_last_layer_is_that_of_the_model(lab):
    with torch.no_grad():
        output = lab.model.bert(**lab.encode(TEXTS[3]))
    assert torch.allclose(embed(lab, TEXTS[3], pooling="pooler"), output.pooler_output, atol=1e-5)
    assert torch.allclose(embed(lab, TEXTS[3], pooling="cls"), output.last_hidden_state[:, 0], atol=1e-5)


def test_progress_is_told_and_can_stop(lab):
    told = []
    embed(lab, TEXTS, progress=told.append)
    assert told == sorted(told) and told[-1] == 1

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(lab, TEXTS, progress=stop)


@pytest.mark.parametrize(
    "texts, options, error, message",
    [
        ([], {}, ValueError, "there are no texts"),
        (["a", None], {}, TypeError, "text 1 is a NoneType"),
        (7, {}, TypeError, "a list of strings, not int"),
        ({"a": "b"}, {}, TypeError, "not dict"),
        (["the " * 30], {}, ValueError, "text 0 has 32 tokens .* at most 31"),
        ("a", {"layer": 4}, ValueError, "layer is 4"),
        ("a", {"layer": -5}, ValueError, "layer is -5"),
        ("a", {"layer": 1.0}, TypeError, "layer is 1.0"),
        ("a", {"layer": True}, TypeError, "layer is True"),
        ("a", {"pooling": "last"}, ValueError, "pooling is 'last'"),
    ],
)
def test_bad_input_is_named(lab, texts, options, error, message):
    with pytest.raises(error, match=message):
        embed(lab, texts, **options)
