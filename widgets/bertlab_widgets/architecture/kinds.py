"""The models that the map can show: the documented classes on this lab's weights, and the models of its tasks."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.files import read_json
from bertlab.lab import TASKS
from bertlab.language import mark, say

from ..workbench import SelectionError, Workbench

PRETRAINING = "BertForPreTraining"
CLASSES = {  # on the lab's own weights -> what it is for
    PRETRAINING: mark("masked words and next sentence"),
    "BertModel": mark("the bare encoder"),
    "BertForMaskedLM": mark("masked words"),
    "BertForNextSentencePrediction": mark("does B follow A?"),
}
ORIGINS = {
    "checkpoint": mark("from the checkpoint"),
    "fresh": mark("freshly drawn: the checkpoint does not have it"),
    "adapter": mark("trained for this task on top of the checkpoint"),
    "session": mark("made in this session: no checkpoint was read"),
}


def choices(workbench: Workbench) -> list[list[str]]:
    """[value, what is shown] of every model."""
    lab, shown = workbench.lab, []
    for name in dict.fromkeys([*lab.tasks, *TASKS]):
        kind = type(lab.task_model(name)).__name__ if lab.is_built(name) else _class_of(lab, name)
        trained = lab.is_trained(name)
        message = mark("{kind}: {name}") if trained else mark("{kind}: {name}, head not trained")
        shown.append([name, say(message, kind=kind, name=name)])
    classes = [[name, say("{kind}: {name}", kind=name, name=say(purpose))] for name, purpose in CLASSES.items()]
    return [*classes, *shown]


def _class_of(lab: Any, task: str) -> str:
    """The class of a task's model that is not built yet, from the config of its folder where it is no known task."""
    if task in TASKS:
        return TASKS[task].model_class
    named = read_json(lab.adapters[task] / "config.json").get("architectures") or ["BERT"]
    return str(named[0])


def model_of(workbench: Workbench, kind: str) -> Any:
    """The model of a class or a task; it shares the weights of the lab.

    Raises:
        SelectionError: there is none of that name.
    """
    lab = workbench.lab
    if kind == PRETRAINING:
        return lab.model
    if kind == "BertModel":
        return lab.model.bert
    if kind in CLASSES:
        return workbench.cached(("architecture", kind), lambda: _of_class(lab.model, kind))
    if kind not in (*lab.tasks, *TASKS):
        names = ", ".join(dict.fromkeys([*CLASSES, *lab.tasks, *TASKS]))
        raise SelectionError(say("there is no model {kind!r} here; there are {names}", kind=kind, names=names))
    with workbench.lock:
        return lab.task_model(kind)


def _of_class(base: Any, kind: str) -> Any:
    from bertlab.adapters import fresh_head
    from bertlab.model import BertConfig, heads

    with torch.random.fork_rng(devices=[]):
        return fresh_head(getattr(heads, kind), BertConfig.from_dict(base.config.to_dict()), base).eval()


def batch_of(workbench: Workbench, model: Any) -> dict[str, torch.Tensor]:
    """The present sentence as this model takes it."""
    batch = workbench.batch()
    name = type(model).__name__
    if name == "BertForMultipleChoice":
        return {key: value.unsqueeze(0) for key, value in batch.items()}  # (1, one choice, sequence)
    if name == "EncoderDecoder":
        del batch["token_type_ids"]
        return {**batch, "decoder_input_ids": workbench.lab.start_ids()}
    return batch


def origins(workbench: Workbench, kind: str, model: Any) -> dict[str, str]:
    """Where the values of each parameter come from, by name: one of `ORIGINS`."""
    lab = workbench.lab
    base = {id(p): name for name, p in lab.model.named_parameters(remove_duplicate=False)}
    by_report, of_lab = _reported(model), _reported(lab.model)
    trained = kind in CLASSES or lab.is_trained(kind)
    found = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if by_report is not None:
            found[name] = by_report(name)
        elif id(parameter) in base:
            found[name] = "session" if of_lab is None else of_lab(base[id(parameter)])
        elif trained:
            found[name] = "adapter" if kind in lab.adapters else "session"
        else:
            found[name] = "fresh"
    return found


def _reported(model: Any):
    """Name -> origin, by the report of loading; None where the model was not loaded."""
    report = getattr(model, "loading_report", None)
    if report is None:
        return None
    drawn = {*report.fresh, *(name for name, *_ in report.mismatched)}
    drawn |= {copy for copy, first in report.tied.items() if first in drawn}
    return lambda name: "fresh" if name in drawn else "checkpoint"
