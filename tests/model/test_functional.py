"""The other half of torch: transformations, tracing, compiling, exporting, hooks, copies."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from model_cases import HEADS, LAYERS, MODELS, SEQUENCE, SIZES, assert_same, inputs, labels, tiny
from torch.func import grad, hessian, jacrev, jvp, vmap

import bertlab
from bertlab import edit, record


def model_of(name, **options):
    return tiny(name, is_decoder=name == "BertLMHeadModel", **options)


def other_shape(batch):
    """The same batch with another row and fewer places."""
    return {name: torch.cat([value, value[:1]])[..., : SEQUENCE - 2] for name, value in batch.items()}


# -- torch.func ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_applying_its_own_parameters_is_running_the_model(name):
    model = model_of(name)
    params, apply = bertlab.functional(model)
    assert_same(apply(params, **inputs(name)), model(**inputs(name)))
    assert set(params) == {name for name, _ in model.named_parameters()}
    assert not any(value.requires_grad for value in params.values())


def test_other_parameters_change_the_answer_and_not_the_model():
    model = tiny("BertForMaskedLM")
    params, apply = bertlab.functional(model)
    before = model(**inputs()).logits
    halved = {name: value / 2 for name, value in params.items()}
    other = copy.deepcopy(model)
    other.load_state_dict({**halved, **{copy: halved[name] for copy, name in model.tied_names().items()}})
    assert_same(apply(halved, **inputs()).logits, other(**inputs()).logits)
    assert torch.equal(model(**inputs()).logits, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: {**p, "pooler.dense.wait": p["pooler.dense.bias"]}, "no parameter 'pooler.dense.wait'"),
        (lambda p: {name: p[name] for name in list(p)[1:]}, "1 parameters are missing"),
    ],
)
def test_parameters_that_do_not_fit_are_named(change, message):
    params, apply = bertlab.functional(tiny())
    with pytest.raises(LookupError, match=message):
        apply(change(params), **inputs())


@pytest.mark.parametrize("name", [name for name in MODELS if name != "BertModel"])
def test_gradients_of_each_example_are_those_of_the_example_alone(name):
    model = model_of(name, dtype=torch.float64)
    params, apply = bertlab.functional(model)
    batch = {**inputs(name), **labels(name)}
    names = list(batch)

    def loss(params, *row):
        return apply(params, **{name: value[None] for name, value in zip(names, row, strict=True)}).loss

    found = vmap(grad(loss), in_dims=(None, *[0] * len(names)))(params, *batch.values())
    for row in range(2):
        model.zero_grad()
        model(**{name: value[row : row + 1] for name, value in batch.items()}).loss.backward()
        for key, parameter in model.named_parameters():
            wanted = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            torch.testing.assert_close(found[key][row], wanted, rtol=1e-8, atol=1e-10)


def test_forward_and_backward_derivatives_agree():
    model = tiny(dtype=torch.float64)
    vectors = model.embeddings.word_embeddings(inputs()["input_ids"]).detach()
    direction = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def length(vectors):
        mask = inputs()["attention_mask"]
        return model(inputs_embeds=vectors, attention_mask=mask).pooler_output.square().sum()

    _, forward = jvp(length, (vectors,), (direction,))
    torch.testing.assert_close(forward, (grad(length)(vectors) * direction).sum())
    with torch.no_grad():
        _, quiet = jvp(length, (vectors,), (direction,))
    assert quiet.shape == forward.shape


def test_second_derivatives_exist():
    model = tiny(dtype=torch.float64)
    vectors = torch.randn(1, 2, model.config.hidden_size, dtype=torch.float64)

    def first(x):
        return model(inputs_embeds=torch.cat([x[None, None, :], vectors[:, 1:]], 1)).pooler_output[0, 0]

    matrix = hessian(first)(vectors[0, 0])
    torch.testing.assert_close(matrix, jacrev(grad(first))(vectors[0, 0]))
    torch.testing.assert_close(matrix, matrix.T)


def test_many_models_run_as_one():
    model = tiny()
    params, apply = bertlab.functional(model)
    many = {name: torch.stack([value, value * 0.5, value * 2]) for name, value in params.items()}
    batch = inputs()
    with torch.no_grad():
        together = vmap(lambda one: apply(one, **batch).last_hidden_state)(many)
        for number, scale in enumerate((1, 0.5, 2)):
            alone = apply({name: value * scale for name, value in params.items()}, **batch)
            assert_same(together[number], alone.last_hidden_state)


# -- graphs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_a_traced_model_heeds_masks_and_shapes_that_its_example_did_not_have(name):
    model = model_of(name, torchscript=True, num_hidden_layers=2)
    example = {key: value[:1] for key, value in inputs(name).items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(model, tuple(example.values()))
    for batch in (inputs(name), other_shape(inputs(name))):
        assert_same(traced(*batch.values())[0], model(**batch)[0])


@pytest.mark.parametrize("name", ["BertForPreTraining", "BertLMHeadModel", "BertForMultipleChoice"])
def test_an_exported_model_takes_any_batch_and_length(name):
    model = model_of(name, num_hidden_layers=1)
    places = 2 if name == "BertForMultipleChoice" else 1
    batch, sequence = torch.export.Dim("batch"), torch.export.Dim("sequence", max=SIZES["max_position_embeddings"])
    dims = {key: {0: batch, places: sequence} for key in inputs(name)}
    exported = torch.export.export(model, (), inputs(name), dynamic_shapes=dims).module()
    for given in (inputs(name), other_shape(inputs(name))):
        assert_same(exported(**given), model(**given))


@pytest.mark.parametrize(("name", "gradients"), [("BertForPreTraining", True), ("BertLMHeadModel", False)])
def test_a_model_compiles_without_a_break_in_the_graph(name, gradients):
    model = model_of(name, num_hidden_layers=1)
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    with torch.set_grad_enabled(gradients):
        for batch in (inputs(name), other_shape(inputs(name)), {"input_ids": inputs(name)["input_ids"]}):
            assert_same(compiled(**batch)[0], model(**batch)[0])
        assert_same(compiled(**inputs(name), **labels(name)), model(**inputs(name), **labels(name)))


def test_a_compiled_model_still_refuses_shapes_that_do_not_fit():
    torch._dynamo.reset()
    compiled = torch.compile(tiny(), backend="eager")
    with pytest.raises((ValueError, RuntimeError)):
        compiled(inputs()["input_ids"], attention_mask=torch.ones(2, 1))


def test_a_model_without_numbers_gives_the_shapes_of_its_outputs():
    with torch.device("meta"):
        model = bertlab.BertModel(bertlab.BertConfig(**SIZES))
        output = model(torch.zeros(2, 5, dtype=torch.long), torch.ones(2, 5))
    assert output.last_hidden_state.shape == (2, 5, SIZES["hidden_size"]) and output.last_hidden_state.is_meta


# -- torch's own hooks and dropout ---------------------------------------------------------------------------------


def quiet(model, **batch):
    with torch.no_grad():
        return model(**batch)[0]


def test_dropout_modules_in_training_mode_act_in_a_model_that_is_not():
    model = tiny(attention_probs_dropout_prob=0.5)
    assert torch.equal(quiet(model, **inputs()), quiet(model, **inputs()))
    for layer in model.encoder.layer:
        layer.attention.self.dropout.train()
    assert not torch.equal(quiet(model, **inputs()), quiet(model, **inputs()))
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    assert torch.equal(quiet(model, **inputs()), quiet(model, **inputs()))


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_hook_on_the_dropout_of_attention_is_called_once_with_its_probabilities(register):
    model, seen = tiny(), []
    dropout = model.encoder.layer[1].attention.self.dropout
    handle = getattr(dropout, register)(lambda module, args, *output: seen.append(args[0].shape))
    quiet(model, **inputs())
    handle.remove()
    quiet(model, **inputs())
    assert seen == [(2, HEADS, SEQUENCE, SEQUENCE)]


def test_a_hook_on_all_modules_hears_each_of_them_once():
    model, heard = tiny(), []
    handle = torch.nn.modules.module.register_module_forward_hook(lambda module, args, out: heard.append(module))
    quiet(model, **inputs())
    handle.remove()
    leaves = [module for module in model.modules() if not list(module.children())]
    assert {id(module) for module in leaves} <= {id(module) for module in heard}
    assert len({id(module) for module in heard}) == len(heard)


def test_what_stands_in_place_of_a_module_is_what_acts():
    class Twice(torch.nn.Module):
        def forward(self, probs):
            return 2 * probs

    model = tiny()
    for module in (torch.nn.Identity(), Twice()):
        for layer in model.encoder.layer:
            layer.attention.self.dropout = module
        model.train()
        model(**inputs()).last_hidden_state.sum().backward()
        model.eval()
    assert not torch.allclose(quiet(model, **inputs()), quiet(tiny(), **inputs()))


@pytest.mark.parametrize(
    "name", ["encoder.layer.0", "encoder.layer.1.attention.self.query", "encoder.layer.2.output.LayerNorm"]
)
def test_hooks_see_padded_batches_whole_where_padding_is_skipped(name):
    model, shapes = tiny(), []
    model.skip_padding = True

    def keep(module, args, output):
        shapes.append((output[0] if isinstance(output, tuple) else output).shape)

    for _ in range(2):
        shapes.clear()
        handle = model.get_submodule(name).register_forward_hook(keep)
        quiet(model, **inputs())
        handle.remove()
        assert shapes == [(2, SEQUENCE, SIZES["hidden_size"])]


def test_backward_hooks_are_called():
    model, heard = tiny(), []
    for layer in model.encoder.layer:
        layer.register_full_backward_hook(lambda module, given, wanted: heard.append(wanted[0].shape))
    model(**inputs()).last_hidden_state.sum().backward()
    assert heard == [(2, SEQUENCE, SIZES["hidden_size"])] * LAYERS


def test_operations_can_be_counted():
    from torch.utils.flop_counter import FlopCounterMode

    counts = []
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients), FlopCounterMode(display=False) as counter:
            tiny()(**inputs(), output_attentions=True)
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 0


# -- copies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_made_while_somebody_listens_is_listened_to_by_nobody(copied):
    model = tiny()
    before = quiet(model, **inputs())
    with record(model) as recording, edit(model, {"*.hidden": torch.zeros_like}):
        other = copied(model)
        assert torch.equal(quiet(other, **inputs()), before)
        assert not len(recording)
    assert torch.equal(quiet(other, **inputs()), before)


def test_a_whole_model_and_its_outputs_survive_torch_save():
    model = tiny("BertForPreTraining")
    file = io.BytesIO()
    torch.save({"model": model, "output": model(**inputs())}, file)
    file.seek(0)
    read = torch.load(file, weights_only=False)
    assert_same(read["output"], model(**inputs()))
    assert_same(read["model"](**inputs()), model(**inputs()))
    assert read["model"].get_output_embeddings().weight is read["model"].get_input_embeddings().weight
