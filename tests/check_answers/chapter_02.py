"""02 Embeddings: right answers, and the typical wrong ones with a word of the hint or message."""

import torch
from torch.nn import functional

from bertlab.check.verdict import shipped_lab


def layer_norm(x, weight, bias, eps, axis=-1, unbiased=False, root=0.5):
    centred = x - x.mean(axis, keepdim=True)
    return centred / (x.var(axis, keepdim=True, unbiased=unbiased) + eps) ** root * weight + bias


def embed(ids, types, norm=True, first=0, with_types=True):
    embeddings = shipped_lab().model.bert.embeddings
    positions = torch.arange(first, first + ids.shape[1])
    total = embeddings.word_embeddings(ids) + embeddings.position_embeddings(positions)
    if with_types:
        total = total + embeddings.token_type_embeddings(types)
    return embeddings.LayerNorm(total) if norm else total


def at_place(place, batch=True):
    def answer(ids):
        with torch.no_grad():
            hidden = shipped_lab().model.bert(ids, position_ids=torch.full_like(ids, place)).last_hidden_state
        return hidden if batch else hidden[0]

    return answer


def with_order(ids):
    with torch.no_grad():
        return shipped_lab().model.bert(ids).last_hidden_state


RIGHT = {
    "02.1": lambda: lambda x, w, b, eps: functional.layer_norm(x, x.shape[-1:], w, b, eps),
    "02.2": lambda: embed,
    "02.3": lambda: at_place(0),
}

WRONG = [
    ("02.1", "one less than the number", lambda: lambda *a: layer_norm(*a, unbiased=True), "unbiased"),
    ("02.1", "no root", lambda: lambda *a: layer_norm(*a, root=1), "root of the variance"),
    ("02.1", "over the tokens", lambda: lambda *a: layer_norm(*a, axis=1), "each token"),
    ("02.1", "neither scaled nor moved", lambda: lambda x, w, b, e: layer_norm(x, 1, 0, e), "weight"),
    ("02.1", "no bias", lambda: lambda x, w, b, e: layer_norm(x, w, 0, e), "bias is missing"),
    ("02.2", "no LayerNorm", lambda: lambda i, t: embed(i, t, norm=False), "LayerNorm is missing"),
    ("02.2", "no types", lambda: lambda i, t: embed(i, t, with_types=False), "token types"),
    ("02.2", "types of zero", lambda: lambda i, t: embed(i, torch.zeros_like(t)), "use `types`"),
    ("02.2", "positions from 1", lambda: lambda i, t: embed(i, t, first=1), "count from 0"),
    ("02.3", "the usual positions", lambda: with_order, "usual ones"),
    ("02.3", "place 1", lambda: at_place(1), "first place is 0"),
    ("02.3", "no batch", lambda: at_place(0, batch=False), "batch axis"),
]
