"""The static pictures of an `IntervenePanel`."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.language import say

from ..panel.drawing import ACCENT, MARK, MOST_NAMED, MUTED, bars, name_columns, new, two_parts


def matrix_and_bars(weights: torch.Tensor, names: list[str], cut: list[tuple[int, int]], rows: list[dict],
                    width: float, title: str) -> Any:  # fmt: skip
    """Attention as a matrix, cut edges crossed out, beside the words that are predicted."""
    drawn, left, right = two_parts(width, 0.48 * width + 0.6, [1.1, 1])
    left.imshow(weights.sqrt().numpy(), cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if len(names) <= MOST_NAMED:
        name_columns(left, names, tilted=True)
        left.set_yticks(range(len(names)), names, fontsize=6)
    left.scatter([key for _, key in cut], [query for query, _ in cut], marker="x", s=14, color=MARK)
    left.set_title(title, fontsize=7)
    bars(right, rows, now=say("now"), before=say("no edge cut"))
    return drawn


def grid_and_bars(grid: list[list[float]], rows: list[dict], width: float, label: str) -> Any:
    """Heads that are on and off, beside the words that are predicted."""
    drawn, left, right = two_parts(width, max(2.4, 0.2 * len(grid) + 1.5), [1, 1.2])
    left.imshow(torch.tensor(grid).numpy(), cmap="Blues", vmin=0, vmax=1.4, interpolation="nearest")
    for layer, row in enumerate(grid):
        for head, on in enumerate(row):
            if not on:
                left.text(head, layer, "×", ha="center", va="center", fontsize=8, color=MARK)
    left.set_xlabel(f"{say('head')}\n{label}", fontsize=7)
    left.set_ylabel(say("layer"), fontsize=7)
    left.tick_params(labelsize=6)
    bars(right, rows, now=say("now"), before=say("everything on"))
    return drawn


def curve_figure(found: dict, count: int, subject: str, order: str, width: float) -> Any:
    """The metric against the number of heads removed."""
    drawn = new(width, 0.42 * width + 0.8)
    axes = drawn.subplots()
    for number, row in enumerate(found["random"]):
        axes.plot(row, color=MUTED, lw=0.8, ls="--", label=say("random order") if not number else None)
    axes.plot(found["values"], color=ACCENT, lw=1.6, label=order)
    axes.scatter([count], [found["values"][count]], color=MARK, zorder=3, s=24)
    axes.set_xlabel(say("heads removed"), fontsize=7)
    axes.set_ylabel(subject, fontsize=7)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=6, frameon=False)
    return drawn


def ranks_figure(ranks: torch.Tensor, methods: list[str], tokens: list[str], width: float) -> Any:
    """Ranks by six methods, dark for the first."""
    drawn = new(width, 3.4)
    axes = drawn.subplots()
    axes.imshow(-ranks.numpy(), cmap="Blues", aspect="auto", interpolation="nearest")
    if len(tokens) <= MOST_NAMED:
        dark = ranks <= ranks.max() * 0.4
        for row in range(len(ranks)):
            for column in range(len(tokens)):
                ink = "white" if dark[row, column] else "black"
                axes.text(column, row, int(ranks[row, column]), ha="center", va="center", fontsize=6, color=ink)
    name_columns(axes, tokens, tilted=True)
    axes.set_yticks(range(len(methods)), methods, fontsize=6)
    axes.set_title(say("rank of each token (ρ: with the effect of hiding)"), fontsize=7)
    return drawn


def both_figure(names: list[str], both: list[float], left: list[float], chance: float, width: float) -> Any:
    """Surprise of each word from both sides and from the left."""
    drawn = new(width, 0.36 * width + 1)
    axes = drawn.subplots()
    places = torch.arange(len(names)).tolist()
    axes.bar([place - 0.2 for place in places], both, width=0.4, color=ACCENT, label=say("from both sides"))
    label = say("from the left alone")
    axes.bar([place + 0.2 for place in places], left, width=0.4, color=MARK, hatch="///", label=label)
    axes.axhline(chance, color=MUTED, lw=0.8, ls="--")
    axes.text(0, chance, say(" knowing nothing, ln V"), fontsize=6, va="bottom", color=MUTED)
    name_columns(axes, names, tilted=True)
    axes.set_ylabel(say("−ln p of the word, hidden (nats)"), fontsize=7)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=6, frameon=False)
    return drawn
