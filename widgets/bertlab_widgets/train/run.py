"""One training run that can be watched and gone back in. No widget is needed here.

A `LiveRun` holds the model that is trained, the records of the run, its curves, and the moments to go back to.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from bertlab.data import Task
from bertlab.lab import Lab
from bertlab.training import StepRecord

from ..workbench import Around
from .weights import trained_parameters

SNAPSHOT_BYTES = 300e6  # moments are thinned out beyond this
PATIENCE = 0.7  # seconds that Stop waits for the end of a step


class Stopped(Exception):
    """Raised inside a step when Stop is pressed; the step is not taken."""


@dataclass
class Moment:
    """A point of the run that can be gone back to: exact values of everything that was trained."""

    step: int
    weights: dict[str, torch.Tensor]
    watched: list[dict] = field(default_factory=list)


@dataclass
class LiveRun:
    """One training run: the model, its records as they come, what is watched, and the moments to go back to.

    `records` is a generator of the training engine. `measure()` gives figures on held-out data, `watch(texts)` what
    the model says about some texts, `lines` and `chance` the values of knowing nothing.
    """

    name: str
    kind: str
    model: nn.Module
    tokenizer: Any
    records: Iterator[StepRecord]
    steps: int
    epochs: float | None
    metric: str
    lines: dict[str, float]
    chance: dict[str, float]
    measure: Callable[[], dict[str, float]] | None
    watch: Callable[[list[tuple[str, str]]], list[dict]]
    about: dict
    lab: Lab | None = None  # what the other panels show when this is trained
    task: Task | None = None
    plan: Any = None  # the settings that made it, see `plan.Plan`
    history: list[StepRecord] = field(default_factory=list)
    evaluations: list[dict] = field(default_factory=list)
    changes: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    traces: dict[str, list] = field(default_factory=dict)
    seconds: float = 0.0
    watching_seconds: float = 0.0
    message: str = ""
    notes: list[str] = field(default_factory=list)  # what was guessed or left out of the data, in words
    at: int | None = None  # the step that was gone back to; None for the last one
    resumable: bool = True  # whether the generator of records can go on

    def __post_init__(self):
        self.start_weights = self.weights()

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return self.history[-1].step if self.history else 0

    @property
    def shown_step(self) -> int:
        """The step whose weights the model has now."""
        return self.step if self.at is None else self.at

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of everything that is trained, on the CPU."""
        return {
            name: parameter.detach().to("cpu", copy=True) for name, parameter in trained_parameters(self.model).items()
        }

    def keep(self, watched: list[dict]) -> None:
        """Make this step a moment to go back to; where there are too many, every other one in between goes."""
        if self.moments and self.moments[-1].step == self.step:
            self.moments[-1].watched = watched
            return
        self.moments.append(Moment(self.step, self.start_weights if not self.step else self.weights(), watched))
        size = sum(value.numel() * value.element_size() for value in self.start_weights.values())
        most = max(3, min(60, int(SNAPSHOT_BYTES / max(1, size))))
        if len(self.moments) > most:
            self.moments = [moment for i, moment in enumerate(self.moments) if i % 2 == 0 or i == len(self.moments) - 1]

    @torch.no_grad()
    def go_to(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Put trained values back into the model."""
        own = dict(self.model.named_parameters())
        for name, value in weights.items():
            own[name].copy_(value)

    def interruptible(self, stopped: threading.Event) -> list:
        """Let every layer look at `stopped`, forwards and backwards, so that Stop does not wait for a long step.

        A step that ends within `PATIENCE` seconds is let alone, so that the run can go on where it was.
        """
        asked: list[float] = []

        def check(*_):
            if not stopped.is_set():
                asked.clear()
                return
            asked[:] = asked or [time.monotonic()]
            if time.monotonic() - asked[0] > PATIENCE:
                self.resumable = False
                raise Stopped

        def around(forward, arguments, named):
            check()
            outputs = forward(*arguments, **named)
            for value in outputs if isinstance(outputs, tuple) else (outputs,):
                if isinstance(value, torch.Tensor) and value.requires_grad:
                    value.register_hook(check)
            return outputs

        layers = [module for name, module in self.model.named_modules() if re.search(r"\.layer\.\d+$", name)]
        return [Around(layer, around) for layer in layers]
