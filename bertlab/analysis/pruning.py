"""How many heads a model can lose: heads removed one after the other, the least important first (Michel et al. 2019,
section 4)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bertlab.analysis.ablation import ablate, gradient_importance, sweep
from bertlab.analysis.heads import remaining_heads
from bertlab.analysis.parts import twin
from bertlab.analysis.passes import Batch, Progress, checked, evaluating, report
from bertlab.analysis.targets import Metric, evaluate, one_number, resolved
from bertlab.model import BertPreTrainedModel
from bertlab.recording import HookPoint

ORDERS = ("gradient", "ablation", "random")
PART_OF_MEASURING = 0.3  # of the time, as progress tells it


@dataclass(frozen=True)
class PruningCurve:
    """`heads`, the (layer, head) pairs in the order of their going; `values` (heads + 1,), the metric of the whole
    model and after each of them; `importance` (layers, heads), by which they were ordered, NaN for heads that were
    gone before."""

    heads: list[tuple[int, int]]
    values: torch.Tensor
    importance: torch.Tensor


def curve(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor] | Sequence[tuple[Mapping[str, torch.Tensor], Metric]],
    metric: Metric | None = None,
    *,
    by: str = "gradient",
    seed: int = 0,
    progress: Progress | None = None,
) -> PruningCurve:
    """Remove head after head until none is left, and watch the metric.

    Importance is measured once, on the whole model; the least important head goes first. The heads are really removed
    (`prune_heads`), in a copy; the model keeps its own. Inside of a `with ablate(...)` or another edit that counts the
    heads of a layer, they are switched off instead (`ablate`), with the same numbers.

    Args:
        batch: a batch and its `metric`; or a list of (batch, metric) pairs, whose mean is taken.
        metric: a `Target` (without an index: the prediction of the whole model), or a function of the output that
            gives (batch,). The mean over the batch counts.
        by: "gradient", |gradient of the head's mask| (`ablation.gradient_importance`); "ablation", |change| without
            the head (`ablation.sweep`); "random", drawn from `seed`.
        progress: called with the share that is done; raising in it stops the work.

    Raises:
        ValueError: for another order, and no pairs. TypeError: for pairs that are none, or a metric beside them.
    """
    if by not in ORDERS:
        raise ValueError(f"heads cannot be ordered by {by!r}; allowed are {', '.join(ORDERS)}")
    with evaluating(model):
        pairs = [(one, resolved(model, one, measured)) for one, measured in _pairs(model, batch, metric)]
    importance = _importance(model, pairs, by, seed, progress)
    heads = [(layer, head) for layer, numbers in remaining_heads(model).items() for head in numbers]
    heads.sort(key=lambda place: float(importance[place]))  # stable: of equal ones the first layer's goes first
    smaller, values = None if _heads_are_edited(model) else _copy_to_prune(model), [_mean(model, pairs)]
    for done, (layer, head) in enumerate(heads, start=1):
        if smaller is not None:
            smaller.prune_heads({layer: [head]})
            values.append(_mean(smaller, pairs))
        else:
            with ablate(model, heads[:done]):
                values.append(_mean(model, pairs))
        report(progress, PART_OF_MEASURING + (1 - PART_OF_MEASURING) * done / len(heads))
    return PruningCurve(heads, torch.tensor(values), importance)


def _pairs(model: BertPreTrainedModel, batch: Any, metric: Metric | None) -> list[tuple[Batch, Metric]]:
    if isinstance(batch, Mapping):
        if metric is None:
            raise TypeError("there is no metric; give a Target or a function of the output beside the batch")
        return [(checked(batch, model), metric)]
    if metric is not None:
        raise TypeError("a metric is given beside a list; give the metrics in the list, as (batch, metric) pairs")
    pairs = list(batch)
    if not pairs:
        raise ValueError("there are no (batch, metric) pairs; give at least one")
    for number, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"item {number} is a {type(pair).__name__}; give (batch, metric) pairs")
    return [(checked(one, model), measured) for one, measured in pairs]


def _importance(
    model: BertPreTrainedModel, pairs: list[tuple[Batch, Metric]], by: str, seed: int, progress: Progress | None
) -> torch.Tensor:
    """(layers, heads), the mean over the pairs; NaN where a head is gone."""
    remaining = remaining_heads(model)
    shape = len(remaining), model.config.num_attention_heads
    if by == "gradient":
        grids = []
        for number, (batch, metric) in enumerate(pairs, start=1):
            grids.append(gradient_importance(model, batch, metric))
            report(progress, PART_OF_MEASURING * number / len(pairs))
        return torch.stack(grids).mean(0)
    importance = torch.full(shape, float("nan"))
    drawn = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    for layer, numbers in remaining.items():
        importance[layer, numbers] = drawn[layer, numbers] if by == "random" else 0.0
    if by == "ablation":
        for number, (batch, metric) in enumerate(pairs):
            for effect in sweep(model, batch, metric):
                importance[effect.layer, effect.head] += float(one_number(effect.change).abs().mean()) / len(pairs)
                report(progress, PART_OF_MEASURING * (number + effect.done) / len(pairs))
    return importance


@torch.no_grad()
def _mean(model: BertPreTrainedModel, pairs: list[tuple[Batch, Metric]]) -> float:
    with evaluating(model):
        means = [float(one_number(evaluate(model, batch, metric)).mean()) for batch, metric in pairs]
    return sum(means) / len(means)


def _copy_to_prune(model: BertPreTrainedModel) -> BertPreTrainedModel:
    """The model with attention parts and a configuration of its own; all other parts are shared with the model."""
    smaller = twin(model)
    base = smaller if model.base_model is model else twin(model.base_model)
    if base is not smaller:
        setattr(smaller, model.base_model_prefix, base)
    smaller.config = base.config = copy.deepcopy(model.config)
    base.encoder = twin(base.encoder)
    base.encoder.layer = nn.ModuleList(twin(layer) for layer in base.encoder.layer)
    for layer in base.encoder.layer:
        layer.attention = copy.deepcopy(layer.attention)
    return smaller


def _heads_are_edited(model: BertPreTrainedModel) -> bool:
    """Whether somebody edits values of attention, which has fewer places for heads in a copy that lost some."""
    attention = [part for layer in model.base_model.encoder.layer for part in layer.attention.modules()]
    return any(isinstance(part, HookPoint) and part.edits for part in attention)
