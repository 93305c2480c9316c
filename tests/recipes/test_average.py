"""The mean of several models, and of their adapters."""

import json
import shutil

import pytest
import torch
from recipe_cases import ONE_STEP

from bertlab.adapters import load_adapter, lora_layers
from bertlab.adapters.store import adapter_state
from bertlab.model import BertForPreTraining
from bertlab.recipes.__main__ import main
from bertlab.recipes.average import average
from bertlab.recipes.tasks import train_task


def test_the_mean_of_models_has_the_mean_of_their_weights_and_adapters_that_fit_it(data, start, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in enumerate(folders):
        torch.manual_seed(seed)
        model = BertForPreTraining.from_pretrained(start)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) / 100)
        shutil.copytree(start, folder)
        model.save_pretrained(folder)
        train_task(
            "sentiment", data, folder, folder, settings={**ONE_STEP, "seed": seed, "learning_rate": 0.05}, limit=20
        )
    train_task("ner", data, folder, folder, settings=ONE_STEP, limit=20)  # which only the second one has
    out = tmp_path / "mean"
    assert main(["average", *map(str, folders), "--weights", "1", "3", "--out", str(out)]) == 0
    one, two, mean = (BertForPreTraining.from_pretrained(path).state_dict() for path in (*folders, out))
    for name in mean:
        torch.testing.assert_close(mean[name], 0.25 * one[name] + 0.75 * two[name], atol=1e-3, rtol=1e-3)
    assert [path.name for path in (out / "tasks").iterdir()] == ["sentiment"]
    member = load_adapter(out / "tasks" / "sentiment", BertForPreTraining.from_pretrained(out))
    parts = [load_adapter(path / "tasks" / "sentiment", path) for path in folders]
    assert_is_mean(member, parts, [0.25, 0.75])


def assert_is_mean(member, parts, shares):
    """A head that is the mean, and additions than which none of their rank is nearer to the mean."""
    states = [adapter_state(part) for part in parts]
    for name, value in adapter_state(member).items():
        if ".lora_" not in name:
            mean = sum(share * state[name] for share, state in zip(shares, states, strict=True))
            torch.testing.assert_close(value, mean, atol=1e-3, rtol=1e-3)
    for name, layer in lora_layers(member).items():
        mean = sum(share * lora_layers(part)[name].delta() for share, part in zip(shares, parts, strict=True)).detach()
        left_out = torch.linalg.matrix_norm(mean - layer.delta())
        torch.testing.assert_close(left_out, torch.linalg.svdvals(mean)[layer.rank :].norm(), atol=1e-3, rtol=1e-2)
        assert torch.linalg.matrix_norm(mean) > 0.02, "there is something to compare"


@pytest.mark.parametrize("ranks", [(2, 2), (1, 3), (3, 1)])
def test_the_mean_of_adapters_is_for_the_same_base(data, start, tmp_path, ranks):
    for seed, rank in enumerate(ranks):
        options = {**ONE_STEP, "seed": seed, "lora": {"rank": rank, "alpha": 3}, "learning_rate": 0.05}
        train_task("sentiment", data, start, tmp_path / str(seed), settings=options, limit=20)
    adapters = [tmp_path / str(seed) / "tasks" / "sentiment" for seed in (0, 1)]
    average(adapters, None, tmp_path / "mean")
    average(adapters, [3, 1], tmp_path / "lower", rank=1)
    *parts, mean, lower = (load_adapter(folder, start) for folder in (*adapters, tmp_path / "mean", tmp_path / "lower"))
    assert {layer.rank for layer in lora_layers(mean).values()} == {ranks[-1]}
    assert_is_mean(mean, parts, [0.5, 0.5])
    assert {layer.rank for layer in lora_layers(lower).values()} == {1}
    assert_is_mean(lower, parts, [0.75, 0.25])


def test_adapters_of_different_layers_have_no_mean(data, start, tmp_path):
    for number, targets in enumerate((["query"], ["query", "value"])):
        options = {**ONE_STEP, "lora": {"rank": 2, "targets": targets}}
        train_task("sentiment", data, start, tmp_path / str(number), settings=options, limit=20)
    adapters = [tmp_path / str(number) / "tasks" / "sentiment" for number in (0, 1)]
    for rank in (0, 5):
        with pytest.raises(ValueError, match=f"rank is {rank}, but these adapters .* 1 to 4"):
            average([adapters[0]] * 2, None, tmp_path / "mean", rank=rank)
    with pytest.raises(ValueError, match="different layers have no mean; they differ in bert.encoder.*value"):
        average(adapters, None, tmp_path / "mean")
    config = json.loads((adapters[1] / "config.json").read_text())
    del config["bertlab"]["lora"]["alpha"]
    (adapters[1] / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="describes no adapter: 'lora' must hold a rank, an alpha"):
        average([adapters[1]] * 2, None, tmp_path / "mean")


def test_what_has_no_mean_is_refused(data, start, tmp_path):
    for weights, message in (([1.0], "give one for each"), ([1.0, -1.0], "above 0"), ([1.0, float("nan")], "above 0")):
        with pytest.raises(ValueError, match=message):
            average([start, start], weights, tmp_path / "out")
    with pytest.raises(ValueError, match="two folders or more"):
        average([start], None, tmp_path / "out")
    model = BertForPreTraining.from_pretrained(start)
    config = type(model.config).from_dict({**model.config.to_dict(), "intermediate_size": 24})
    shutil.copytree(start, tmp_path / "wider")
    BertForPreTraining(config).save_pretrained(tmp_path / "wider")
    with pytest.raises(ValueError, match="different shape have no mean; they differ in bert.encoder"):
        average([start, tmp_path / "wider"], None, tmp_path / "out")
