"""Running a model for an analysis: checked batches, repeated ones, and a model that is not training meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import nn

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds")
Batch = dict[str, torch.Tensor]
copies_running: ContextVar[int] = ContextVar("copies_running", default=1)


def checked(batch: Mapping[str, torch.Tensor]) -> Batch:
    """The batch as a plain dictionary in which every tensor has all rows.

    Raises:
        TypeError: when it is no mapping. ValueError: for arguments that an analysis cannot repeat row by row.
    """
    if not isinstance(batch, Mapping):
        raise TypeError(
            f"the batch is a {type(batch).__name__}; give the model's arguments by name, as lab.encode(text) does"
        )
    given = {name: value for name, value in batch.items() if value is not None}
    foreign = [name for name in given if name not in INPUTS]
    if foreign:
        raise ValueError(f"the batch holds {foreign[0]!r}; an analysis takes {', '.join(INPUTS)}; leave the rest out")
    if ("input_ids" in given) == ("inputs_embeds" in given):
        raise ValueError("the batch must hold either input_ids or inputs_embeds; give one of them")
    rows = len(given["input_ids"] if "input_ids" in given else given["inputs_embeds"])
    return {
        name: value.expand(rows, *value.shape[1:]) if len(value) == 1 and rows > 1 else value
        for name, value in given.items()
    }


def rows_of(batch: Batch) -> int:
    """How many texts (or multiple-choice questions) the batch holds."""
    return len(batch["input_ids"] if "input_ids" in batch else batch["inputs_embeds"])


def tokens_of(batch: Batch) -> int:
    """How many tokens the batch holds, padding included."""
    given = batch["input_ids"] if "input_ids" in batch else batch["inputs_embeds"][..., 0]
    return given.numel()


def repeated(batch: Batch, times: int) -> Batch:
    """The whole batch several times over: (rows, ...) -> (times x rows, ...), copy after copy."""
    return {name: value.repeat(times, *[1] * (value.dim() - 1)) for name, value in batch.items()}


@contextmanager
def in_copies(times: int) -> Iterator[None]:
    """Says that the batch which runs inside is so many copies of the caller's, for edits that look across a batch:
    what they average must not mix copies."""
    token = copies_running.set(times)
    try:
        yield
    finally:
        copies_running.reset(token)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model without dropout; afterwards every part trains again that did before."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
