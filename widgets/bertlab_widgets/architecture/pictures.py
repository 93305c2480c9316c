"""The static pictures of a `ModelPanel`, for each look its own."""

from __future__ import annotations

from typing import Any

from bertlab.language import say

ACCENT, MARK, MUTED = "#0b62b0", "#c05a00", "#555555"
MOST = 40  # bars


def figure(panel: Any, width: float = 7.0):
    """A matplotlib figure of the look."""
    from matplotlib.figure import Figure

    draw = {"tensors": _tensors, "memory": _memory}.get(panel.look)
    if draw is None:
        found = panel.detail()
        draw = _histogram if found.get("histogram") else _stack
    rows = len(panel.facts.parts) if draw in (_stack, _memory) else 10
    made = Figure(figsize=(width, max(2.6, 0.24 * min(rows, MOST) + 1.2)), layout="constrained")
    draw(panel, made)
    made.suptitle(panel.answer.replace("`", ""), fontsize=8, wrap=True)
    return made


def _stack(panel: Any, made: Any) -> None:
    """Parameters by part, and beside them how long the hidden states of the sentence are."""
    left, right = made.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    stack = panel.view.get("stack") or panel._stack()
    names = [row["name"] for row in stack]
    colours = [MARK if row["open"] else ACCENT for row in stack]
    left.barh(range(len(stack)), [row["count"] / 1e6 for row in stack], color=colours)
    left.set_yticks(range(len(stack)), names, fontsize=7)
    left.set_xlabel(say("million parameters"), fontsize=8)
    left.invert_yaxis()
    lengths = panel._lengths()
    places = [(row["state"], at) for at, row in enumerate(stack) if row["state"] is not None]
    series = [(say("mean of the tokens"), lengths["mean"], "-")]
    series += [(entry["token"], entry["values"], "--") for entry in lengths["tokens"]]
    for name, values, style in series:
        right.plot(
            [values[state] for state, _ in places], [at for _, at in places], style, marker="o", ms=3, label=name
        )
    right.set_xlabel(say("length of the hidden state"), fontsize=8)
    right.set_xlim(left=0)
    right.legend(fontsize=6)


def _histogram(panel: Any, made: Any) -> None:
    axes, found = made.subplots(), panel.detail()
    low, high = found["statistics"]["min"], found["statistics"]["max"]
    step = (high - low) / len(found["histogram"]) or 1.0
    places = [low + (i + 0.5) * step for i in range(len(found["histogram"]))]
    axes.bar(places, found["histogram"], step, color=ACCENT)
    axes.axvline(found["statistics"]["mean"], color=MARK, ls="--", lw=1, label=say("mean"))
    axes.legend(fontsize=7)
    axes.set_xlabel(panel.path, fontsize=8)
    axes.set_ylabel(say("how many numbers"), fontsize=8)


def _memory(panel: Any, made: Any) -> None:
    axes, rows = made.subplots(), panel.facts.memory()
    places = range(len(rows))
    axes.barh(places, [row["parameter_bytes"] / 1e6 for row in rows], 0.4, color=ACCENT, label=say("parameters"))
    shifted = [place + 0.4 for place in places]
    axes.barh(
        shifted, [row["value_bytes"] / 1e6 for row in rows], 0.4, color=MARK, hatch="//", label=say("this sentence")
    )
    axes.set_yticks(places, [row["part"] for row in rows], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("MB", fontsize=8)
    axes.legend(fontsize=7)


def _tensors(panel: Any, made: Any) -> None:
    """Deviation of every matrix, in the order of the modules."""
    axes = made.subplots()
    rows = [row for row in panel.table() if row["std"] is not None and "×" in row["shape"]]
    axes.bar(range(len(rows)), [row["std"] for row in rows], color=ACCENT)
    initial = panel.facts.model.config.initializer_range
    axes.axhline(initial, color=MUTED, ls="--", lw=1, label=say("a fresh matrix: {deviation:g}", deviation=initial))
    axes.set_xlabel(say("matrices, input first"), fontsize=8)
    axes.set_ylabel(say("standard deviation"), fontsize=8)
    axes.legend(fontsize=7)
