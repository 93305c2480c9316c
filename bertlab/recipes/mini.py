"""From raw data to the shipped folder: pre-training in stages, the adapter of every task, all of them together, and the
figures."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch

from bertlab.data import Corpus, Mixture
from bertlab.files import read_json, write_whole
from bertlab.model import BertForPreTraining
from bertlab.recipes import reorder
from bertlab.recipes.joint import train_all
from bertlab.recipes.sets import texts
from bertlab.recipes.tasks import HERE, add_figures, figures_of, measure_texts, train_task
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import StepRecord, pretrain, vocabulary_digest


def load_recipe(name_or_file: str | Path) -> dict[str, Any]:
    """A recipe by name ("mini" for two CPU cores, "gpu", "tiny") or from a JSON file.

    A recipe that is "like" another one has the other's settings where it gives none of its own.
    """
    file = HERE / f"{name_or_file}.json"
    recipe = read_json(file if file.is_file() else name_or_file)
    return _over(load_recipe(recipe.pop("like")), recipe) if "like" in recipe else recipe


def _over(other: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The other's settings where there are no own ones, part by part."""
    parts = {
        name: _over(other[name], value) if isinstance(value, dict) and isinstance(other.get(name), dict) else value
        for name, value in own.items()
    }
    return {**other, **parts}


def make_model(
    recipe: Mapping[str, Any],
    data: str | Path,
    start: str | Path,
    out: str | Path,
    work: str | Path,
    *,
    device: str | None = None,
    report: Callable[[str, StepRecord], None] = lambda part, record: None,
) -> dict[str, Any]:
    """Carry out a recipe; calling it again goes on where it was interrupted.

    Args:
        recipe: see `mini.json`: the mixture of texts, the stages of pre-training, the tasks, the joint stage.
        data: folder of the texts and labelled sets.
        start: folder of the BERT to start from; heads that it lacks begin untrained.
        out: folder that gets config.json, vocab.txt, model.safetensors (float16), tasks/ and figures.json.
        work: folder for tokenised text and checkpoints, which are not part of the result.

    Returns:
        the figures, as in `out/figures.json`.
    """
    out, work = Path(out), Path(work)
    tokenizer = BertTokenizerFast.from_pretrained(str(start))
    torch.manual_seed(0)
    model = BertForPreTraining.from_pretrained(str(start))
    train_texts, held_out = mixture(recipe, data, tokenizer, work / "corpus")
    started = time.time()
    for number, stage in enumerate(recipe["stages"], start=1):
        options = {"seed": number, **recipe["pretraining"], **stage}
        if device is not None:
            options["device"] = device
        for record in pretrain(model, tokenizer, train_texts, folder=work / f"stage{number}", **options):
            report(f"pretraining {number}", record)
    out.mkdir(parents=True, exist_ok=True)
    model.to("cpu", torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(str(out))
    model = BertForPreTraining.from_pretrained(out)  # what ships, rounded as it ships
    figures = {
        "dev": measure_texts(model, tokenizer, held_out, recipe["stages"][-1]["max_length"]),
        "corpus_tokens": sum(part.tokens for part in cast(dict[str, Corpus], train_texts.parts).values()),
        "seconds": round(time.time() - started),
        "recipe": dict(recipe),
    }
    add_figures(out, "pretraining", figures)
    teacher = start if recipe.get("silver_from_start") else None
    tasks = recipe["tasks"]

    def train(task: str) -> None:
        settings = dict(recipe.get("task_settings", {}))
        if device is not None:
            settings["device"] = device
        train_task(
            task, data, out, out, settings=settings, base_name=out.name, limit=recipe.get("limit"), teacher=teacher,
            silver=work / "silver", report=lambda record: report(task, record),
        )  # fmt: skip

    for task in tasks:
        if task != reorder.TASK:
            train(task)
    if "joint" in recipe:
        train_all(
            recipe["joint"], train_texts, held_out, data, out, out, work, base_name=out.name, teacher=teacher,
            limit=recipe.get("limit"), device=device, report=lambda record: report("joint", record),
        )  # fmt: skip
    if reorder.TASK in tasks:  # reads with the encoder that ships
        train(reorder.TASK)
    return figures_of(out)


def mixture(
    recipe: Mapping[str, Any], data: str | Path, tokenizer: Any, folder: Path
) -> tuple[Mixture, dict[str, Corpus]]:
    """The training texts in the shares of the recipe, and a held-out part of each.

    Tokenised once into `folder`; a folder that was finished for the same recipe, data and vocabulary is used again.
    """
    note = folder / "mixture.json"
    about = {
        "texts": sorted(recipe["texts"]), **{key: recipe.get(key) for key in ("held_out_share", "limit")},
        "data": str(Path(data).resolve()), "vocabulary": vocabulary_digest(tokenizer),
    }  # fmt: skip
    if not (note.is_file() and read_json(note) == about):
        shutil.rmtree(folder, ignore_errors=True)
        for name in recipe["texts"]:
            found = list(texts(Path(data), name, recipe.get("limit")))
            random.Random(name).shuffle(found)
            kept = max(2, int(len(found) * recipe["held_out_share"]))
            Corpus.build(found[:kept], tokenizer, folder / "held_out" / name)
            Corpus.build(found[kept:], tokenizer, folder / "train" / name)
        write_whole(note, json.dumps(about))
    train, held_out = (
        {name: Corpus.open(folder / part / name) for name in recipe["texts"]} for part in ("train", "held_out")
    )
    return Mixture(train, recipe["texts"]), held_out
