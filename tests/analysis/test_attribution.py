"""Attribution: against autograd and loops of its own; completeness for every head; curves against hand counts."""

import pytest
import torch
from analysis_cases import largest_difference, row, run
from model_cases import BATCH, CHOICES, HIDDEN, SEQUENCE, VOCABULARY, inputs, tiny

from bertlab.analysis.attribution import faithfulness, gradient_x_input, integrated_gradients, occlusion
from bertlab.analysis.targets import (
    answer_end,
    answer_start,
    choice,
    evaluate,
    label,
    masked_token,
    next_sentence,
    tag,
)

MASK = 4  # any id serves in a random model
TASKS = [
    ("BertForMaskedLM", masked_token(3, 11)),
    ("BertForPreTraining", masked_token(torch.tensor([3, 1]))),
    ("BertForPreTraining", next_sentence(1)),
    ("BertForSequenceClassification", label(2, "log_probability")),
    ("BertForTokenClassification", tag(2, 5)),
    ("BertForMultipleChoice", choice(3)),
    ("BertForQuestionAnswering", answer_start(4)),
    ("BertForQuestionAnswering", answer_end()),
]
NAMES = [f"{name}-{target.head}" for name, target in TASKS]


def value_of(model, batch, target):
    with torch.no_grad():
        return evaluate(model, batch, target)


def with_vectors(model, batch, vectors):
    return {"inputs_embeds": vectors, **{name: value for name, value in batch.items() if name != "input_ids"}}


@pytest.mark.parametrize(("name", "target"), TASKS, ids=NAMES)
def test_integrated_gradients_are_complete_for_every_head(name, target):
    model, batch = tiny(name, dtype=torch.float64), inputs(name)
    for baseline in ("zero", "pad", MASK):
        found = integrated_gradients(model, batch, target, baseline=baseline, steps=48)
        vectors = model.get_input_embeddings()(batch["input_ids"])
        real = batch["attention_mask"].bool()
        ids = {"pad": model.config.pad_token_id, MASK: MASK}
        other = torch.zeros(HIDDEN, dtype=torch.float64)
        if baseline != "zero":
            other = model.get_input_embeddings().weight[ids[baseline]]
        start = torch.where(real[..., None], other, vectors)
        at_start = value_of(model, with_vectors(model, batch, start), found.target)
        at_input = value_of(model, batch, found.target)
        assert found.scores.shape == batch["input_ids"].shape
        assert largest_difference(found.baseline_value, at_start) < 1e-6
        assert largest_difference(found.value, at_input) < 1e-6
        fall = at_input - at_start
        assert float(fall.abs().max()) > 1e-3
        assert largest_difference(found.scores.flatten(1).sum(1), fall) < 0.02 * float(fall.abs().max()) + 1e-3
        assert largest_difference(found.gap, found.scores.flatten(1).sum(1) - fall) < 1e-5
        assert float(found.scores[~real].abs().max()) == 0  # padding is no reason


def test_more_steps_bring_the_scores_nearer_to_completeness():
    model, batch = tiny("BertForMaskedLM", dtype=torch.float64), inputs()
    gaps = [
        float(integrated_gradients(model, batch, masked_token(3, 11), steps=steps).gap.abs().max())
        for steps in (1, 4, 64)
    ]
    assert gaps[0] > gaps[1] > gaps[2] and gaps[2] < 1e-4


def test_integrated_gradients_are_the_integral_that_a_plain_sum_approaches():
    model, batch, target = tiny("BertForMaskedLM", dtype=torch.float64), row(inputs(), 0), masked_token(3, 11)
    vectors = model.get_input_embeddings()(batch["input_ids"]).detach()
    total, steps = torch.zeros_like(vectors), 100
    for step in range(steps):
        at = (vectors * (step + 0.5) / steps).requires_grad_()
        target(model(**with_vectors(model, batch, at))).sum().backward()
        total += at.grad / steps
    expected = (total * vectors).sum(-1)
    found = integrated_gradients(model, batch, target, steps=64, tokens_per_pass=20)
    assert largest_difference(found.scores, expected) < 1e-3


def test_the_size_of_a_pass_does_not_matter():
    model, target = tiny("BertForMaskedLM"), masked_token(3, 11)
    scores = [integrated_gradients(model, inputs(), target, tokens_per_pass=n).scores for n in (1, 40, 10_000)]
    assert largest_difference(scores[0], scores[1]) < 1e-4
    assert largest_difference(scores[0], scores[2]) < 1e-4


def test_places_that_are_kept_score_nothing_and_baselines_may_be_ids_or_vectors():
    model, batch, target = tiny("BertForMaskedLM"), inputs(), masked_token(3, 11)
    keep = torch.tensor([True, False, False, True, False, False, True])
    ids = batch["input_ids"].masked_fill(~keep, MASK)
    found = integrated_gradients(model, batch, target, baseline=MASK, keep=keep)
    assert float(found.scores[:, keep].abs().max()) == 0
    for same in (ids, model.get_input_embeddings()(ids)):
        again = integrated_gradients(model, batch, target, baseline=same)
        assert largest_difference(found.scores, again.scores) < 1e-6
    nothing = integrated_gradients(model, batch, target, baseline=batch["input_ids"])
    assert float(nothing.scores.abs().max()) == 0 and float(nothing.gap.abs().max()) < 1e-6


@pytest.mark.parametrize(("name", "target"), TASKS, ids=NAMES)
def test_gradient_x_input_is_the_slope_along_each_word_vector(name, target):
    model, batch = tiny(name, dtype=torch.float64), inputs(name)
    found = gradient_x_input(model, batch, target)
    vectors = model.get_input_embeddings()(batch["input_ids"]).detach()
    step = 1e-5
    for place in (0, 3):
        moved = []
        for sign in (1, -1):
            longer = vectors.clone()
            longer[..., place, :] *= 1 + sign * step
            moved.append(value_of(model, with_vectors(model, batch, longer), found.target))
        slope = (moved[0] - moved[1]) / (2 * step)
        total = found.scores[..., place].reshape(BATCH, -1).sum(1)  # over the choices, which all moved
        assert largest_difference(total, slope) < 1e-4


@pytest.mark.parametrize("replacement", ["hide", MASK])
@pytest.mark.parametrize(("name", "target"), [TASKS[0], TASKS[5]], ids=["token", "choice"])
def test_occlusion_is_the_fall_when_one_token_after_the_other_goes(name, target, replacement):
    model, batch = tiny(name), inputs(name)
    found = occlusion(model, batch, target, replacement=replacement, tokens_per_pass=50)
    value = value_of(model, batch, target)
    for place in [(1,), (SEQUENCE - 1,)] if name != "BertForMultipleChoice" else [(3, 1), (9, SEQUENCE - 1)]:
        changed = {key: tensor.clone() for key, tensor in batch.items()}
        where = (slice(None), *place)
        if replacement == "hide":
            changed["attention_mask"][where] = 0
        else:
            changed["input_ids"][where] = MASK
        expected = (value - value_of(model, changed, target)) * batch["attention_mask"][where]
        assert largest_difference(found.scores[where], expected) < 2e-5


def test_the_pieces_of_a_word_are_occluded_together():
    model, batch, target = tiny("BertForMaskedLM"), inputs(), masked_token(3, 11)
    found = occlusion(model, batch, target, replacement=MASK, groups=[[1, 2], [4]])
    changed = dict(batch, input_ids=batch["input_ids"].clone())
    changed["input_ids"][:, [1, 2]] = MASK
    expected = value_of(model, batch, target) - value_of(model, changed, target)
    assert largest_difference(found.scores[:, 1], expected) < 2e-5
    assert torch.equal(found.scores[:, 1], found.scores[:, 2])
    assert float(found.scores[:, [0, 3, 5, 6]].abs().max()) == 0


def test_faithfulness_is_the_fall_of_the_probability_without_and_with_the_highest_tokens():
    model, batch = tiny("BertForSequenceClassification"), inputs()
    scores = torch.tensor([[0.0, 5, 1, 4, 3, 2, 9], [0.0, 1, 5, 2, 0, 99, 99]])
    keep = torch.tensor([True, False, False, False, False, False, True])
    result = faithfulness(
        model, batch, label(2), scores, fractions=(0.2, 0.6, 1.0), replacement=MASK, keep=keep, random_orders=2
    )
    # 5 tokens count in the first text, 4 in the second, which ends in padding
    highest = {0.2: ([1], [2]), 0.6: ([1, 3, 4], [2, 3, 1]), 1.0: ([1, 2, 3, 4, 5], [1, 2, 3, 4])}
    value = label(2, "probability")(run(model, batch))
    for number, chosen in enumerate(highest.values()):
        without, only = batch["input_ids"].clone(), batch["input_ids"].clone()
        for text, places in enumerate(chosen):
            others = [place for place in ([1, 2, 3, 4, 5], [1, 2, 3, 4])[text] if place not in places]
            without[text, places] = MASK
            only[text, others] = MASK
        for curve, ids in ((result.comprehensiveness, without), (result.sufficiency, only)):
            expected = value - label(2, "probability")(run(model, dict(batch, input_ids=ids)))
            assert largest_difference(curve[number], expected) < 1e-6
    assert float(result.sufficiency[-1].abs().max()) < 1e-6
    assert largest_difference(result.random_comprehensiveness[-1], result.comprehensiveness[-1]) < 1e-6
    assert largest_difference(result.area("sufficiency"), result.sufficiency.mean(0)) == 0
    again = faithfulness(
        model, batch, label(2), scores, fractions=(0.2, 0.6, 1.0), replacement=MASK, keep=keep, random_orders=2
    )
    assert torch.equal(result.random_sufficiency, again.random_sufficiency)


def test_faithfulness_works_in_multiple_choice_and_on_a_number():
    choices = tiny("BertForMultipleChoice"), inputs("BertForMultipleChoice")
    result = faithfulness(*choices, choice(3), torch.rand(BATCH, CHOICES, SEQUENCE), fractions=(0.5,))
    assert result.comprehensiveness.shape == (1, BATCH)
    regression = tiny("BertForSequenceClassification", num_labels=1)
    result = faithfulness(regression, inputs(), label(0), torch.rand(BATCH, SEQUENCE), fractions=(1.0,))
    assert float(result.comprehensiveness.abs().max()) > 0


def test_gradients_work_where_they_are_switched_off_and_leave_none_behind():
    model = tiny("BertForMaskedLM").train()
    with torch.no_grad():
        gradient_x_input(model, inputs(), masked_token(3))
        assert not torch.is_grad_enabled()
    assert model.training and all(p.grad is None for p in model.parameters())


def test_the_table_names_the_tokens():
    found = gradient_x_input(tiny("BertForMaskedLM"), inputs(), masked_token(3))
    table = found.table(list("abcdefg"), row=1)
    assert table[2] == {"place": 2, "token": "c", "score": float(found.scores[1, 2])}
    with pytest.raises(ValueError, match="2 tokens were given for 7 scores"):
        found.table(["a", "b"])


def test_what_cannot_be_attributed_is_said_in_words():
    model, batch, target = tiny("BertForMaskedLM"), inputs(), masked_token(3, 11)
    vectors = {"inputs_embeds": torch.zeros(1, 3, HIDDEN)}
    ones = torch.ones(BATCH, SEQUENCE)
    for call, message in [
        (lambda: integrated_gradients(model, batch, target, steps=0), "steps is 0"),
        (lambda: integrated_gradients(model, batch, target, baseline="blank"), "baseline is 'blank'"),
        (lambda: integrated_gradients(model, batch, target, baseline=VOCABULARY), "ids from 0 to 46"),
        (lambda: integrated_gradients(model, batch, target, baseline=ones), "word vectors have"),
        (lambda: integrated_gradients(model, batch, target, keep=torch.ones(3)), "keep has shape"),
        (lambda: gradient_x_input(model, batch, lambda output: output.logits[:, 0]), "one number a text"),
        (lambda: occlusion(model, vectors, target), "give input_ids"),
        (lambda: occlusion(model, batch, target, replacement="remove"), "replacement is 'remove'"),
        (lambda: occlusion(model, batch, target, groups=[[1, 9]]), "no place 9"),
        (lambda: occlusion(model, batch, target, groups=[[1, 2], [2]]), "two groups"),
        (lambda: faithfulness(model, batch, target, ones[:, :3]), "one a token"),
        (lambda: faithfulness(model, batch, target, ones, fractions=[2]), "fractions are"),
        (lambda: faithfulness(model, batch, target, ones, random_orders=0), "random_orders is 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("name, target", TASKS, ids=NAMES)
def test_hidden_tokens_are_still_read_at_their_own_place_where_a_model_skips_padding(name, target):
    plain, skipping = tiny(name), tiny(name)
    skipping.base_model.skip_padding = True
    expected, scores = (occlusion(model, inputs(name), target).scores for model in (plain, skipping))
    assert largest_difference(scores, expected) < 1e-5
    assert skipping.base_model.skip_padding
