"""Heads, losses and activations give the documented numbers."""

import pytest
import torch
from model_cases import (
    BATCH,
    CHOICES,
    HIDDEN,
    LABELS,
    SEQUENCE,
    assert_same,
    inputs,
    labels,
)
from oracle import both, only_documented, transformers
from parity_cases import compare, compare_gradients

from bertlab.model.activations import ACTIVATIONS


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_gives_the_same_numbers(name):
    theirs = transformers.activations.ACT2FN
    if name not in theirs:
        pytest.skip(f"transformers {transformers.__version__} has no {name}")
    x = torch.linspace(-12, 12, 501, dtype=torch.float64)
    assert_same(ACTIVATIONS[name](x), theirs[name](x))


@only_documented
def test_every_documented_activation_is_there():
    assert set(ACTIVATIONS) == set(transformers.activations.ACT2FN)


@pytest.mark.parametrize("name", ["relu", "gelu_new", "silu", "tanh"])
def test_the_activation_acts_in_the_layers_and_in_the_vocabulary_head(name):
    ours, theirs = both("BertForMaskedLM", hidden_act=name)
    compare_gradients(ours, theirs, 1e-10, **inputs(), **labels("BertForMaskedLM"))


@only_documented
def test_the_activation_can_be_a_function():
    ours, theirs = both("BertForMaskedLM", hidden_act=torch.sin)
    compare(ours, theirs, **inputs())


@pytest.mark.parametrize("labels_", [1, LABELS], ids=["one number", "several numbers"])
def test_regression_has_the_same_loss(labels_):
    ours, theirs = both("BertForSequenceClassification", num_labels=labels_, problem_type="regression")
    target = torch.linspace(-2, 3, BATCH * labels_, dtype=torch.float64).view(BATCH, labels_)
    if labels_ == 1:
        compare_gradients(ours, theirs, 1e-10, **inputs(), labels=target[:, 0])
    compare_gradients(ours, theirs, 1e-10, **inputs(), labels=target)


def test_several_labels_at_once_have_the_same_loss():
    ours, theirs = both("BertForSequenceClassification", problem_type="multi_label_classification")
    target = (torch.arange(BATCH * LABELS).view(BATCH, LABELS) % 3 == 0).double()
    compare_gradients(ours, theirs, 1e-10, **inputs(), labels=target)


@pytest.mark.parametrize(
    ("labels_", "target", "problem"),
    [
        (1, torch.tensor([0.5, 2.0]), "regression"),
        (1, torch.tensor([1, 3]), "regression"),
        (LABELS, torch.tensor([1, 3]), "single_label_classification"),
        (LABELS, torch.ones(BATCH, LABELS), "multi_label_classification"),
    ],
)
def test_the_problem_is_inferred_from_the_first_labels_and_kept(labels_, target, problem):
    ours, theirs = both("BertForSequenceClassification", torch.float32, num_labels=labels_)
    if labels_ == 1:
        target = target.float()
    compare(ours, theirs, **inputs(), labels=target)
    assert ours.config.problem_type == theirs.config.problem_type == problem
    compare(ours, theirs, **inputs(), labels=target)


def test_the_classifier_dropout_of_zero_is_not_unset():
    options = dict(hidden_dropout_prob=0.5, classifier_dropout=0.0)
    for name in ("BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification"):
        ours, theirs = both(name, **options)
        assert ours.dropout.p == theirs.dropout.p == 0.0
        ours, theirs = both(name, hidden_dropout_prob=0.5)
        assert ours.dropout.p == theirs.dropout.p == 0.5


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ([0, SEQUENCE - 1], [3, 3]),
        ([-4, 2], [-1, 4]),
        ([SEQUENCE, 2], [1, SEQUENCE + 9]),
        ([SEQUENCE, SEQUENCE], [SEQUENCE + 1, SEQUENCE + 2]),
        ([[1], [2]], [[3], [4]]),
    ],
    ids=["inside", "negative", "beyond", "all beyond", "columns"],
)
def test_answers_outside_the_text_count_as_documented(starts, ends):
    ours, theirs = both("BertForQuestionAnswering")
    given = dict(start_positions=torch.tensor(starts), end_positions=torch.tensor(ends))
    compare(ours, theirs, **inputs(), **{key: value.clone() for key, value in given.items()})


@pytest.mark.parametrize("name", ["BertForMaskedLM", "BertForTokenClassification"])
def test_labels_that_are_all_ignored_give_nan(name):
    ours, theirs = both(name)
    answer, _ = compare(ours, theirs, **inputs(), labels=torch.full((BATCH, SEQUENCE), -100))
    assert answer.loss.isnan()


def test_the_pretraining_loss_needs_both_labels():
    ours, theirs = both("BertForPreTraining")
    for key, value in labels("BertForPreTraining").items():
        answer, _ = compare(ours, theirs, **inputs(), **{key: value})
        assert "loss" not in answer


@only_documented
def test_the_next_sentence_label_has_an_older_name():
    ours, theirs = both("BertForNextSentencePrediction")
    with pytest.warns(FutureWarning):
        wanted = theirs(**inputs(), next_sentence_label=torch.tensor([0, 1]))
    with pytest.warns(FutureWarning):
        answer = ours(**inputs(), next_sentence_label=torch.tensor([0, 1]))
    assert_same(answer, wanted)


def test_labels_switch_the_cache_of_a_decoder_off():
    ours, _ = both("BertLMHeadModel", is_decoder=True)
    ids = inputs()["input_ids"]
    assert "past_key_values" in ours(ids)
    assert "past_key_values" not in ours(ids, labels=ids, use_cache=True)


@only_documented
def test_a_head_on_a_decoder_hides_the_cache_in_named_output_and_shows_it_in_tuples():
    ours, theirs = both("BertForTokenClassification", is_decoder=True)
    answer, wanted = compare(ours, theirs, **inputs())
    assert list(answer.keys()) == list(wanted.keys()) == ["logits"]
    answer, wanted = compare(ours, theirs, **inputs(), return_dict=False)
    assert len(answer) == len(wanted) == 2


def test_multiple_choice_flattens_every_input():
    ours, theirs = both("BertForMultipleChoice")
    batch = inputs("BertForMultipleChoice")
    batch["position_ids"] = torch.arange(SEQUENCE).flip(0).expand(BATCH, CHOICES, SEQUENCE)
    compare(ours, theirs, **batch)
    vectors = torch.randn(BATCH, CHOICES, SEQUENCE, HIDDEN, dtype=torch.float64)
    compare(ours, theirs, inputs_embeds=vectors, attention_mask=batch["attention_mask"])
