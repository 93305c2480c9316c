"""The rows and the static pictures of a `LayersPanel`."""

from __future__ import annotations

from typing import Any

from bertlab.language import mark, say

from ..panel import html_table
from . import clouds, looks

ACCENT, MARK, MUTED = "#0b62b0", "#c05a00", "#666666"
BARS = {"neighbours": mark("similarity"), "lens": mark("probability"), "neurons": mark("value")}  # drawn, and named


def table(panel: Any) -> list[dict]:
    """The rows of this look."""
    view = panel.view
    if "missing" in view or "empty" in view:
        return []
    return {
        "cloud": _cloud_rows,
        "senses": _sense_rows,
        "neighbours": lambda panel: [{"hidden_state": panel.state_number, **row} for row in view.get("rows", [])],
        "lens": _lens_rows,
        "probes": _probe_rows,
        "neurons": _neuron_rows,
    }[panel.look](panel)


def _cloud_rows(panel: Any) -> list[dict]:
    tokens, points = panel.workbench.tokens, looks.cloud_paths(panel).points
    return [
        {"hidden_state": state, "place": i, "token": tokens[i]["text"], "x": float(x), "y": float(y)}
        for state, layer in enumerate(points)
        for i, (x, y) in zip(panel.visible, layer, strict=True)
    ]


def _sense_rows(panel: Any) -> list[dict]:
    texts, senses = clouds.contexts_of(panel.sense)
    points, view = looks.data(panel)["points"], panel.view
    own = [(panel.workbench.text, "your sentence")] if len(points[0]) > len(texts) else []
    named = [*zip(texts, senses, strict=True), *own]
    return [
        {
            "hidden_state": state,
            "sentence": text,
            "sense": sense,
            "x": float(x),
            "y": float(y),
            "separation": view["score"][state],
            "chance": view["chance"][state],
        }
        for state, layer in enumerate(points)
        for (text, sense), (x, y) in zip(named, layer, strict=True)
    ]


def _lens_rows(panel: Any) -> list[dict]:
    return [
        {
            "hidden_state": row["state"],
            "place": panel.place,
            "rank": rank,
            "token": best["token"],
            "probability": best["probability"],
            "entropy": row["entropy"],
            "divergence": row["divergence"],
            "true_token_rank": row["rank"],
        }
        for row in panel.view["rows"]
        for rank, best in enumerate(row["best"], start=1)
    ]


def _probe_rows(panel: Any) -> list[dict]:
    view = panel.view
    columns = zip(view["accuracy"], view["majority"], view["control"], strict=True)
    return [
        {
            "hidden_state": state,
            "accuracy": accuracy,
            "majority": majority,
            "control_accuracy": control,
            "selectivity": round(accuracy - control, 4),
            "held_out": view["held_out"],
        }
        for state, (accuracy, majority, control) in enumerate(columns)
    ]


def _neuron_rows(panel: Any) -> list[dict]:
    view, shared = panel.view, {"layer": panel.view["layer"], "neuron": panel.view["neuron"]}
    rows = [
        {**shared, "kind": "promotes", "token": one["token"], "value": one["logit"]} for one in view.get("promoted", [])
    ]
    rows += [
        {**shared, "kind": "moved by", "token": one["token"], "value": one["activation"], "text": one["text"]}
        for one in view.get("contexts", [])
    ]
    return rows or [{**shared, "kind": "activation", "value": view["activation"]}]


# -------------------------------------------------------------------------------------------------------- pictures


def figure(panel: Any, width: float):
    """The look as a matplotlib Figure."""
    from matplotlib.figure import Figure

    drawn = Figure(
        figsize=(width, 0.62 * width if panel.look in ("cloud", "senses", "probes") else 4), layout="constrained"
    )
    if "missing" not in panel.view:
        {
            "cloud": _cloud_figure,
            "senses": _sense_figure,
            "probes": _probe_figure,
        }.get(panel.look, _bars_figure)(panel, drawn)
    drawn.suptitle(panel.answer.replace("`", ""), fontsize=8, wrap=True)
    return drawn


def _bare(axes, title: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_title(title, fontsize=7)


def _cloud_figure(panel: Any, drawn) -> None:
    axes, points, state = drawn.subplots(), looks.cloud_paths(panel).points, panel.state_number
    tokens, selected = panel.workbench.tokens, set(panel.workbench.selected)
    for number, i in enumerate(panel.visible):
        x, y = points[state, number].tolist()
        on = i in selected
        if on or panel.trails:
            axes.plot(*points[: state + 1, number].T.tolist(), "-", color=MARK if on else MUTED, linewidth=1, alpha=0.7)
        axes.plot([x], [y], "s" if tokens[i]["segment"] else "o", color=MARK if on else ACCENT, markersize=5)
        axes.annotate(tokens[i]["text"], (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7)
    told = mark("hidden state {state}, two principal components, turned towards the layer below")
    _bare(axes, say(told, state=state))


def _sense_figure(panel: Any, drawn) -> None:
    left, right = drawn.subplots(1, 2, width_ratios=[1.3, 1])
    points, state, view = looks.data(panel)["points"][panel.state_number], panel.state_number, panel.view
    names = list(dict.fromkeys(view["senses"]))
    for shape, colour, name in zip("os^", (ACCENT, MARK, "#009E73"), names, strict=False):
        rows = [i for i, sense in enumerate(view["senses"]) if sense == name]
        left.plot(*points[rows].T.tolist(), shape, color=colour, label=say(name), markersize=5)
    if len(points) > len(view["senses"]):
        left.plot(*points[-1:].T.tolist(), "kX", markersize=9, label=say("your sentence"))
    left.legend(fontsize=7, frameon=False)
    _bare(left, say("“{word}”, hidden state {state}", word=panel.sense, state=state))
    right.plot(view["score"], "o-", color=ACCENT, markersize=3, label=say("nearest other has the same sense"))
    right.plot(view["chance"], "--", color=MUTED, label=say("shuffled labels, mean"))
    right.plot(view["upper"], ":", color=MUTED, label=say("one shuffle in twenty"))
    _shares_axis(right)


def _shares_axis(axes) -> None:
    axes.set_ylim(0, 1.03)
    axes.set_xlabel(say("hidden state (0: embeddings)"), fontsize=7)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=6, frameon=False)


def _probe_figure(panel: Any, drawn) -> None:
    axes, view = drawn.subplots(), panel.view
    axes.plot(view["accuracy"], "o-", color=ACCENT, markersize=4, label=say("probe, held-out words"))
    axes.plot(view["control"], "s-", color=MARK, markersize=4, label=say("control task (Hewitt & Liang 2019)"))
    axes.plot(view["majority"], "--", color=MUTED, label=say("always the most frequent tag"))
    _shares_axis(axes)


def _bars_figure(panel: Any, drawn) -> None:
    axes, rows = drawn.subplots(), table(panel)[:24]
    value = BARS[panel.look]
    names = [f"{row.get('hidden_state', '')}  {row.get('token', '')}".strip() for row in rows]
    axes.barh(range(len(rows)), [row[value] for row in rows], color=ACCENT)
    axes.set_yticks(range(len(rows)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(say(value), fontsize=7)
    if panel.look == "neighbours" and "chance" in panel.view:
        axes.axvline(panel.view["chance"], color=MUTED, linestyle="--")


def static_html(panel: Any) -> str:
    """The rows of the shown hidden state as a table."""
    rows = table(panel)
    if panel.look in ("cloud", "senses"):
        rows = [row for row in rows if row["hidden_state"] == panel.state_number]
    return html_table(rows[:30])
