"""Attention heads switched off: some of them while a block runs, or every one in turn.

Three ways to switch a head off, for its self-attention:

- "zero": its context is zero, so it adds nothing to the layer (Michel et al. 2019, a mask of 0)
- "mean": its context is its own mean, over the real tokens of the batch or over a corpus (`corpus_means`): it still
  adds what it always adds, and no longer tells texts or places apart
- "uniform": it looks at all visible tokens alike (Toneva & Wehbe 2019)
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bertlab.analysis.heads import Heads, head_numbers, places_by_layer, remaining_heads
from bertlab.analysis.parts import from_hidden, upper_layers
from bertlab.analysis.passes import (
    Progress,
    checked,
    copies_running,
    evaluating,
    in_copies,
    repeated,
    report,
    rows_of,
    tokens_of,
)
from bertlab.analysis.targets import Metric, evaluate, one_number, resolved
from bertlab.model import BertPreTrainedModel
from bertlab.recording import Edit, edit, names, record

WAYS = ("zero", "mean", "uniform")


@contextmanager
def ablate(
    model: BertPreTrainedModel,
    heads: Heads,
    how: str = "zero",
    *,
    means: Sequence[torch.Tensor] | None = None,
) -> Iterator[None]:
    """Inside `with ablate(model, [(2, 5), (3, 0)]):` these heads are switched off.

    Args:
        heads: (layer, head) pairs or `{layer: [heads]}`, numbered as in the unpruned model.
        how: "zero", "mean" or "uniform".
        means: for "mean", what to put instead: a tensor (heads, head size) for each layer. The mean over the real
            tokens of each batch that runs when None.

    Raises:
        ValueError: for another way, and for a layer or head that the model does not have (or no longer has).
    """
    _check_way(how, means)
    by_layer = places_by_layer(model, heads)
    seen: dict[str, torch.Tensor | None] = {}
    edits = {
        _hook(layer, how): _switch(how, [places], None if means is None else means[layer], seen)
        for layer, places in by_layer.items()
    }
    with _watched_mask(model, seen), edit(model, edits):
        yield


@dataclass(frozen=True)
class HeadEffect:
    """What switching one head off does: `value` is the metric without the head, `change` its difference from the
    metric with all heads, both (batch, ...); `done` the share of the sweep that is over, 0 to 1."""

    layer: int
    head: int
    value: torch.Tensor
    change: torch.Tensor
    done: float


def sweep(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    metric: Metric,
    *,
    heads: Heads | None = None,
    how: str = "zero",
    means: Sequence[torch.Tensor] | None = None,
    tokens_per_pass: int = 256,
) -> Iterator[HeadEffect]:
    """Switch every head off in turn and yield what each does to the metric, as it is known.

        target = masked_token(place=5, token=2003, measure="log_probability")
        for effect in sweep(lab.model, lab.encode(text), target):
            print(effect.layer, effect.head, effect.change)          # stop whenever you have seen enough

    Several heads of a layer run in one pass, each in a copy of the batch, and only from that layer on, because what
    lies below does not change: half the work of one pass a head. Heads that are ablated around the loop stay so.

    Args:
        metric: a `Target` (without an index: the prediction of the whole model), or a function of the model's output
            that gives (batch,) or (batch, ...).
        heads: which ones; all when None, layer by layer.
        how, means: as in `ablate`.
        tokens_per_pass: how many tokens run together; more is faster, fewer stops sooner.
    """
    _check_way(how, means)
    batch = checked(batch, model)
    by_layer = places_by_layer(model, remaining_heads(model) if heads is None else heads)
    return _sweep(model, batch, metric, by_layer, how, means, tokens_per_pass)


@torch.no_grad()
def _sweep(model, batch, metric, by_layer, how, means, tokens_per_pass) -> Iterator[HeadEffect]:
    with evaluating(model):
        metric = resolved(model, batch, metric)
        with record(model, names.all_hidden()) as recording:
            whole = evaluate(model, batch, metric)
    copies = max(1, tokens_per_pass // tokens_of(batch))
    total, done = sum(map(len, by_layer.values())), 0
    for layer in sorted(by_layer):
        upper = upper_layers(model, layer)
        hidden = recording.hidden(layer)  # (texts, sequence, hidden); the texts are batch x choices in multiple choice
        numbers, places = head_numbers(model, layer), by_layer[layer]
        for at in range(0, len(places), copies):
            together = places[at : at + copies]
            several = repeated(from_hidden(batch, hidden), len(together))
            seen: dict[str, torch.Tensor | None] = {}
            layer_means = None if means is None else means[layer]
            change = _switch(how, [[place] for place in together], layer_means, seen)
            ablated = edit(model, {_hook(layer, how): change})
            with evaluating(model), _watched_mask(upper, seen), ablated, in_copies(len(together)):
                values = evaluate(upper, several, metric).unflatten(0, (len(together), rows_of(batch)))
            for place, value in zip(together, values):
                done += 1
                yield HeadEffect(layer, numbers[place], value, value - whole, done / total)


def effect_grid(effects: Iterable[HeadEffect], layers: int, heads: int) -> torch.Tensor:
    """(layers, heads): the change that each head makes, averaged over the batch; NaN for heads not in the sweep."""
    grid = torch.full((layers, heads), float("nan"))
    for effect in effects:
        grid[effect.layer, effect.head] = effect.change.float().mean()
    return grid


def gradient_importance(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], metric: Metric) -> torch.Tensor:
    """(layers, heads): how strongly the metric reacts to each head's mask, in one backward pass; NaN where a head is
    gone.

    The mean over the batch of |d metric / d mask| at a mask of 1 (Michel et al. 2019, equation 2): a first guess at
    what `sweep` measures. The mask multiplies a head's context, which is the same as its probabilities.
    """
    batch = checked(batch, model)
    remaining, rows = remaining_heads(model), rows_of(batch)
    masks = {  # each text has a mask of its own
        layer: torch.ones(rows, len(numbers), device=model.device, dtype=model.dtype, requires_grad=True)
        for layer, numbers in remaining.items()
        if numbers
    }

    def masked(mask: torch.Tensor) -> Edit:
        def multiply(context: torch.Tensor) -> torch.Tensor:  # (batch x choices, heads, sequence, head size)
            return context * mask.repeat_interleave(len(context) // rows, 0)[:, :, None, None]

        return multiply

    with evaluating(model):
        metric = resolved(model, batch, metric)
        with torch.enable_grad(), edit(model, {_hook(layer, "zero"): masked(mask) for layer, mask in masks.items()}):
            value = one_number(evaluate(model, batch, metric)).sum()
            gradients = torch.autograd.grad(value, list(masks.values())) if masks else ()
    importance = torch.full((len(remaining), model.config.num_attention_heads), float("nan"))
    for layer, gradient in zip(masks, gradients):
        importance[layer, remaining[layer]] = gradient.float().abs().mean(0).cpu()
    return importance


def corpus_means(
    lab: Any, texts: Iterable[str], *, texts_per_pass: int = 16, progress: Progress | None = None
) -> list[torch.Tensor]:
    """For each layer the mean context of its heads over all tokens of all texts: (heads, head size).

    What `ablate(..., "mean", means=...)` puts in place of a head. Nothing but the sums is kept. `progress` is called
    with the share that is done; raising in it stops the work.

    Raises:
        ValueError: when there are no texts.
    """
    model, count = lab.model, 0
    sums: dict[str, Any] = {}
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts:
        raise ValueError("there are no texts to average over; give at least one")
    for at in range(0, len(texts), texts_per_pass):
        batch = dict(lab.encode(texts[at : at + texts_per_pass]))
        real = batch["attention_mask"].bool()  # (batch, sequence)
        with torch.no_grad(), evaluating(model), record(model, names.context()) as recording:
            model.base_model(**batch)
        for name, context in recording.items():  # (batch, heads, sequence, head size)
            sums[name] = sums.get(name, 0) + context.float().transpose(1, 2)[real].sum(0).cpu().double()
        count += int(real.sum())
        report(progress, min(at + texts_per_pass, len(texts)) / len(texts))
    return [(total / count).to(model.dtype) for total in sums.values()]


def _hook(layer: int, how: str) -> str:
    return names.scores(layer) if how == "uniform" else names.context(layer)


def _switch(
    how: str, off: list[list[int]], means: torch.Tensor | None, seen: Mapping[str, torch.Tensor | None]
) -> Edit:
    """The edit of a layer's contexts, or for "uniform" of its scores. `off` holds a list of heads for each copy of
    the batch; `seen` the attention mask of the pass that runs."""

    def change(value: torch.Tensor) -> torch.Tensor:  # (copies x batch, heads, query, key or head size)
        if how == "zero":
            new = torch.zeros_like(value)
        elif how == "uniform":
            hidden = torch.finfo(value.dtype).min / 2
            new = torch.where(value < hidden, value, 0)  # equal scores, except where the mask hides the key
        elif means is not None:
            new = means.to(value)[None, :, None, :].expand_as(value)
        else:
            new = _mean_of_real(value, seen["mask"])
        copies, replaced = value.unflatten(0, (len(off), -1)), new.unflatten(0, (len(off), -1))
        for number, heads in enumerate(off):
            copies[number][:, heads] = replaced[number][:, heads]
        return value

    return change


def _mean_of_real(context: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """(batch, heads, sequence, head size), each text and place replaced by the heads' mean over the tokens of the
    batch that are no padding; of each copy of the batch by itself, where several run together."""
    length = context.shape[2]
    if mask is None:
        mask = torch.ones(1, length)
    elif mask.dim() == 3:  # (batch, query, key): real is what some query sees
        mask = mask.any(1)
    real = mask[:, -length:].to(context).expand(len(context), -1)[:, None, :, None]  # (batch, 1, sequence, 1)
    copies = copies_running.get()
    total = (context * real).unflatten(0, (copies, -1)).sum((1, 3))  # (copies, heads, head size)
    mean = total / real.unflatten(0, (copies, -1)).sum((1, 3))
    return mean[:, None, :, None, :].expand(-1, len(context) // copies, -1, length, -1).flatten(0, 1)


@contextmanager
def _watched_mask(model: BertPreTrainedModel, seen: dict[str, torch.Tensor | None]) -> Iterator[None]:
    """Keep the attention mask of each pass under `seen["mask"]`."""
    base = model.base_model
    signature = inspect.signature(base.forward)

    def look(module: nn.Module, arguments: tuple, named: dict) -> None:
        seen["mask"] = signature.bind(*arguments, **named).arguments.get("attention_mask")

    handle = base.register_forward_pre_hook(look, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _check_way(how: str, means: Sequence[torch.Tensor] | None) -> None:
    if how not in WAYS:
        raise ValueError(f"heads cannot be switched off by {how!r}; allowed are {', '.join(WAYS)}")
    if means is not None and how != "mean":
        raise ValueError(f"means are given for {how!r}; they belong to how='mean'")
