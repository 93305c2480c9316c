"""What a `HeadsPanel` finds out about heads: statistics, the arithmetic of one weight, predictions without heads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from bertlab.language import say

from ..workbench import Workbench, mask_id, token_names

LETTERS = {
    "previous": "P",
    "next": "N",
    "same": "S",
    "delimiter": "D",
    "broad": "B",
    "focused": "F",
    "mixed": "·",
    "gone": "×",
}
STATISTICS = ("entropy", "distance", "previous", "next", "same", "special")
LEAST_TOP = 0.01  # a change of one point has full colour at least: what is smaller is no signal


# ------------------------------------------------------------------------------------------------- kinds of heads


def text_facts(workbench: Workbench) -> list[list[dict]]:
    """For each layer and head: kind, letter, entropy (nats), distance (tokens), mass on some kinds of tokens."""

    def compute():
        from bertlab.analysis.attention import statistics

        special = torch.tensor([token["special"] for token in workbench.tokens])
        if special.all():
            special = torch.zeros_like(special)  # nothing else is there to look at
        return facts_of(statistics(workbench.recording, special, model=workbench.model))

    return workbench.cached(("facts", *workbench.key), compute)


def corpus_key(workbench: Workbench) -> tuple:
    """Under what the workbench remembers the means over its corpus; new weights forget them."""
    return ("corpus facts", tuple(workbench.corpus))


def corpus_steps(workbench: Workbench) -> Iterator[float]:
    """Measure the heads over the corpus, step by step; yields the share that is done."""
    from bertlab.analysis.attention import stream_corpus

    if workbench.known(corpus_key(workbench)):
        return
    texts, key = workbench.sentences(), corpus_key(workbench)
    stream, measured = stream_corpus(workbench.lab, texts), None
    while True:
        with workbench.lock:
            measured, last = next(stream, None), measured
        if measured is None:
            break
        yield measured.texts / len(texts)
    workbench.cached(key, lambda: facts_of(last))


def facts_of(measured: Any) -> list[list[dict]]:
    """`bertlab.analysis.attention.HeadStatistics` as rows of dicts, with kinds and their letters."""
    from bertlab.analysis.attention import kinds_of

    kinds = kinds_of(measured)
    values = {name: getattr(measured, name).tolist() for name in STATISTICS}

    def fact(layer: int, head: int, kind: str) -> dict:
        own = {name: values[name][layer][head] for name in STATISTICS}
        known = {name: None if math.isnan(value) else value for name, value in own.items()}  # NaN is no JSON
        return {**known, "kind": kind, "letter": LETTERS.get(kind, "×")}

    return [[fact(layer, head, kind) for head, kind in enumerate(row)] for layer, row in enumerate(kinds)]


# ------------------------------------------------------------------------------------------- one weight, step by step


def cell(workbench: Workbench, layer: int, head: int, query: int, key: int) -> dict:
    """The arithmetic of one attention weight: q, k, their products, scaling, mask, softmax, what v brings."""
    from bertlab.analysis.heads import head_numbers

    for name, value, count in (
        ("layer", layer, workbench.layer_count),
        ("head", head, workbench.head_count),
        ("token", query, workbench.encoding.length),
        ("token", key, workbench.encoding.length),
    ):
        workbench._check_index(value, count, name)
    numbers = head_numbers(workbench.model, layer)
    if head not in numbers:
        raise LookupError(
            say(
                "head {layer}.{head} was pruned from this model, so there is nothing to compute", layer=layer, head=head
            )
        )
    prefix = f"encoder.layer.{layer}.attention.self."
    recording = workbench.cached(
        ("cell", layer, *workbench.key), lambda: workbench.run(names=(prefix + "*",)).recording
    )
    place = numbers.index(head)
    value = {name: recording[prefix + name][0, place].float().cpu() for name in ("q", "k", "v", "scores", "probs")}
    q, k, v, scores, probs = (value[name] for name in ("q", "k", "v", "scores", "probs"))
    products, row, score_row = q[query] * k[key], probs[query], scores[query]
    best = row.topk(min(8, len(row))).indices.tolist()
    best += [] if key in best else [key]
    tokens, scaled = workbench.tokens, float(products.sum()) / q.shape[-1] ** 0.5
    relative = None
    if workbench.config.position_embedding_type != "absolute":
        relative = float(score_row[key]) - scaled
    brought = row[key] * v[key]
    return {
        "q": q[query].tolist(),
        "k": k[key].tolist(),
        "products": products.tolist(),
        "product_sum": float(products.sum()),
        "scaled": scaled,
        "relative": relative,
        "mask": 0.0 if relative is not None else round(float(score_row[key]) - scaled, 4),
        "score": float(score_row[key]),
        "log_sum": float(score_row.logsumexp(-1)),
        "probability": float(row[key]),
        "value": brought.tolist(),
        "value_norm": float(brought.norm()),
        "row": [
            {"token": tokens[i]["text"], "position": i, "score": float(score_row[i]), "probability": float(row[i])}
            for i in best
        ],
    }


# ----------------------------------------------------------------------------------------------------- without heads


def effect(workbench: Workbench, place: int | None) -> dict | None:
    """The prediction at the watched place, as it is and with every head on; None where nothing is watched."""
    if place is None or workbench.result.mlm_logits is None:
        return None
    before, now = workbench.probabilities(place, workbench.baseline), workbench.probabilities(place)
    truth = workbench.encoding.tokens[place]["id"]
    mask = mask_id(workbench)
    best = [*before.topk(4).indices.tolist(), *now.topk(4).indices.tolist()]
    ids = list(dict.fromkeys([*best, *([truth] if truth != mask else [])]))
    ids.sort(key=lambda token: -float(before[token]))
    names = token_names(workbench.lab.tokenizer, ids)
    rows = [
        {"token": name, "probability": float(now[token]), "before": float(before[token]), "truth": token == truth}
        for name, token in zip(names, ids, strict=True)
    ]
    return {"place": say("{token} ({place})", token=workbench.tokens[place]["text"], place=place), "rows": rows}


def watched_token(workbench: Workbench, place: int) -> int:
    """The token whose probability is followed: the one that was there, or the likeliest at a [MASK] of the text."""
    token = workbench.encoding.tokens[place]["id"]
    if token == mask_id(workbench):
        return int(workbench.probabilities(place, workbench.baseline).argmax())
    return token


def sweep_steps(workbench: Workbench, place: int, show) -> Iterator[float]:
    """Switch every head off in turn; `show(found)` is told after each layer. Yields the share that is done."""
    from bertlab.analysis.ablation import sweep
    from bertlab.analysis.targets import masked_token

    if workbench.ablation == "corpus":
        yield from (0.0 for _ in workbench.measure_means())
    state, token = workbench.key, watched_token(workbench, place)
    change: list[list[float | None]] = [[None] * workbench.head_count for _ in range(workbench.layer_count)]
    found = {
        "place": place,
        "token": token_names(workbench.lab.tokenizer, [token])[0],
        "method": workbench.ablation,
        "full": float(workbench.probabilities(place, workbench.baseline)[token]),
    }
    target = masked_token(place, token, "probability")
    effects, last = sweep(workbench.model, workbench.batch(), target, **workbench.ablation_options()), None
    while workbench.key == state:
        with workbench.lock:
            one = next(effects, None)
        if last is not None and (one is None or one.layer != last.layer):
            show(_so_far(found, change))
        if one is None:
            return
        change[one.layer][one.head] = float(one.change.mean())
        last = one
        yield one.done


def _so_far(found: dict, change: list[list[float | None]]) -> dict:
    known = [abs(value) for row in change for value in row if value is not None]
    return {**found, "change": [list(row) for row in change], "top": max([LEAST_TOP, *known])}
