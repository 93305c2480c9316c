"""How to train: the settings of a run, the record of a step, learning rates over time and over parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any

SCHEDULES = ("linear", "cosine", "constant")
PRECISIONS = ("auto", "float32", "bfloat16")


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why, what to do, and which checkpoint is the last good one."""


@dataclass
class StepRecord:
    """What one optimiser step did.

    Attributes:
        step: number of the step, from 1.
        losses: mean loss of each objective over the whole batch, in nats (squared error for regression).
        learning_rate: that of the encoder at this step.
        gradient_norm: norm of the whole gradient before clipping.
        tokens_per_second: tokens that are not padding, over the time of the step.
        progress: part of the run that is done, 0 to 1.
        evaluation: the metrics, at steps where an evaluation was due; otherwise None.
        message: a sentence at remarkable steps (stopped early, best weights taken back), otherwise "".
    """

    step: int
    losses: dict[str, float]
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    progress: float
    evaluation: dict[str, float] | None = None
    message: str = ""

    @property
    def loss(self) -> float:
        """Sum of the losses: what the step made smaller."""
        return sum(self.losses.values())

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data, for JSON."""
        return asdict(self)


@dataclass
class Settings:
    """The settings that `finetune` and `pretrain` share, given to them by name.

    Length (one of them): `steps`, `epochs` (of a set that fits into memory) or `minutes` (the learning rate
    then follows the clock, so such a run does not repeat exactly).

    Args:
        batch_size: examples of one optimiser step, over all processes.
        accumulation: parts that a batch is cut into to save memory; changes nothing else.
        learning_rate: highest rate of the encoder.
        head_learning_rate: highest rate of what stands on top of the encoder; as the encoder's if None.
        layer_decay: factor on the rate from each layer to the one below (discriminative rates); 1 for none.
        weight_decay: decoupled decay (Loshchilov & Hutter 2019); biases and layer norms are exempt.
        warmup: share of the run in which the rate rises to its highest value.
        schedule: how the rate then falls: linear, cosine, or constant.
        clip: largest norm of the gradient; longer ones are scaled down. None for no limit.
        freeze: train neither the embeddings nor this many lowest layers; None to train all.
        dropout: dropout while training; what the model's config says if None.
        seed: decides order, masks and dropout.
        device: "cpu", "cuda", "mps"; where the model is if None.
        precision: float32, bfloat16 (autocast), or auto: bfloat16 where the hardware multiplies it faster.
        compile: translate the layers with torch.compile; worth it for long runs.
        evaluate_every: steps between evaluations; there is always one at the end.
        patience: stop after this many evaluations in a row without a better metric.
        metric: the metric that decides what is best; the task's own if None.
        keep_best: at the end, take back the weights of the best evaluation.
        folder: where checkpoints go; none are written if None.
        checkpoint_every: steps between checkpoints; a tenth of the run if None.
        keep: number of checkpoints that are kept.
        resume: go on from the last checkpoint in `folder` if there is one.
    """

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    batch_size: int = 32
    accumulation: int = 1
    learning_rate: float = 5e-5
    head_learning_rate: float | None = None
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    warmup: float = 0.1
    schedule: str = "linear"
    clip: float | None = 1.0
    freeze: int | None = None
    dropout: float | None = None
    seed: int = 0
    device: str | None = None
    precision: str = "auto"
    compile: bool = False
    evaluate_every: int | None = None
    patience: int | None = None
    metric: str | None = None
    keep_best: bool = True
    folder: str | Path | None = None
    checkpoint_every: int | None = None
    keep: int = 2
    resume: bool = True

    def __post_init__(self):
        self._check_types()
        given = [name for name in ("steps", "epochs", "minutes") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{' and '.join(given) or 'no length'} given: give one of steps, epochs or minutes")
        if not (getattr(self, given[0]) > 0 and math.isfinite(getattr(self, given[0]))):
            raise ValueError(f"{given[0]} is {getattr(self, given[0])}, but a run is longer than nothing")
        for name in ("batch_size", "accumulation", "keep", "evaluate_every", "checkpoint_every", "patience"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, Integral) or value < 1):
                raise ValueError(f"{name} is {value!r}, but it must be a whole number of at least 1")
        if self.steps is not None and int(self.steps) != self.steps:
            raise ValueError(f"steps is {self.steps}, but a run has a whole number of steps")
        for name in ("learning_rate", "head_learning_rate", "layer_decay", "clip"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} is {value}, but it must be above 0")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay is {self.weight_decay}, but it must be 0 or above")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is {self.warmup}, but it is a share of the run: 0 or more and below 1")
        for name, allowed in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}, but it must be one of {', '.join(allowed)}")
        if self.accumulation > self.batch_size:
            raise ValueError(f"a batch of {self.batch_size} cannot be cut into {self.accumulation} parts")
        self.betas = tuple(self.betas)
        if len(self.betas) != 2 or not all(isinstance(beta, Real) and 0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas are {self.betas}, but they are two numbers, 0 or more and below 1")

    def _check_types(self) -> None:
        """A config file may hold anything."""
        for field in fields(self):
            value, kind = getattr(self, field.name), field.type.split(" ")[0]
            if value is None and field.type.endswith("None"):
                continue
            if kind in ("int", "float") and (isinstance(value, bool) or not isinstance(value, Real)):
                raise ValueError(f"{field.name} is {value!r}, but it must be a number")
            if kind == "bool" and not isinstance(value, bool):
                raise ValueError(f"{field.name} is {value!r}, but it must be true or false")
            if kind.startswith("tuple") and not isinstance(value, (list, tuple)):
                raise ValueError(f"{field.name} is {value!r}, but it must be a list of numbers")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from a mapping, such as a config file.

        Raises:
            LookupError: a name that is no setting, with the nearest ones.
        """
        import difflib

        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=3)
                hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(names)}"
                raise LookupError(f"there is no setting {name!r}; {hint}")
        return cls(**values)

    def identity(self) -> dict[str, Any]:
        """The settings that decide the numbers; a run can be resumed only under the same ones."""
        free = {
            "device",
            "precision",
            "compile",
            "evaluate_every",
            "folder",
            "checkpoint_every",
            "keep",
            "resume",
        }
        values = {**asdict(self), "betas": list(self.betas)}
        return {name: value for name, value in values.items() if name not in free | {"accumulation", "minutes"}}
