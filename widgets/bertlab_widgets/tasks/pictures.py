"""The static pictures of a task's answer: what is exported as PNG and SVG."""

from __future__ import annotations

from bertlab.language import say

from .explaining import METHODS

ACCENT, MARK, MUTED, WARN = "#0b62b0", "#c05a00", "#555555", "#b3261e"


def bars(names: list[str], values: list[float], title: str, width: float = 7.0):
    """(Figure, Axes): one bar a name, the first on top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, max(1.8, 0.28 * len(names) + 1.2)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(names)), values, color=ACCENT)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    titled(axes, title)
    return figure, axes


def titled(axes, title: str) -> None:
    """The answer over the picture."""
    axes.set_title(title.replace("`", ""), fontsize=9, wrap=True, pad=16)  # the name of chance stands below it


def probability_axis(axes, chance: dict) -> None:
    """From 0 to 1, with a dashed line at chance where that is not too near 0 to be seen."""
    axes.set_xlim(0, 1)
    axes.set_xlabel(say("probability"))
    if chance.get("text") and chance["at"] > 0.01:
        axes.axvline(chance["at"], color="#777777", linestyle="--", linewidth=1)
        place = {"xycoords": ("data", "axes fraction"), "fontsize": 7, "color": MUTED, "va": "bottom"}
        axes.annotate(chance["text"], (chance["at"], 1), **place)


def starts_and_ends(tokens: list[dict], title: str):
    """The start and the end probability of each token, up and down from one line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(5, 0.22 * len(tokens) + 1), 3), layout="constrained")
    axes = figure.subplots()
    places = range(len(tokens))
    axes.bar(places, [token["start"] for token in tokens], color=ACCENT, label=say("start"))
    axes.bar(places, [-token["end"] for token in tokens], color=MARK, hatch="//", label=say("end (downwards)"))
    axes.axhline(0, color="#333333", linewidth=0.8)
    axes.set_ylim(-1, 1)
    axes.set_yticks([-1, -0.5, 0, 0.5, 1], ["1", "0.5", "0", "0.5", "1"])
    axes.set_xticks(places, [token["text"] for token in tokens], rotation=90, fontsize=7)
    axes.legend(fontsize=7, frameon=False)
    titled(axes, title)
    return figure


def tree(steps: list[dict], title: str):
    """The beams of a search from left to right, each joined to the one that it grew from, with its log-probability."""
    from matplotlib.figure import Figure

    most = max((len(step["beams"]) for step in steps), default=1)
    figure = Figure(figsize=(max(5, 0.9 * len(steps) + 1), 0.5 * most + 1), layout="constrained")
    axes = figure.subplots()
    for step, row in enumerate(steps):
        for rank, beam in enumerate(row["beams"]):
            if step:
                axes.plot([step - 0.55, step - 0.1], [beam["parent"], rank], color="#9db8d4", linewidth=1)
            axes.text(step, rank, beam["token"], fontsize=8, va="bottom", ha="left")
            axes.text(step, rank, f"{beam['score']:.2f}".replace("-", "−"), fontsize=6, va="top", color=MUTED)
    axes.set_xlim(-0.2, len(steps))
    axes.set_ylim(most - 0.5, -0.7)
    axes.set_axis_off()
    titled(axes, title)
    return figure


def alignment(source: list[str], written: list[str], weights: list[list[float]], title: str):
    """Where each written token looked: rows are written tokens, columns the source, always from 0 to 1."""
    from matplotlib.figure import Figure

    size = (max(5, 0.34 * len(source) + 2), max(2.4, 0.26 * len(written) + 1.4))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(source)), source, rotation=90, fontsize=7)
    axes.set_yticks(range(len(written)), written, fontsize=7)
    axes.set_xlabel(say("source"), fontsize=8)
    axes.set_ylabel(say("written"), fontsize=8)
    scale = figure.colorbar(image, ax=axes)
    scale.set_label(say("cross-attention"), fontsize=8)
    scale.ax.tick_params(labelsize=7)
    titled(axes, title)
    return figure


def with_reasons(figure, found: dict) -> None:
    """Below a picture, what its answer rests on: a bar for each token, for it upwards, against it downwards."""
    wide, high = figure.get_size_inches()
    extra = 1.7
    figure.set_size_inches(wide, high + extra)
    top = figure.add_gridspec(2, 1, height_ratios=[high, extra])
    figure.axes[0].set_subplotspec(top[0])
    axes = figure.add_subplot(top[1])
    scores, places = found["scores"], range(len(found["tokens"]))
    axes.bar(places, scores, color=[ACCENT if score > 0 else MARK for score in scores])
    axes.axhline(0, color="#333333", linewidth=0.6)
    size = max(4, min(7, 330 * wide / 7 / max(1, len(scores))))
    axes.set_xticks(places, found["tokens"], rotation=90, fontsize=size)
    axes.tick_params(axis="y", labelsize=6)
    method = say(METHODS[found["method"]])
    title = say("what speaks for {about} ({method})", about=found["about"], method=method)
    axes.set_title(title, fontsize=7, loc="left")


def mark_untrained(figure) -> None:
    """The red word in the corner."""
    place = {"xycoords": "axes fraction", "ha": "right", "va": "bottom", "fontsize": 9, "weight": "bold"}
    figure.axes[0].annotate(say("untrained"), (1, 0), color=WARN, **place)
