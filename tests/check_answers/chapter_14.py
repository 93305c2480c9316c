"""14 Decoding: right answers, and the typical wrong ones with a word of the hint or message."""

import torch

from bertlab.check.chapter_14 import keep_top_p


def causal(length):
    return torch.ones(length, length, dtype=torch.bool).tril()


def cached(model, ids, cache=True, axis=1, last=False):
    past, found = None, []
    for place in range(ids.shape[1]):
        output = model(ids[:, place : place + 1], past_key_values=past, use_cache=True)
        past = output.past_key_values if cache else None
        found.append(output.logits)
    return found[-1] if last else torch.cat(found, dim=axis)


def one_pass(model, ids):
    return model(ids).logits


def strictly_below(probabilities, p):
    ordered, places = probabilities.sort(descending=True)
    chosen = ordered.cumsum(0) < p
    chosen[0] = True
    kept = torch.zeros_like(probabilities)
    kept[places[chosen]] = ordered[chosen]
    return kept / kept.sum()


RIGHT = {
    "14.1": lambda: causal,
    "14.2": lambda: cached,
    "14.3": lambda: keep_top_p,
}

WRONG = [
    ("14.1", "turned", lambda: lambda n: causal(n).T, "Queries are rows"),
    ("14.1", "not itself", lambda: lambda n: causal(n).float().tril(-1), "look at itself"),
    ("14.1", "the other way round", lambda: lambda n: ~causal(n), "True means"),
    ("14.1", "everything", lambda: lambda n: torch.ones(n, n), "future included"),
    ("14.2", "no cache", lambda: lambda m, i: cached(m, i, cache=False), "alone"),
    ("14.2", "the last alone", lambda: lambda m, i: cached(m, i, last=True), "last token only"),
    ("14.2", "one pass", lambda: one_pass, "One token a call"),
    ("14.2", "joined along the batch", lambda: lambda m, i: cached(m, i, axis=0), "along the sequence"),
    ("14.3", "the one that reaches p cut", lambda: strictly_below, "reaches p is kept"),
    ("14.3", "not to 1", lambda: lambda q, p: q * (keep_top_p(q, p) > 0), "sum to 1"),
    ("14.3", "sorted", lambda: lambda q, p: keep_top_p(q, p).sort(descending=True).values, "stays in its place"),
    ("14.3", "nothing cut", lambda: lambda q, p: q, "Nothing was cut"),
]
