"""Generation: the searches, what the options do to the scores, and what is refused before the first step."""

import itertools
import math

import pytest
import torch
from generation_cases import MASK, PROMPTS, SEARCHES, decoder, encoder_states
from model_cases import KEYS, TYPES, VOCABULARY

import bertlab
from bertlab.generation import BeamStep, Step, generate, reorder_cache, stream
from bertlab.generation.scores import forbid_repeated_ngrams, keep_top_k, keep_top_p, penalise_repetition

each_search = pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)


def test_greedy_search_takes_the_most_probable_token_again_and_again(model):
    text = PROMPTS[:1]
    for _ in range(8):
        text = torch.cat([text, model(text).logits[:, -1:].argmax(-1)], dim=1)
    generated = model.generate(PROMPTS[:1], max_new_tokens=8)
    assert generated.tolist() == text.tolist()
    assert generated.dtype == torch.long and not generated.requires_grad


@each_search
@pytest.mark.parametrize("position_embedding_type", ["absolute", "relative_key", "relative_key_query"])
def test_tokens_are_the_same_with_and_without_cache(search, position_embedding_type):
    model = decoder(position_embedding_type=position_embedding_type)
    options = dict(attention_mask=MASK, max_new_tokens=9, eos_token_id=[2, 30], **search)
    with_cache = generate(model, PROMPTS, use_cache=True, **options)
    assert with_cache.tolist() == generate(model, PROMPTS, use_cache=False, **options).tolist()


def test_the_cache_spares_the_model_what_it_has_seen(model):
    seen = {True: [], False: []}
    for use_cache in seen:
        handle = model.register_forward_pre_hook(
            lambda _, arguments, inputs, lengths=seen[use_cache]: lengths.append(inputs["input_ids"].shape[1]),
            with_kwargs=True,
        )
        generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=4, use_cache=use_cache)
        handle.remove()
    assert seen == {True: [6, 1, 1, 1], False: [6, 7, 8, 9]}


@pytest.mark.parametrize("search", [SEARCHES["greedy"], SEARCHES["beams"]], ids=["greedy", "beams"])
@pytest.mark.parametrize("ends", [None, [2, 30, 40]], ids=["no ending", "endings"])
def test_a_batch_padded_on_the_left_gives_what_each_prompt_gives_alone(model, search, ends):
    together = generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=9, eos_token_id=ends, **search)
    for row, mask, generated in zip(PROMPTS, MASK, together, strict=True):
        alone = generate(model, row[mask == 1][None], max_new_tokens=9, eos_token_id=ends, **search)[0].tolist()
        generated = generated[int(mask.argmax()) :].tolist()
        assert generated[: len(alone)] == alone
        assert set(generated[len(alone) :]) <= {0}


def test_padding_can_be_counted_in_positions_as_older_transformers_do(model):
    counted = generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=9, count_padding=True)
    default = generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=9)
    assert counted[0].tolist() == default[0].tolist()  # the row without padding
    assert counted[1].tolist() != default[1].tolist()


def test_the_mask_is_found_by_the_padding_token(model):
    found = generate(model, PROMPTS, max_new_tokens=5)
    assert found.tolist() == generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=5).tolist()


def test_a_text_ends_with_its_ending_token_and_is_then_padded(model):
    free = generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=8)[:, 6:]
    end = int(free[1, 2])  # ends the second text after at most three tokens
    steps = list(stream(model, PROMPTS, attention_mask=MASK, max_new_tokens=8, eos_token_id=end, pad_token_id=1))
    generated = steps[-1].input_ids[:, 6:].tolist()
    for row, expected in zip(generated, free.tolist(), strict=True):
        ending = expected.index(end) + 1 if end in expected else len(expected)
        assert row[:ending] == expected[:ending][: len(row)]
        assert set(row[ending:]) <= {1}
    ended = [step.finished[1].item() for step in steps]
    at = generated[1].index(end)
    assert ended == [index >= at for index in range(len(steps))]
    assert [step.padded[1].item() for step in steps] == [index > at for index in range(len(steps))]
    assert math.isnan(steps[-1].probabilities[1]) or at == len(steps) - 1


def test_generation_stops_when_all_texts_have_ended(model):
    end = int(generate(model, PROMPTS[:1], max_new_tokens=1)[0, -1])
    assert generate(model, PROMPTS[:1], max_new_tokens=9, eos_token_id=end).shape == (1, 7)


@each_search
def test_no_text_ends_before_the_minimum(model, search):
    ends = list(range(2, 30))
    for minimum in ({"min_new_tokens": 5}, {"min_length": 11}):
        generated = generate(
            model, PROMPTS, attention_mask=MASK, max_new_tokens=8, eos_token_id=ends, **minimum, **search
        )
        assert not torch.isin(generated[:, 6:11], torch.tensor(ends)).any()


def test_encoder_states_are_attended_to(model_with_cross_attention):
    model, states = model_with_cross_attention, encoder_states(3)
    options = dict(attention_mask=MASK, max_new_tokens=8, num_beams=2, num_return_sequences=2)
    one = generate(model, PROMPTS, encoder_hidden_states=states, **options)
    assert one.tolist() != generate(model, PROMPTS, encoder_hidden_states=encoder_states(3, seed=7), **options).tolist()
    assert one.tolist() == generate(model, PROMPTS, encoder_hidden_states=states, use_cache=False, **options).tolist()
    mask = torch.ones(3, KEYS, dtype=torch.long)
    mask[:, 4:] = 0
    masked = generate(model, PROMPTS, encoder_hidden_states=states, encoder_attention_mask=mask, **options)
    assert masked.tolist() == generate(model, PROMPTS, encoder_hidden_states=states[:, :4], **options).tolist()


def test_token_types_go_on_with_the_last_one(model):
    types = torch.full_like(PROMPTS[:1], TYPES - 1)
    text = PROMPTS[:1]
    for _ in range(6):
        logits = model(text, token_type_ids=torch.full_like(text, TYPES - 1)).logits
        text = torch.cat([text, logits[:, -1:].argmax(-1)], dim=1)
    assert generate(model, PROMPTS[:1], token_type_ids=types, max_new_tokens=6).tolist() == text.tolist()
    assert generate(model, PROMPTS[:1], max_new_tokens=6).tolist() != text.tolist()


def test_without_a_prompt_the_text_starts_with_bos(model, model_with_cross_attention):
    assert generate(model, bos_token_id=9, max_new_tokens=4).tolist() == (
        generate(model, torch.tensor([[9]]), max_new_tokens=4).tolist()
    )
    captions = generate(model_with_cross_attention, bos_token_id=9, encoder_hidden_states=encoder_states(4))
    assert captions.shape[0] == 4 and captions[:, 0].tolist() == [9] * 4


def test_the_configuration_gives_the_options_that_are_not_given():
    model = decoder(eos_token_id=30, max_length=11, num_beams=2, num_return_sequences=2)
    assert generate(model, PROMPTS).shape[0] == 6
    assert generate(model, PROMPTS).tolist() == (
        generate(decoder(), PROMPTS, eos_token_id=30, max_length=11, num_beams=2, num_return_sequences=2).tolist()
    )
    assert generate(model, PROMPTS, max_new_tokens=7, eos_token_id=1, num_return_sequences=1).shape == (3, 13)


def test_the_default_length_counts_the_prompt(model):
    assert generate(model, PROMPTS).shape == (3, 20)
    assert generate(model, PROMPTS, max_length=9).shape == (3, 9)


def test_edits_and_recordings_act_on_generation(model):
    plain = generate(model, PROMPTS[:1], max_new_tokens=6)
    with bertlab.record(model, "cls.predictions.logits") as recording:
        assert generate(model, PROMPTS[:1], max_new_tokens=6).tolist() == plain.tolist()
    assert recording["cls.predictions.logits"].shape == (1, 1, VOCABULARY)
    with bertlab.edit(model, {"*.probs": torch.zeros_like}):
        assert generate(model, PROMPTS[:1], max_new_tokens=6).tolist() != plain.tolist()
    assert generate(model, PROMPTS[:1], max_new_tokens=6).tolist() == plain.tolist()


def test_beams_as_many_as_tokens_find_the_most_probable_continuation(model):
    prompt = PROMPTS[:1]
    firsts = model(prompt).logits[0, -1].log_softmax(-1)
    texts = torch.cat([prompt.expand(VOCABULARY, -1), torch.arange(VOCABULARY)[:, None]], dim=1)
    seconds = model(texts, torch.ones_like(texts)).logits[:, -1].log_softmax(-1)
    total = firsts[:, None] + seconds  # (first, second)
    ranked = total.flatten().argsort(descending=True)[:5]
    output = generate(
        model, prompt, max_new_tokens=2, num_beams=VOCABULARY, num_return_sequences=5, return_dict_in_generate=True
    )
    assert output.sequences[:, 6:].tolist() == [[int(i) // VOCABULARY, int(i) % VOCABULARY] for i in ranked]
    torch.testing.assert_close(output.sequences_scores.double(), total.flatten()[ranked] / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("length_penalty", [-1.0, 0.0, 1.0, 2.5])
@pytest.mark.parametrize("early_stopping", [True, False, "never"])
def test_a_hypothesis_has_the_score_that_the_model_gives_its_tokens(model, length_penalty, early_stopping):
    options = dict(num_beams=4, eos_token_id=list(range(2, 12)), max_new_tokens=7)
    *_, last = stream(model, PROMPTS[:1], length_penalty=length_penalty, early_stopping=early_stopping, **options)
    assert len(last.hypotheses[0]) == 4
    scores = [hypothesis.score for hypothesis in last.hypotheses[0]]
    assert scores == sorted(scores, reverse=True)
    for hypothesis in last.hypotheses[0]:
        text = hypothesis.token_ids[None]
        log_probabilities = model(text).logits[0].log_softmax(-1)
        total = sum(log_probabilities[i - 1, text[0, i]].item() for i in range(6, text.shape[1]))
        new = len(hypothesis.beam_indices)
        if new > text.shape[1] - 6:  # ended: some ending token makes up the difference
            rest = hypothesis.log_probability - total
            assert any(abs(rest - log_probabilities[-1, end].item()) < 1e-9 for end in range(2, 12))
        else:
            assert hypothesis.log_probability == pytest.approx(total, abs=1e-9)
        assert hypothesis.score == pytest.approx(hypothesis.log_probability / new**length_penalty)


def test_the_steps_of_beam_search_draw_a_tree(model):
    paths, before = [[PROMPTS[row].tolist()] * 3 for row in range(3)], torch.zeros(3, 3).double()
    for index, step in enumerate(stream(model, PROMPTS, attention_mask=MASK, num_beams=3, max_new_tokens=5)):
        assert isinstance(step, BeamStep) and step.index == index
        paths = [
            [paths[row][parent] + [token] for parent, token in zip(parents, tokens, strict=True)]
            for row, (parents, tokens) in enumerate(zip(step.parents.tolist(), step.token_ids.tolist(), strict=True))
        ]
        assert step.input_ids.tolist() == paths
        assert (step.scores.diff(dim=1) <= 0).all()
        assert step.candidate_scores.shape == (3, 6)
        torch.testing.assert_close(step.candidate_scores[:, :3], step.scores)
        torch.testing.assert_close(  # a beam's score is its parent's and the token's
            step.scores - step.token_scores[torch.arange(3)[:, None], step.parents, step.token_ids],
            before.gather(1, step.parents),
        )
        before = step.scores
        assert step.last == (index == 4)
    assert [len(found) for found in step.hypotheses] == [3, 3, 3]


def test_finished_texts_hold_padding_while_others_go_on(model):
    options = dict(attention_mask=MASK, num_beams=2, early_stopping=True, eos_token_id=[30, 40, 46], pad_token_id=1)
    steps = list(stream(model, PROMPTS, max_new_tokens=16, **options))
    over = torch.stack([step.finished for step in steps])  # (steps, batch)
    assert over.any() and not over[0].all()
    for step, before in zip(steps[1:], over, strict=False):
        assert (step.token_ids[before] == 1).all()
    for found, finished in zip(steps[-1].hypotheses, over[-1].tolist(), strict=True):
        assert len(found) == 2 or not finished


def test_tokens_are_drawn_with_the_probabilities_that_the_step_shows(model):
    count = 5_000
    options = dict(do_sample=True, temperature=1.4, top_k=7, top_p=0.93, max_new_tokens=1, generator=0)
    step = next(stream(model, PROMPTS[:1], num_return_sequences=count, **options))
    probabilities = step.scores[0].softmax(-1)
    drawn = step.token_ids.bincount(minlength=VOCABULARY).double()
    assert 3 < (probabilities > 0).sum() <= 7
    assert not drawn[probabilities == 0].any()
    expected = probabilities * count
    deviation = (drawn - expected).abs() / (expected * (1 - probabilities)).clamp(min=1e-9).sqrt()
    assert deviation[probabilities > 0].max() < 4.5
    torch.testing.assert_close(step.probabilities, probabilities[step.token_ids])


def test_a_seed_repeats_the_draw_and_leaves_torchs_own_generator_alone(model):
    state = torch.random.get_rng_state()
    draw = dict(do_sample=True, max_new_tokens=12, num_return_sequences=2)
    one = generate(model, PROMPTS, attention_mask=MASK, generator=5, **draw)
    assert torch.equal(state, torch.random.get_rng_state())
    assert one.tolist() == generate(model, PROMPTS, attention_mask=MASK, generator=5, **draw).tolist()
    assert one.tolist() != generate(model, PROMPTS, attention_mask=MASK, generator=6, **draw).tolist()
    assert one.shape == (6, 18)
    again = generate(model, PROMPTS, attention_mask=MASK, generator=torch.Generator().manual_seed(5), **draw)
    assert one.tolist() == again.tolist()


def test_one_candidate_makes_sampling_greedy(model):
    greedy = generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=6).tolist()
    for only_one in ({"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-4}):
        drawn = generate(model, PROMPTS, attention_mask=MASK, max_new_tokens=6, do_sample=True, **only_one)
        assert drawn.tolist() == greedy


def test_all_tokens_can_be_drawn_without_top_k(model):
    for none in (0, None):
        step = next(stream(model, PROMPTS, do_sample=True, top_k=none, max_new_tokens=1, generator=0))
        assert torch.isfinite(step.scores).all()


LOGS = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]]).log()


def kept(scores):
    return torch.isfinite(scores).int().tolist()


def test_top_k_keeps_the_k_best():
    assert kept(keep_top_k(LOGS, 2)) == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert kept(keep_top_k(LOGS, 99)) == [[1, 1, 1, 1], [1, 1, 1, 1]]


def test_top_p_keeps_the_fewest_tokens_that_reach_the_sum():
    assert kept(keep_top_p(LOGS, 0.7)) == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert kept(keep_top_p(LOGS, 0.85)) == [[1, 1, 1, 0], [0, 1, 1, 1]]
    assert kept(keep_top_p(LOGS, 0.01)) == [[1, 0, 0, 0], [0, 0, 0, 1]]
    assert kept(keep_top_p(LOGS, 0.01, at_least=3)) == [[1, 1, 1, 0], [0, 1, 1, 1]]


def test_repetition_is_penalised_once_per_token_whatever_its_sign():
    scores = torch.tensor([[2.0, -2.0, 4.0, 1.0]])
    penalised = penalise_repetition(scores, torch.tensor([[0, 1, 1, 0]]), 2.0)
    assert penalised.tolist() == [[1.0, -4.0, 4.0, 1.0]]
    assert scores.tolist() == [[2.0, -2.0, 4.0, 1.0]]


@pytest.mark.parametrize(
    "text, size, forbidden",
    [
        ([1, 2, 3, 1, 2], 3, [3]),
        ([1, 2, 3, 1], 2, [2]),
        ([1, 2, 1, 3, 1], 2, [2, 3]),
        ([1, 2, 3], 1, [1, 2, 3]),
        ([1, 1], 3, []),
        ([1, 1], 2, [1]),
        ([1], 2, []),
    ],
)
def test_a_run_of_tokens_cannot_come_twice(text, size, forbidden):
    scores = forbid_repeated_ngrams(torch.zeros(1, 5), torch.tensor([text]), size)
    assert (scores[0] == float("-inf")).nonzero().flatten().tolist() == forbidden


@each_search
def test_generated_texts_repeat_no_forbidden_run(model, search):
    generated = generate(
        model, PROMPTS[:1], max_new_tokens=24, no_repeat_ngram_size=2, repetition_penalty=0.5, **search
    )
    pairs = list(itertools.pairwise(generated[0].tolist()))
    assert len(pairs) == len(set(pairs))


@each_search
def test_the_stream_ends_with_what_generate_returns(model, search):
    options = dict(attention_mask=MASK, max_new_tokens=7, **search)
    *_, last = stream(model, PROMPTS, **options)
    generated = generate(model, PROMPTS, **options)
    if isinstance(last, Step):
        assert last.input_ids.tolist() == generated.tolist()
    else:
        assert [found[0].token_ids.tolist() for found in last.hypotheses] == generated.tolist()
    assert last.last


def test_a_step_tells_the_token_its_probability_and_the_alternatives(model):
    for index, step in enumerate(stream(model, PROMPTS, attention_mask=MASK, max_new_tokens=4)):
        assert step.index == index and step.last == (index == 3)
        assert torch.equal(step.input_ids[:, -1], step.token_ids)
        token_ids, probabilities = step.top(3)
        assert token_ids[:, 0].tolist() == step.token_ids.tolist()
        torch.testing.assert_close(probabilities[:, 0], step.probabilities)
        assert (probabilities.diff(dim=1) <= 0).all()
        torch.testing.assert_close(step.logits, step.scores)
        assert not step.finished.any() and not step.padded.any()
        assert step.top(1000)[0].shape == (3, VOCABULARY)


def test_the_model_runs_only_when_a_step_is_pulled(model):
    calls = []
    handle = model.register_forward_hook(lambda *_: calls.append(1))
    steps = stream(model, PROMPTS, attention_mask=MASK, max_new_tokens=9)
    assert len(calls) == 0
    next(steps), next(steps)
    steps.close()
    handle.remove()
    assert len(calls) == 2


def test_gradients_stay_on_outside_of_a_paused_stream(model):
    steps = stream(model, PROMPTS, attention_mask=MASK, max_new_tokens=3)
    next(steps)
    assert torch.is_grad_enabled()
    assert not next(steps).scores.requires_grad


def test_the_full_output_holds_scores_of_every_step(model):
    options = dict(attention_mask=MASK, max_new_tokens=4, return_dict_in_generate=True, output_scores=True)
    greedy = generate(model, PROMPTS, **options)
    assert list(greedy.keys()) == ["sequences", "scores"]
    assert [score.shape for score in greedy.scores] == [(3, VOCABULARY)] * 4
    assert torch.stack(greedy.scores, 1).argmax(-1).tolist() == greedy.sequences[:, 6:].tolist()
    beams = generate(model, PROMPTS, num_beams=2, **options)
    assert beams.sequences_scores.shape == (3,) and beams.beam_indices.shape == beams.sequences.shape
    assert [score.shape for score in beams.scores] == [(6, VOCABULARY)] * 4


def test_a_reordered_cache_has_the_rows_asked_for():
    layer = tuple(torch.arange(3.0).view(3, 1, 1, 1) + part for part in (0, 10, 20, 30))
    reordered = reorder_cache((layer, layer), torch.tensor([2, 0, 0, 1]))
    assert len(reordered) == 2
    assert [part.flatten().tolist() for part in reordered[1]] == [
        [2.0, 0.0, 0.0, 1.0], [12.0, 10.0, 10.0, 11.0], [22.0, 20.0, 20.0, 21.0], [32.0, 30.0, 30.0, 31.0],
    ]  # fmt: skip


def test_the_method_and_the_stream_of_the_model_are_these_functions(model):
    assert model.generate(PROMPTS, max_new_tokens=3).tolist() == generate(model, PROMPTS, max_new_tokens=3).tolist()
    *_, last = model.stream(PROMPTS, max_new_tokens=3)
    assert last.input_ids.tolist() == generate(model, PROMPTS, max_new_tokens=3).tolist()
    assert bertlab.generate is generate and bertlab.stream is stream
