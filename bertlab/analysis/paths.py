"""Attention through all layers: rollout and flow (Abnar & Zuidema 2020)."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from bertlab.analysis.weights import Layers, layers_of


def rollout(attention: Layers, *, residual: float = 0.5) -> torch.Tensor:
    """Attention multiplied through the layers: how much of each input token is in each token of every layer, if
    attention weights and a fixed residual share were all (Abnar & Zuidema 2020, section 3).

    Heads are averaged, rows made to sum to 1, mixed with the identity (`residual` of it; 0.5 in the paper), and
    multiplied from the first layer up; in a layer without heads only the residual counts. Maps of norms are possible
    too (`norm_weighted(..., residual=True)`, with `residual=0` here, because they hold it already; Modarressi et al.
    2022).

    Returns:
        (layers, batch, query, key); each row sums to 1.
    """
    if not 0 <= residual <= 1:
        raise ValueError(f"residual is {residual}; give a share from 0 to 1")
    maps = [_mixed(weights, residual) for weights in layers_of(attention)]
    for number in range(1, len(maps)):
        maps[number] = maps[number] @ maps[number - 1]
    return torch.stack(maps)


FLOW_LIMIT = 64  # tokens


def flow(attention: Layers, places: Iterable[int] | None = None, *, residual: float = 0.5) -> torch.Tensor:
    """How much could flow from each input token to a token of the last layer, if weights were the widths of pipes:
    the maximum flow (Abnar & Zuidema 2020, section 3). For one short text.

    Args:
        attention: a recording, or weights (heads, query, key) or (1, heads, query, key) for each layer.
        places: tokens of the last layer to follow; all when None. Each takes as many flows as there are tokens.
        residual: as in `rollout`.

    Returns:
        (places, key): exact to about 1e-6.

    Raises:
        ValueError: for more than one text, more than `FLOW_LIMIT` tokens, and places that are not there.
    """
    import numpy
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_flow

    maps = [_mixed(weights, residual) for weights in layers_of(attention)]
    texts, length, _ = maps[0].shape
    if texts != 1 or length > FLOW_LIMIT:
        raise ValueError(
            f"flow was asked of {texts} texts of {length} tokens; give one text of at most {FLOW_LIMIT}, or use rollout"
        )
    chosen = list(range(length)) if places is None else [int(place) for place in places]
    if not chosen:
        raise ValueError("there are no places to follow; give at least one, or None for all")
    wrong = [place for place in chosen if not 0 <= place < length]
    if wrong:
        raise ValueError(f"there is no place {wrong[0]}; the text has places 0 to {length - 1}")
    whole = 2**24  # maximum_flow counts in whole units
    nodes = (len(maps) + 1) * length  # level 0 is the input, level n what layer n - 1 puts out
    capacity = numpy.zeros((nodes, nodes), dtype=numpy.int32)
    for level, weights in enumerate(maps):
        below = slice(level * length, (level + 1) * length)
        above = slice((level + 1) * length, (level + 2) * length)
        capacity[below, above] = (weights[0].T.cpu().double() * whole).round().numpy()
    graph = csr_matrix(capacity)
    top = len(maps) * length
    flows = [[maximum_flow(graph, key, top + place).flow_value / whole for key in range(length)] for place in chosen]
    return torch.tensor(flows, dtype=torch.float32)


def _mixed(weights: torch.Tensor, residual: float) -> torch.Tensor:
    """(batch, heads, query, key) -> (batch, query, key): heads averaged, the identity mixed in, rows of sum 1.

    Where no attention is left (a layer whose heads are all gone, a row of which all edges are cut) the residual is all
    there is."""
    if weights.shape[-1] != weights.shape[-2]:
        raise ValueError(f"weights have shape {tuple(weights.shape)}; layers multiply only where query and key agree")
    total = weights.float().sum(1)
    mass = total.sum(-1, keepdim=True)
    own = torch.eye(total.shape[-1], device=total.device)
    mean = torch.where(mass > 0, total / mass.clamp_min(torch.finfo(total.dtype).tiny), own)
    return residual * own + (1 - residual) * mean
