"""A run where no browser runs: its tables, its pictures, its static twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from bertlab.language import say

from ..panel import html_table
from .run import LiveRun
from .said import BASELINES, METRICS, readable
from .view import every

COLUMNS = {"loss": "loss", "gradient_norm": "gradient_norm", "learning_rate": "learning_rate"}


def columns_of(run: LiveRun) -> dict[str, torch.Tensor]:
    """(steps,) each: steps, loss, gradient norm, learning rate."""
    names = {"steps": "step", **COLUMNS}
    return {
        name: torch.tensor([getattr(item, attribute) for item in run.history], dtype=torch.float64)
        for name, attribute in names.items()
    }


def table_of(run: LiveRun, pinned: Sequence[Mapping] | None = None) -> list[dict]:
    """A row a step, with the held-out figures where it was evaluated; before them the rows of a pinned run as "A"."""
    if pinned is not None:
        both = [{"run": "A", **row} for row in pinned] + [{"run": "B", **row} for row in table_of(run)]
        names = dict.fromkeys(name for row in both for name in row)
        return [{**names, **row} for row in both]
    figures = {row["step"]: row for row in run.evaluations}
    names = list(dict.fromkeys(name for row in run.evaluations for name in row if name != "step"))
    rows = [{"step": 0, **dict.fromkeys(COLUMNS)}] if 0 in figures else []
    rows += [
        {"step": item.step, **{name: getattr(item, attribute) for name, attribute in COLUMNS.items()}}
        for item in run.history
    ]
    return [{**row, **{f"held_out_{name}": figures.get(row["step"], {}).get(name) for name in names}} for row in rows]


def look_rows(view: Mapping[str, Any], look: str) -> list[dict]:
    """The rows of the looks beside the curves: how far each part moved, one head's attention then and now."""
    if look == "layers":
        changes = view.get("changes") or {"names": [], "steps": [], "values": []}
        return [
            {"part": name, "step": step, "change": value}
            for name, values in zip(changes["names"], changes["values"], strict=True)
            for step, value in zip(changes["steps"], values, strict=True)
        ]
    shown = view.get("attention")
    if not shown:
        return []
    weight = {"now": shown["now"], "then": shown["then"] if shown["then_rows"] == shown["rows"] else None}
    return [
        {
            "head": f"{shown['layer']}.{shown['head']}",
            "query": i,
            "query_token": row,
            "key": j,
            "key_token": column,
            **{name: None if values is None else (values[i][j] / 255) ** 2 for name, values in weight.items()},
        }
        for i, row in enumerate(shown["rows"])
        for j, column in enumerate(shown["columns"])
    ]


def twin(run: LiveRun, shown: list[dict]) -> str:
    """The evaluations and the watched sentences as tables with inline styles."""
    rows = [
        {
            "step": row["step"],
            **{
                METRICS.get(name, name.replace("_", " ")): round(value, 3)
                for name, value in row.items()
                if name != "step"
            },
        }
        for row in run.evaluations
    ]
    watched = [
        {
            "sentence": card["text"][:80],
            "before": shown_prediction(card, "then"),
            "now": shown_prediction(card, "rows"),
        }
        for card in shown
    ]
    return html_table(list(every(rows, 12))) + html_table(watched)


def figure_of(view: Mapping[str, Any], title: str, width: float = 8.0):
    """Loss above, the held-out figure below; a pinned run dashed and grey beside them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 5.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    pinned = view.get("pinned") or {}
    both = bool(pinned)
    for axes, lines in ((above, view.get("lines", {})), (below, view.get("chance", {}))):
        for name, value in lines.items():
            _baseline(axes, name, value)
    for drawn, letter in ((pinned, "A"), (view, "B" if both else "")):
        style = {"color": "#777777", "ls": ":"} if drawn is pinned else {}
        if drawn.get("loss") and drawn["loss"][0]:
            name = _curve(say("training"), letter)
            above.plot(*drawn["loss"], **{"color": "#0b62b0", "lw": 1, "label": name, **style})
        if drawn.get("held_out"):
            name = _curve(say("held out"), letter)
            marks = {"color": "#d55e00", "marker": "o", "ms": 3, "lw": 1, "label": name, **style}
            above.plot(*zip(*drawn["held_out"]), **marks)
        if drawn.get("figures"):
            below.plot(*zip(*drawn["figures"]), **{"color": "#009e73", "marker": "s", "ms": 3, "lw": 1, **style})
    if above.get_legend_handles_labels()[0]:
        above.legend(fontsize=7, frameon=False)
    above.set_ylabel(say("loss (nats)"))
    above.set_ylim(bottom=0)
    below.set_ylim(0, 100)
    below.set_ylabel(say("{metric} (%)", metric=readable(view.get("metric") or "accuracy")))
    below.set_xlabel(say("step"))
    named = f"\nA: {pinned['name']} · B: {view['name']}" if both and view.get("name") else ""
    above.set_title(title.replace("`", "") + named, fontsize=8)
    return figure


def layers_figure(view: Mapping[str, Any], title: str, width: float = 8.0):
    """How far each part of the model has moved, over the run."""
    from matplotlib.figure import Figure

    changes = view.get("changes") or {}
    names = changes.get("names", [])
    figure = Figure(figsize=(width, max(2.2, 0.28 * len(names) + 1.4)), layout="constrained")
    axes = figure.subplots()
    if names:
        image = axes.imshow(changes["values"], aspect="auto", cmap="Blues", vmin=0, interpolation="nearest")
        axes.set_yticks(range(len(names)), names, fontsize=7)
        last = len(changes["steps"]) - 1
        axes.set_xticks([0, last], [changes["steps"][0], changes["steps"][last]], fontsize=7)
        figure.colorbar(image, ax=axes, label="|W − W₀| / |W₀|")
    axes.set_xlabel(say("step"), fontsize=8)
    axes.set_title(title.replace("`", ""), fontsize=8, wrap=True)
    return figure


def attention_figure(view: Mapping[str, Any], title: str, width: float = 8.0):
    """One head before the run and now."""
    from matplotlib.figure import Figure

    shown = view.get("attention")
    figure = Figure(figsize=(width, 0.5 * width), layout="constrained")
    if not shown:
        figure.suptitle(title.replace("`", ""), fontsize=8)
        return figure
    name = f"{shown['layer']}.{shown['head']}"
    then = (say("head {name}, before", name=name), shown["then_rows"], shown["then"])
    parts = [then, (say("head {name}, now", name=name), shown["rows"], shown["now"])]
    parts = [part for part in parts if part[2] is not None]
    for axes, (heading, rows, weights) in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        axes.imshow((torch.tensor(weights) / 255) ** 2, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks(range(len(shown["columns"])), shown["columns"], rotation=90, fontsize=6)
        axes.set_yticks(range(len(rows)), rows, fontsize=6)
        axes.set_title(heading, fontsize=7)
    figure.suptitle(title.replace("`", ""), fontsize=8, wrap=True)
    return figure


def _curve(name: str, letter: str) -> str:
    """The name of a curve in the legend; of two runs with the letter of its run."""
    return say("{letter}, {name}", letter=letter, name=name) if letter else name


def _baseline(axes, name: str, value: float) -> None:
    """What knowing nothing gives, as a thin dashed line with its name."""
    axes.axhline(value, color="#777777", lw=0.8, ls="--")
    place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
    axes.annotate(say(BASELINES.get(name, name)), (1, value), fontsize=7, color="#555555", **place)


def shown_prediction(card: Mapping[str, Any], which: str) -> str:
    """A watched prediction in one line."""
    if "said" in card:
        return str(card["said_then"] if which == "then" else card["said"])
    rows = card["then"].items() if which == "then" else card.get("rows", [])
    return ", ".join(f"{label} {value:.2f}" for label, value in list(rows)[:3])


def precomputed(panel: Any) -> dict[str, dict]:
    """For the exported page of a panel that is at rest: every look, and every moment of the run."""
    patches, look, moment = {}, panel.look, panel.moment
    try:
        for name in ("layers", "attention", "curves"):
            panel.look = name
            patches[f'look:"{name}"'] = {"view": panel.view, "answer": panel.answer}
        panel.look = look
        for index in range(-1, len(panel.run.moments)):
            panel.moment = index
            patches[f"moment:{index}"] = {"view": panel.view, "answer": panel.answer}
    finally:
        panel.look, panel.moment = look, moment
    return patches
