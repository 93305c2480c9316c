"""The same tokens as transformers' `generate`, for the same weights, options and seed."""

import random

import pytest
import torch
from model_cases import HIDDEN, KEYS, TYPES, VOCABULARY
from oracle import DOCUMENTED, both, only_documented, transformers

from bertlab.generation import scores as rules

PROMPTS = torch.tensor([[5, 17, 8, 29, 41, 11], [0, 0, 0, 33, 7, 20], [0, 12, 45, 3, 9, 26]])
MASK = (PROMPTS != 0).long()
LIKE_THEIRS = {"count_padding": DOCUMENTED}  # current transformers do not count padding in positions, 4.37 does

only_current = pytest.mark.skipif(DOCUMENTED, reason="transformers 4.37 ignores this when it generates")


@pytest.fixture(scope="module")
def pair():
    return both("BertLMHeadModel", is_decoder=True)


def pass_encoder_states_on(theirs):
    """Their 4.37 takes encoder states in `generate` and forgets them; here they reach the model."""
    prepare = theirs.prepare_inputs_for_generation

    def with_encoder_states(input_ids, **model_kwargs):
        names = ("encoder_hidden_states", "encoder_attention_mask")
        encoder = {name: model_kwargs[name] for name in names if model_kwargs.get(name) is not None}
        return {**prepare(input_ids, **model_kwargs), **encoder}

    theirs.prepare_inputs_for_generation = with_encoder_states


def endings(pair, count):
    """Ids that greedy search comes upon after a few tokens: one, or a list of several."""
    free = pair[1].generate(PROMPTS, attention_mask=MASK, max_new_tokens=14, do_sample=False, pad_token_id=0)
    ids = list(dict.fromkeys(free[:, 9:].flatten().tolist()))
    assert len(ids) >= count
    return ids[0] if count == 1 else ids[:count]


def assert_same_tokens(pair, seed=0, ends=0, **options):
    ours, theirs = pair
    options = {"attention_mask": MASK, "pad_token_id": 0, "do_sample": False, **options}
    if ends:
        options["eos_token_id"] = endings(pair, ends)
    torch.manual_seed(seed)
    expected = theirs.generate(PROMPTS, **options)
    torch.manual_seed(seed)
    generated = ours.generate(PROMPTS, **LIKE_THEIRS, **options)
    assert generated.tolist() == expected.tolist()
    return expected


def test_greedy_search(pair):
    generated = assert_same_tokens(pair, max_new_tokens=20)
    assert len(generated[:, 6:].unique()) > 4  # tokens that a wrong score would change


@pytest.mark.parametrize(
    "options",
    [
        {"max_length": 15},
        {"use_cache": False},
        {"repetition_penalty": 1.7},
        {"repetition_penalty": 0.6, "no_repeat_ngram_size": 3},
        {"no_repeat_ngram_size": 1},
        {"no_repeat_ngram_size": 2},
        {"ends": 1},
        {"ends": 3},
        {"ends": 3, "min_new_tokens": 4},
        {"ends": 3, "min_length": 12, "pad_token_id": 7},
    ],
    ids=str,
)
@pytest.mark.parametrize("search", [{}, {"do_sample": True, "num_return_sequences": 2}], ids=["greedy", "sampling"])
def test_options_of_greedy_search_and_sampling(pair, search, options):
    length = {} if "max_length" in options else {"max_new_tokens": 12}
    assert_same_tokens(pair, **search, **options, **length)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.6},
        {"temperature": 1.9, "top_k": 5},
        {"top_k": 0},
        {"top_p": 0.8},
        {"top_p": 0.3, "top_k": 0, "temperature": 1.5},
        {"top_k": 9, "top_p": 0.7, "repetition_penalty": 1.4, "ends": 2},
    ],
    ids=str,
)
def test_sampling_draws_the_same_tokens_from_the_same_seed(pair, options, seed):
    assert_same_tokens(pair, do_sample=True, max_new_tokens=10, seed=seed, **options)


def test_texts_end_at_different_times(pair):
    free = pair[1].generate(PROMPTS, attention_mask=MASK, max_new_tokens=12, do_sample=False, pad_token_id=0)[:, 6:]
    for end in sorted(set(free.flatten().tolist())):
        assert_same_tokens(pair, max_new_tokens=12, eos_token_id=end)


@pytest.mark.parametrize("num_beams", [2, 3, 5])
def test_beam_search_without_an_ending(pair, num_beams):
    for options in ({}, {"use_cache": False}, {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2}):
        assert_same_tokens(
            pair, num_beams=num_beams, num_return_sequences=num_beams, max_new_tokens=10, length_penalty=0.7, **options
        )


@only_documented
@pytest.mark.parametrize("early_stopping", [True, False, "never"])
@pytest.mark.parametrize("length_penalty", [-1.0, 0.0, 1.0, 2.0])
@pytest.mark.parametrize("ends", [1, 4])
def test_beam_search_with_endings(pair, early_stopping, length_penalty, ends):
    ours, theirs = pair
    options = dict(
        attention_mask=MASK, num_beams=3, num_return_sequences=2, early_stopping=early_stopping,
        length_penalty=length_penalty, eos_token_id=endings(pair, ends), max_new_tokens=12,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    expected = theirs.generate(PROMPTS, **options)
    generated = ours.generate(PROMPTS, **LIKE_THEIRS, **options)
    assert (expected.sequences[:, -1] == 0).any() or length_penalty > 1  # a text has ended before the others
    assert generated.sequences.tolist() == expected.sequences.tolist()
    assert generated.beam_indices.tolist() == expected.beam_indices.tolist()
    torch.testing.assert_close(generated.sequences_scores, expected.sequences_scores)
    assert len(generated.scores) == len(expected.scores)
    torch.testing.assert_close(generated.scores[0], expected.scores[0], rtol=1e-10, atol=1e-10)


@only_documented
@pytest.mark.parametrize("position_embedding_type", ["relative_key", "relative_key_query"])
@pytest.mark.parametrize("search", [{}, {"num_beams": 3}], ids=["greedy", "beams"])
def test_relative_positions(position_embedding_type, search):
    pair = both("BertLMHeadModel", is_decoder=True, position_embedding_type=position_embedding_type)
    assert_same_tokens(pair, max_new_tokens=12, ends=1, **search)


@only_documented
@pytest.mark.parametrize("search", [{}, {"num_beams": 3, "num_return_sequences": 2}], ids=["greedy", "beams"])
@pytest.mark.parametrize("use_cache", [True, False], ids=["cache", "no cache"])
def test_cross_attention(search, use_cache):
    pair = both("BertLMHeadModel", is_decoder=True, add_cross_attention=True)
    states = torch.randn(3, KEYS, HIDDEN, generator=torch.Generator().manual_seed(1)).double()
    mask = torch.ones(3, KEYS, dtype=torch.long)
    mask[2, 5:] = 0
    options = dict(max_new_tokens=12, use_cache=use_cache, ends=1, **search)
    without = assert_same_tokens(pair, **options)
    pass_encoder_states_on(pair[1])
    encoder = dict(encoder_hidden_states=states, encoder_attention_mask=mask)
    assert assert_same_tokens(pair, **encoder, **options).tolist() != without.tolist()


@only_documented
@pytest.mark.parametrize("case", range(40))
def test_options_in_any_combination(pair, case):
    draw = random.Random(case)
    options = {
        "num_beams": draw.choice([1, 2, 4]),
        "do_sample": draw.random() < 0.4,
        "max_new_tokens": draw.randint(1, 14),
        "use_cache": draw.random() < 0.7,
        "repetition_penalty": draw.choice([1.0, 1.0, 0.7, 1.5]),
        "no_repeat_ngram_size": draw.choice([0, 0, 2, 3]),
        "ends": draw.choice([0, 1, 2, 4]),
        "pad_token_id": draw.choice([0, 7]),
        "min_new_tokens": draw.choice([0, 1]),
    }
    if options["num_beams"] > 1:
        options["early_stopping"] = draw.choice([True, False, "never"])
        options["length_penalty"] = draw.choice([-0.5, 0.0, 1.0, 1.5])
        options["num_return_sequences"] = draw.randint(1, options["num_beams"])
    if options["do_sample"]:
        options["temperature"] = draw.choice([0.7, 1.0, 1.8])
        options["top_k"] = draw.choice([0, 4, 50])
        options["top_p"] = draw.choice([0.4, 0.9, 1.0])
    assert_same_tokens(pair, seed=case, **options)


def test_float32_too():
    assert_same_tokens(both("BertLMHeadModel", torch.float32, is_decoder=True), max_new_tokens=12)


@only_current
@pytest.mark.parametrize("search", [{}, {"num_beams": 3}], ids=["greedy", "beams"])
def test_token_types_are_continued(pair, search):
    types = torch.randint(0, TYPES, PROMPTS.shape, generator=torch.Generator().manual_seed(2))
    assert_same_tokens(pair, max_new_tokens=12, token_type_ids=types, **search)


@pytest.mark.parametrize("case", range(4))
def test_each_change_of_the_scores(case):
    generator = torch.Generator().manual_seed(case)
    scores = 3 * torch.randn(5, VOCABULARY, generator=generator)
    text = torch.randint(0, 4, (5, 9), generator=generator)
    for ours, theirs in (
        (rules.keep_top_k(scores, 6), transformers.TopKLogitsWarper(6)),
        (rules.keep_top_p(scores, 0.75), transformers.TopPLogitsWarper(0.75)),
        (rules.keep_top_p(scores, 0.05, at_least=3), transformers.TopPLogitsWarper(0.05, min_tokens_to_keep=3)),
        (rules.penalise_repetition(scores, text, 1.3), transformers.RepetitionPenaltyLogitsProcessor(1.3)),
        (rules.forbid_repeated_ngrams(scores, text, 3), transformers.NoRepeatNGramLogitsProcessor(3)),
    ):
        torch.testing.assert_close(ours, theirs(text, scores.clone()), rtol=0, atol=0)
