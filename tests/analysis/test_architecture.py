"""The architecture in numbers: parts and weights that add up, statistics, what passes, and the lines of source."""

import pytest
import torch
from model_cases import inputs, tiny

import bertlab
from bertlab import hook_names, record
from bertlab.analysis import architecture
from bertlab.recording import HookPoint

MODELS = [
    "BertModel", "BertForPreTraining", "BertForMaskedLM", "BertLMHeadModel", "BertForNextSentencePrediction",
    "BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification", "BertForQuestionAnswering",
]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_the_parts_hold_every_parameter_and_every_hook_point_once(name):
    model = tiny(name)
    parts = architecture.parts(model)
    assert sum(part.count for part in parts) == model.num_parameters()
    names = [weight.name for part in parts for weight in part.weights]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters(remove_duplicate=False))
    points = [point for part in parts for point in part.hook_points]
    assert sorted(points) == sorted(name for name, module in model.named_modules() if isinstance(module, HookPoint))
    assert parts[0].name.endswith("embeddings")


def test_shared_tensors_count_where_they_come_first():
    model = tiny("BertForPreTraining")
    shared = {weight.name: weight.shares for weight in architecture.weights(model) if weight.shares is not None}
    assert shared == {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }
    half = tiny("BertForPreTraining", dtype=torch.bfloat16)
    assert sum(part.bytes for part in architecture.parts(half)) == 2 * half.num_parameters()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_statistics_are_those_of_torch(dtype):
    values = torch.linspace(-3, 5, 700, dtype=torch.float64).view(7, 100).to(dtype)
    found = architecture.statistics(values, bins=8)
    exact = values.double()
    assert found.count == 700 and found.left_out == 0
    assert found.mean == pytest.approx(float(exact.mean()), abs=1e-5)
    assert found.std == pytest.approx(float(exact.std(correction=0)), abs=1e-5)
    assert (found.min, found.max) == (-3, 5)
    assert found.norm == pytest.approx(float(exact.norm()), rel=1e-5)
    assert sum(found.histogram) == 700 and len(found.histogram) == 8


def test_what_is_no_number_or_hides_a_place_is_left_out():
    least = torch.finfo(torch.float32).min
    found = architecture.statistics(torch.tensor([1.0, float("nan"), float("-inf"), least, 3.0]))
    assert (found.count, found.left_out, found.mean) == (2, 3, 2.0)
    same = architecture.statistics(torch.full((2, 3), 4.0), bins=5)
    assert same.histogram == (6, 0, 0, 0, 0) and same.std == 0
    assert architecture.statistics(torch.tensor([1, 2, 3])).mean == 2
    with pytest.raises(ValueError, match="no finite number among the 2 values"):
        architecture.statistics(torch.tensor([float("nan"), float("inf")]))
    with pytest.raises(ValueError, match="no finite number"):
        architecture.statistics(torch.empty(0))
    with pytest.raises(TypeError, match="not of a list"):
        architecture.statistics([1.0])
    with pytest.raises(ValueError, match="bins is 0"):
        architecture.statistics(torch.ones(3), bins=0)


@pytest.mark.parametrize("name", MODELS)
def test_what_passes_has_the_shapes_of_a_recording(name):
    model, batch = tiny(name), inputs(name)
    passing = architecture.passing(model, batch)
    with torch.no_grad(), record(model) as recording:
        model(**batch)
    assert {name: value.shape for name, value in passing.items()} == {n: tuple(v.shape) for n, v in recording.items()}
    assert all(p.bytes == recording[n].numel() * recording[n].element_size() for n, p in passing.items())
    assert set(passing) <= set(hook_names(model))


def test_lengths_are_those_of_the_hidden_states_and_training_goes_on_afterwards():
    model, batch = tiny("BertForPreTraining"), inputs("BertForPreTraining")
    with torch.no_grad():
        states = model(**batch, output_hidden_states=True).hidden_states
    model.train()
    found = architecture.lengths(model, batch)
    assert model.training and model.bert.encoder.training
    assert torch.allclose(found, torch.stack([state.norm(dim=-1) for state in states]), atol=1e-5)


def test_the_source_is_the_method_that_uses_a_place():
    model = tiny("BertForPreTraining")
    query = architecture.source(model, "bert.encoder.layer.1.attention.self.query.weight")
    assert query.name == "BertSelfAttention.forward" and query.file.endswith("layers.py")
    assert [query.lines[i].strip()[:6] for i in query.marked] == ["q = se"]
    point = architecture.source(model, "bert.encoder.layer.1.attention.self.probs")
    assert point.name == "BertSelfAttention.forward" or point.name == "BertSelfAttention.attend"
    assert any("self.probs" in point.lines[i] for i in point.marked)
    layer = architecture.source(model, "bert.encoder.layer.1")
    assert layer.name == "BertLayer.forward" and layer.marked == () and layer.lines[0].startswith("def forward")
    assert architecture.source(model).name == "BertForPreTraining.forward"
    with open(query.file, encoding="utf-8") as file:
        assert file.read().splitlines()[query.first - 1].strip() == query.lines[0]


def test_every_place_of_a_model_has_a_source():
    model = tiny("BertForPreTraining")
    names = [name for name, _ in model.named_modules()] + [w.name for w in architecture.weights(model)]
    for name in names:
        assert architecture.source(model, name).lines, name


def test_a_place_that_is_not_there_is_named_with_what_is():
    model = tiny("BertForPreTraining")
    with pytest.raises(LookupError, match=r"'bert.encoder.layer.9' is not in .*: bert.encoder.layer has 0, 1"):
        architecture.find(model, "bert.encoder.layer.9")
    with pytest.raises(LookupError, match="'bert.pooler.dense.weight.x' is not in"):
        architecture.find(model, "bert.pooler.dense.weight.x")
    assert architecture.find(model, "") is model


def test_pruned_heads_are_counted_as_they_are():
    model = tiny("BertForPreTraining")
    before = sum(part.count for part in architecture.parts(model))
    model.prune_heads({0: [1]})
    assert sum(part.count for part in architecture.parts(model)) == model.num_parameters() < before
    assert bertlab.hook_names(model)
