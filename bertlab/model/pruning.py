"""Removing attention heads for good (Michel et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from bertlab.numbers import as_whole


def prune_model(model: Any, heads_to_prune: Mapping[int, Any]) -> None:
    """Remove heads of several layers, `{layer: [heads]}`, and note them in the configuration.

    Raises:
        ValueError: for a layer or a head that does not exist; nothing is pruned then.
    """
    layers = model.base_model.encoder.layer
    total = model.config.num_attention_heads
    chosen: dict[int, list[int]] = {}
    for given, heads in heads_to_prune.items():
        number = as_whole(given)
        if number is None or not 0 <= number < len(layers):
            raise ValueError(f"there is no layer {given!r} to prune; the model has layers 0 to {len(layers) - 1}")
        chosen[number] = _numbers(heads, total, f" in layer {number}")
    for number, heads in chosen.items():
        layers[number].attention.prune_heads(heads)
        model.config.pruned_heads[number] = sorted(set(model.config.pruned_heads.get(number, [])) | set(heads))


def prune(layer: Any, heads: Iterable[int]) -> None:
    """Remove heads of one layer, numbered as in the unpruned one.

    Raises:
        ValueError: for a head that does not exist.
    """
    attention = layer.self
    total = attention.num_attention_heads + len(layer.pruned_heads)
    gone = set(_numbers(heads, total, "")) - layer.pruned_heads
    if not gone:
        return
    size = attention.attention_head_size
    remaining = [head for head in range(total) if head not in layer.pruned_heads]
    kept = torch.tensor([i for i, head in enumerate(remaining) if head not in gone], dtype=torch.long)
    rows = (kept[:, None] * size + torch.arange(size)).flatten()  # places of the kept heads' features
    for linear in (attention.query, attention.key, attention.value):
        _keep(linear, rows, dim=0)
    _keep(layer.output.dense, rows, dim=1)
    attention.num_attention_heads = len(kept)
    attention.all_head_size = len(kept) * size
    layer.pruned_heads |= gone


def _keep(linear: nn.Linear, places: torch.Tensor, dim: int) -> None:
    """Shrink a linear layer to some of its outputs (dim 0) or inputs (dim 1)."""
    places = places.to(linear.weight.device)
    trains = linear.weight.requires_grad
    linear.weight = nn.Parameter(linear.weight.detach().index_select(dim, places).clone(), requires_grad=trains)
    if dim == 0 and linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach().index_select(0, places).clone(), requires_grad=trains)
    linear.out_features, linear.in_features = linear.weight.shape


def _numbers(heads: Iterable[Any], total: int, where: str) -> list[int]:
    """The heads as Python's whole numbers, after checking that there are such."""
    numbers = []
    for head in heads:
        number = as_whole(head)
        if number is None or not 0 <= number < total:
            raise ValueError(f"there is no head {head!r}{where} to prune; heads are 0 to {total - 1}")
        numbers.append(number)
    return numbers
