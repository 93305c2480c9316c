"""The commands pretrain, finetune and evaluate, from files to folders."""

import json
import re
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bertlab.command import main
from bertlab.model import heads as task_heads

from training_cases import reviews, stories, tiny_base, tiny_tokenizer  # isort: skip

QUICK = ["--device", "cpu", "--precision", "float32", "--quiet"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    return str(tiny_base(folder, tiny_tokenizer(folder)))


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "reviews.csv"
    lines = [f"{row['text']},{['bad', 'good'][row['label']]}" for row in reviews(60)]
    path.write_text("\n".join(["review,stars", *lines]) + "\n", encoding="utf-8")
    return str(path)


def run(*arguments):
    return main([str(argument) for argument in arguments])


def log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def finetune_command(data, base, out):
    columns = ["--columns", "text=review", "label=stars"]
    return ["finetune", data, "--kind", "classification", "--base", base, "--out", out, "--max-length", 16, *columns,
            *QUICK]  # fmt: skip


def test_columns_taken_by_their_names_and_warnings_are_sentences_on_stderr(data, base, tmp_path, capsys):
    rows = "".join(f"the cat ran {i},{label}\n" for i in range(8) for label in ("bad", "good", ""))
    (tmp_path / "few.csv").write_text(f"review,stars\n{rows}")
    command = ["finetune", tmp_path / "few.csv", "--kind", "classification", "--base", base, "--out", tmp_path / "out"]
    assert run(*command, "--max-length", 16, "--steps", 1, *QUICK) == 0
    said = capsys.readouterr().err
    assert "bertlab: columns taken by their names: text from 'review', label from 'stars'; --columns" in said
    assert "bertlab: 8 of 24 rows have no 'label' and are left out" in said and "UserWarning" not in said
    named = ["--columns", "text=review", "label=stars"]
    assert run(*command[:-1], tmp_path / "other", "--max-length", 16, "--steps", 1, *QUICK, *named) == 0
    assert "by their names" not in capsys.readouterr().err


def test_finetune_then_evaluate(data, base, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*finetune_command(data, base, out), "--dev", data, "--epochs", 20, "--learning-rate", 1e-2) == 0
    records = log(out)
    assert records[-1]["progress"] == 1.0 and records[-1]["evaluation"]["accuracy"] > 90
    assert json.loads((out / "task.json").read_text())["labels"] == ["bad", "good"]
    assert task_heads.BertForSequenceClassification.from_pretrained(out).config.id2label == {0: "bad", 1: "good"}
    capsys.readouterr()
    assert run("evaluate", out, data, "--columns", "text=review", "label=stars", "--device", "cpu") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["accuracy"] == records[-1]["evaluation"]["accuracy"]


def test_that_the_head_is_new_goes_without_saying_and_that_the_encoder_is_does_not(data, base, tmp_path, capsys):
    command = finetune_command(data, base, tmp_path / "out")
    assert run(*command, "--steps", 1) == 0
    assert "newly drawn" not in capsys.readouterr().err
    weights = load_file(f"{base}/model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    broken = Path(shutil.copytree(base, tmp_path / "broken"))
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        run(*finetune_command(data, str(broken), tmp_path / "other"), "--steps", 1)
    told = " ".join(str(one.message) for one in said) + capsys.readouterr().err
    assert "newly drawn" in told and "layer.1.output.dense.weight" in told and "classifier" not in told


def test_an_adapter_is_saved_and_evaluated(data, base, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(*finetune_command(data, base, out), "--lora", 4, "--steps", 3) == 0
    assert (out / "adapter.safetensors").is_file() and not (out / "model.safetensors").exists()
    capsys.readouterr()
    assert run("evaluate", out, data, "--columns", "text=review", "label=stars", "--device", "cpu") == 0
    assert "accuracy" in json.loads(capsys.readouterr().out)


def test_an_adapter_has_a_rank_of_at_least_one(data, base, tmp_path, capsys):
    assert run(*finetune_command(data, base, tmp_path / "out"), "--lora", 0, "--steps", 1) == 1
    assert "rank is 0" in capsys.readouterr().err


def test_pretrain_then_evaluate(base, tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join("\n".join(document) for document in stories(30)))
    shape = tmp_path / "shape.json"
    shape.write_text(json.dumps({"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
                                 "intermediate_size": 30, "max_position_embeddings": 40}))  # fmt: skip
    for name, start in (("on", ["--base", base]), ("new", ["--base", base, "--new", shape])):
        out = tmp_path / name
        command = ["pretrain", text, *start, "--out", out, "--steps", 4, "--batch-size", 8, "--max-length", 30, *QUICK]
        assert run(*command, "--dev", text, "--whole-words") == 0
        assert "masked_top5" in log(out)[-1]["evaluation"]
        model, report = task_heads.BertForPreTraining.from_pretrained(out, output_loading_info=True)
        assert not report.fresh and model.config.hidden_size == (20 if name == "on" else 24)
        capsys.readouterr()
        assert run("evaluate", out, text, "--kind", "pretraining", "--device", "cpu") == 0
        assert "masked_loss" in json.loads(capsys.readouterr().out)


def test_a_config_file_gives_options_and_flags_win(data, base, tmp_path):
    config = tmp_path / "config.json"
    out = tmp_path / "out"
    config.write_text(
        json.dumps({
            "data": data, "kind": "classification", "base": base, "out": str(out), "max_length": 16,
            "columns": {"text": "review", "label": "stars"}, "steps": 50, "schedule": "cosine", "precision": "float32",
        })
    )  # fmt: skip
    assert run("finetune", "--config", config, "--steps", 2, "--device", "cpu", "--set", "weight_decay=0.1") == 0
    assert len(log(out)) == 2
    progress = json.loads((out / "checkpoints" / "checkpoint-00000002" / "progress.json").read_text())
    assert progress["settings"]["schedule"] == "cosine" and progress["settings"]["weight_decay"] == 0.1


def test_the_same_command_goes_on_where_it_was(data, base, tmp_path):
    out = tmp_path / "out"
    command = [*finetune_command(data, base, out), "--steps", 3]
    assert run(*command) == 0
    first = torch.load(out / "checkpoints" / "checkpoint-00000003" / "state.pt", weights_only=True)
    assert run(*command) == 0
    assert len(log(out)) == 3
    assert first["optimizer"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "no files given"),
        (["x.csv"], "no --out given"),
        (["x.csv", "--out", "o"], "no length given"),
        (["x.csv", "--out", "o", "--steps", "1"], "no --kind given"),
        (["x.csv", "--out", "o", "--steps", "1", "--kind", "qa"], "there is no data file x.csv"),
        (["x.csv", "--out", "o", "--steps", "1", "--set", "sead=3"], "no setting 'sead'; did you mean seed"),
        (["x.csv", "--out", "o", "--steps", "1", "--set", "xyz=3"], "no setting 'xyz'; there are steps"),
        (["x.csv", "--out", "o", "--steps", "1", "--set", "seed"], "give NAME=VALUE"),
        (["--config", "none.json"], "none.json"),
        (["x.csv", "--out", "o", "--steps", "1", "--evaluate-every", "1"], "give --dev"),
        (["x.csv", "--out", "o", "--steps", "1", "--device", "gpu"], "there is no kind of device 'gpu'"),
    ],
)
def test_mistakes_are_one_sentence(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("finetune", *arguments) == 1
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "task.json is not valid JSON .*line 1"),
        ("[]", "task.json holds a JSON list"),
        ('{"kind": "qa", "colour": 1}', "task.json does not describe a task: .*colour"),
        (None, "it has no task.json, so give --kind"),
    ],
)
def test_a_folder_that_does_not_say_its_task_is_refused(content, message, capsys, tmp_path):
    if content is not None:
        (tmp_path / "task.json").write_text(content)
    assert run("evaluate", tmp_path, "x.jsonl") == 1
    assert re.search(message, capsys.readouterr().err)
    assert run("evaluate", tmp_path / "elsewhere", "x.jsonl") == 1
    assert "there is no folder" in capsys.readouterr().err


def test_a_run_that_cannot_go_on_says_why(data, base, tmp_path, capsys):
    command = finetune_command(data, base, tmp_path / "out")
    assert run(*command, "--steps", 30, "--learning-rate", 1e38, "--set", "clip=null", "--set", "warmup=0") == 1
    assert "so this step was not taken" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["pretrain", "finetune", "evaluate"])
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(command, "--help")
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "examples:" in text and f"bertlab {command}" in text
    assert max(map(len, text.splitlines())) <= 120


def test_tensorboard_curves_are_written_when_it_is_installed(data, base, tmp_path):
    pytest.importorskip("tensorboard")
    assert run(*finetune_command(data, base, tmp_path / "out"), "--steps", 2, "--tensorboard", tmp_path / "board") == 0
    assert list((tmp_path / "board").iterdir())
