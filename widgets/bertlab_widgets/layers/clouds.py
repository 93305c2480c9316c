"""Clouds of hidden states as plane pictures that can be compared from layer to layer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bertlab.language import mark, say

from ..panel import word_spans
from ..workbench import SelectionError

SENSES: dict[str, list[list[str]]] = json.loads((Path(__file__).parent / "senses.json").read_text(encoding="utf8"))
SENSE_NAMES = (mark("money"), mark("river"), mark("animal"), mark("club"), mark("game"), mark("fire"))  # said later
LEAST = 3  # points that make a cloud


@dataclass(frozen=True)
class Paths:
    """The points of every hidden state in a plane: `points` (layers + 1, points, 2), each layer drawn to a size of its
    own and turned towards the one below; `explained` (layers + 1,) is the share of the variance that the plane holds,
    `by_chance` that of the same numbers shuffled."""

    points: torch.Tensor
    explained: list[float]
    by_chance: list[float]


def paths(states: Sequence[torch.Tensor], seed: int = 0, others: Sequence[torch.Tensor] | None = None) -> Paths:
    """Principal components of each layer's cloud (points, hidden), every layer turned towards the one below.

    Two directions of one layer are not those of the next, so each picture is turned (and mirrored) as a whole until its
    points come as near to those of the layer below as they can; that changes no distance in it.

    Args:
        others: further points (points, hidden) of each layer, carried over into the plane of its cloud.
    """
    from bertlab.analysis import geometry

    generator, points, explained, by_chance = torch.Generator().manual_seed(seed), [], [], []
    for layer, cloud in enumerate(states):
        cloud = cloud.float().cpu()
        found = geometry.pca(cloud, 2)
        drawn = found.points
        if others is not None:
            drawn = torch.cat([drawn, (others[layer].float().cpu() - found.mean) @ found.directions.T])
        size = found.points.square().sum(1).mean().sqrt().clamp_min(1e-9)
        drawn = drawn / size
        points.append(geometry.align(drawn, points[-1]) if points else drawn)
        explained.append(float(found.explained.sum()))
        order = torch.rand(cloud.shape, generator=generator).argsort(0)  # every dimension in an order of its own
        by_chance.append(float(geometry.pca(cloud.gather(0, order), 2).explained.sum()))
    return Paths(torch.stack(points), explained, by_chance)


def unknown_word(word: str) -> SelectionError:
    """What to raise for a word for which no sentences ship."""
    given = {"word": repr(word), "words": ", ".join(SENSES)}
    return SelectionError(say("the word {word} was given; sentences ship for {words}", **given))


def contexts_of(word: str) -> tuple[list[str], list[str]]:
    """The sentences that ship for a word, and the sense of the word in each.

    Raises:
        SelectionError: no sentences ship for it.
    """
    if word not in SENSES:
        raise unknown_word(word)
    return [text for _, text in SENSES[word]], [sense for sense, _ in SENSES[word]]


def word_states(lab: Any, texts: list[str], word: str) -> list[torch.Tensor]:
    """The hidden states of a word in each of the sentences, the mean of its pieces: (texts, hidden) a layer."""
    batch = lab.encode(texts)
    recording = lab.record(texts, names=["*hidden"])
    rows = []
    for row, text in enumerate(texts):
        start, end = word_spans(text, [word])[0]
        rows.append(sorted({batch.char_to_token(row, at) for at in range(start, end)} - {None}))
    count = lab.model.config.num_hidden_layers + 1
    return [
        torch.stack([recording.hidden(state)[row, places].float().mean(0) for row, places in enumerate(rows)]).cpu()
        for state in range(count)
    ]


def own_places(text: str, tokens: list[dict], word: str) -> list[int]:
    """The positions of a word in the first sentence of the strip, whatever its case; none where it has no such word."""
    spans = [(m, m + len(word)) for m in range(len(text)) if text[m : m + len(word)].lower() == word.lower()]
    whole = [(a, b) for a, b in spans if not text[a - 1 : a].isalnum() and not text[b : b + 1].isalnum()]
    if not whole:
        return []
    start, end = whole[0]
    return [
        i
        for i, token in enumerate(tokens)
        if token["word"] is not None and token["segment"] == 0 and start <= token["start"] and token["end"] <= end
    ]
