"""What a run learns from: endless batches, and the objective that turns them into losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from bertlab.training.objectives import Batch


def as_collated(part: Batch) -> Batch:
    """The part itself: nothing is left to do."""
    return part


@dataclass(frozen=True)
class Stream:
    """Batches without end and what is learnt from them.

    Attributes:
        objective: a module over the model that turns a batch into loss sums, and counts their terms.
        batches: endless lists of features (of what `collate` takes), the same ones in the same order each time.
        collate: (features, step) -> the tensors of the whole batch; on a GPU called from another thread.
        finish: (tensors of one part of the batch) -> tensors for the objective.
        identity: what a checkpoint must agree with, beside the settings of the run, to be resumed.
        origin: () -> digests of the data and the vocabulary, which it must agree with too; computed where needed.
    """

    objective: nn.Module
    batches: Iterator[list[Any]]
    collate: Callable[[list[Any], int], Batch]
    finish: Callable[[Batch], Batch] = as_collated
    identity: Mapping[str, Any] = field(default_factory=dict)
    origin: Callable[[], dict[str, str]] = dict
