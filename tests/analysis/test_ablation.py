"""Heads switched off: every way against a loop of its own, and the sweep against one ablation at a time."""

import pytest
import torch
from analysis_cases import largest_difference, row, run, small_lab
from model_cases import HEAD_SIZE, HEADS, LAYERS, SEQUENCE, inputs, tiny

from bertlab import edit, record
from bertlab.analysis.ablation import WAYS, ablate, corpus_means, effect_grid, gradient_importance, sweep
from bertlab.analysis.attribution import integrated_gradients, occlusion
from bertlab.analysis.targets import label, masked_token
from bertlab.recording import HookPoint

CONTEXT = "encoder.layer.{}.attention.self.context"


@pytest.fixture(scope="module")
def model():
    return tiny("BertForPreTraining")


def logits(model, batch):
    return run(model, batch).prediction_logits


@pytest.mark.parametrize("how", WAYS)
def test_ablating_nothing_changes_nothing_and_leaves_nothing_behind(model, how):
    before = logits(model, inputs())
    with ablate(model, [], how):
        assert torch.equal(logits(model, inputs()), before)
    with ablate(model, [(1, 2)], how):
        assert largest_difference(logits(model, inputs()), before) > 1e-3
    assert torch.equal(logits(model, inputs()), before)
    assert not [m for m in model.modules() if isinstance(m, HookPoint) and m.listened]
    assert not model.base_model._forward_pre_hooks


def test_zero_is_what_a_head_mask_of_zero_does(model):
    mask = torch.ones(LAYERS, HEADS)
    mask[0, 3] = mask[2, 0] = mask[2, 1] = 0
    expected = run(model, {**inputs(), "head_mask": mask}).prediction_logits
    with ablate(model, {0: [3], 2: [0, 1]}):
        assert largest_difference(logits(model, inputs()), expected) < 1e-5


def test_zero_is_what_pruning_does():
    whole, pruned = tiny("BertForMaskedLM"), tiny("BertForMaskedLM")
    pruned.prune_heads({1: [0, 2]})
    with ablate(whole, [(1, 0), (1, 2)]):
        assert largest_difference(run(whole, inputs()).logits, run(pruned, inputs()).logits) < 1e-5


def test_heads_keep_their_numbers_when_others_are_pruned():
    model = tiny("BertForMaskedLM")
    mask = torch.ones(LAYERS, HEADS)
    mask[1, 0] = mask[1, 3] = 0
    expected = run(model, {**inputs(), "head_mask": mask}).logits
    model.prune_heads({1: [0]})
    with ablate(model, [(1, 3)]):
        assert largest_difference(run(model, inputs()).logits, expected) < 1e-5
    with pytest.raises(ValueError, match="no head 0 in layer 1; it has heads 1 to 3"), ablate(model, [(1, 0)]):
        pass


def test_mean_is_the_mean_context_over_the_real_tokens_of_the_batch(model):
    batch = inputs()
    with record(model, CONTEXT.format(1)) as recording:
        run(model, batch)
    context = recording[CONTEXT.format(1)]  # (batch, heads, sequence, head size)
    total, count = torch.zeros(HEAD_SIZE), 0
    for text in range(len(context)):
        for place in range(SEQUENCE):
            if batch["attention_mask"][text, place]:
                total += context[text, 2, place]
                count += 1

    def loop(value):
        value[:, 2] = total / count
        return value

    with edit(model, {CONTEXT.format(1): loop}):
        expected = logits(model, batch)
    with ablate(model, [(1, 2)], "mean"):
        assert largest_difference(logits(model, batch), expected) < 1e-5


def test_uniform_gives_every_visible_key_the_same_weight_and_padding_none(model):
    batch = inputs()
    with ablate(model, [(1, 2)], "uniform"), record(model, "*.probs") as recording:
        run(model, batch)
    probs = recording.attention(1)
    real = batch["attention_mask"].float()
    expected = (real / real.sum(1, keepdim=True))[:, None].expand(-1, SEQUENCE, -1)
    assert largest_difference(probs[:, 2], expected) < 1e-6
    with record(model, "*.probs") as before:
        run(model, batch)
    assert largest_difference(probs[:, [0, 1, 3]], before.attention(1)[:, [0, 1, 3]]) == 0


def test_uniform_respects_the_order_of_a_decoder():
    model = tiny("BertLMHeadModel", is_decoder=True)
    with ablate(model, [(0, 1)], "uniform"), record(model, "*.probs") as recording:
        run(model, row(inputs(), 0))
    expected = torch.ones(SEQUENCE, SEQUENCE).tril()
    assert largest_difference(recording.attention(0)[0, 1], expected / expected.sum(1, keepdim=True)) < 1e-6


def test_means_of_a_corpus_are_the_means_over_its_tokens_and_take_the_heads_place(tmp_path):
    lab = small_lab(tmp_path)
    texts = ["the cat sat on the mat.", "a dog ran", "paris is the capital of france!"]
    means = corpus_means(lab, texts, texts_per_pass=2)
    seen = [lab.record(text)[CONTEXT.format(2)][0].transpose(0, 1) for text in texts]  # (sequence, heads, head size)
    assert largest_difference(means[2], torch.cat(seen).mean(0)) < 1e-6
    names = [CONTEXT.format(2)]
    with ablate(lab.model, [(2, 1)], "mean", means=means), record(lab.model, names) as recording:
        run(lab.model, lab.encode("he sat"))
    assert largest_difference(recording[names[0]][0, 1], means[2][1].expand(4, -1)) == 0


@pytest.mark.parametrize("how", WAYS)
def test_the_sweep_is_one_ablation_after_the_other(model, how):
    batch = inputs()
    target = masked_token(3, 11, "log_probability")
    whole = target(run(model, batch))
    effects = list(sweep(model, batch, target, how=how, tokens_per_pass=3 * batch["input_ids"].numel()))
    assert [(e.layer, e.head) for e in effects] == [(layer, h) for layer in range(LAYERS) for h in range(HEADS)]
    assert effects[-1].done == 1
    for effect in effects:
        with ablate(model, [(effect.layer, effect.head)], how):
            expected = target(run(model, batch))
        assert largest_difference(effect.value, expected) < 2e-5
        assert largest_difference(effect.change, expected - whole) < 2e-5


@pytest.mark.parametrize("name", ["BertForSequenceClassification", "BertForMultipleChoice", "BertForQuestionAnswering"])
def test_the_sweep_runs_on_every_head_model_with_any_function_of_its_output(name):
    model, batch = tiny(name), inputs(name)

    def metric(output):
        return (output.start_logits if hasattr(output, "start_logits") else output.logits).float()

    for effect in sweep(model, batch, metric, heads={0: [1], 2: [3, 0]}):
        with ablate(model, [(effect.layer, effect.head)]):
            expected = metric(run(model, batch))
        assert largest_difference(effect.value, expected) < 2e-5


def test_the_sweep_without_an_index_follows_the_whole_models_prediction():
    model, batch = tiny("BertForSequenceClassification"), inputs()
    best = run(model, batch).logits.argmax(-1)
    effect = next(sweep(model, batch, label()))
    with ablate(model, [(0, 0)]):
        expected = run(model, batch).logits
    assert largest_difference(effect.value, expected[torch.arange(2), best]) < 1e-5


def test_a_sweep_streams_can_be_stopped_and_leaves_the_model_as_it_was(model):
    before = logits(model, inputs())
    steps = sweep(model, inputs(), masked_token(3, 11), tokens_per_pass=1)
    first = next(steps)
    assert (first.layer, first.head) == (0, 0) and 0 < first.done < 1
    assert torch.is_grad_enabled()
    assert not [m for m in model.modules() if isinstance(m, HookPoint) and m.listened]
    steps.close()
    assert torch.equal(logits(model, inputs()), before)
    assert len(model.base_model.encoder.layer) == LAYERS


@pytest.mark.parametrize("how", WAYS)
def test_heads_that_are_off_around_a_sweep_stay_off_and_copies_do_not_mix(model, how):
    batch, target = inputs(), masked_token(3, 11)
    off = [(0, 1), (2, 0)]
    with ablate(model, off, how):
        effects = {(e.layer, e.head): e.value for e in sweep(model, batch, target)}
    for head in [(1, 2), (2, 3)]:
        with ablate(model, off, how), ablate(model, [head]):
            assert largest_difference(effects[head], target(run(model, batch))) < 2e-5


def test_attribution_under_a_mean_ablation_does_not_mix_its_steps(model):
    batch, target = inputs(), masked_token(3, 11)
    with ablate(model, [(0, 1), (1, 2)], "mean"):
        for method in (occlusion, integrated_gradients):
            together, one = (method(model, batch, target, tokens_per_pass=n).scores for n in (10_000, 1))
            assert largest_difference(together, one) < 1e-4


def test_a_grid_holds_the_mean_change_of_each_head_and_nan_elsewhere(model):
    effects = list(sweep(model, inputs(), masked_token(3, 11), heads=[(1, 2)]))
    grid = effect_grid(effects, LAYERS, HEADS)
    assert float(grid[1, 2]) == pytest.approx(float(effects[0].change.mean()))
    assert int(grid.isnan().sum()) == LAYERS * HEADS - 1


def test_a_heads_gradient_is_the_slope_of_the_metric_in_its_mask():
    model = tiny("BertForMaskedLM", dtype=torch.float64)
    batch, target, step = inputs(), masked_token(torch.tensor([3, 1]), torch.tensor([11, 5])), 1e-4
    importance = gradient_importance(model, batch, target)
    for layer, head in [(0, 2), (2, 3)]:
        values = []
        for sign in (1, -1):
            mask = torch.ones(LAYERS, HEADS, dtype=torch.float64)
            mask[layer, head] += sign * step
            values.append(target(run(model, {**batch, "head_mask": mask})))
        slope = (values[0] - values[1]) / (2 * step)
        assert float(importance[layer, head]) == pytest.approx(float(slope.abs().mean()), rel=1e-4)


def test_a_model_in_training_is_measured_without_dropout_and_trains_on():
    model = tiny("BertForMaskedLM", hidden_dropout_prob=0.5)
    expected = [e.value for e in sweep(model, inputs(), masked_token(3, 11), heads=[(1, 1)])]
    model.train()
    model.bert.embeddings.eval()
    again = [e.value for e in sweep(model, inputs(), masked_token(3, 11), heads=[(1, 1)])]
    assert torch.equal(expected[0], again[0])
    assert model.training and not model.bert.embeddings.training


def test_what_cannot_be_ablated_is_said_in_words(model):
    for heads, message in [([(9, 0)], "no layer 9"), ([(0, 9)], "no head 9 in layer 0; it has heads 0 to 3")]:
        with pytest.raises(ValueError, match=message), ablate(model, heads):
            pass
    with pytest.raises(TypeError, match="pairs"), ablate(model, [3]):
        pass
    with pytest.raises(ValueError, match="allowed are zero, mean, uniform"):
        sweep(model, inputs(), label(), how="noise")
    with pytest.raises(ValueError, match="how='mean'"), ablate(model, [(0, 0)], "zero", means=[]):
        pass
    with pytest.raises(ValueError, match="holds 'labels'"):
        sweep(model, {**inputs(), "labels": inputs()["input_ids"]}, label())
    with pytest.raises(LookupError, match="no logits of the label head"):
        next(sweep(model, inputs(), label()))
    with pytest.raises(ValueError, match="number a text"):
        next(sweep(model, inputs(), lambda output: output.prediction_logits.mean()))


def test_gradient_importance_is_that_of_a_mask_text_by_text_also_where_heads_are_gone():
    model, batch, target = tiny("BertForPreTraining"), inputs(), masked_token(3, 11, "log_probability")
    expected = torch.zeros(LAYERS, HEADS)
    for number in range(2):
        mask = torch.ones(LAYERS, HEADS, requires_grad=True)
        value = target(model(**row(batch, number), head_mask=mask)).sum()
        expected += torch.autograd.grad(value, mask)[0].abs() / 2
    assert largest_difference(gradient_importance(model, batch, target), expected) < 1e-5
    silenced = torch.ones(LAYERS, HEADS)
    silenced[0, 1] = silenced[2] = 0
    mask = silenced.clone().requires_grad_()
    value = target(model(**batch, head_mask=mask)).sum()
    (expected,) = torch.autograd.grad(value, mask)
    model.prune_heads({0: [1], 2: [0, 1, 2, 3]})
    found = gradient_importance(model, row(batch, 0), target)
    assert torch.equal(found.isnan(), silenced == 0)
