"""The rows and the static pictures of a `HeadsPanel`, for each look its own."""

from __future__ import annotations

import base64
import html
from typing import Any

import torch

from bertlab.language import say

from ..panel import png
from .maps import MODES
from .words import KIND_NAMES

ACCENT, MARK, MUTED = "#0b62b0", "#c05a00", "#555555"
MOST_NAMED = 48  # tokens with a name each at the sides of a matrix


def head_names(panel: Any) -> str:
    """The heads on show: "2.3", "2.3+4.1"."""
    return "+".join(f"{layer}.{head}" for layer, head in panel.heads_shown())


# ------------------------------------------------------------------------------------------------------------ rows


def table(panel: Any) -> list[dict]:
    """What the look shows, as rows."""
    return {"steps": _cell_rows, "effect": _effect_rows, "kinds": _kind_rows}.get(panel.look, _weight_rows)(panel)


def _weight_rows(panel: Any) -> list[dict]:
    weights, tokens, selected = panel.maps.shown(), panel.maps.units, set(panel.maps.chosen)
    name, visible = head_names(panel), panel.maps.visible
    return [
        {
            "head": name,
            "mode": panel.mode,
            "query": i,
            "query_token": tokens[i]["text"],
            "key": j,
            "key_token": tokens[j]["text"],
            "weight": float(weights[i, j]),
            "selected": i in selected,
        }
        for i in visible
        for j in visible
    ]


def _cell_rows(panel: Any) -> list[dict]:
    query = panel.asked_token()
    cell, tokens = panel.cell(panel.layer, panel.head, query, panel.key_token), panel.workbench.tokens
    shared = {
        "head": f"{panel.layer}.{panel.head}",
        "query_token": tokens[query]["text"],
        "key_token": tokens[panel.key_token]["text"],
    }
    columns = zip(cell["q"], cell["k"], cell["products"], cell["value"], strict=True)
    return [
        {**shared, "dimension": i, "q": q, "k": k, "product": product, "brought": brought}
        for i, (q, k, product, brought) in enumerate(columns)
    ]


def _effect_rows(panel: Any) -> list[dict]:
    effect, sweep = panel.effect(), panel.view.get("sweep")
    if sweep:
        return [
            {
                "token": sweep["token"],
                "place": sweep["place"],
                "layer": layer,
                "head": head,
                "change": value,
                "with_all_heads": sweep["full"],
            }
            for layer, row in enumerate(sweep["change"])
            for head, value in enumerate(row)
            if value is not None
        ]
    rows = effect["rows"] if effect else []
    return [{"place": effect["place"], **row, "with_all_heads": row["before"]} for row in rows]


def _kind_rows(panel: Any) -> list[dict]:
    facts, over = panel.facts(), panel.view.get("corpus") or "this sentence"
    return [
        {"layer": layer, "head": head, "over": over, **{k: v for k, v in fact.items() if k != "letter"}}
        for layer, row in enumerate(facts)
        for head, fact in enumerate(row)
    ]


# -------------------------------------------------------------------------------------------------------- pictures


def figure(panel: Any, width: float):
    """The look as a matplotlib Figure, so many inches wide."""
    draw = {"steps": _cell_figure, "effect": _effect_figure, "kinds": _kinds_figure}.get(panel.look, _head_figure)
    drawn = draw(panel, width)
    drawn.suptitle(panel.answer.replace("`", ""), fontsize=8, wrap=True)
    return drawn


def _new(width: float, height: float):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _grid(panel: Any, axes) -> None:
    """All heads as tiles, the ones on show framed."""
    tiles = panel.tiles
    size, heads, layers = tiles["size"], tiles["heads"], tiles["layers"]
    grid = torch.frombuffer(bytearray(tiles["bytes"]), dtype=torch.uint8).view(layers, heads, size, size)
    gap = max(1, size // 8)
    step = size + gap
    canvas = torch.full((layers * step, heads * step), 128 if tiles["signed"] else 0, dtype=torch.uint8)
    for layer in range(layers):
        for head in range(heads):
            canvas[layer * step : layer * step + size, head * step : head * step + size] = grid[layer, head]
    axes.imshow(
        canvas.numpy(), interpolation="nearest", cmap="PuOr_r" if tiles["signed"] else "Blues", vmin=0, vmax=255
    )
    axes.set_xticks([head * step + size / 2 for head in range(heads)], range(heads), fontsize=6)
    axes.set_yticks([layer * step + size / 2 for layer in range(layers)], range(layers), fontsize=6)
    _name_axes(axes)
    axes.set_title(say("all heads (√ of the weight)"), fontsize=7)
    for layer, head in panel.heads_shown():
        at = 0 if tiles["per_layer"] else head
        _frame(axes, at * step - 1, layer * step - 1, size + 1, size + 1)


def _name_axes(axes) -> None:
    axes.set_xlabel(say("head"), fontsize=7)
    axes.set_ylabel(say("layer"), fontsize=7)


def _frame(axes, x: float, y: float, wide: float, high: float, colour: str = MARK) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), wide, high, fill=False, edgecolor=colour, linewidth=1.2))


def _head_figure(panel: Any, width: float):
    """The grid and the matrix; stacked where the page is narrow. The selected token's row is framed."""
    maps, tokens = panel.maps, panel.maps.units
    narrow = width < 5
    drawn = _new(width, 1.75 * width if narrow else 0.5 * width)
    left, right = drawn.subplots(2, 1) if narrow else drawn.subplots(1, 2, width_ratios=[1, 1.1])
    _grid(panel, left)
    weights = maps.shown()
    shown = weights[maps.visible][:, maps.visible]
    limit = float(weights.abs().max()) or 1.0
    signed = {"cmap": "PuOr_r", "vmin": -limit, "vmax": limit}
    image = right.imshow(
        shown.numpy(),
        interpolation="nearest",
        **(signed if maps.signed else {"cmap": "Blues", "vmin": 0, "vmax": maps.top()}),
    )
    names, selected = [tokens[i]["text"] for i in maps.visible], set(maps.chosen)
    if len(names) <= MOST_NAMED:
        size = max(4, min(7, 150 * (width if narrow else width / 2) / 7 / max(1, len(names)) / 2))
        right.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        right.set_yticks(range(len(names)), names, fontsize=size)
        for place, label in zip(maps.visible, right.get_yticklabels(), strict=True):
            if place in selected:
                label.set_fontweight("bold")
                label.set_color(MARK)
    for at, place in enumerate(maps.visible):
        if place in selected:
            _frame(right, -0.5, at - 0.5, len(names), 1)
    right.set_title(say("head {heads}: row looks at column", heads=head_names(panel)), fontsize=7)
    scale, mode = drawn.colorbar(image, ax=right, shrink=0.8), say(MODES[panel.mode])
    scale.set_label(say("{mode}, difference", mode=mode) if maps.comparing else mode, fontsize=7)
    scale.ax.tick_params(labelsize=6)
    return drawn


def _cell_figure(panel: Any, width: float):
    query = panel.asked_token()
    cell, tokens = panel.cell(panel.layer, panel.head, query, panel.key_token), panel.workbench.tokens
    asks, seen = tokens[query]["text"], tokens[panel.key_token]["text"]
    rows = [
        (say("q of {token}", token=asks), cell["q"]),
        (say("k of {token}", token=seen), cell["k"]),
        (say("q · k, place by place"), cell["products"]),
        (say("× v of {token}", token=seen), cell["value"]),
    ]
    drawn = _new(width, 4.6)
    for axes, (name, values) in zip(drawn.subplots(4, 1, sharex=True), rows, strict=True):
        axes.bar(range(len(values)), values, color=[MARK if value > 0 else ACCENT for value in values], width=0.8)
        axes.axhline(0, color="#333333", lw=0.5)
        axes.set_title(name, fontsize=7, loc="left")
        axes.tick_params(labelsize=6)
    axes.set_xlabel(say("dimension of the head"), fontsize=7)
    return drawn


def _effect_figure(panel: Any, width: float):
    """Bars with and without the heads; beside them what each head alone does, where it was measured."""
    effect, sweep = panel.effect(), panel.view.get("sweep")
    rows = effect["rows"] if effect else []
    drawn = _new(width, max(2.4, 0.26 * len(rows) + 1.4))
    left, right = drawn.subplots(1, 2, width_ratios=[1.2, 1]) if sweep else (drawn.subplots(), None)
    left.barh(range(len(rows)), [row["probability"] for row in rows], color=ACCENT, label=say("now"))
    before = [row["before"] for row in rows]
    left.scatter(before, range(len(rows)), marker="|", s=80, color=MARK, label=say("every head on"))
    names = [f"{row['token']} ✓" if row["truth"] else row["token"] for row in rows]
    left.set_yticks(range(len(rows)), names, fontsize=7)
    left.invert_yaxis()
    left.set_xlim(0, 1)
    where = say("probability at {place}", place=effect["place"]) if effect else say("probability")
    left.set_xlabel(where, fontsize=7)
    left.tick_params(labelsize=6)
    if panel.workbench.ablated:
        left.legend(fontsize=6, frameon=False)
    if right is not None:
        change = torch.tensor([[float("nan") if v is None else v for v in row] for row in sweep["change"]])
        top = sweep["top"]
        image = right.imshow(change.numpy(), cmap="PuOr_r", vmin=-top, vmax=top)
        _name_axes(right)
        right.tick_params(labelsize=6)
        scale = drawn.colorbar(image, ax=right, shrink=0.8)
        scale.set_label(say("change of {token} without the head", token=sweep["token"]), fontsize=6)
        scale.ax.tick_params(labelsize=6)
        _frame(right, panel.head - 0.5, panel.layer - 0.5, 1, 1, "#111111")
    return drawn


def _kinds_figure(panel: Any, width: float):
    facts, kinds = panel.facts(), panel.view.get("kinds") or []
    if not facts:
        return _head_figure(panel, width)
    layers, heads = len(facts), len(facts[0])
    drawn = _new(width, max(2.6, 0.24 * layers + 1.6 + 0.16 * len(kinds)))
    axes = drawn.subplots()
    shade = {"previous": 0.2, "next": 0.3, "same": 0.4, "delimiter": 0.12, "broad": 0.28, "focused": 0.36}
    axes.imshow([[shade.get(fact["kind"], 0.0) for fact in row] for row in facts], cmap="Greys", vmin=0, vmax=1)
    for layer, row in enumerate(facts):
        for head, fact in enumerate(row):
            axes.text(head, layer, fact["letter"], ha="center", va="center", fontsize=7)
    axes.set_xticks(range(heads))
    axes.set_yticks(range(layers))
    axes.tick_params(labelsize=6)
    named = [f"{letter} {say(KIND_NAMES[name])} ({count})" for letter, name, _, count in kinds]
    key = ["   ".join(named[i : i + 4]) for i in (0, 4)]
    axes.set_xlabel("\n".join(filter(None, [say("head"), *key])), fontsize=6)
    axes.set_ylabel(say("layer"), fontsize=7)
    _frame(axes, panel.head - 0.5, panel.layer - 0.5, 1, 1)
    return drawn


def static_html(panel: Any) -> str:
    """The grid as a small picture, for notebooks that are only viewed."""
    import numpy

    tiles = panel.tiles
    size, heads, layers = tiles["size"], tiles["heads"], tiles["layers"]
    raw = numpy.frombuffer(tiles["bytes"], dtype=numpy.uint8).reshape(layers, heads, size, size)
    step = size + 2
    sheet = numpy.full((layers * step, heads * step), 128 if tiles["signed"] else 40, dtype=numpy.uint8)
    for layer in range(layers):
        for head in range(heads):
            sheet[layer * step : layer * step + size, head * step : head * step + size] = raw[layer, head]
    shade = 255 - sheet
    middle = numpy.maximum(shade, (shade.astype(int) // 2 + 100).clip(0, 255).astype(numpy.uint8))
    pixels = numpy.stack([shade, middle, numpy.full_like(shade, 255) - sheet // 3], axis=-1).astype(numpy.uint8)
    times = max(1, 48 // size)  # sharp where it is scaled
    pixels = numpy.ascontiguousarray(pixels.repeat(times, axis=0).repeat(times, axis=1))
    image = base64.b64encode(png(pixels)).decode("ascii")
    alt = say("attention of {layers} layers (rows) and {heads} heads (columns)", layers=layers, heads=heads)
    return (
        f'<img alt="{html.escape(alt)}" '
        f'style="image-rendering:pixelated;max-width:100%;'
        f'width:{min(900, heads * 60)}px" src="data:image/png;base64,{image}">'
    )
