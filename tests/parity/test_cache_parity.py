"""Decoders, caches and what generation asks of a model give the documented numbers."""

import pytest
import torch
from model_cases import (
    BATCH,
    HEADS,
    LAYERS,
    SEQUENCE,
    as_tuple,
    assert_same,
    inputs,
)
from oracle import DOCUMENTED, both, only_documented
from parity_cases import POSITION_TYPES, compare


@only_documented
@pytest.mark.parametrize("position_type", POSITION_TYPES)
@pytest.mark.parametrize("look", [False, True], ids=["fused", "visible"])
@pytest.mark.parametrize("new", [1, 3])
def test_continuing_from_a_cache_gives_the_same_numbers(new, look, position_type):
    ours, theirs = both("BertLMHeadModel", is_decoder=True, position_embedding_type=position_type)
    batch = inputs()
    ids, mask = batch["input_ids"], torch.ones(BATCH, SEQUENCE, dtype=torch.long)
    mask[0, :2] = 0
    start = SEQUENCE - new
    first = dict(input_ids=ids[:, :start], attention_mask=mask[:, :start], output_attentions=look)
    answer, wanted = compare(ours, theirs, **first, use_cache=True)
    then = dict(input_ids=ids[:, start:], attention_mask=mask, output_attentions=look)
    with torch.no_grad():
        assert_same(
            ours(**then, past_key_values=answer.past_key_values),
            theirs(**then, past_key_values=wanted.past_key_values),
        )
        assert_same(  # a cache of theirs continues in ours
            ours(**then, past_key_values=wanted.past_key_values).logits,
            theirs(**then, past_key_values=wanted.past_key_values).logits,
        )


def test_a_cache_continues_as_if_the_whole_text_were_given():
    ours, _ = both("BertLMHeadModel", is_decoder=True)
    ids = inputs()["input_ids"]
    with torch.no_grad():
        whole = ours(ids, use_cache=True)
        first = ours(ids[:, :4], use_cache=True)
        rest = ours(ids[:, 4:], past_key_values=first.past_key_values, use_cache=True)
    assert_same(rest.logits, whole.logits[:, 4:])
    assert_same(rest.past_key_values, whole.past_key_values)


@pytest.mark.skipif(DOCUMENTED, reason="the current cache is an object of transformers 5")
def test_a_cache_continues_with_the_numbers_of_the_current_transformers():
    ours, theirs = both("BertLMHeadModel", is_decoder=True)
    ids = inputs()["input_ids"]
    with torch.no_grad():
        first, wanted = ours(ids[:, :4], use_cache=True), theirs(ids[:, :4], use_cache=True)
        assert_same(first.logits, wanted.logits)
        assert_same(first.past_key_values, as_tuple(wanted.past_key_values))
        rest = ours(ids[:, 4:], past_key_values=first.past_key_values)
        assert_same(rest.logits, theirs(ids[:, 4:], past_key_values=wanted.past_key_values).logits)


@pytest.mark.skipif(DOCUMENTED, reason="the documented version is compared with in full above")
def test_cross_attention_has_the_numbers_of_the_current_transformers():
    ours, theirs = both("BertLMHeadModel", is_decoder=True, add_cross_attention=True)
    batch = inputs(dtype=torch.float64, cross=True)
    with torch.no_grad():
        answer = ours(**batch, output_attentions=True, use_cache=False)
        wanted = theirs(**batch, output_attentions=True, use_cache=False)
    assert_same(answer.logits, wanted.logits)
    assert_same(answer.cross_attentions, wanted.cross_attentions)


@only_documented
@pytest.mark.parametrize("look", [False, True], ids=["fused", "visible"])
def test_cached_cross_attention_ignores_new_encoder_states_that_must_still_be_given(look):
    ours, theirs = both("BertLMHeadModel", is_decoder=True, add_cross_attention=True)
    batch = inputs(dtype=torch.float64, cross=True)
    batch.pop("token_type_ids")
    ids, mask = batch.pop("input_ids"), batch.pop("attention_mask")
    first = dict(batch, input_ids=ids[:, :4], attention_mask=mask[:, :4], use_cache=True, output_attentions=look)
    answer, wanted = compare(ours, theirs, **first)
    assert all(len(layer) == 4 for layer in answer.past_key_values)
    batch["encoder_hidden_states"] = torch.randn_like(batch["encoder_hidden_states"])
    then = dict(batch, input_ids=ids[:, 4:], attention_mask=mask, output_attentions=look)
    with torch.no_grad():
        assert_same(
            ours(**then, past_key_values=answer.past_key_values),
            theirs(**then, past_key_values=wanted.past_key_values),
        )


@only_documented
def test_beams_are_reordered_alike():
    ours, theirs = both("BertLMHeadModel", is_decoder=True)
    with torch.no_grad():
        cache = ours(inputs()["input_ids"], use_cache=True).past_key_values
    order = torch.tensor([1, 1])
    assert_same(ours._reorder_cache(cache, order), theirs._reorder_cache(cache, order))


@only_documented
@pytest.mark.parametrize("name", ["BertLMHeadModel", "BertForMaskedLM"])
def test_the_next_step_of_generation_gets_the_same_arguments(name):
    ours, theirs = both(name, is_decoder=name == "BertLMHeadModel")
    ids = inputs()["input_ids"]
    mask = torch.ones_like(ids)
    past = tuple((torch.zeros(BATCH, HEADS, known, 6),) * 2 for known in [SEQUENCE - 1] * LAYERS)
    cases = [dict(attention_mask=mask), dict(attention_mask=None)][: 2 if name == "BertLMHeadModel" else 1]
    if name == "BertLMHeadModel":
        cases.append(dict(attention_mask=mask, past_key_values=past))
    for case in cases:
        answer = ours.prepare_inputs_for_generation(ids, **case)
        wanted = theirs.prepare_inputs_for_generation(ids, **case)
        for key, value in wanted.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(answer[key], value), key
