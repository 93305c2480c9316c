"""The static pictures of a `ComparePanel`."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.language import say

from ..panel.drawing import ACCENT, DIVERGING, MARK, MOST_NAMED, MUTED, bars, frame, name_columns, new, two_parts


def overview(found: dict, layer: int, head: int, width: float) -> Any:
    """Likeness by layer, and how much of its attention each head moved."""
    drawn, left, right = two_parts(width, 3.2, [1.2, 1])
    left.plot(found["cosine"], color=ACCENT, marker="o", ms=3, label=say("cosine"))
    if found["cka"] is not None:
        left.plot(found["cka"], color=MARK, marker="s", ms=3, label="CKA")
        left.plot(found["shuffled"][1], color=MUTED, lw=0.8, ls=":", label=say("CKA, tokens shuffled"))
    left.plot(found["shuffled"][0], color=MUTED, lw=0.8, ls="--", label=say("cosine, tokens shuffled"))
    left.set_xlabel(say("hidden state (0: embeddings)"), fontsize=7)
    left.tick_params(labelsize=6)
    left.legend(fontsize=6, frameon=False)
    heads_map(drawn, right, found["attention"], layer, head)
    return drawn


def heads_map(drawn: Any, axes: Any, attention: torch.Tensor, layer: int, head: int) -> None:
    """How much of its attention each head moved."""
    image = axes.imshow(attention.numpy(), cmap="Blues", vmin=0, interpolation="nearest")
    frame(axes, layer, head, colour=MARK)
    axes.set_xlabel(say("head"), fontsize=7)
    axes.set_ylabel(say("layer"), fontsize=7)
    axes.tick_params(labelsize=6)
    scale = drawn.colorbar(image, ax=axes, shrink=0.8)
    scale.set_label(say("share of attention that moved"), fontsize=7)
    scale.ax.tick_params(labelsize=6)


def attention(every: torch.Tensor, values: torch.Tensor, names: list[str], at: tuple[int, int], side: str,
              width: float) -> Any:  # fmt: skip
    """All heads, and the head on show: the difference of its weights, or one side."""
    drawn, left, right = two_parts(width, 0.46 * width + 0.5, [1, 1.1])
    heads_map(drawn, left, every, *at)
    top = float(values.nan_to_num(0).abs().max()) or 1.0
    signed = side == "difference"
    options = {"cmap": DIVERGING, "vmin": -top, "vmax": top} if signed else {"cmap": "Blues", "vmin": 0, "vmax": 1}
    image = right.imshow(values.numpy(), interpolation="nearest", **options)
    name_columns(right, names, tilted=True)
    if len(names) <= MOST_NAMED:
        right.set_yticks(range(len(names)), names, fontsize=6)
    shown = {"a": "A", "b": "B"}.get(side, "B − A")
    title = say("head {layer}.{head}, {shown}: row looks at column", layer=at[0], head=at[1], shown=shown)
    right.set_title(title, fontsize=7)
    drawn.colorbar(image, ax=right, shrink=0.8).ax.tick_params(labelsize=6)
    return drawn


def predictions(rows: list[dict], words: list[dict], width: float) -> Any:
    """How much each place's prediction moved, and the words at the watched place."""
    drawn = new(width, max(2.4, 0.2 * min(len(rows), MOST_NAMED) + 1.2))
    left, right = drawn.subplots(1, 2, width_ratios=[1.3, 1])
    shown = rows[:MOST_NAMED]
    left.barh(
        range(len(shown)), [row["moved"] for row in shown], color=[MARK if r["changed"] else MUTED for r in shown]
    )
    names = [f"{row['token']}: {row['before']} → {row['after']}" if row["changed"] else row["token"] for row in shown]
    left.set_yticks(range(len(shown)), names, fontsize=6)
    left.invert_yaxis()
    left.set_xlim(0, 1)
    left.set_xlabel(say("half the sum of |difference| of the predictions"), fontsize=7)
    left.tick_params(labelsize=6)
    bars(right, words, now="B", before="A")
    return drawn
