"""What attention brings: the vectors behind the weights, and their lengths (Kobayashi et al. 2020, 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis.passes import Batch, checked, evaluating
from bertlab.model import BertPreTrainedModel
from bertlab.recording import Recording, names, record


@torch.no_grad()
def head_contributions(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """What each head adds to its layer: (batch, heads, sequence, hidden) for every layer.

    Over the heads they sum, with the bias of the output projection, to `attention.output.projected` exactly
    (Elhage et al. 2021: heads are independent and additive).
    """
    recording = _run(model, checked(batch, model), names.context())
    return [
        _through_output(layer.attention, recording[names.context(n)])
        for n, layer in enumerate(model.base_model.encoder.layer)
    ]


@torch.no_grad()
def norm_weighted(
    model: BertPreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    *,
    residual: bool = False,
    layer_norm: bool = False,
) -> list[torch.Tensor]:
    """How long the vectors are that attention brings, ||a f(x)||: (batch, heads, query, key) for every layer.

    f(x) is a token's value sent through the head's part of the output projection (Kobayashi et al. 2020, equation 3):
    a large weight on a short vector brings little.

    With `residual` the vectors of all heads and the token's own, which bypasses attention, are added before they are
    measured (Kobayashi et al. 2021, AttnRes-N); with `layer_norm` as well, after the LayerNorm's share
    of each (AttnResLn-N). Both belong to the layer as a whole, so they have one map: (batch, 1, query,
    key). Padding that is masked brings nothing.

    Raises:
        ValueError: for `layer_norm` without `residual`, which the LayerNorm always sees.
    """
    if layer_norm and not residual:
        raise ValueError("the LayerNorm stands after the residual sum; give residual=True with layer_norm=True")
    maps = []
    for inside in _brought(model, batch, layer_norm):
        if not residual:
            maps.append(inside["probs"] * inside["value"].norm(dim=-1)[:, :, None, :])  # (batch, heads, query, key)
            continue
        value, probs, own = inside["value"], inside["probs"], inside["own"]
        gram = torch.einsum("bhkd,bgkd->bkhg", value, value)  # (batch, key, heads, heads)
        # ||sum over heads of a_h f_h||^2 = sum over pairs of heads of a_h a_g f_h.f_g, without the vectors themselves
        squared = torch.einsum("bhqk,bkhg,bgqk->bqk", probs, gram, probs).clamp_min(0)
        norm = squared.sqrt()
        norm.diagonal(0, 1, 2).copy_((inside["kept"] + own).norm(dim=-1))
        if "scale" in inside:
            norm = norm / inside["scale"]  # (batch, query, 1)
        maps.append(norm[:, None])
    return maps


@dataclass(frozen=True)
class Mixing:
    """For each token of a layer, (batch, sequence): the length of what comes from other tokens (`context`), of what
    it keeps of itself (`preserved`), and `ratio`, context / (context + preserved)."""

    context: torch.Tensor
    preserved: torch.Tensor

    @property
    def ratio(self) -> torch.Tensor:
        """(batch, sequence): 0 when a token stays as it is, 1 when it is made of others alone."""
        return self.context / (self.context + self.preserved)


@torch.no_grad()
def mixing(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], *, layer_norm: bool = True) -> list[Mixing]:
    """How far each layer's attention mixes tokens, residual connection included (Kobayashi et al. 2021, who
    find far less mixing than the weights alone suggest)."""
    results = []
    for inside in _brought(model, batch, layer_norm):
        preserved = inside["kept"] + inside["own"]  # (batch, sequence, hidden)
        brought = torch.einsum("bhqk,bhkd->bqd", inside["probs"], inside["value"])
        context = (brought - inside["kept"]).norm(dim=-1)
        preserved = preserved.norm(dim=-1)
        if "scale" in inside:
            context, preserved = context / inside["scale"][..., 0], preserved / inside["scale"][..., 0]
        results.append(Mixing(context, preserved))
    return results


def _brought(
    model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], layer_norm: bool
) -> Iterator[dict[str, torch.Tensor]]:
    """For each layer the parts of its attention's output, as (batch, ...) tensors:

    `probs` (heads, query, key); `value` f(x), (heads, key, hidden); `own`, the residual (query, hidden); `kept`, what
    attention brings each token from itself (query, hidden). With `layer_norm` the vectors are centred and multiplied
    by the norm's weight, and `scale` (query, 1) is the standard deviation that still divides them.
    """
    batch = checked(batch, model)
    watched = [names.probs(), names.of_attention(names.EVERY, "v"), names.attention_residual(), *names.all_hidden()]
    recording = _run(model, batch, watched)
    for n, layer in enumerate(model.base_model.encoder.layer):
        probs = recording[names.probs(n)].float()
        value = _through_output(layer.attention, recording[names.of_attention(n, "v")]).float()
        own = recording.hidden(n).float()
        inside = {"probs": probs}
        if layer_norm:
            norm = layer.attention.output.LayerNorm
            total = recording[names.attention_residual(n)].float()
            inside["scale"] = (total.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
            value, own = ((x - x.mean(-1, keepdim=True)) * norm.weight.float() for x in (value, own))
        inside["kept"] = torch.einsum("bhq,bhqd->bqd", probs.diagonal(0, 2, 3), value)
        yield inside | {"value": value, "own": own}


def _through_output(attention: Any, by_head: torch.Tensor) -> torch.Tensor:
    """(batch, heads, sequence, head size) -> (batch, heads, sequence, hidden): each head's part of the projection."""
    weight = attention.output.dense.weight  # (hidden, heads x head size)
    split = weight.unflatten(1, by_head.shape[1::2]).to(by_head)  # (hidden, heads, head size)
    return torch.einsum("bhsd,ohd->bhso", by_head, split)


def _run(model: BertPreTrainedModel, batch: Batch, watched: Any) -> Recording:
    with evaluating(model), record(model, watched) as recording:
        model(**batch)
    return recording
