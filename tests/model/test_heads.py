"""The eight models with a head: shapes, losses by their definition, and what their labels mean."""

import inspect

import pytest
import torch
from model_cases import (
    BATCH,
    CHOICES,
    HEAD_MODELS,
    LABELS,
    SEQUENCE,
    VOCABULARY,
    assert_same,
    inputs,
    labels,
    tiny,
)
from torch.nn import functional as F

import bertlab


def run(model, **batch):
    with torch.no_grad():
        return model(**batch)


SHAPES = {
    "BertForPreTraining": {
        "prediction_logits": (BATCH, SEQUENCE, VOCABULARY),
        "seq_relationship_logits": (BATCH, 2),
    },
    "BertLMHeadModel": {"logits": (BATCH, SEQUENCE, VOCABULARY)},
    "BertForMaskedLM": {"logits": (BATCH, SEQUENCE, VOCABULARY)},
    "BertForNextSentencePrediction": {"logits": (BATCH, 2)},
    "BertForSequenceClassification": {"logits": (BATCH, LABELS)},
    "BertForMultipleChoice": {"logits": (BATCH, CHOICES)},
    "BertForTokenClassification": {"logits": (BATCH, SEQUENCE, LABELS)},
    "BertForQuestionAnswering": {"start_logits": (BATCH, SEQUENCE), "end_logits": (BATCH, SEQUENCE)},
}


@pytest.mark.parametrize("name", HEAD_MODELS)
def test_outputs_have_the_documented_shapes(name):
    output = run(tiny(name), **inputs(name), **labels(name))
    assert output.loss.shape == ()
    for field, shape in SHAPES[name].items():
        assert output[field].shape == shape
    assert list(run(tiny(name), **inputs(name))) == list(SHAPES[name])


@pytest.mark.parametrize("name", HEAD_MODELS)
def test_named_and_tuple_output_hold_the_same(name):
    model = tiny(name)
    everything = dict(output_attentions=True, output_hidden_states=True)
    named = run(model, **inputs(name), **labels(name), **everything)
    plain = run(model, **inputs(name), **labels(name), **everything, return_dict=False)
    assert type(plain) is tuple and len(plain) == len(named)
    assert_same(plain, named.to_tuple())


@pytest.mark.parametrize("name", HEAD_MODELS)
def test_every_parameter_that_matters_gets_a_gradient(name):
    model = tiny(name)
    model(**inputs(name), **labels(name)).loss.backward()
    without = [n for n, parameter in model.named_parameters() if parameter.grad is None]
    assert not without


def test_the_masked_language_loss_is_a_mean_over_labelled_places():
    model = tiny("BertForMaskedLM", dtype=torch.float64)
    target = torch.full((BATCH, SEQUENCE), -100)
    target[0, 2], target[1, 4] = 5, 9
    output = run(model, **inputs(), labels=target)
    log_probabilities = output.logits.log_softmax(-1)
    assert_same(output.loss, -(log_probabilities[0, 2, 5] + log_probabilities[1, 4, 9]) / 2)


def test_the_causal_loss_predicts_the_next_token():
    model = tiny("BertLMHeadModel", is_decoder=True, dtype=torch.float64)
    ids = inputs()["input_ids"]
    output = run(model, input_ids=ids, labels=ids)
    log_probabilities = output.logits.log_softmax(-1)[:, :-1]
    assert_same(output.loss, -log_probabilities.gather(-1, ids[:, 1:, None]).mean())


def test_the_pretraining_loss_is_the_sum_of_both():
    model = tiny("BertForPreTraining", dtype=torch.float64)
    given = labels("BertForPreTraining")
    output = run(model, **inputs(), **given)
    words = F.cross_entropy(output.prediction_logits.flatten(0, 1), given["labels"].flatten())
    following = F.cross_entropy(output.seq_relationship_logits, given["next_sentence_label"])
    assert_same(output.loss, words + following)


def test_the_answer_loss_is_the_mean_of_start_and_end():
    model = tiny("BertForQuestionAnswering", dtype=torch.float64)
    starts, ends = torch.tensor([1, 2]), torch.tensor([3, 4])
    output = run(model, **inputs(), start_positions=starts, end_positions=ends)
    both = F.cross_entropy(output.start_logits, starts), F.cross_entropy(output.end_logits, ends)
    assert_same(output.loss, sum(both) / 2)
    assert starts.tolist() == [1, 2], "the positions of the caller are left alone"
    assert "loss" not in run(model, **inputs(), start_positions=starts)


def test_choices_are_scored_by_themselves():
    model = tiny("BertForMultipleChoice", dtype=torch.float64)
    batch = inputs("BertForMultipleChoice")
    logits = run(model, **batch).logits
    alone = {key: value[:, 3:4] for key, value in batch.items()}
    assert_same(run(model, **alone).logits, logits[:, 3:4])
    order = torch.randperm(CHOICES, generator=torch.Generator().manual_seed(0))
    assert_same(run(model, **{key: value[:, order] for key, value in batch.items()}).logits, logits[:, order])


def test_labels_that_do_not_fit_leave_the_kind_of_problem_open():
    model = tiny("BertForSequenceClassification")
    with pytest.raises(ValueError, match=r"give \(2, 8\); for one class a text give whole numbers"):
        model(**inputs(), labels=torch.tensor([0.0, 1.0]))
    assert model.config.problem_type is None
    model(**inputs(), labels=torch.tensor([0, 1]))
    assert model.config.problem_type == "single_label_classification"


def test_several_labels_want_floats():
    model = tiny("BertForSequenceClassification", problem_type="multi_label_classification")
    with pytest.raises(TypeError, match="give 0.0 and 1.0 as floats"):
        model(**inputs(), labels=torch.ones(BATCH, LABELS, dtype=torch.long))


def test_a_kind_of_problem_set_later_is_checked():
    model = tiny("BertForSequenceClassification")
    model.config.problem_type = "guessing"
    with pytest.raises(ValueError, match="problem_type is 'guessing'; allowed are"):
        model(**inputs(), labels=torch.tensor([0, 1]))


def test_the_older_name_of_the_next_sentence_label_works_and_others_do_not():
    model = tiny("BertForNextSentencePrediction")
    target = torch.tensor([0, 1])
    with pytest.warns(FutureWarning, match="use labels"):
        older = run(model, **inputs(), next_sentence_label=target)
    assert_same(older, run(model, **inputs(), labels=target))
    with pytest.raises(TypeError, match="unknown argument 'next_sentence'"):
        model(**inputs(), next_sentence=target)


def test_forward_takes_the_documented_arguments():
    common = "self input_ids attention_mask token_type_ids position_ids head_mask inputs_embeds".split()
    ends = "output_attentions output_hidden_states return_dict".split()
    between = {
        "BertModel": "encoder_hidden_states encoder_attention_mask past_key_values use_cache",
        "BertForPreTraining": "labels next_sentence_label",
        "BertLMHeadModel": "encoder_hidden_states encoder_attention_mask labels past_key_values use_cache",
        "BertForMaskedLM": "encoder_hidden_states encoder_attention_mask labels",
        "BertForSequenceClassification": "labels",
        "BertForMultipleChoice": "labels",
        "BertForTokenClassification": "labels",
        "BertForQuestionAnswering": "start_positions end_positions",
    }
    for name, own in between.items():
        assert list(inspect.signature(getattr(bertlab, name).forward).parameters) == common + own.split() + ends


def test_the_step_of_generation_feeds_only_new_tokens_beside_a_cache():
    model = tiny("BertLMHeadModel", is_decoder=True)
    ids = inputs()["input_ids"]
    cache = run(model, input_ids=ids[:, :-1], use_cache=True).past_key_values
    step = model.prepare_inputs_for_generation(ids, past_key_values=cache)
    assert torch.equal(step["input_ids"], ids[:, -1:]) and step["attention_mask"].shape == ids.shape
    assert_same(run(model, **step).logits[:, -1], run(model, input_ids=ids).logits[:, -1], 1e-4)


def test_a_masked_language_model_appends_a_place_to_predict():
    model = tiny("BertForMaskedLM")
    batch = inputs()
    step = model.prepare_inputs_for_generation(batch["input_ids"], batch["attention_mask"])
    assert step["input_ids"].shape == step["attention_mask"].shape == (BATCH, SEQUENCE + 1)
    model.config.pad_token_id = None
    with pytest.raises(ValueError, match="pad_token_id is None"):
        model.prepare_inputs_for_generation(batch["input_ids"])


def test_beams_reorder_the_cache():
    model = tiny("BertLMHeadModel", is_decoder=True)
    cache = run(model, input_ids=inputs()["input_ids"], use_cache=True).past_key_values
    swapped = model._reorder_cache(cache, torch.tensor([1, 0]))
    assert torch.equal(swapped[2][1], cache[2][1].flip(0))
