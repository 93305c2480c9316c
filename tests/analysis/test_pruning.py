"""Heads removed one after the other: the curve against heads that are switched off."""

import copy

import pytest
import torch
from analysis_cases import run
from model_cases import HEADS, LAYERS, inputs, tiny

from bertlab.analysis.ablation import ablate, gradient_importance, sweep
from bertlab.analysis.pruning import ORDERS, curve
from bertlab.analysis.targets import label, masked_token
from bertlab.recording import edit, record

TARGET = masked_token(3, 11, "log_probability")


@pytest.fixture(scope="module", params=["whole", "pruned"])
def model(request):
    model = tiny("BertForPreTraining")
    if request.param == "pruned":
        model.prune_heads({0: [1], 2: [0, 1, 2, 3]})
    return model


@pytest.mark.parametrize("by", ORDERS)
def test_the_values_are_those_of_heads_switched_off(model, by):
    before, config = copy.deepcopy(model.state_dict()), copy.deepcopy(model.config.to_dict())
    found = curve(model, inputs(), TARGET, by=by)
    there = 7 if model.config.pruned_heads else LAYERS * HEADS
    assert len(found.heads) == len(set(found.heads)) == there and found.values.shape == (there + 1,)
    for count in range(there + 1):
        with ablate(model, found.heads[:count]):
            expected = TARGET(run(model, inputs())).mean()
        assert abs(float(found.values[count]) - float(expected)) < 2e-5, count
    assert config == model.config.to_dict()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_least_important_go_first(model):
    by_gradient = gradient_importance(model, inputs(), TARGET)
    found = curve(model, inputs(), TARGET)
    assert torch.equal(found.importance.nan_to_num(-1), by_gradient.nan_to_num(-1))
    weights = [float(by_gradient[place]) for place in found.heads]
    assert weights == sorted(weights)
    changes = {(e.layer, e.head): float(e.change.abs().mean()) for e in sweep(model, inputs(), TARGET)}
    order = curve(model, inputs(), TARGET, by="ablation").heads
    assert [changes[place] for place in order] == pytest.approx(sorted(changes.values()), abs=1e-6)


def test_random_order_is_that_of_its_seed_and_leaves_random_numbers_alone(model):
    state = torch.get_rng_state()
    orders = [curve(model, inputs(), TARGET, by="random", seed=seed).heads for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert torch.equal(state, torch.get_rng_state())


def test_several_batches_count_by_their_mean(model):
    pairs = [(inputs(seed=1), TARGET), (inputs(seed=5), masked_token(2))]
    found = curve(model, pairs)
    values = []
    with torch.no_grad():
        second = run(model, pairs[1][0]).prediction_logits[:, 2]
        chosen = second.argmax(-1)
        with ablate(model, found.heads[:4]):
            values.append(TARGET(run(model, pairs[0][0])).mean())
            values.append(masked_token(2, chosen)(run(model, pairs[1][0])).mean())
    assert abs(float(found.values[4]) - float(sum(values) / 2)) < 2e-5
    assert (
        abs(float(found.values[0]) - float((TARGET(run(model, pairs[0][0])).mean() + second.amax(-1).mean()) / 2))
        < 2e-5
    )


def test_a_recording_around_the_call_hears_nothing_of_the_copies_and_other_edits_hold(model):
    with record(model, "*.context") as recording, edit(model, {"encoder.layer.0.hidden": lambda hidden: hidden * 0.5}):
        found = curve(model, inputs(), TARGET)
        expected = TARGET(run(model, inputs())).mean()
    assert abs(float(found.values[0]) - float(expected)) < 1e-5
    sizes = [part.attention.self.num_attention_heads for part in model.bert.encoder.layer]
    assert [recording[f"encoder.layer.{n}.attention.self.context"].shape[1] for n in range(LAYERS)] == sizes


def test_progress_is_told_and_the_bare_encoder_has_no_metric_of_words():
    told = []
    model = tiny("BertForSequenceClassification")
    curve(model, inputs(), label(1), by="ablation", progress=told.append)
    assert told == sorted(told) and told[-1] == 1
    curve(tiny("BertModel"), inputs(), lambda output: output.pooler_output[:, 0])


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda model: curve(model, inputs(), TARGET, by="size"), ValueError, "by 'size'; allowed are gradient"),
        (lambda model: curve(model, []), ValueError, "no .batch, metric. pairs"),
        (lambda model: curve(model, inputs()), TypeError, "there is no metric"),
        (lambda model: curve(model, [inputs()]), TypeError, "item 0 is a dict"),
        (lambda model: curve(model, [(inputs(), TARGET)], TARGET), TypeError, "metrics in the list"),
    ],
)
def test_bad_input_is_named(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)


def test_heads_that_are_off_around_the_call_stay_off(model):
    with ablate(model, [(1, 2)]):
        found = curve(model, inputs(), TARGET)
        whole = TARGET(run(model, inputs())).mean()
    assert abs(float(found.values[0]) - float(whole)) < 2e-5
    for count in (2, 5, len(found.heads)):
        with ablate(model, [(1, 2), *found.heads[:count]]):
            expected = TARGET(run(model, inputs())).mean()
        assert abs(float(found.values[count]) - float(expected)) < 2e-5
