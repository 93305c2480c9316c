"""Recording and editing: which values have a name, who hears what, and that nothing is left behind."""

import copy
import pickle

import pytest
import torch
from model_cases import (
    BATCH,
    CHOICES,
    HEAD_MODELS,
    HEAD_SIZE,
    HEADS,
    HIDDEN,
    INTERMEDIATE,
    KEYS,
    LABELS,
    LAYERS,
    MODELS,
    SEQUENCE,
    VOCABULARY,
    assert_same,
    inputs,
    labels,
    tiny,
)
from recording_cases import (
    EMBEDDINGS,
    ENCODER,
    PROBS,
    VOCABULARY_HEAD,
    attention,
    feed_forward,
    listeners,
    run,
)

from bertlab import edit, hook_names, record
from bertlab.recording import HookPoint


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("BertModel", [*ENCODER, "pooler.pooled"]),
        ("BertForPreTraining", [*ENCODER, "pooler.pooled", *VOCABULARY_HEAD, "cls.next_sentence_logits"]),
        ("BertLMHeadModel", [*ENCODER, *VOCABULARY_HEAD]),
        ("BertForMaskedLM", [*ENCODER, *VOCABULARY_HEAD]),
        ("BertForNextSentencePrediction", [*ENCODER, "pooler.pooled", "cls.next_sentence_logits"]),
        ("BertForSequenceClassification", [*ENCODER, "pooler.pooled", "logits"]),
        ("BertForMultipleChoice", [*ENCODER, "pooler.pooled", "logits"]),
        ("BertForTokenClassification", [*ENCODER, "logits"]),
        ("BertForQuestionAnswering", [*ENCODER, "logits"]),
    ],
)
def test_the_hook_points_of_a_model_are_these_in_this_order(name, wanted):
    assert hook_names(tiny(name)) == wanted


def test_a_decoder_has_hook_points_of_its_cross_attention():
    names = hook_names(tiny(is_decoder=True, add_cross_attention=True))
    wanted = [n for i in range(LAYERS) for n in attention(i) + attention(i, "crossattention") + feed_forward(i)]
    assert names == [*EMBEDDINGS, *wanted, "pooler.pooled"]


def test_hook_points_add_nothing_to_the_state_dict():
    model = tiny("BertForPreTraining")
    state = model.state_dict()
    assert not [name for name in state if name.endswith((".probs", ".hidden", ".logits", ".q"))]
    assert all(not list(point.parameters()) for point in model.modules() if isinstance(point, HookPoint))


@pytest.mark.parametrize("name", MODELS)
def test_every_hook_point_is_heard_in_a_pass(name):
    model = tiny(name)
    with record(model) as recording:
        run(model, name)
    assert set(recording) == set(hook_names(model))


def test_every_hook_point_of_a_decoder_is_heard():
    model = tiny(is_decoder=True, add_cross_attention=True)
    with record(model) as recording, torch.no_grad():
        model(**inputs(cross=True))
    assert set(recording) == set(hook_names(model))
    assert recording.attention(1, cross=True).shape == (BATCH, HEADS, SEQUENCE, KEYS)
    assert recording["encoder.layer.0.crossattention.self.k"].shape == (BATCH, HEADS, KEYS, HEAD_SIZE)


def test_recorded_values_have_the_promised_axes():
    model = tiny("BertForPreTraining")
    with record(model) as recording:
        run(model)
    shapes = {name.split(".")[-1]: tuple(value.shape) for name, value in recording.items()}
    hidden, per_head = (BATCH, SEQUENCE, HIDDEN), (BATCH, HEADS, SEQUENCE, HEAD_SIZE)
    wanted = dict.fromkeys(("word", "sum", "norm", "hidden", "projected", "residual", "normed"), hidden)
    wanted |= dict.fromkeys(("q", "k", "v", "context"), per_head)
    wanted |= dict.fromkeys(("scores", "probs"), (BATCH, HEADS, SEQUENCE, SEQUENCE))
    wanted |= {"preactivation": (BATCH, SEQUENCE, INTERMEDIATE), "pooled": (BATCH, HIDDEN)}
    wanted |= {"logits": (BATCH, SEQUENCE, VOCABULARY), "next_sentence_logits": (BATCH, 2)}
    for name, shape in wanted.items():
        assert shapes[name] == shape, name


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("BertForSequenceClassification", (BATCH, LABELS)),
        ("BertForMultipleChoice", (BATCH, CHOICES)),
        ("BertForTokenClassification", (BATCH, SEQUENCE, LABELS)),
        ("BertForQuestionAnswering", (BATCH, SEQUENCE, 2)),
    ],
)
def test_the_logits_of_a_head_are_recorded_as_they_are_returned(name, shape):
    model = tiny(name)
    with record(model, "logits") as recording:
        output = run(model, name)
    assert recording["logits"].shape == shape
    if "logits" in output:
        assert torch.equal(recording["logits"], output.logits)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        (PROBS, 1),
        ("*.probs", LAYERS),
        ("encoder.layer.*.attention.self.probs", LAYERS),
        ("encoder.layer.[02].attention.self.?", 2 * 3),
        (["*.q", "*.k", "embeddings.word"], 2 * LAYERS + 1),
        (["*.q", "*.q"], LAYERS),
        ([], 0),
    ],
)
def test_names_can_be_globbed(pattern, count):
    model = tiny()
    with record(model, pattern) as recording:
        run(model)
    assert len(recording) == count


def test_names_work_with_and_without_the_prefix_of_the_base_model():
    model = tiny("BertForMaskedLM")
    before = run(model).logits
    for name in (PROBS, f"bert.{PROBS}"):
        with record(model, name) as recording:
            run(model)
        assert torch.equal(recording[PROBS], recording[f"bert.{PROBS}"])
        assert f"bert.{PROBS}" in recording and len(recording) == 1
        with edit(model, {name: torch.zeros_like}):
            assert not torch.allclose(run(model).logits, before)


@pytest.mark.parametrize("listen", [record, lambda model, name: edit(model, {name: torch.zeros_like})])
def test_an_unknown_name_offers_the_nearest(listen):
    model = tiny("BertForMaskedLM")
    with pytest.raises(LookupError, match=r"encoder\.layer\.1\.attention\.self\.prob'; the nearest are .*probs"):
        with listen(model, "encoder.layer.1.attention.self.prob"):
            pass
    for name in ("*.atention.*", "", f"encoder.layer.{LAYERS}.hidden"):
        with pytest.raises(LookupError):
            with listen(model, name):
                pass
    assert not listeners(model)


def test_names_are_all_resolved_before_anything_is_attached():
    model = tiny()
    with pytest.raises(LookupError):
        with record(model, ["*.probs", "nothing"]):
            pass
    with pytest.raises(LookupError):
        with edit(model, {"*.probs": torch.zeros_like, "nothing": torch.zeros_like}):
            pass
    assert not listeners(model)


def test_names_that_are_no_strings_and_edits_that_are_no_functions_are_refused():
    model = tiny()
    with pytest.raises(TypeError, match="a hook name is a string"):
        with record(model, [3]):
            pass
    with pytest.raises(TypeError, match="edits map names to functions"):
        with edit(model, "*.probs"):
            pass
    with pytest.raises(TypeError, match="must be a function"):
        with edit(model, {"*.probs": 0}):
            pass
    with pytest.raises(LookupError, match="has no hook points"):
        with record(torch.nn.Linear(2, 3)):
            pass


def test_a_recording_agrees_with_the_outputs_of_the_model():
    model = tiny()
    with record(model) as recording:
        output = run(model, output_attentions=True, output_hidden_states=True)
    for layer in range(LAYERS):
        assert torch.equal(recording.attention(layer), output.attentions[layer])
    for number in range(LAYERS + 1):
        assert torch.equal(recording.hidden(number), output.hidden_states[number])
    assert torch.equal(recording.hidden(-1), output.last_hidden_state)
    assert torch.equal(recording["pooler.pooled"], output.pooler_output)


def test_the_recorded_steps_fit_together():
    model = tiny(dtype=torch.float64)
    with record(model) as recording:
        run(model)
    at = "encoder.layer.1."
    steps = ("q", "k", "v", "scores", "probs", "context")
    q, k, v, scores, probs, context = (recording[f"{at}attention.self.{step}"] for step in steps)
    mask = inputs()["attention_mask"][:, None, None].bool()
    expected = (q @ k.transpose(-1, -2) / HEAD_SIZE**0.5).masked_fill(~mask, torch.finfo(torch.float64).min)
    assert_same(scores.masked_fill(~mask, 0.0), expected.masked_fill(~mask, 0.0))
    assert_same(probs, scores.softmax(-1))
    assert_same(context, probs @ v)
    assert not probs[1, :, :, -2:].any()
    embeddings = [recording[f"embeddings.{n}"] for n in ("word", "position", "token_type")]
    assert_same(recording["embeddings.sum"], sum(embeddings))
    before, projected = recording[f"{at}attention.output.normed"], recording[f"{at}output.projected"]
    assert_same(recording[f"{at}output.residual"], before + projected)


def test_listening_changes_no_number():
    model = tiny()
    quiet = run(model)
    with record(model):
        assert_same(run(model), quiet, 1e-6)
    with record(model, "*.q"):
        assert torch.equal(run(model).last_hidden_state, quiet.last_hidden_state)


def test_attention_is_fused_unless_somebody_listens_to_it(monkeypatch):
    model, calls = tiny(), []
    fused = torch.nn.functional.scaled_dot_product_attention

    def counted(*args, **kwargs):
        calls.append(1)
        return fused(*args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", counted)
    run(model)
    assert len(calls) == LAYERS
    with record(model, ["*.q", "*.context", "*.hidden"]):
        run(model)
    assert len(calls) == 2 * LAYERS
    for name in (PROBS, PROBS.replace("probs", "scores")):
        calls.clear()
        with record(model, name):
            run(model)
        assert len(calls) == LAYERS - 1, "only the layer that is looked at shows its steps"
    calls.clear()
    handle = model.get_submodule(PROBS).register_forward_hook(lambda *args: None)  # torch's own hooks count
    run(model)
    handle.remove()
    assert len(calls) == LAYERS - 1


def test_probabilities_are_recorded_before_dropout():
    model = tiny(attention_probs_dropout_prob=0.5).train()
    with record(model, "*.probs") as recording:
        output = model(**inputs(), output_attentions=True)
    assert_same(recording.attention(0).sum(-1), torch.ones(BATCH, HEADS, SEQUENCE))
    assert (output.attentions[0] == 0).sum() > (recording.attention(0) == 0).sum()


def test_probabilities_are_recorded_before_the_head_mask():
    model = tiny()
    mask = torch.ones(HEADS)
    mask[2] = 0
    with record(model, "*.probs") as recording:
        output = run(model, head_mask=mask, output_attentions=True)
    assert recording.attention(0)[:, 2].any() and not output.attentions[0][:, 2].any()


def test_a_recording_keeps_the_last_pass():
    model = tiny()
    with record(model, PROBS) as recording:
        run(model)
        with torch.no_grad():
            model(inputs()["input_ids"][:, :3])
    assert recording.attention(1).shape[-1] == 3


def test_recording_works_with_a_cache():
    model = tiny("BertLMHeadModel", is_decoder=True)
    ids = inputs()["input_ids"]
    with torch.no_grad():
        cache = model(ids[:, :5], use_cache=True).past_key_values
        with record(model) as recording:
            model(ids[:, 5:], past_key_values=cache)
        with record(model, "*.probs") as whole:
            model(ids)
    assert recording.attention(0).shape == (BATCH, HEADS, 2, SEQUENCE)
    assert_same(recording.attention(2), whole.attention(2)[:, :, 5:])


def test_recording_works_under_autocast():
    model = tiny("BertForMaskedLM")
    with record(model) as recording, torch.autocast("cpu", torch.bfloat16):
        run(model)
    assert recording["encoder.layer.0.attention.self.q"].dtype == torch.bfloat16
    assert_same(recording.attention(0).float().sum(-1), torch.ones(BATCH, HEADS, SEQUENCE), 1e-2)
    with edit(model, {PROBS: lambda probs: probs.double()}), torch.autocast("cpu", torch.bfloat16):
        run(model)  # the type is converted back


@pytest.mark.parametrize("listen", ["record", "edit"])
def test_chunks_of_the_feed_forward_network_are_heard_whole(listen):
    plain, chunked = tiny(), tiny(chunk_size_feed_forward=1)
    name = "encoder.layer.0.intermediate.activated"
    if listen == "record":
        with record(chunked, name) as recording:
            run(chunked)
        assert recording[name].shape == (BATCH, SEQUENCE, INTERMEDIATE)
        return
    with edit(plain, {name: lambda x: x.cumsum(1)}):
        wanted = run(plain)
    with edit(chunked, {name: lambda x: x.cumsum(1)}):
        assert_same(run(chunked), wanted)


def test_padding_is_not_skipped_while_somebody_listens():
    model = tiny()
    with record(model, "*.hidden") as plain:
        run(model)
    model.skip_padding = True
    with record(model, "*.hidden") as recording:
        output = run(model)
    assert_same(recording.hidden(-1), plain.hidden(-1))
    assert_same(output.last_hidden_state, plain.hidden(-1))


@pytest.mark.parametrize("name", HEAD_MODELS)
def test_recording_leaves_the_gradients_as_they_are(name):
    quiet, listened = tiny(name), tiny(name)
    quiet(**inputs(name), **labels(name)).loss.backward()
    with record(listened, retain_grad=True) as recording:
        listened(**inputs(name), **labels(name)).loss.backward()
    wanted = dict(quiet.named_parameters())
    for parameter_name, parameter in listened.named_parameters():
        if parameter.grad is not None:
            assert_same(parameter.grad, wanted[parameter_name].grad, 1e-4, parameter_name, scale=1e-2)
    assert recording.attention(0).grad.shape == recording.attention(0).shape


def test_gradients_of_recorded_values_are_kept_on_request():
    model = tiny("BertForMaskedLM", dtype=torch.float64)
    with record(model, PROBS, retain_grad=True) as recording:
        model(**inputs(), **labels("BertForMaskedLM")).loss.backward()
    probs = recording[PROBS]
    place, step = (0, 1, 2, 3), 1e-6

    def loss(change):
        def moved(value):
            value[place] += change
            return value

        with torch.no_grad(), edit(model, {PROBS: moved}):
            return model(**inputs(), **labels("BertForMaskedLM")).loss

    assert probs.grad[place].item() == pytest.approx(((loss(step) - loss(-step)) / (2 * step)).item(), rel=1e-5)


def test_values_are_detached_unless_asked_otherwise():
    model = tiny()
    with record(model, PROBS) as detached:
        model(**inputs())
    with record(model, PROBS, detach=False) as attached:
        model(**inputs())
    assert not detached[PROBS].requires_grad and attached[PROBS].requires_grad
    attached[PROBS].sum().backward()


def test_gradients_of_copies_cannot_be_kept():
    with pytest.raises(ValueError, match="retain_grad keeps the gradient of the value itself"):
        with record(tiny(), PROBS, retain_grad=True, dtype=torch.float64):
            pass


def test_gradient_checkpointing_keeps_recordings_and_edits_in_force():
    """The backward pass would run the layers again, perhaps after the listeners have gone."""
    plain, recomputing = tiny("BertForMaskedLM").train(), tiny("BertForMaskedLM").train()
    recomputing.gradient_checkpointing_enable()
    gradients = []
    for model in (plain, recomputing):
        with edit(model, {PROBS: lambda p: p.flip(1)}), record(model, PROBS, retain_grad=True) as recording:
            loss = model(**inputs(), **labels("BertForMaskedLM")).loss
        loss.backward()
        gradients.append((recording[PROBS].grad, model.bert.encoder.layer[0].output.dense.weight.grad))
    assert_same(gradients[1], gradients[0])


def test_models_with_hook_points_can_be_copied_and_pickled():
    model = tiny()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with record(twin, PROBS) as recording:
            assert not listeners(model)
            assert_same(run(twin), run(model), 1e-6)
        assert len(recording) == 1
