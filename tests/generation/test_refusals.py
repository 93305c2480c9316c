"""Wrong options and prompts are named before the first step, idle ones warned of."""

import pytest
import torch
from generation_cases import MASK, PROMPTS, SEARCHES, decoder, encoder_states
from model_cases import KEYS, POSITIONS, VOCABULARY, tiny

import bertlab
from bertlab.generation import GenerationOptions, generate, stream


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"max_new_tokens": 2.5}, "max_new_tokens is 2.5"),
        ({"max_new_tokens": True}, "max_new_tokens is True"),
        ({"max_length": 4}, "6 tokens already and max_length is 4"),
        ({"max_length": 9, "max_new_tokens": 3}, "both max_length=9 and max_new_tokens=3"),
        ({"max_new_tokens": POSITIONS}, f"the model has {POSITIONS} positions .* at most {POSITIONS - 5} new tokens"),
        ({"min_new_tokens": 9, "max_new_tokens": 5}, "at least 9 new tokens are asked for, but also at most 5"),
        ({"min_length": 12, "max_new_tokens": 5}, "at least 6 new tokens are asked for, but also at most 5"),
        ({"min_length": -1}, "min_length is -1"),
        ({"do_sample": True, "temperature": 0.0}, "temperature is 0.0.*do_sample=False"),
        ({"do_sample": True, "temperature": -1.0}, "temperature is -1.0"),
        ({"do_sample": True, "temperature": float("nan")}, "temperature is nan"),
        ({"do_sample": True, "temperature": "hot"}, "temperature is 'hot'"),
        ({"do_sample": True, "top_k": -1}, "top_k is -1"),
        ({"do_sample": True, "top_k": 2.0}, "top_k is 2.0"),
        ({"do_sample": True, "top_p": 0.0}, "top_p is 0.0"),
        ({"do_sample": True, "top_p": 1.1}, "top_p is 1.1"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
        ({"no_repeat_ngram_size": -2}, "no_repeat_ngram_size is -2"),
        ({"num_beams": 0}, "num_beams is 0"),
        ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences is 3 but num_beams 2"),
        ({"num_return_sequences": 2}, "num_return_sequences is 2 but num_beams 1"),
        ({"num_beams": 2, "early_stopping": "soon"}, "early_stopping is 'soon'"),
        ({"num_beams": 2, "length_penalty": None, "eos_token_id": VOCABULARY}, f"eos_token_id is {VOCABULARY}"),
        ({"num_beams": 2, "length_penalty": float("inf")}, "length_penalty is inf"),
        ({"eos_token_id": -1}, "eos_token_id is -1"),
        ({"eos_token_id": [2, 99]}, f"eos_token_id is 99; the vocabulary has the ids 0 to {VOCABULARY - 1}"),
        ({"eos_token_id": 2, "pad_token_id": 99}, "pad_token_id is 99"),
        ({"encoder_attention_mask": torch.ones(3, KEYS)}, "without the encoder_hidden_states"),
        ({"attention_mask": torch.ones(3, 5)}, r"attention_mask has shape \(3, 5\); give \(3, 6\)"),
        ({"attention_mask": torch.full((3, 6), 2)}, "other numbers than 1"),
        ({"attention_mask": torch.tensor([[1] * 6, [0] * 6, [1] * 6])}, "prompt 1 is empty"),
        ({"token_type_ids": torch.zeros(3, 5, dtype=torch.long)}, r"token_type_ids has shape \(3, 5\)"),
    ],
)
def test_wrong_options_are_named_before_the_first_step(model, options, message):
    with pytest.raises(ValueError, match=message):
        stream(model, PROMPTS, **options)
    with pytest.raises(ValueError, match=message):
        model.generate(PROMPTS, **options)


@pytest.mark.parametrize(
    "prompt, error, message",
    [
        (None, ValueError, "no prompt and no bos_token_id"),
        (torch.zeros(1, 0, dtype=torch.long), ValueError, "the prompt is empty"),
        (torch.zeros(0, 3, dtype=torch.long), ValueError, "the prompt is empty"),
        (torch.tensor([5, 6]), ValueError, r"shape \(2,\)"),
        (torch.tensor([[5.0, 6.0]]), ValueError, "torch.float32"),
        ([[5, 6]], TypeError, "input_ids is a list"),
        (torch.full((1, POSITIONS + 1), 5), ValueError, f"{POSITIONS + 1} tokens, the model {POSITIONS} positions"),
        (torch.full((1, 25), 5), ValueError, "25 tokens already and max_length is 20"),
    ],
)
def test_wrong_prompts_are_named_before_the_first_step(model, prompt, error, message):
    with pytest.raises(error, match=message):
        stream(model, prompt)


def test_encoder_states_must_be_as_many_as_prompts(model_with_cross_attention):
    with pytest.raises(ValueError, match="encoder_hidden_states has 2 rows for 3 prompts"):
        stream(model_with_cross_attention, PROMPTS, encoder_hidden_states=encoder_states(2))


def test_an_unknown_option_is_told_the_nearest(model):
    with pytest.raises(TypeError, match="no generation option 'temprature'; the nearest are temperature"):
        model.generate(PROMPTS, temprature=0.5)
    with pytest.raises(TypeError, match="generator is a str"):
        model.generate(PROMPTS, do_sample=True, generator="seed")


def test_models_that_cannot_generate_say_what_to_load(model):
    with pytest.raises(ValueError, match="is_decoder is False.*is_decoder=True"):
        tiny("BertLMHeadModel").generate(PROMPTS)
    for name in ("BertModel", "BertForMaskedLM", "BertForSequenceClassification"):
        with pytest.raises(TypeError, match=f"{name} cannot generate text; load the weights as a BertLMHeadModel"):
            generate(tiny(name, is_decoder=True), PROMPTS)


def test_as_many_tokens_fit_as_the_model_has_positions(model):
    room = POSITIONS - 6 + 1  # the last token needs no position
    assert generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=room).shape == (3, POSITIONS + 1)
    padded = torch.cat([torch.zeros(3, 10, dtype=torch.long), PROMPTS], dim=1)
    assert generate(model, padded, max_new_tokens=room).shape == (3, POSITIONS + 11)
    with pytest.raises(ValueError, match=f"at most {room - 10} new tokens"):
        generate(model, padded, max_new_tokens=room, count_padding=True)
    with pytest.raises(ValueError, match=f"at most {room - 10} new tokens"):
        generate(decoder(position_embedding_type="relative_key"), padded, max_new_tokens=room)


def test_a_vocabulary_that_is_all_excluded_is_an_error(model):
    with pytest.raises(ValueError, match="no token is left"):
        generate(model, PROMPTS, max_new_tokens=2, min_new_tokens=1, eos_token_id=list(range(VOCABULARY)))
    with bertlab.edit(model, {"cls.predictions.logits": lambda logits: logits * float("nan")}):
        for search in SEARCHES.values():
            with pytest.raises(ValueError, match="scores are NaN"):
                generate(model, PROMPTS, max_new_tokens=2, **search)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"temperature": 0.5, "top_p": 0.5}, "temperature and top_p changes nothing without do_sample=True"),
        ({"length_penalty": 2.0}, "length_penalty changes nothing without num_beams above 1"),
    ],
)
def test_idle_options_are_warned_of(model, options, message):
    with pytest.warns(UserWarning, match=message):
        generate(model, PROMPTS, max_new_tokens=2, **options)


def test_right_padding_is_warned_of(model):
    with pytest.warns(UserWarning, match="padded on the right"):
        generate(model, PROMPTS.flip(1), max_new_tokens=2)


def test_training_mode_is_warned_of():
    model = decoder().train()
    with pytest.warns(UserWarning, match="training mode"):
        generate(model, PROMPTS, max_new_tokens=2)
    assert model.training


@pytest.mark.filterwarnings("error")
def test_ordinary_use_warns_of_nothing(model):
    generate(model, PROMPTS, max_new_tokens=3, eos_token_id=2)
    generate(model, PROMPTS, max_new_tokens=3, do_sample=True, top_k=5, num_beams=2, length_penalty=0.5)


def test_options_stand_on_their_own():
    options = GenerationOptions(eos_token_id=7, top_p=0.5)
    assert (
        options.ends == [7] and GenerationOptions().ends == [] and GenerationOptions(eos_token_id=[1, 2]).ends == [1, 2]
    )
