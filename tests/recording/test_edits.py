"""Edits: values replaced on their way."""

import pytest
import torch
from model_cases import (
    HEAD_SIZE,
    HEADS,
    HIDDEN,
    LAYERS,
    MODELS,
    SEQUENCE,
    assert_same,
    inputs,
    labels,
    tiny,
)
from recording_cases import PROBS, listeners, run

from bertlab import edit, hook_names, record
from bertlab.recording import anybody_listens


def test_silencing_a_head_is_the_same_as_masking_it():
    model = tiny()

    def silence(probs):
        probs[:, 2] = 0
        return probs

    head_mask = torch.ones(LAYERS, HEADS)
    head_mask[1, 2] = 0
    with edit(model, {PROBS: silence}):
        edited = run(model)
    assert_same(edited, run(model, head_mask=head_mask))


@pytest.mark.parametrize("name", ["q", "k", "v", "scores", "probs", "context"])
def test_every_step_of_attention_can_be_edited(name):
    model = tiny()
    before = run(model).last_hidden_state
    with edit(model, {f"encoder.layer.1.attention.self.{name}": lambda value: value.flip(1)}):
        assert not torch.allclose(run(model).last_hidden_state, before)
    assert torch.equal(run(model).last_hidden_state, before)


@pytest.mark.parametrize("name", MODELS)
def test_every_value_of_every_model_can_be_edited(name):
    """The logits, which come last, notice a change anywhere."""
    model = tiny(name)
    for point in hook_names(model):
        with edit(model, {point: lambda value: value * 1.5 + 0.1 * torch.randn_like(value)}):
            changed = run(model, name)
        original = run(model, name)
        pairs = zip(changed.to_tuple(), original.to_tuple(), strict=True)
        assert any(not torch.allclose(one, other, atol=1e-7) for one, other in pairs), point


def test_a_recording_shows_what_the_model_used_whoever_came_first():
    model = tiny()

    def uniform(probs):
        return torch.full_like(probs, 1 / SEQUENCE)

    with edit(model, {PROBS: uniform}), record(model, PROBS) as inside:
        run(model)
    with record(model, PROBS) as outside, edit(model, {PROBS: uniform}):
        output = run(model, output_attentions=True)
    for recording in (inside, outside):
        assert_same(recording[PROBS], uniform(recording[PROBS]))
    assert torch.equal(output.attentions[1], outside[PROBS])


def test_nested_edits_run_from_the_outermost_to_the_innermost():
    model = tiny()
    name = "embeddings.word"
    with record(model, name) as plain:
        run(model)
    with edit(model, {name: lambda x: x + 1}), edit(model, {name: lambda x: x * 2}), record(model, name) as recording:
        run(model)
    assert_same(recording[name], (plain[name] + 1) * 2)


def test_several_recordings_listen_at_once():
    model = tiny()
    with record(model, "*.probs") as outer:
        with record(model, "*.hidden") as inner:
            run(model)
        with record(model, "*.q"):
            pass
    assert len(outer) == LAYERS and len(inner) == LAYERS + 1
    assert not listeners(model)


def test_an_edit_in_place_touches_no_other_recorded_value():
    model = tiny()

    def zero(value):
        value[:] = 0
        return value

    with record(model) as plain:
        run(model)
    with record(model) as recording, edit(model, {"embeddings.hidden": zero, "encoder.layer.0.hidden": zero}):
        run(model)
    assert torch.equal(recording["embeddings.norm"], plain["embeddings.norm"])
    assert not recording["embeddings.hidden"].any() and not recording.hidden(1).any()


def test_an_edit_in_place_is_fine_in_training():
    model = tiny("BertForMaskedLM").train()

    def halve(probs):
        probs[:, 0] *= 0.5
        return probs

    with edit(model, {"*.probs": halve}):
        model(**inputs(), **labels("BertForMaskedLM")).loss.backward()
    assert model.bert.encoder.layer[0].attention.self.query.weight.grad.isfinite().all()


def test_an_edit_can_bring_in_another_run():
    """Activation patching: the source's states in the target's run give the source's output."""
    model = tiny()
    other = {**inputs(seed=9), "attention_mask": inputs()["attention_mask"]}
    with record(model, "encoder.layer.1.hidden") as source, torch.no_grad():
        wanted = model(**other)
    with edit(model, {"encoder.layer.1.hidden": lambda _: source.hidden(2)}):
        assert_same(run(model), wanted)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda value: None, TypeError, "returned NoneType; it must return the changed tensor"),
        (lambda value: 0.0, TypeError, "returned float"),
        (lambda value: value[:1], ValueError, r"returned shape \(1, 4, 7, 7\); the value has shape \(2, 4, 7, 7\)"),
    ],
)
def test_an_edit_must_return_a_tensor_of_the_same_shape(function, error, message):
    model = tiny()
    with pytest.raises(error, match=f"the edit of encoder.layer.1.attention.self.probs {message}"):
        with edit(model, {PROBS: function}):
            run(model)
    assert not listeners(model)


def test_nothing_is_left_behind_after_an_exception():
    model = tiny()

    def fail(value):
        raise RuntimeError("an edit that fails")

    before = run(model)
    with pytest.raises(RuntimeError, match="an edit that fails"):
        with record(model), edit(model, {"*": torch.clone}), edit(model, {"encoder.layer.2.*": fail}):
            run(model)
    with pytest.raises(KeyboardInterrupt):
        with record(model), edit(model, {"*": torch.clone}):
            raise KeyboardInterrupt
    assert not listeners(model) and not anybody_listens(model)
    assert torch.equal(run(model).last_hidden_state, before.last_hidden_state)


def test_edits_act_while_a_model_is_trained():
    """A head that is silenced in training learns nothing."""
    model = tiny("BertForSequenceClassification").train()

    def silence(context):
        context[:, 1] = 0
        return context

    with edit(model, {"encoder.layer.0.attention.self.context": silence}):
        model(**inputs(), **labels("BertForSequenceClassification")).loss.backward()
    gradient = model.bert.encoder.layer[0].attention.self.value.weight.grad.view(HEADS, HEAD_SIZE, HIDDEN)
    assert not gradient[1].any() and gradient[0].any()
