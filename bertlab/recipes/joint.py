"""The last stage: masked words and every labelled task at once, on one encoder, each task with its adapter.

What a low-rank adapter cannot learn the encoder learns, and what the tasks teach it stays in balance with its text
(Liu et al. 2019, MT-DNN; Aghajanyan et al. 2021). It starts from a model with adapters, so every part starts from what
it can already do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bertlab.adapters import load_adapter
from bertlab.data import Corpus, Mixture
from bertlab.files import read_json
from bertlab.model import BertForPreTraining
from bertlab.recipes.calibration import calibrate
from bertlab.recipes.sets import TaskSets
from bertlab.recipes.tasks import (
    add_figures,
    measure,
    measure_texts,
    prepared_sets,
    store_adapter,
)
from bertlab.tokenizer import BertTokenizerFast
from bertlab.training import (
    StepRecord,
    Stream,
    pretraining_stream,
    read_progress,
    task_stream,
    train_jointly,
)


def train_all(
    plan: Mapping[str, Any],
    texts: Mixture,
    held_out: Mapping[str, Corpus],
    data: str | Path,
    base: str | Path,
    out: str | Path,
    work: str | Path,
    *,
    base_name: str,
    teacher: str | Path | None = None,
    limit: int | None = None,
    device: str | None = None,
    report: Callable[[StepRecord], None] = lambda record: None,
) -> None:
    """Train a model and its adapters together, and write both; calling it again goes on where it was interrupted.

    Args:
        plan: "texts": streams of running text by name, "tasks": those of labelled sets. Each has a `share` of the
            batches and a `batch_size`; a task may have `dropout` and, for training, a shorter `max_length`, a text its
            own `texts` (shares of the corpora). "settings": fields of `bertlab.training.Settings`.
        texts, held_out: the corpora (see `bertlab.recipes.mini.mixture`).
        base: folder of the model, with `tasks/`.
        out: folder that gets model and adapters; may be `base`.
        work: folder for checkpoints and for what the teacher labelled.
        base_name, teacher, limit: as for `bertlab.recipes.tasks.train_task`.
    """
    base, out, work = Path(base), Path(out), Path(work)
    tokenizer = BertTokenizerFast.from_pretrained(str(base))
    model = BertForPreTraining.from_pretrained(str(base))
    set_dropout(model, 0.0)
    seed = plan["settings"].get("seed", 0)  # a further run with another one reads other texts first
    streams: dict[str, Stream] = {}
    members: dict[str, nn.Module] = {}
    sets: dict[str, TaskSets] = {}
    for name, options in plan["texts"].items():
        options = {key: value for key, value in options.items() if key != "share"}
        chosen = options.pop("texts", texts.shares)
        mixed = Mixture({corpus: texts.parts[corpus] for corpus in chosen}, chosen)
        streams[name] = pretraining_stream(model, tokenizer, mixed, seed=seed, **options)
    for name, options in plan["tasks"].items():
        folder = base / "tasks" / name
        sets[name] = prepared_sets(name, data, limit=limit, teacher=teacher, silver=work / "silver")
        about = read_json(folder / "config.json")["bertlab"]
        sets[name].task = replace(sets[name].task, max_length=about["max_length"])
        members[name] = load_adapter(folder, model, share=True)
        set_dropout(members[name], options.get("dropout", 0.0))
        shorter = replace(sets[name].task, max_length=options.get("max_length", about["max_length"]))
        streams[name], _ = task_stream(
            members[name], tokenizer, sets[name].train, shorter, batch_size=options["batch_size"], seed=seed
        )
    shares = {name: options["share"] for part in ("texts", "tasks") for name, options in plan[part].items()}
    settings = dict(plan["settings"], folder=work / "joint", **({"device": device} if device else {}))
    model.requires_grad_(True)  # adapters had frozen what they share
    for record in train_jointly(model, members, streams, shares, **settings):
        report(record)
    trained = read_progress(settings["folder"])  # over all interruptions
    about_training = {"steps": trained["step"], "seconds": round(trained["seconds"]), "plan": dict(plan)}

    model.requires_grad_(False)
    with torch.no_grad():  # as it will be read back from float16
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    for name, member in members.items():
        calibrate(member.eval(), tokenizer, sets[name])
        store_adapter(member, sets[name], out, base_name)
    model.to("cpu", torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(str(out))
    measure_all(out, sets, held_out, next(iter(plan["texts"].values())).get("max_length", 128), about_training)


def measure_all(
    out: Path, sets: Mapping[str, TaskSets], held_out: Mapping[str, Corpus], max_length: int, about: Mapping[str, Any]
) -> None:
    """Write the figures of a stored model and of its adapters into `out/figures.json`."""
    tokenizer = BertTokenizerFast.from_pretrained(str(out))
    model = BertForPreTraining.from_pretrained(out)
    add_figures(out, "joint", {"dev": measure_texts(model, tokenizer, held_out, max_length), **about})
    for name, task_sets in sets.items():
        add_figures(out, name, measure(load_adapter(out / "tasks" / name, model, share=True), tokenizer, task_sets))


def set_dropout(model: nn.Module, rate: float) -> None:
    """Give all dropout layers of a model this rate."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
