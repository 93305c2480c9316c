"""Parts of static pictures that several panels draw: maps, bars, two parts beside each other."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.language import mark, say

ACCENT, MARK, MUTED = "#0b62b0", "#c05a00", "#555555"
MOST_NAMED = 48  # tokens with a name each
DIVERGING = "PuOr_r"
NOW, BEFORE = mark("now"), mark("before")


def new(width: float, height: float) -> Any:
    """An empty figure, in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def frame(axes: Any, row: int, column: int, wide: int = 1, high: int = 1, colour: str = "#111111") -> None:
    """A frame round a cell of a map."""
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((column - 0.5, row - 0.5), wide, high, fill=False, edgecolor=colour, linewidth=1.4))


def name_columns(axes: Any, names: list[str], *, tilted: bool, size: float = 6) -> None:
    """Names under the columns, where there is room for them."""
    if len(names) <= MOST_NAMED:
        axes.set_xticks(range(len(names)), names, rotation=90 if tilted else 0, fontsize=size)


def map_figure(values: torch.Tensor, rows: list[str], columns: list[str], width: float, label: str, top: float,
               cell: tuple[int, int] | None, *, tilted: bool = True) -> Any:  # fmt: skip
    """Signed values as a map, symmetric round 0, one cell framed."""
    drawn = new(width, max(2.4, 0.26 * len(rows) + (1.5 if tilted else 1.1)))
    axes = drawn.subplots()
    image = axes.imshow(values.numpy(), cmap=DIVERGING, vmin=-top, vmax=top, aspect="auto", interpolation="nearest")
    name_columns(axes, columns, tilted=tilted)
    axes.set_yticks(range(len(rows)), rows, fontsize=6)
    axes.set_xlabel("" if tilted else say("head"), fontsize=7)
    if cell is not None:
        frame(axes, *cell)
    scale = drawn.colorbar(image, ax=axes, location="bottom", shrink=0.6, aspect=40)
    scale.set_label(label, fontsize=7)
    scale.ax.tick_params(labelsize=6)
    return drawn


def bars(axes: Any, rows: list[dict], now: str = NOW, before: str = BEFORE) -> None:
    """Words with their probability now, and a mark where it was before."""
    axes.barh(range(len(rows)), [row["probability"] for row in rows], color=ACCENT, label=say(now))
    axes.scatter([row["before"] for row in rows], range(len(rows)), marker="|", s=80, color=MARK, label=say(before))
    names = [f"{row['token']} ✓" if row.get("watched") else row["token"] for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(say("probability"), fontsize=7)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=6, frameon=False)


def two_parts(width: float, height: float, ratios: list[float]) -> tuple[Any, Any, Any]:
    """Two axes beside each other; below each other where the page is narrow."""
    narrow = width < 5
    drawn = new(width, 1.7 * height if narrow else height)
    left, right = drawn.subplots(2, 1) if narrow else drawn.subplots(1, 2, width_ratios=ratios)
    return drawn, left, right
