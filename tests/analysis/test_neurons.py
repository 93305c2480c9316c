"""Neurons: what they promote, what moves them, and a model without them."""

import pytest
import torch
from analysis_cases import largest_difference, run, small_lab
from model_cases import INTERMEDIATE, inputs, tiny

from bertlab import record
from bertlab.analysis import neurons
from bertlab.recording import HookPoint

TEXTS = ["the cats sat on a mat.", "who ran? a dog", "paris is the capital of france"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


def test_the_words_of_a_neuron_are_its_output_weights_through_the_vocabulary_head(lab):
    weights = lab.model.bert.encoder.layer[1].output.dense.weight[:, 36]
    expected = lab.model.cls.predictions(weights).detach().topk(5)
    found = neurons.words(lab.model, 1, 36, 5)
    assert [word.token_id for word in found] == expected.indices.tolist()
    assert [word.logit for word in found] == pytest.approx(expected.values.tolist(), abs=1e-5)


@pytest.mark.parametrize("special", [True, False])
def test_the_strongest_contexts_are_those_of_a_loop_over_all_tokens(lab, special, monkeypatch):
    monkeypatch.setattr("bertlab.analysis.states.TOKENS_PER_PASS", 20)
    found = neurons.strongest(lab, TEXTS, 1, 4, special=special)
    assert len(found) == INTERMEDIATE and {len(contexts) for contexts in found} == {4}
    seen = []
    for text in TEXTS:
        recording = lab.record(text)
        activated = recording["encoder.layer.1.intermediate.activated"][0]
        for place, token in enumerate(recording.tokens):
            if special or token not in ("[CLS]", "[SEP]"):
                seen.append((text, place, token, activated[place]))
    for neuron in (0, 17, INTERMEDIATE - 1):
        best = sorted(seen, key=lambda item: -float(item[3][neuron]))[:4]
        assert [c.activation for c in found[neuron]] == pytest.approx([float(b[3][neuron]) for b in best], abs=1e-5)
        assert (found[neuron][0].text, found[neuron][0].place, found[neuron][0].token) == best[0][:3]


def test_a_neuron_that_is_ablated_adds_nothing_and_comes_back():
    model = tiny("BertForPreTraining")
    before = run(model, inputs()).prediction_logits
    with neurons.ablate(model, [(0, 3), (2, 36), (0, 5)]), record(model, "*.activated") as recording:
        assert largest_difference(run(model, inputs()).prediction_logits, before) > 1e-4
    assert not bool(recording["encoder.layer.0.intermediate.activated"][..., [3, 5]].any())
    assert not bool(recording["encoder.layer.2.intermediate.activated"][..., 36].any())
    assert bool(recording["encoder.layer.0.intermediate.activated"][..., 4].any())
    with neurons.ablate(model, []):
        assert torch.equal(run(model, inputs()).prediction_logits, before)
    assert torch.equal(run(model, inputs()).prediction_logits, before)
    assert not [m for m in model.modules() if isinstance(m, HookPoint) and m.listened]


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda lab: neurons.words(lab.model, 3, 0, 1), ValueError, "layer is 3; allowed are 0 to 2"),
        (lambda lab: neurons.words(lab.model, 0, 37, 1), ValueError, "neuron is 37; allowed are 0 to 36"),
        (lambda lab: neurons.words(lab.model, 0, 0, 99), ValueError, "k is 99"),
        (lambda lab: neurons.words(lab.model.bert, 0, 0, 1), LookupError, "BertModel has no vocabulary head"),
        (lambda lab: neurons.strongest(lab, [], 0, 1), ValueError, "no texts"),
        (lambda lab: neurons.strongest(lab, ["cat"], 0, 4), ValueError, "k is 4; .*the texts have 3 tokens"),
        (lambda lab: neurons.ablate(lab.model, [3]).__enter__(), TypeError, "given was 3"),
        (lambda lab: neurons.ablate(lab.model, [(0, -1)]).__enter__(), ValueError, "neuron is -1"),
    ],
)
def test_bad_input_is_named(lab, call, error, message):
    with pytest.raises(error, match=message):
        call(lab)
