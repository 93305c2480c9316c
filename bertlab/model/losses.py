"""The documented losses, with labels that do not fit named."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional as F

from bertlab.model.checks import check_range, has_shape

IGNORED = -100  # the label of places that a loss leaves out


def token_loss(logits: torch.Tensor, labels: torch.Tensor, name: str = "labels") -> torch.Tensor:
    """Mean cross-entropy over the labels that are not -100; NaN when all are.

    `logits` (..., classes) and `labels` (...) of whole numbers.

    Raises:
        ValueError: when the shapes do not fit. IndexError: for a label out of range, naming its place.
    """
    places = logits.shape[:-1]
    if not has_shape(labels, [tuple(places), (math.prod(places),), (*places, 1)]):
        raise ValueError(f"{name} has shape {tuple(labels.shape)}; logits {tuple(logits.shape)} need {tuple(places)}")
    if labels.is_floating_point():
        raise TypeError(f"{name} holds floating-point numbers; here the labels are class numbers (torch.long)")
    check_range(name, labels, logits.shape[-1], "classes", ignored=IGNORED)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1).long(), ignore_index=IGNORED)


def position_loss(logits: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over the places of a sequence: logits (batch, sequence), positions (batch,). Negative positions
    count as 0, those beyond the sequence are left out."""
    if positions.dim() > 1:
        positions = positions.squeeze(-1)
    if not has_shape(positions, [logits.shape[:1]]):
        raise ValueError(f"answer positions have shape {tuple(positions.shape)}; give one a text, ({len(logits)},)")
    if positions.is_floating_point():
        raise TypeError("answer positions hold floating-point numbers; they count tokens (torch.long)")
    beyond = logits.shape[1]
    return F.cross_entropy(logits, positions.clamp(0, beyond), ignore_index=beyond)


def with_loss(loss: torch.Tensor | None, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """A tuple of outputs, with the loss in front where there is one."""
    return values if loss is None else (loss, *values)
