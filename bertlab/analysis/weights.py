"""Attention weights, row by row: how spread a row is, how far it looks, how much of it falls where.

Weights are probabilities before dropout, as recorded: (batch, heads, query, key), rows sum to 1. Row i is where token
i looks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from bertlab.recording import Recording

Layers = Recording | Sequence[torch.Tensor]


def entropy(weights: torch.Tensor) -> torch.Tensor:
    """Entropy of each row in nats, 0 for one key alone to ln(keys) for all alike (Clark et al. 2019, section 3.3).

    (..., query, key) -> (..., query)
    """
    return torch.special.entr(weights).sum(-1)


def distance(weights: torch.Tensor) -> torch.Tensor:
    """Mean distance in tokens from the one who looks to what it looks at (Vig & Belinkov 2019).

    (..., query, key) -> (..., query)
    """
    query = torch.arange(weights.shape[-2], device=weights.device)
    key = torch.arange(weights.shape[-1], device=weights.device)
    return (weights * (query[:, None] - key).abs()).sum(-1)


def mass_on(weights: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """How much of each row falls on the marked keys; `keys` (key,) or (batch, key) of booleans.

    (..., query, key) -> (..., query)
    """
    return (weights * _as_keys(weights, keys, "keys")).sum(-1)


def at_offset(weights: torch.Tensor, offset: int) -> torch.Tensor:
    """The weight on the token `offset` places on (-1 the previous, 0 itself, 1 the next); 0 where there is none.

    (..., query, key) -> (..., query)
    """
    queries = weights.shape[-2]
    found = weights.new_zeros(weights.shape[:-1])
    diagonal = weights.diagonal(offset, -2, -1)  # (..., those who have such a token)
    start = max(0, -offset)
    if start < queries:
        found[..., start : start + diagonal.shape[-1]] = diagonal
    return found


def hide(weights: torch.Tensor, hidden: torch.Tensor, *, renormalise: bool = False) -> torch.Tensor:
    """Leave tokens out, as those who look and as what is looked at.

    (..., query, key) -> (..., shown, shown). `hidden` (sequence,) marks what goes. With `renormalise` the remaining
    weights of each row sum to 1 again (a row that had everything on hidden tokens stays zero).
    """
    if hidden.shape != weights.shape[-1:] or weights.shape[-2] != weights.shape[-1]:
        raise ValueError(
            f"hidden has shape {tuple(hidden.shape)} for weights {tuple(weights.shape)}; give one mark a token"
        )
    shown = (~hidden.bool()).nonzero().squeeze(1).to(weights.device)
    left = weights.index_select(-2, shown).index_select(-1, shown)
    if renormalise:
        left = left / left.sum(-1, keepdim=True).clamp_min(torch.finfo(left.dtype).tiny)
    return left


def segment_mass(weights: torch.Tensor, segments: torch.Tensor, groups: int = 2) -> torch.Tensor:
    """From group to group: the mean over the tokens of one of what they put on another.

    (..., query, key) -> (..., group that looks, group looked at). `segments` (sequence,) numbers each token's group,
    such as its token type; -1 leaves a token out (then rows sum to less than 1). NaN for a group without tokens.
    """
    if segments.shape != weights.shape[-1:]:
        raise ValueError(
            f"segments has shape {tuple(segments.shape)} for weights {tuple(weights.shape)}; give a number a token"
        )
    member = torch.stack([segments == group for group in range(groups)]).to(weights)  # (group, token)
    return (member / member.sum(1, keepdim=True)) @ weights @ member.T


def layers_of(attention: Layers) -> list[torch.Tensor]:
    """A recording, or a tensor for each layer, as a list of (batch, heads, query, key)."""
    if isinstance(attention, Recording):
        attention = [attention.attention(layer) for layer in attention.layers]
    layers = [weights.unsqueeze(0) if weights.dim() == 3 else weights for weights in attention]
    if not layers:
        raise ValueError("there is no layer's attention; record '*.probs' while the model runs")
    wrong = [weights for weights in layers if weights.dim() != 4]
    if wrong:
        raise ValueError(f"a layer's attention has shape {tuple(wrong[0].shape)}; give (batch, heads, query, key)")
    return layers


def _as_keys(weights: torch.Tensor, keys: torch.Tensor, name: str) -> torch.Tensor:
    """(key,) or (batch, key) -> what multiplies (batch, ..., query, key)."""
    if keys.dim() == 1 and keys.shape == weights.shape[-1:]:
        return keys.to(weights)
    if keys.dim() == 2 and weights.dim() > 2 and keys.shape == (weights.shape[0], weights.shape[-1]):
        return keys.view(len(keys), *[1] * (weights.dim() - 2), -1).to(weights)
    raise ValueError(
        f"{name} has shape {tuple(keys.shape)} for weights {tuple(weights.shape)}; give (key,) or (batch, key)"
    )
