"""Running a model for an analysis: checked batches, repeated ones, and a model that is not training meanwhile."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn

INPUTS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds")
Batch = dict[str, torch.Tensor]
Progress = Callable[[float], object]  # called with the share that is done; what it raises stops the work
copies_running: ContextVar[int] = ContextVar("copies_running", default=1)


def checked(batch: Mapping[str, torch.Tensor], model: nn.Module | None = None) -> Batch:
    """The batch as a plain dictionary in which every tensor has all rows, on the device of the model if one is given.

    Raises:
        TypeError: when it is no mapping. ValueError: for arguments that an analysis cannot repeat row by row.
    """
    if not isinstance(batch, Mapping):
        raise TypeError(
            f"the batch is a {type(batch).__name__}; give the model's arguments by name, as lab.encode(text) does"
        )
    given = {name: value for name, value in batch.items() if value is not None}
    for name, value in given.items():
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} is a {type(value).__name__}; give tensors, as return_tensors='pt' does")
    foreign = [name for name in given if name not in INPUTS]
    if foreign:
        raise ValueError(f"the batch holds {foreign[0]!r}; an analysis takes {', '.join(INPUTS)}; leave the rest out")
    if ("input_ids" in given) == ("inputs_embeds" in given):
        raise ValueError("the batch must hold either input_ids or inputs_embeds; give one of them")
    if model is not None:
        device = next(model.parameters()).device  # of any module, also one without a device of its own
        given = {name: value.to(device) for name, value in given.items()}
    rows = rows_of(given)
    if not rows:
        raise ValueError("the batch holds no texts; give at least one")
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


def real_tokens(batch: Batch) -> torch.Tensor:
    """(batch, sequence) of booleans: what is no padding. (batch, choices, sequence) in multiple choice."""
    given = batch["input_ids"] if "input_ids" in batch else batch["inputs_embeds"][..., 0]
    mask = batch.get("attention_mask")
    if mask is None:
        return torch.ones_like(given, dtype=torch.bool)
    if mask.shape != given.shape:
        raise ValueError(
            f"attention_mask has shape {tuple(mask.shape)}; an analysis takes one mark a token, {tuple(given.shape)}"
        )
    return mask.bool()


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
def evaluating(model: nn.Module, every_row: bool = True) -> Iterator[None]:
    """The model without dropout; afterwards every part trains again that did before.

    Args:
        every_row: tokens that nobody may look at are computed too, also where the model skips its padding: what is
            hidden by a mask is still read at its own place. False where only real tokens are read.
    """
    training = [module for module in model.modules() if module.training]
    skipping: list[Any] = [module for module in model.modules() if every_row and getattr(module, "skip_padding", False)]
    model.eval()
    for module in skipping:
        module.skip_padding = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
        for module in skipping:
            module.skip_padding = True


def whole_number(value: Any, name: str, least: int, most: int | None = None, note: str = "") -> int:
    """A whole number between two bounds, from whatever counts as one (numpy's do, booleans do not).

    Raises:
        TypeError: when it is none. ValueError: when it lies outside.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}; give a whole number")
    if number < least or (most is not None and number > most):
        allowed = f"at least {least}" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} is {number}; allowed are {allowed}{f' ({note})' if note else ''}")
    return number


def report(progress: Progress | None, share: float) -> None:
    """Tell whoever waits how much is done, 0 to 1; what their function raises stops the work."""
    if progress is not None:
        progress(1.0 if share > 1 - 1e-9 else share)
