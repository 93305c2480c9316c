"""Train, measure and save the adapter of one task."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bertlab.adapters import add_lora, load_adapter, lora_layers, save_adapter, take_addition
from bertlab.data import Corpus, Row
from bertlab.files import read_json, write_whole
from bertlab.model import BertConfig, BertForMultipleChoice, BertForNextSentencePrediction
from bertlab.model import heads as task_heads
from bertlab.recipes import reorder
from bertlab.recipes.calibration import calibrate
from bertlab.recipes.sets import TaskSets, baseline, load_task
from bertlab.recipes.silver import add_silver_labels, add_silver_pairs
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import StepRecord, evaluate, evaluate_pretraining, finetune, main_metric

HERE = Path(__file__).parent
CALIBRATION_ROWS = 4000
SILVER = {"similarity": add_silver_pairs, "sentiment": add_silver_labels}


def task_settings(name: str, file: str | Path = HERE / "tasks.json") -> dict[str, Any]:
    """The settings of a task's recipe: the defaults of the file, then its own."""
    content = read_json(file)
    return {**content["defaults"], **content.get(name, {})}


def train_task(
    name: str,
    data: str | Path,
    base: str | Path,
    out: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    base_name: str = "bertlab-mini",
    limit: int | None = None,
    teacher: str | Path | None = None,
    silver: Path | None = None,
    all_layers: bool = False,
    report: Callable[[StepRecord], None] = lambda record: None,
) -> dict[str, Any]:
    """Train the adapter of a task on a base model and write it to `out/tasks/<name>/`.

    The figures are those of the adapter as it was stored, read back from its folder; they are returned and
    written into `out/figures.json`.

    Args:
        data: folder of the labelled sets (see `bertlab.recipes.sets`).
        base: folder of the pre-trained model.
        settings: replace those of the recipe: minutes or steps, learning_rate, ...; of `lora`, which holds arguments
            of `bertlab.adapters.add_lora`, what is left out stays. `begin_with` names a task whose adapter, where `out`
            holds it, is what this one starts from.
        base_name: how the adapter names its base.
        limit: rows taken from each file; all if None.
        teacher: for similarity and sentiment, folder of a sentence encoder whose judgement of further examples is
            learnt too.
        silver: folder that keeps what the teacher judged for the next time.
        all_layers: train the whole model instead of an adapter and save that.
    """
    options, settings = task_settings(name), dict(settings or {})
    if {"steps", "epochs", "minutes"} & set(settings):
        options.pop("minutes", None)
    lora = {**options.pop("lora"), **settings.pop("lora", {})}
    options.update(settings)
    max_length = options.pop("max_length", None)
    former = options.pop("begin_with", None)
    former = former and Path(out) / "tasks" / former
    if former is not None and not former.is_dir():
        former = None
    if name == reorder.TASK:  # a decoder of its own instead of an adapter
        figures = reorder.train_reorder(
            data, base, out, settings=options, base_name=base_name, begin_with=former, limit=limit, report=report
        )
        add_figures(out, name, figures)
        return figures
    sets = prepared_sets(name, data, limit=limit, max_length=max_length, teacher=teacher, silver=silver)
    tokenizer = BertTokenizerFast.from_pretrained(str(base))
    torch.manual_seed(options.get("seed", 0))
    model_class = getattr(task_heads, sets.task.model_class)
    config = BertConfig.from_pretrained(str(base), **sets.task.config())
    model = model_class.from_pretrained(str(base), config=config)
    if not all_layers:
        add_lora(model, **lora, generator=torch.Generator().manual_seed(options.get("seed", 0)))
    if former is not None and not all_layers:
        begin_with(model, former, base)
    started, steps = time.time(), 0
    for record in finetune(model, tokenizer, sets.train, sets.task, **options):
        report(record)
        steps = record.step
    seconds = time.time() - started
    calibrate(model, tokenizer, sets)
    if all_layers:
        folder = Path(out) / "tasks" / name
        model.save_pretrained(folder)
        model = model_class.from_pretrained(folder)
    else:
        model = load_adapter(store_adapter(model, sets, out, base_name), str(base))
    figures = {
        **measure(model, tokenizer, sets),
        "steps": steps,
        "seconds": round(seconds),
        "settings": {**options, "lora": None if all_layers else lora, "begin_with": former and former.name},
    }
    add_figures(out, name, figures)
    return figures


def calibrate_task(
    name: str, data: str | Path, base: str | Path, out: str | Path, *, base_name: str, limit: int | None = None
) -> dict[str, Any]:
    """Set anew how sure the adapter in `out/tasks/<name>/` is, as a mean of adapters needs; returns its figures.

    Args:
        data, base, out, base_name, limit: as for `train_task`.

    Raises:
        ValueError: the task has neither a temperature nor thresholds.
        FileNotFoundError: there is no such adapter.
    """
    sets = prepared_sets(name, data, limit=limit)
    if sets.task.kind not in ("classification", "multilabel"):
        raise ValueError(f"{name} is a task of the kind {sets.task.kind}: only classification can be calibrated")
    folder = Path(out) / "tasks" / name
    model = load_adapter(folder, str(base))
    sets.task = replace(sets.task, max_length=read_json(folder / "config.json")["bertlab"]["max_length"])
    tokenizer = BertTokenizerFast.from_pretrained(str(base))
    calibrate(model, tokenizer, sets)
    figures = measure(load_adapter(store_adapter(model, sets, out, base_name), str(base)), tokenizer, sets)
    add_figures(out, name, {**figures, **figures_of(out).get(name, {}), "dev": figures["dev"]})
    return figures


def prepared_sets(
    name: str,
    data: str | Path,
    *,
    limit: int | None = None,
    max_length: int | None = None,
    teacher: str | Path | None = None,
    silver: Path | None = None,
) -> TaskSets:
    """The sets of a task as they are trained on: with what a teacher adds, and without what thresholds are set by.

    Args:
        silver: folder that keeps the rows with the teacher's for the next time.
    """
    sets = load_task(name, data, limit)
    if max_length is not None:
        sets.task = replace(sets.task, max_length=max_length)
    if teacher is not None and name in SILVER:
        add_silver(sets, data, teacher, limit, silver)
    if sets.task.kind == "multilabel":
        share = min(CALIBRATION_ROWS, len(sets.train) // 5)
        sets.train, sets.calibration = sets.train[:-share], sets.train[-share:]
    return sets


def add_silver(
    sets: TaskSets, data: str | Path, teacher: str | Path, limit: int | None, folder: Path | None = None
) -> None:
    """Add what a teacher judged to the training rows, or what `folder` keeps of the same teacher and limit."""
    name = sets.task.name
    kept = None if folder is None else folder / f"{name}.json"
    about = {"data": str(Path(data).resolve()), "teacher": str(Path(teacher).resolve()), "limit": limit}
    if kept is not None and kept.is_file():
        content = read_json(kept)
        if content.get("about") == about:
            sets.train = [Row(row, f"{kept.name}, row {number}") for number, row in enumerate(content["train"])]
            sets.sources = content["sources"]
            return
    SILVER[name](sets, data, teacher, limit)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        rows = [dict(row) for row in sets.train]
        write_whole(kept, json.dumps({"about": about, "train": rows, "sources": sets.sources}))


def store_adapter(model, sets: TaskSets, out: str | Path, base_name: str) -> Path:
    """Write the adapter of a task model to its folder in `out/tasks/`, which is returned."""
    about = {
        "kind": sets.task.kind, "max_length": sets.task.max_length, "stride": sets.task.stride,
        "metric": main_metric(sets.task),
    }  # fmt: skip
    name = sets.task.name
    return save_adapter(model, Path(out) / "tasks" / name, task=name, base=base_name, details=about)


def measure_texts(model, tokenizer, texts: Mapping[str, Corpus], max_length: int) -> dict[str, dict[str, float]]:
    """The figures of a pre-trained model on held-out texts, by name."""
    return {
        name: evaluate_pretraining(model, corpus, tokenizer, max_length=max_length) for name, corpus in texts.items()
    }


def measure(model, tokenizer, sets: TaskSets) -> dict[str, Any]:
    """The figures of a task model on the dev sets, beside guessing."""
    return {
        "metric": main_metric(sets.task),
        "dev": {dev: evaluate(model, tokenizer, rows, sets.task) for dev, rows in sets.dev.items()},
        "guessing": baseline(sets),
        "rows": len(sets.train),
        "sources": sets.sources,
    }


def begin_with(model, adapter: Path, base: str | Path) -> None:
    """Give a model with LoRA layers what another task's adapter has learnt (Phang et al. 2018, section 2).

    Taken over are the additions, whatever their ranks, and what else has the same name and shape, so all but the
    head. A multiple-choice head takes the next-sentence head where there is one: how much likelier the text goes on
    so than not.
    """
    other = load_adapter(adapter, str(base))
    learnt = {name: parameter for name, parameter in other.named_parameters() if ".lora_" not in name}
    additions = lora_layers(other)
    for name, layer in lora_layers(model).items():
        if name in additions:
            take_addition(layer, additions[name])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and name in learnt and learnt[name].shape == parameter.shape:
                parameter.copy_(learnt[name])
        if isinstance(model, BertForMultipleChoice) and isinstance(other, BertForNextSentencePrediction):
            head = other.cls.seq_relationship  # its rows: is next, is random
            model.classifier.weight.copy_(head.weight[:1] - head.weight[1:])
            model.classifier.bias.copy_(head.bias[:1] - head.bias[1:])


def figures_of(out: str | Path) -> dict[str, Any]:
    """What `out/figures.json` holds by part; nothing if there is none."""
    file = Path(out) / "figures.json"
    return read_json(file) if file.exists() else {}


def add_figures(out: str | Path, name: str, figures: Mapping[str, Any]) -> None:
    """Put the figures of one part into `out/figures.json`, beside those of the others."""
    content = {**figures_of(out), name: dict(figures)}
    write_whole(Path(out) / "figures.json", json.dumps(content, indent=2, default=str) + "\n")
