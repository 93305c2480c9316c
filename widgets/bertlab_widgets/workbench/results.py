"""What the model computed for one state of the workbench."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass
class Result:
    """What the model computed for one state: named activations, logits of the heads that it has."""

    recording: object
    mlm_logits: torch.Tensor | None = None  # (sequence, vocabulary)
    nsp_logits: torch.Tensor | None = None  # (2,)


def size_of(value) -> int:
    """Bytes of the tensors in a result; a little for anything else."""
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Result):
        return size_of(value.recording) + size_of(value.mlm_logits)
    if isinstance(value, Mapping):
        return sum(size_of(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return sum(size_of(item) for item in value)
    return 1000


def logits_of(output) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The MLM and next-sentence logits among a model's outputs, where it has them."""
    mlm = getattr(output, "prediction_logits", None)
    nsp = getattr(output, "seq_relationship_logits", None)
    return mlm, nsp
