"""Several streams in turn, on models that share one encoder (Liu et al. 2019, MT-DNN)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bertlab.model import BertPreTrainedModel
from bertlab.tasks import Feature
from bertlab.training.objectives import Batch
from bertlab.training.run import Run
from bertlab.training.settings import Settings, StepRecord
from bertlab.training.streams import Stream

_PART = "part"


def train_jointly(
    base: BertPreTrainedModel,
    members: Mapping[str, nn.Module],
    streams: Mapping[str, Stream],
    shares: Mapping[str, float],
    **settings: Any,
) -> Iterator[StepRecord]:
    """Train a model and others that share its encoder on several streams at once (Liu et al. 2019, MT-DNN).

    Each `next()` is one optimiser step on a batch of one of the streams. What is not in the encoder of `base`
    (heads, LoRA layers) learns at `head_learning_rate`.

    Args:
        base: the model whose encoder is shared.
        members: the models that share it, by name (see `SharedEncoder`).
        streams: what they learn from, by name (see `pretraining_stream`, `task_stream`).
        shares: how many of the batches each stream gives.
        settings: the fields of `Settings`; steps or minutes for the length. Batch sizes are those of the streams.

    Raises:
        as `finetune`.
    """
    options = Settings.from_dict(settings)
    if options.epochs is not None:
        raise ValueError("streams have epochs of different lengths: give steps or minutes")
    if options.device is None:
        options.device = str(next(base.parameters()).device)
    joined = join_streams(streams, shares, options.seed)
    return Run(SharedEncoder(base, members), joined, options, total_steps=options.steps).steps()


def join_streams(streams: Mapping[str, Stream], shares: Mapping[str, float], seed: int = 0) -> Stream:
    """One stream whose batches come from several, drawn by their shares (Liu et al. 2019, MT-DNN, algorithm 1).

    A batch is of one stream alone. Its losses are named after it, such as "ner/tagging".

    Args:
        streams: by name; their models may share weights.
        shares: how many of the batches each of them gives; any positive numbers, the same names.

    Raises:
        ValueError: the names differ, or a share is not above 0.
    """
    if set(streams) != set(shares):
        raise ValueError(f"streams are given for {sorted(streams)}, but shares for {sorted(shares)}")
    if not streams or min(shares.values()) <= 0:
        raise ValueError(f"the shares are {dict(shares)}, but to join streams takes some, all above 0")
    names = list(streams)

    def batches() -> Iterator[list[Feature]]:
        draw = random.Random(f"{seed}/join")
        weights = [shares[name] for name in names]
        while True:
            number = draw.choices(range(len(names)), weights)[0]
            features = next(streams[names[number]].batches, None)
            if features is None:
                return
            yield [{**feature, _PART: number} for feature in features]

    def collate(features: list[Feature], step: int) -> Batch:
        number = features[0][_PART]
        batch = streams[names[number]].collate(features, step)
        return {**batch, _PART: torch.full((len(features),), number)}

    def finish(part: Batch) -> Batch:
        finished = streams[names[int(part[_PART][0])]].finish(part)
        return {**finished, _PART: part[_PART]}

    def origin() -> dict[str, str]:
        parts = {name: stream.origin() for name, stream in streams.items()}
        keys = sorted({key for part in parts.values() for key in part})
        return {key: "/".join(part.get(key, "") for part in parts.values()) for key in keys}

    return Stream(
        JointObjective({name: stream.objective for name, stream in streams.items()}), batches(), collate, finish,
        {"streams": {name: dict(stream.identity) for name, stream in streams.items()}, "shares": dict(shares)}, origin,
    )  # fmt: skip


class JointObjective(nn.Module):
    """Objectives that take turns: `batch["part"]` (batch,) holds the number of the one that a batch is for."""

    takes_turns = True  # so a batch does not reach every parameter

    def __init__(self, objectives: Mapping[str, nn.Module]):
        super().__init__()
        self.names = list(objectives)
        self.objectives = nn.ModuleList(objectives.values())

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Loss sums by "name of the stream/name of its loss"."""
        name, objective, own = self._turn(batch)
        return {f"{name}/{loss}": value for loss, value in objective(own).items()}

    def counts(self, batch: Batch) -> dict[str, int]:
        """How many terms each sum has."""
        name, objective, own = self._turn(batch)
        return {f"{name}/{loss}": count for loss, count in objective.counts(own).items()}

    def _turn(self, batch: Batch) -> tuple[str, nn.Module, Batch]:
        number = int(batch[_PART][0])
        return self.names[number], self.objectives[number], {k: v for k, v in batch.items() if k != _PART}


class SharedEncoder(nn.Module):
    """A model together with others that use its encoder's weights, so that they are trained and saved as one.

    Args:
        base: the model whose encoder is shared.
        members: models that hold some of the base's parameters themselves, such as those of
            `load_adapter(folder, base, share=True)`, by name.
    """

    def __init__(self, base: BertPreTrainedModel, members: Mapping[str, nn.Module]):
        super().__init__()
        self.base, self.members = base, nn.ModuleDict(members)
        self.config = base.config

    @property
    def base_model(self) -> nn.Module:
        """The shared encoder."""
        return self.base.base_model
