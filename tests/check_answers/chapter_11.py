"""11 Heads: right answers, and the typical wrong ones with a word of the hint or message."""

from collections import Counter

import torch

from bertlab.analysis import paths


def brought(probs, v, w):
    return probs * (v @ w).norm(dim=-1)[:, None, :]


def rollout(layers):
    return paths.rollout(layers)[-1, 0]


def without_residual(layers):
    so_far = torch.eye(layers[0].shape[-1])
    for probs in layers:
        so_far = probs.mean(0) @ so_far
    return so_far


def from_the_right(layers):
    so_far = torch.eye(layers[0].shape[-1])
    for probs in layers:
        so_far = so_far @ (0.5 * probs.mean(0) + 0.5 * torch.eye(len(so_far)))
    return so_far


def best_offset(words, governors, turned=False, absolute=False):
    distances = [(w - g if turned else g - w) for w, g in zip(words, governors)]
    counts = Counter(map(abs, distances) if absolute else distances)
    offset, count = counts.most_common(1)[0]
    return offset, count / len(words)


def counted(words, governors):
    offset, share = best_offset(words, governors)
    return offset, share * len(words)


RIGHT = {
    "11.1": lambda: brought,
    "11.2": lambda: rollout,
    "11.3": lambda: best_offset,
}

WRONG = [
    ("11.1", "the values alone", lambda: lambda p, v, w: p * v.norm(dim=-1)[:, None, :], "goes through w"),
    ("11.1", "the weights", lambda: lambda p, v, w: p, "weights themselves"),
    ("11.1", "the lengths", lambda: lambda p, v, w: (v @ w).norm(dim=-1)[:, None].expand_as(p), "weights are missing"),
    ("11.1", "at the query", lambda: lambda p, v, w: p * (v @ w).norm(dim=-1)[:, :, None], "belongs to the key"),
    ("11.2", "no residual", lambda: without_residual, "residual sum is missing"),
    ("11.2", "the other order", lambda: from_the_right, "wrong way round"),
    ("11.2", "the last layer", lambda: lambda layers: paths.rollout(layers[-1:])[-1, 0], "last layer alone"),
    ("11.3", "turned round", lambda: lambda w, g: best_offset(w, g, turned=True), "not the other way round"),
    ("11.3", "how many", lambda: counted, "how many"),
    ("11.3", "per cent", lambda: lambda w, g: (best_offset(w, g)[0], 100 * best_offset(w, g)[1]), "percent"),
    ("11.3", "the offset alone", lambda: lambda w, g: best_offset(w, g)[0], "(offset, share)"),
]
