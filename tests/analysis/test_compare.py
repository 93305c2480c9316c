"""Two models side by side: against loops over their texts, and a model against itself."""

import copy

import pytest
import torch
from analysis_cases import small_lab
from model_cases import HEADS, LAYERS, randomize

from bertlab.analysis import compare, geometry

TEXTS = ["the cats sat on a mat.", "who ran? a dog", "he"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    lab = small_lab(tmp_path_factory.mktemp("other"))
    before = copy.deepcopy(lab.model.state_dict())
    randomize(lab.model, seed=5)
    with torch.no_grad():
        for name, value in lab.model.state_dict().items():
            value.copy_(before[name] + 0.7 * value)
    return lab


def test_a_model_against_itself_is_the_same(lab):
    found = compare.models(lab, lab, TEXTS)
    assert torch.allclose(found.cka, torch.ones(LAYERS + 1), atol=1e-5)
    assert torch.allclose(found.cosine, torch.ones(LAYERS + 1), atol=1e-5)
    assert not bool(found.attention.any()) and found.changed == []


def test_everything_is_what_a_loop_over_the_texts_finds(lab, other):
    found = compare.models(lab, other, TEXTS)
    ours, theirs = ([one.record(text) for text in TEXTS] for one in (lab, other))
    for state in range(LAYERS + 1):
        x, y = (torch.cat([recording.hidden(state)[0] for recording in one]) for one in (ours, theirs))
        assert float(found.cka[state]) == pytest.approx(geometry.cka(x, y), abs=1e-5)
        assert float(found.cosine[state]) == pytest.approx(float(torch.cosine_similarity(x, y).mean()), abs=1e-5)
    for layer in range(LAYERS):
        half = torch.cat(
            [(a.attention(layer) - b.attention(layer))[0].abs().sum(-1) / 2 for a, b in zip(ours, theirs)], 1
        )
        assert torch.allclose(found.attention[layer], half.mean(1), atol=1e-5)
    changed = []
    for text, a, b in zip(TEXTS, ours, theirs):
        for place in range(len(a.tokens)):
            before, after = (int(one.output.prediction_logits[0, place].argmax()) for one in (a, b))
            if before != after:
                changed.append((text, place, *lab.tokenizer.convert_ids_to_tokens([before, after])))
    assert changed and [(c.text, c.place, c.before, c.after) for c in found.changed] == changed
    assert found.tokens == sum(len(a.tokens) for a in ours)


def test_heads_that_are_gone_in_one_of_them_are_nan(lab, tmp_path):
    pruned = small_lab(tmp_path)
    pruned.model.prune_heads({1: [2], 2: [0, 1, 2, 3]})
    found = compare.models(lab, pruned, TEXTS)
    gone = torch.zeros(LAYERS, HEADS, dtype=torch.bool)
    gone[1, 2] = gone[2] = True
    assert torch.equal(found.attention.isnan(), gone)
    assert not bool(found.attention[0].any())


def test_items_behind_the_vocabulary_are_no_prediction(lab, tmp_path):
    wide = small_lab(tmp_path)
    wide.model.resize_token_embeddings(len(wide.tokenizer) + 9)
    with torch.no_grad():
        wide.model.cls.predictions.bias[len(wide.tokenizer) :] = 1e4
    assert compare.models(lab, wide, TEXTS).changed == []


def test_models_that_cannot_be_compared_are_refused(lab, tmp_path):
    for changes, message in (
        ({"num_hidden_layers": 2}, "3 layers and other 2"),
        ({"num_attention_heads": 2}, "4 heads"),
    ):
        other = small_lab(tmp_path, **changes)
        other.name = "other"
        with pytest.raises(ValueError, match=message):
            compare.models(lab, other, TEXTS)
    foreign = small_lab(tmp_path)
    foreign.tokenizer.add_tokens(["new"])
    with pytest.raises(ValueError, match="different vocabularies"):
        compare.models(lab, foreign, TEXTS)
    with pytest.raises(ValueError, match="no texts"):
        compare.models(lab, lab, [])


def test_models_of_another_width_have_no_cosine(lab, tmp_path):
    wide = small_lab(tmp_path, hidden_size=32)
    found = compare.models(lab, wide, TEXTS)
    assert bool(found.cosine.isnan().all()) and bool(found.cka.isfinite().all())
