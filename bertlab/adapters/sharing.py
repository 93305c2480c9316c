"""A head model on an encoder that exists already: the one way that a lab, an adapter and a training take."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from bertlab.model import BertConfig, BertPreTrainedModel, undrawn_weights


def itself(parameter: nn.Parameter) -> nn.Parameter:
    """The parameter itself: both models hold the same one."""
    return parameter


def copied(parameter: nn.Parameter) -> nn.Parameter:
    """A parameter of its own with the same values."""
    return nn.Parameter(parameter.detach().clone())


def set_on_encoder(
    model: nn.Module, base: nn.Module, take: Callable[[nn.Parameter], nn.Parameter] = itself
) -> list[str]:
    """Put the parameters of `base` into the places of the same name in `model`.

    Args:
        base: a head model, or a bare encoder.
        take: what stands for a parameter of the base: `itself`, `copied`, or a function of one's own.

    Returns:
        The names of the model's parameters that the base does not have: those of the new head.

    Raises:
        ValueError: a parameter of that name has another shape in the model.
    """
    prefix = "" if hasattr(base, "bert") else "bert."
    given = {prefix + name: parameter for name, parameter in base.named_parameters(remove_duplicate=False)}
    taken: dict[int, nn.Parameter] = {}
    fresh = []
    for name, parameter in list(model.named_parameters(remove_duplicate=False)):
        source = given.get(name)
        if source is None:
            fresh.append(name)
            continue
        if source.shape != parameter.shape:
            raise ValueError(f"{name} is {tuple(source.shape)} in the base but {tuple(parameter.shape)} in the model")
        if id(source) not in taken:
            taken[id(source)] = take(source)
        replace_part(model, name, taken[id(source)])
    return fresh


def fresh_head(
    model_class: type[BertPreTrainedModel], config: BertConfig, base: BertPreTrainedModel
) -> BertPreTrainedModel:
    """A head model whose encoder is that of `base`, and whose head has random weights."""
    with torch.device("meta"), undrawn_weights():
        model = model_class(config)
    fresh = set_on_encoder(model, base)
    draw(model, fresh, base)
    return model


def draw(model: BertPreTrainedModel, names: Iterable[str], like: BertPreTrainedModel) -> None:
    """Give the named parameters random starting weights, on the device and of the type of another model."""
    names = list(names)
    own = dict(model.named_parameters(remove_duplicate=False))
    for name in names:
        replace_part(model, name, nn.Parameter(torch.empty(own[name].shape, device=like.device, dtype=like.dtype)))
    model._init_fresh(set(names))


def replace_part(model: nn.Module, path: str, new: nn.Module | nn.Parameter) -> None:
    """Put a module or a parameter in the place of that name."""
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, new)
