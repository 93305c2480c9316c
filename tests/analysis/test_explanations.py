"""Six explanations of one prediction: each is what its own module says, and ranks are scipy's."""

import pytest
import torch
from analysis_cases import small_lab
from model_cases import tiny

from bertlab.analysis import attention, attribution, targets
from bertlab.analysis.explanations import METHODS, compare
from bertlab.recording import record

TEXT = "the cats sat on a mat."


@pytest.fixture(scope="module", params=["whole", "pruned"])
def lab(request, tmp_path_factory):
    lab = small_lab(tmp_path_factory.mktemp("lab"))
    if request.param == "pruned":
        lab.model.prune_heads({0: [0, 1, 2, 3], 2: [1]})
    return lab


@pytest.mark.parametrize(
    "target, place", [(targets.masked_token(3), 3), (targets.next_sentence(1), 0), (targets.masked_token(2, 7), 2)]
)
def test_each_method_is_that_of_its_module_at_the_targets_place(lab, target, place):
    batch = lab.encode(TEXT)
    found = compare(lab.model, batch, target)
    assert found.place == place and tuple(found.scores) == METHODS
    with record(lab.model, "*.probs") as recording:
        lab.model.bert(**batch)
    index = found.target.index
    assert index is not None
    expected = {
        "attention": recording.attention(2)[0].mean(0)[place],
        "norm_weighted": attention.norm_weighted(lab.model, batch)[2][0].mean(0)[place],
        "rollout": attention.rollout(recording)[2, 0, place],
        "gradient_x_input": attribution.gradient_x_input(lab.model, batch, found.target).scores[0],
        "integrated_gradients": attribution.integrated_gradients(lab.model, batch, found.target).scores[0],
        "effect": attribution.occlusion(lab.model, batch, found.target, replacement="hide").scores[0],
    }
    for name, scores in expected.items():
        assert torch.allclose(found.scores[name], scores.detach(), atol=1e-5), name


def test_correlations_are_spearmans_over_all_tokens(lab):
    spearman = pytest.importorskip("scipy.stats").spearmanr
    found = compare(lab.model, lab.encode(TEXT), targets.masked_token(3))
    for one in METHODS:
        assert found.correlation[one][one] == pytest.approx(1)
        for other in METHODS:
            expected = spearman(found.scores[one].numpy(), found.scores[other].numpy())[0]
            assert found.correlation[one][other] == pytest.approx(float(expected), abs=1e-6)


def test_padding_does_not_count_in_the_ranks(lab):
    padded = lab.tokenizer(TEXT, padding="max_length", max_length=14, return_tensors="pt")
    found = compare(lab.model, padded, targets.masked_token(3))
    expected = compare(lab.model, lab.encode(TEXT), targets.masked_token(3))
    assert found.scores["effect"].shape == (14,)
    for one in METHODS:
        for other in METHODS:
            assert found.correlation[one][other] == pytest.approx(expected.correlation[one][other], abs=1e-3)


def test_answers_and_tags_have_their_place_and_classifiers_read_cls():
    batch = {"input_ids": torch.arange(1, 8)[None]}
    assert compare(tiny("BertForQuestionAnswering"), batch, targets.answer_end(5)).place == 5
    assert compare(tiny("BertForTokenClassification"), batch, targets.tag(4)).place == 4
    assert compare(tiny("BertForSequenceClassification"), batch, targets.label()).place == 0


def test_a_last_layer_without_heads_attends_to_nothing(tmp_path):
    lab = small_lab(tmp_path)
    lab.model.prune_heads({2: [0, 1, 2, 3]})
    found = compare(lab.model, lab.encode(TEXT), targets.masked_token(3))
    assert not bool(found.scores["attention"].any()) and not bool(found.scores["norm_weighted"].any())
    assert found.correlation["attention"]["effect"] != found.correlation["attention"]["effect"]  # NaN
    assert torch.isfinite(found.scores["rollout"]).all()


def test_bad_input_is_named(lab):
    with pytest.raises(ValueError, match="give one text"):
        compare(lab.model, lab.encode([TEXT, TEXT]), targets.masked_token(3))
    with pytest.raises(ValueError, match="a function of the output has no place"):
        compare(lab.model, lab.encode(TEXT), lambda output: output.prediction_logits[:, 3, 3])
    found = compare(lab.model, lab.encode(TEXT), lambda output: output.prediction_logits[:, 3, 7], place=3)
    assert found.place == 3
