"""LoRA: starts as the base, learns only its factors, merges exactly, and travels as a small folder."""

import json
import subprocess
import sys

import pytest
import torch

from bertlab.adapters import add_lora, load_adapter, lora_layers, merge_lora, remove_lora, save_adapter, take_addition
from bertlab.adapters.lora import TARGETS, LoraEmbedding
from bertlab.model import heads as task_heads

from training_cases import tiny_base, tiny_config, tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    return tiny_base(folder, tiny_tokenizer(folder))


@pytest.fixture
def model(base):
    torch.manual_seed(1)
    return task_heads.BertForSequenceClassification.from_pretrained(base, num_labels=3)


INPUT = {
    "input_ids": torch.tensor([[2, 9, 14, 30, 3], [2, 8, 3, 0, 0]]),
    "attention_mask": torch.tensor([[1] * 5, [1, 1, 1, 0, 0]]),
}


def outputs(model):
    with torch.no_grad():
        return model.eval()(**INPUT)[0]


def disturbed(model, scale=0.3):
    """A model whose adapter does something."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for layer in lora_layers(model).values():
            zero = layer.lora_A if isinstance(layer, LoraEmbedding) else layer.lora_B
            zero += scale * torch.randn(zero.shape, generator=generator)
    return model


WITH_WORDS = (*TARGETS, "word_embeddings")


@pytest.mark.parametrize("targets, layers", [(TARGETS, 2 * 6), (WITH_WORDS, 2 * 6 + 1)])
def test_an_adapted_model_begins_as_its_base(model, targets, layers):
    before = outputs(model)
    assert torch.equal(outputs(add_lora(model, rank=4, targets=targets)), before)
    assert len(lora_layers(model)) == layers


@pytest.mark.parametrize("pooler", [True, False])
def test_only_factors_head_and_if_wanted_pooler_learn(model, pooler):
    add_lora(model, rank=4, pooler=pooler)
    model.train()
    model(**INPUT, labels=torch.tensor([0, 2])).loss.backward()
    for name, parameter in model.named_parameters():
        learns = ".lora_" in name or name.startswith("classifier.") or (pooler and "pooler" in name)
        assert parameter.requires_grad == learns, name
        assert (parameter.grad is not None) == learns, name


def test_the_layer_computes_the_formula_of_the_paper(model):
    add_lora(model, rank=3, alpha=5.0, targets=["query"])
    layer = disturbed(model).bert.encoder.layer[1].attention.self.query
    x = torch.randn(2, 7, 20, generator=torch.Generator().manual_seed(0))
    expected = x @ layer.weight.T + layer.bias + 5.0 / 3 * (x @ layer.lora_A.T) @ layer.lora_B.T
    torch.testing.assert_close(layer(x), expected)
    assert torch.linalg.matrix_rank(layer.delta()) == 3


def test_word_embeddings_move_in_a_few_directions_and_only_where_a_word_occurs(model):
    add_lora(model, rank=3, alpha=5.0, targets=["word_embeddings"])
    words = model.bert.embeddings.word_embeddings
    model.train()
    model(**INPUT, labels=torch.tensor([0, 2])).loss.backward()
    moved = words.lora_A.grad.abs().sum(0).nonzero().flatten().tolist()
    assert set(moved) == {2, 3, 8, 9, 14, 30}, "the words of the batch, without [PAD]"
    ids = torch.tensor([[4, 9], [30, 2]])
    disturbed(model)
    expected = words.weight[ids] + 5.0 / 3 * (words.lora_A.T[ids] @ words.lora_B.T)
    torch.testing.assert_close(words(ids), expected)
    assert torch.linalg.matrix_rank(words.delta()) == 3


def test_loading_adapted_words_does_not_import_the_compiler(model, base, tmp_path):
    save_adapter(add_lora(model, rank=2, targets=["word_embeddings"]), tmp_path, task="t", base=str(base))
    program = (
        "import sys; from bertlab.adapters import load_adapter, merge_lora; "
        f"merge_lora(load_adapter({str(tmp_path)!r})); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_shared_word_embeddings_are_not_adapted_alone(base):
    with pytest.raises(ValueError, match="BertLMHeadModel shares the weights of its word embeddings"):
        add_lora(task_heads.BertLMHeadModel.from_pretrained(base, is_decoder=True), targets=WITH_WORDS)


@pytest.mark.parametrize("targets", [TARGETS, WITH_WORDS])
def test_merging_keeps_the_outputs_and_leaves_a_plain_model(model, targets):
    names = set(model.state_dict())
    expected = outputs(disturbed(add_lora(model, rank=4, targets=targets)))
    merge_lora(model)
    torch.testing.assert_close(outputs(model), expected, rtol=1e-5, atol=1e-6)
    assert set(model.state_dict()) == names and not lora_layers(model)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("targets", [TARGETS, WITH_WORDS])
def test_removing_gives_the_base_back(model, targets):
    before = outputs(model)
    disturbed(add_lora(model, rank=4, targets=targets))
    assert not torch.equal(outputs(model), before)
    assert torch.equal(outputs(remove_lora(model)), before)


@pytest.mark.parametrize("rank", [3, 5])
def test_another_models_additions_are_taken_over_whole_where_the_rank_allows(model, base, rank):
    other = disturbed(add_lora(model, rank=3, alpha=12, targets=WITH_WORDS))
    same = task_heads.BertForSequenceClassification.from_pretrained(base, num_labels=3)
    add_lora(same, rank=rank, targets=WITH_WORDS)
    for name, layer in lora_layers(same).items():
        take_addition(layer, lora_layers(other)[name])
        torch.testing.assert_close(layer.delta(), lora_layers(other)[name].delta())
    same.classifier.load_state_dict(other.classifier.state_dict())
    torch.testing.assert_close(outputs(same), outputs(other))


@pytest.mark.parametrize("layer", ["bert.encoder.layer.1.output.dense", "bert.embeddings.word_embeddings"])
def test_of_a_higher_rank_the_largest_singular_values_are_taken_over(model, base, layer):
    other = lora_layers(disturbed(add_lora(model, rank=6, targets=WITH_WORDS)))[layer]
    lower = task_heads.BertForSequenceClassification.from_pretrained(base, num_labels=3)
    lower = lora_layers(add_lora(lower, rank=4, alpha=3, targets=WITH_WORDS))[layer]
    take_addition(lower, other)
    left_out = torch.linalg.matrix_norm(other.delta() - lower.delta())
    singular = torch.linalg.svdvals(other.delta()).detach()
    assert float(singular[4]) > 0.01
    torch.testing.assert_close(left_out.detach(), singular[4:].norm(), rtol=1e-3, atol=1e-5)


def test_an_addition_to_a_layer_of_another_shape_is_refused(model):
    layers = lora_layers(add_lora(model, rank=2))
    with pytest.raises(ValueError, match="one shape only"):
        take_addition(layers["bert.encoder.layer.0.output.dense"], layers["bert.encoder.layer.0.intermediate.dense"])


def test_targets_are_names_or_globs(model):
    add_lora(model, rank=2, targets=["*.layer.1.attention.self.*", "value"])
    names = {name.partition("layer.")[2] for name in lora_layers(model)}
    assert names == {
        "0.attention.self.value", "1.attention.self.query", "1.attention.self.key", "1.attention.self.value",
    }  # fmt: skip


def test_mistakes_are_refused(model):
    with pytest.raises(LookupError, match="no layer of the encoder matches 'quary'; there are dense, key"):
        add_lora(model, targets=["quary"])
    with pytest.raises(ValueError, match="between 1 and 20"):
        add_lora(model, rank=21)
    with pytest.raises(ValueError, match="no LoRA layers"):
        save_adapter(model, "anywhere", task="x", base="y")
    add_lora(model, rank=2)
    with pytest.raises(ValueError, match="already"):
        add_lora(model, rank=2)


@pytest.mark.parametrize("targets", [TARGETS, WITH_WORDS])
@pytest.mark.parametrize("share", [False, True])
def test_an_adapter_comes_back_from_its_folder(model, base, tmp_path, share, targets):
    disturbed(add_lora(model, rank=4, targets=targets))
    with torch.no_grad():
        model.bert.pooler.dense.weight += 0.1
    expected = outputs(model)
    save_adapter(model, tmp_path, task="x", base=str(base), details={"kind": "classification"}, dtype=torch.float32)
    own_base = task_heads.BertForPreTraining.from_pretrained(base)
    loaded = load_adapter(tmp_path, own_base if share else None, share=share)
    torch.testing.assert_close(outputs(loaded), expected)
    about = json.loads((tmp_path / "config.json").read_text())["bertlab"]
    assert about["task"] == "x" and about["class"] == "BertForSequenceClassification"
    assert about["lora"]["rank"] == 4 and about["kind"] == "classification"
    if share:
        word = "embeddings.word_embeddings.weight"
        assert loaded.bert.get_parameter(word) is own_base.bert.get_parameter(word)
        before = outputs(own_base)
        merge_lora(loaded)
        assert torch.equal(outputs(own_base), before)


def test_an_adapter_is_small_and_holds_factors_and_head_only(model, base, tmp_path):
    from safetensors.torch import load_file

    save_adapter(add_lora(model, rank=2, pooler=False), tmp_path, task="x", base=str(base))
    state = load_file(tmp_path / "adapter.safetensors")
    assert {name.rpartition(".")[2] for name in state} == {"lora_A", "lora_B", "weight", "bias"}
    assert {value.dtype for value in state.values()} == {torch.float16}
    assert not [name for name in state if ".lora_" not in name and not name.startswith("classifier")]
    assert state["bert.encoder.layer.0.intermediate.dense.lora_A"].shape == (2, 20)
    assert state["bert.encoder.layer.0.intermediate.dense.lora_B"].shape == (28, 2)


def test_a_vocabulary_head_with_its_tied_parts_travels_too(base, tmp_path):
    model = task_heads.BertLMHeadModel.from_pretrained(base, is_decoder=True)
    disturbed(add_lora(model, rank=2))
    with torch.no_grad():
        model.cls.predictions.bias += torch.linspace(-1, 1, len(model.cls.predictions.bias))
    expected = outputs(model)
    save_adapter(model, tmp_path, task="generation", base=str(base), dtype=torch.float32)
    loaded = load_adapter(tmp_path)
    torch.testing.assert_close(outputs(loaded), expected)
    assert loaded.cls.predictions.decoder.bias is loaded.cls.predictions.bias
    assert loaded.cls.predictions.decoder.weight is loaded.bert.embeddings.word_embeddings.weight


def test_another_base_is_refused(model, base, tmp_path):
    tokenizer = tiny_tokenizer(tmp_path)
    save_adapter(add_lora(model, rank=2), tmp_path / "adapter", task="x", base=str(base))
    torch.manual_seed(99)
    other = task_heads.BertForPreTraining(tiny_config(tokenizer))
    with pytest.raises(ValueError, match="trained on other weights"):
        load_adapter(tmp_path / "adapter", other)
    load_adapter(tmp_path / "adapter", other, check_base=False)
    wider = task_heads.BertForPreTraining(tiny_config(tokenizer, intermediate_size=32))
    with pytest.raises(ValueError, match="in the base but"):
        load_adapter(tmp_path / "adapter", wider, check_base=False)


def test_a_base_in_half_precision_is_the_same_base(model, base, tmp_path):
    save_adapter(add_lora(model, rank=2), tmp_path / "adapter", task="x", base=str(base))
    half = task_heads.BertForPreTraining.from_pretrained(base, torch_dtype=torch.float16).float()
    load_adapter(tmp_path / "adapter", half)


def test_broken_folders_are_refused(model, base, tmp_path):
    with pytest.raises(FileNotFoundError, match="has no config.json"):
        load_adapter(tmp_path)
    save_adapter(add_lora(model, rank=2), tmp_path, task="x", base=str(base))
    content = (tmp_path / "adapter.safetensors").read_bytes()
    (tmp_path / "adapter.safetensors").write_bytes(content[:-9])
    with pytest.raises(ValueError, match="cannot be read"):
        load_adapter(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="describes no adapter"):
        load_adapter(tmp_path)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"class": None}, "names no head model"),
        ({"class": ["BertModel"]}, "names no head model"),
        ({"class": "torch"}, "names no head model"),
        ({"class": "BertConfig"}, "names no head model"),
        ({"lora": None}, "must hold a rank"),
        ({"lora": {"rank": 2, "alpha": 4}}, "must hold a rank"),
        ({"lora": {"rank": "two", "alpha": 4, "targets": []}}, "must hold a rank"),
        ({"base": None}, "does not say what base"),
    ],
)
def test_a_config_that_describes_no_adapter_is_refused(changes, message, model, base, tmp_path):
    save_adapter(add_lora(model, rank=2), tmp_path, task="x", base=str(base))
    config = json.loads((tmp_path / "config.json").read_text())
    config["bertlab"].update(changes)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        load_adapter(tmp_path)


def test_numbers_too_large_for_the_format_are_refused(model, base, tmp_path):
    add_lora(model, rank=2)
    with torch.no_grad():
        model.classifier.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match="dtype=torch.float32"):
        save_adapter(model, tmp_path, task="x", base=str(base))
