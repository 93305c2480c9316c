"""What is trained: a fresh model on a lab's encoder, its weights in figures, and how far each part has moved."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import nn

from bertlab.adapters import add_lora, lora_layers
from bertlab.data import Task
from bertlab.devices import available_devices
from bertlab.lab import Lab
from bertlab.language import mark, say
from bertlab.model import BertConfig
from bertlab.model import heads as task_heads
from bertlab.training import freeze_layers


def fresh_model(lab: Lab, task: Task | None, *, rank: int = 8, freeze: int = -1, seed: int = 0) -> nn.Module:
    """A model for a task on this lab's encoder, with a head of random weights; the lab's own weights stay as they are.

    Args:
        task: what it is for; None for masked words, with the head that the lab has.
        rank: LoRA rank; the encoder's weights are then shared and frozen. 0 trains copies of them.
        freeze: -1 for nothing, else the embeddings and so many of the lowest layers are not trained.
        seed: draws the head and the LoRA factors.

    Raises:
        ValueError: a rank or a number of layers that the model does not have.
    """
    name = "BertForPreTraining" if task is None else task.model_class
    config = BertConfig.from_dict({**lab.model.config.to_dict(), **(task.config() if task else {})})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = getattr(task_heads, name)(config)
    taken: dict[int, nn.Parameter] = {}
    given = dict(lab.model.named_parameters(remove_duplicate=False))
    for path, parameter in list(model.named_parameters(remove_duplicate=False)):
        source = given.get(path)
        if source is None or source.shape != parameter.shape:
            continue
        if id(source) not in taken:  # a new parameter over the same memory
            taken[id(source)] = nn.Parameter(source.detach().float())
        parent, _, last = path.rpartition(".")
        setattr(model.get_submodule(parent), last, taken[id(source)])
    model.tie_weights()
    model.to(lab.device).eval()
    if rank:
        add_lora(model, rank, generator=torch.Generator().manual_seed(seed))
    if freeze >= 0:
        freeze_layers(model, freeze)
    shared = {parameter.data_ptr() for parameter in lab.model.parameters()}
    for parameter in trained_parameters(model).values():
        if parameter.data_ptr() in shared:
            parameter.data = parameter.data.clone()
    return model


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training may change, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def sizes(model: nn.Module) -> dict[str, int]:
    """How many weights there are, and how many of them are trained."""
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trained": sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    }


def devices() -> list[str]:
    """What this machine can train on."""
    return ["auto", *available_devices()]


def group_of(name: str) -> str:
    """The part of the model that a parameter belongs to: "embeddings", "layer 3", "head"."""
    side = "decoder " if name.startswith("decoder.") else "encoder " if name.startswith("encoder.") else ""
    found = re.search(r"(?:^|\.)layer\.(\d+)\.", name)
    if found:
        return f"{side}layer {found[1]}"
    return f"{side}embeddings" if "embeddings." in name else f"{side}head"


PARTS = {
    "embeddings": mark("embeddings"),
    "head": mark("head"),
    "layer": mark("layer {number}"),
    "encoder embeddings": mark("encoder embeddings"),
    "encoder head": mark("encoder head"),
    "encoder layer": mark("encoder layer {number}"),
    "decoder embeddings": mark("decoder embeddings"),
    "decoder head": mark("decoder head"),
    "decoder layer": mark("decoder layer {number}"),
}


def part_said(group: str) -> str:
    """The name of a part for an audience."""
    kind, _, number = group.rpartition(" ")
    return say(PARTS[kind], number=number) if number.isdigit() else say(PARTS[group])


def is_fresh(group: str) -> bool:
    """Whether a part begins with random weights: the head."""
    return group.endswith("head")


@torch.no_grad()
def layer_changes(model: nn.Module, start: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """How far each part of a model is from `start` (trained parameters by name): |W - W0| / |W0|, Frobenius norms.

    A LoRA layer's change is that of its product, computed from the small factors.
    """
    moved: dict[str, float] = {}
    size: dict[str, float] = {}
    layers = lora_layers(model)
    for name, layer in layers.items():
        a, b = layer.lora_A.float(), layer.lora_B.float()
        square = float(((b.T @ b) * (a @ a.T)).sum()) * (layer.alpha / layer.rank) ** 2  # |BA|^2 without the product
        moved[group_of(name + ".")] = moved.get(group_of(name + "."), 0.0) + max(0.0, square)
    for name, parameter in model.named_parameters():
        group = group_of(name)
        if name.endswith((".lora_A", ".lora_B")):
            continue
        before = start.get(name, parameter)
        size[group] = size.get(group, 0.0) + float(before.float().norm()) ** 2
        if name in start:
            moved[group] = moved.get(group, 0.0) + float((parameter.float() - before.to(parameter.device)).norm()) ** 2
        else:
            moved.setdefault(group, 0.0)
    order = sorted(
        moved,
        key=lambda group: (
            not group.startswith("encoder"),
            "head" in group,
            "embeddings" not in group,
            int(re.sub(r"\D", "", group) or 0),
        ),
    )
    return {group: math.sqrt(moved[group] / size[group]) if size.get(group) else 0.0 for group in order}
