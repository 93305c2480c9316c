"""The last stage: masked words and every labelled task at once, on one encoder, each task with its adapter.

What a low-rank adapter cannot learn the encoder learns, and what the tasks teach it stays in balance with its text
(Liu et al. 2019, MT-DNN; Aghajanyan et al. 2021). It starts from a model with adapters, so every part starts from what
it can already do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bertlab.corpus import Corpus, Mixture
from bertlab.lora import load_adapter
from bertlab.recipes.tasks import add_figures, centre_thresholds, measure, prepared_sets, stored_adapter
from bertlab.task_heads import BertForPreTraining
from bertlab.tokenization import BertTokenizerFast
from bertlab.training import (
    StepRecord,
    evaluate_pretraining,
    pretraining_stream,
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
    streams, shares, members, sets = {}, {}, {}, {}
    for name, options in plan["texts"].items():
        options = dict(options)
        shares[name] = options.pop("share")
        chosen = options.pop("texts", texts.shares)
        mixed = Mixture({corpus: texts.parts[corpus] for corpus in chosen}, chosen)
        streams[name] = pretraining_stream(model, tokenizer, mixed, **options)
    for name, options in plan["tasks"].items():
        sets[name] = prepared_sets(
            name, data, limit=limit, teacher=teacher, silver=work / "silver" / f"{name}.json"
        )
        folder = base / "tasks" / name
        about = json.loads((folder / "config.json").read_text(encoding="utf-8"))["bertlab"]
        sets[name].task = replace(sets[name].task, max_length=about["max_length"])
        members[name] = load_adapter(folder, model, share=True)
        set_dropout(members[name], options.get("dropout", 0.0))
        shares[name] = options["share"]
        task = replace(sets[name].task, max_length=options.get("max_length", sets[name].task.max_length))
        streams[name], _ = task_stream(
            members[name], tokenizer, sets[name].train, task, batch_size=options["batch_size"]
        )
    set_dropout(model, plan.get("dropout", 0.0))
    model.requires_grad_(True)  # adapters had frozen what they share
    settings = dict(plan["settings"], folder=work / "joint", **({"device": device} if device else {}))
    started, steps = time.time(), 0
    for record in train_jointly(model, members, streams, shares, **settings):
        report(record)
        steps = record.step
    seconds = round(time.time() - started)

    model.requires_grad_(False)
    with torch.no_grad():  # as it will be read back from float16
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    for name, member in members.items():
        if sets[name].calibration:
            centre_thresholds(member.eval(), tokenizer, sets[name].calibration, sets[name])
        stored_adapter(member, sets[name], out, model, base_name)
    model.to("cpu", torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(str(out))
    model = BertForPreTraining.from_pretrained(out)
    length = next(iter(plan["texts"].values())).get("max_length", 128)
    dev = {
        name: evaluate_pretraining(model, corpus, tokenizer, max_length=length) for name, corpus in held_out.items()
    }
    add_figures(out, "joint", {"dev": dev, "steps": steps, "seconds": seconds, "plan": dict(plan)})
    for name in members:
        member = load_adapter(out / "tasks" / name, model, share=True)
        add_figures(out, name, measure(member, tokenizer, sets[name]))


def set_dropout(model: nn.Module, rate: float) -> None:
    """Give all dropout layers of a model this rate."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
