"""The static pictures of an `EmbeddingPanel`, for each look its own."""

from __future__ import annotations

from typing import Any

from bertlab.language import say

from .words import NAMES

COLOURS = {"word": "#0072B2", "position": "#D55E00", "token_type": "#009E73", "sum": "#555555", "hidden": "#999999"}
HATCHES = {"word": "", "position": "//", "token_type": "..", "sum": "", "hidden": "xx"}
MOST = 40  # tokens


def figure(panel: Any, width: float = 7.0):
    """A matplotlib figure of the look."""
    from matplotlib.figure import Figure

    rows = min(MOST, panel.workbench.encoding.length)
    high = {"parts": 0.5 * rows, "order": 0.3 * rows, "neighbours": 0.25 * panel.count}.get(panel.look, 2.6)
    made = Figure(figsize=(width, max(2.6, high + 1.2)), layout="constrained")
    {"positions": _positions, "order": _order, "neighbours": _neighbours}.get(panel.look, _parts)(panel, made)
    made.suptitle(panel.answer.replace("`", ""), fontsize=8, wrap=True)
    return made


def _parts(panel: Any, made: Any) -> None:
    axes, rows = made.subplots(), panel.measures.rows()[:MOST]
    names = [name for name in NAMES if name in rows[0]]
    for k, name in enumerate(names):
        places = [i + (k - 2) * 0.16 for i in range(len(rows))]
        look = {"color": COLOURS[name], "hatch": HATCHES[name], "label": say(NAMES[name])}
        axes.barh(places, [row[name] for row in rows], 0.15, **look)
    axes.set_yticks(range(len(rows)), [row["token"] for row in rows], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(say("length of the vector"), fontsize=8)
    axes.legend(fontsize=7)


def _positions(panel: Any, made: Any) -> None:
    left, right = made.subplots(1, 2)
    if not panel.measures.has_positions:
        for axes in (left, right):
            axes.axis("off")
        return
    likeness = panel.measures.likeness()
    image = left.imshow(likeness.numpy(), cmap="PuOr_r", vmin=-1, vmax=1)
    made.colorbar(image, ax=left, label=say("cosine"))
    left.axhline(panel.position, color="#555555", lw=0.8)
    left.set_xlabel(say("position"), fontsize=8)
    right.plot(likeness[panel.position].tolist(), color="#0072B2", lw=1)
    right.axvline(panel.position, color="#555555", ls="--", lw=0.8)
    right.set_title(say("cosine with position {position}", position=panel.position), fontsize=8)
    right.set_xlabel(say("position"), fontsize=8)


def _order(panel: Any, made: Any) -> None:
    axes, moves = made.subplots(), panel.measures.moves(panel.order())[:MOST]
    places = range(len(moves))
    axes.barh(places, [move["cosine"] for move in moves], 0.4, color=COLOURS["position"], label=say("with positions"))
    if moves[0]["cosine_without_positions"] is not None:
        values = [move["cosine_without_positions"] for move in moves]
        look = {"color": COLOURS["word"], "hatch": "//", "label": say("without positions")}
        axes.barh([place + 0.4 for place in places], values, 0.4, **look)
    names = [f"{move['token']}  {move['place']} → {move['moved_to']}" for move in moves]
    axes.set_yticks(places, names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(say("cosine of the output with that before"), fontsize=8)
    axes.legend(fontsize=7)


def _neighbours(panel: Any, made: Any) -> None:
    columns = panel.columns()
    for axes, column in zip(made.subplots(1, len(columns), squeeze=False)[0], columns, strict=True):
        rows = column["rows"]
        axes.barh(range(len(rows)), [row["cosine"] for row in rows], color=COLOURS["word"])
        axes.set_yticks(range(len(rows)), [row["token"] for row in rows], fontsize=7)
        axes.invert_yaxis()
        axes.axvline(panel.measures.by_chance(), color="#555555", ls="--", lw=1)
        axes.set_xlim(min(0.0, *(row["cosine"] for row in rows)), 1)
        axes.set_title(say("nearest to {token}", token=column["token"]), fontsize=8)
