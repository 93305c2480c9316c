"""Is attention explanation? Six ways to say which tokens a prediction rests on, side by side, and how far they agree
(Jain & Wallace 2019; Abnar & Zuidema 2020 compare by ranks too)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from bertlab.analysis.attention import norm_weighted, rollout
from bertlab.analysis.attribution import gradient_x_input, integrated_gradients, occlusion
from bertlab.analysis.passes import Progress, checked, evaluating, real_tokens, report, rows_of
from bertlab.analysis.targets import AXES, Metric, Target, resolved
from bertlab.model import BertPreTrainedModel
from bertlab.recording import names, record

METHODS = ("attention", "norm_weighted", "rollout", "gradient_x_input", "integrated_gradients", "effect")


@dataclass(frozen=True)
class Comparison:
    """`scores`: for each of `METHODS` one number a token, (tokens,); `correlation`: [method][method], Spearman's rank
    correlation over all real tokens, NaN where a method gives all tokens the same; `target`, with its index filled
    in, and the `place` whose row of attention was taken."""

    scores: dict[str, torch.Tensor]
    correlation: dict[str, dict[str, float]]
    target: Metric
    place: int


def compare(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    target: Metric,
    *,
    place: int | None = None,
    steps: int = 32,
    progress: Progress | None = None,
) -> Comparison:
    """Score the tokens of one text in six ways.

    `attention`, `norm_weighted` and `rollout` are those of the last layer, the mean of its heads, in the row of the
    target's place ([CLS] for heads that read it; the answer's token for answer starts and ends).
    `gradient_x_input` and `integrated_gradients` begin at word vectors of zeros. `effect` is how far the number
    falls when the token is hidden (`attribution.occlusion`): what the others are measured against.

    Args:
        target: a `Target`, without an index the model's prediction; or a function of the output, with its `place`.
        place: the row of attention to take; the target's own when None.
        steps: of integrated gradients.
        progress: called with the share that is done; raising in it stops the work.

    Raises:
        ValueError: for more than one text, and for a function without a place.
    """
    batch = checked(batch, model)
    real = real_tokens(batch)
    if rows_of(batch) != 1 or real.dim() != 2:
        raise ValueError(f"the batch has shape {tuple(real.shape)}; give one text, (1, sequence)")
    with evaluating(model):
        target = resolved(model, batch, target)
    place = _place_of(target, place, real.shape[1])
    with torch.no_grad(), evaluating(model), record(model, names.probs()) as recording:
        model.base_model(**batch)
    last = max(recording.layers)
    steps_of_work = {
        "attention": lambda: _mean_of_heads(recording.attention(last)[0])[place],
        "norm_weighted": lambda: _mean_of_heads(norm_weighted(model, batch)[last][0])[place],
        "rollout": lambda: rollout(recording)[last, 0, place],
        "gradient_x_input": lambda: gradient_x_input(model, batch, target).scores[0],
        "integrated_gradients": lambda: integrated_gradients(model, batch, target, steps=steps).scores[0],
        "effect": lambda: occlusion(model, batch, target).scores[0],
    }
    scores = {}
    for number, (name, method) in enumerate(steps_of_work.items(), start=1):
        scores[name] = method().detach().float()
        report(progress, number / len(steps_of_work))
    ranks = {name: _ranks(score[real[0]]) for name, score in scores.items()}
    correlation = {one: {other: _pearson(ranks[one], ranks[other]) for other in METHODS} for one in METHODS}
    return Comparison(scores, correlation, target, place)


def _place_of(target: Metric, place: int | None, length: int) -> int:
    if place is None:
        if not isinstance(target, Target):
            raise ValueError("a function of the output has no place; give place=, the row of attention to take")
        named = target.place if target.head in AXES else target.index if target.head in ("start", "end") else 0
        place = int(torch.as_tensor(named).flatten()[0])
    if not 0 <= place < length:
        raise ValueError(f"there is no place {place}; the text has places 0 to {length - 1}")
    return place


def _mean_of_heads(weights: torch.Tensor) -> torch.Tensor:
    """(heads, query, key) -> (query, key); zeros where the layer has no heads left."""
    return weights.float().mean(0) if len(weights) else weights.float().sum(0)


def _ranks(values: torch.Tensor) -> torch.Tensor:
    """(tokens,) -> their ranks, equal values sharing the mean of theirs."""
    values = values.cpu().double()
    below = (values[:, None] > values[None, :]).sum(1)
    same = (values[:, None] == values[None, :]).sum(1)
    return below + (same.double() - 1) / 2


def _pearson(one: torch.Tensor, other: torch.Tensor) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / (one.norm() * other.norm()))
