"""The rows, the static pictures and the offline page of a `DataPanel`, for each look its own."""

from __future__ import annotations

import json
from typing import Any

from bertlab.language import say

from .judged import SORTS

ACCENT, MARK, MUTED = "#0b62b0", "#c05a00", "#555555"
PAGES = 6  # pages of the list that an exported page can scroll to
MOST_DRAWN = 30  # labels or rows in a picture
FIRST_ROWS = 50  # rows that can be chosen in an exported page


def table(panel: Any) -> list[dict]:
    """What the look shows: all rows of the list, the cells of the matrix, or the bins."""
    judged = panel.judged
    if judged is None:
        return []
    if panel.look == "calibration":
        return [dict(found) for found in judged.calibration()[0]]
    if panel.look == "rows":
        rows = [judged.shown(int(number), panel.by_now, most=20_000) for number in panel.numbers()]
        return [{name: value for name, value in row.items() if name != "cut"} for row in rows]
    counts, named = judged.matrix(panel.by_now), panel.by_now or ("label" if judged.labelled else "rows")
    return [
        {named: name, "predicted": label, "count": int(counts[row, column])}
        for row, name in enumerate(judged.names(panel.by_now))
        for column, label in enumerate(judged.labels)
    ]


def figure(panel: Any, width: float = 7.0):
    """The matrix, the reliability diagram or the first rows of the list; a matplotlib Figure."""
    from matplotlib.figure import Figure

    judged = panel.judged
    figure = Figure(figsize=(width, 0.62 * width), layout="constrained")
    axes = figure.subplots()
    if judged is None:
        axes.set_axis_off()
    elif panel.look == "calibration":
        _reliability(axes, judged)
    elif panel.look == "rows":
        _losses(axes, panel)
    else:
        _matrix(axes, panel)
    axes.set_title(panel.answer.replace("`", ""), fontsize=8, wrap=True)
    return figure


def _matrix(axes: Any, panel: Any) -> None:
    judged = panel.judged
    counts = judged.matrix(panel.by_now)[:MOST_DRAWN, :MOST_DRAWN]
    names, labels = judged.names(panel.by_now)[:MOST_DRAWN], judged.labels[:MOST_DRAWN]
    shares = counts / counts.sum(1, keepdims=True).clip(1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    if len(names) <= 12 and len(labels) <= 12:
        for row, shown in enumerate(counts.tolist()):
            for column, count in enumerate(shown):
                ink = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(labels)), labels, rotation=0 if len(labels) < 5 else 90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel(say("predicted"))
    axes.set_ylabel(panel.by_now or (say("label") if judged.labelled else ""))


def _reliability(axes: Any, judged: Any) -> None:
    bins, _ = judged.calibration()
    axes.plot([0, 1], [0, 1], "--", color=MUTED, linewidth=1, label=say("as sure as right"))
    for found in bins:
        if found["count"]:
            axes.bar(found["low"], found["accuracy"], 1 / len(bins), align="edge", color=ACCENT, edgecolor="white")
            axes.plot(found["confidence"], found["accuracy"], "D", color=MARK, markersize=4)
            axes.annotate(f"{found['count']:,}", (found["low"] + 0.5 / len(bins), 0.01), ha="center", fontsize=6)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=say("confidence"), ylabel=say("share that is right"))
    axes.legend(fontsize=7, frameon=False, loc="upper left")


def _losses(axes: Any, panel: Any) -> None:
    judged = panel.judged
    rows = [judged.shown(int(number), panel.by_now, most=60) for number in panel.numbers()[:MOST_DRAWN]]
    values = [row["confidence"] if row["loss"] is None else row["loss"] for row in rows]
    names = [f"{row['text']}  {row['gold'] or '?'} → {row['prediction']}" for row in rows]
    axes.barh(range(len(rows)), values, color=[ACCENT if row["right"] in (True, None) else MARK for row in rows])
    axes.set_yticks(range(len(rows)), names, fontsize=6)
    axes.invert_yaxis()
    axes.set_xlabel(say("loss in nats (orange: wrong)") if judged.labelled else say("confidence"))
    axes.figure.set_figheight(max(2.4, 0.2 * len(rows) + 1.2))


def precomputed(panel: Any) -> tuple[dict, dict]:
    """For the exported page: every look, order, cell and bin, the first pages of each order, the first rows chosen."""
    judged = panel.judged
    if judged is None or not judged.known:
        return {}, {}
    kept = {name: getattr(panel, name) for name in ("look", "by", "sort", "cell", "bin", "row")}
    texts, answers, patches = (panel.workbench.text, panel.workbench.text_pair), {}, {}

    def choose(**values: Any) -> None:
        with panel.workbench.together():
            for name, value in values.items():
                setattr(panel, name, value)

    def keep(*parts: str) -> None:
        name = next(iter(chosen))
        value = json.dumps(chosen[name], separators=(",", ":"), ensure_ascii=False)
        patches[f"{name}:{value}"] = {part: getattr(panel, part) for part in ("answer", *parts)}

    everything: dict[str, Any] = {"cell": [], "bin": -1, "row": -1}
    try:
        for chosen in _choices(panel):
            choose(**{**kept, **everything, **chosen})
            keep("view")
        for sort in SORTS:
            for start in range(0, min(judged.known, PAGES * 50), 50):
                asked = {"sort": sort, "cell": [], "bin": -1, "start": start}
                answers[f"page:{json.dumps(asked, separators=(',', ':'))}"] = {"result": panel.page(**asked)}
        for number in panel.numbers(cell=[], bin=-1)[:FIRST_ROWS]:
            chosen = {"row": int(number)}
            choose(**{**kept, **everything, **chosen})
            keep("tokens", "text", "text_pair")
    finally:
        choose(**{**kept, "row": -1})
        panel.workbench.set_text(*texts)
        panel.row = kept["row"]
    return answers, patches


def _choices(panel: Any) -> list[dict]:
    judged = panel.judged
    choices: list[dict] = [{"look": look} for look in type(panel).look.values]
    choices += [{"sort": sort} for sort in SORTS] + [{"cell": []}, {"bin": -1}, {"row": -1}]
    choices += [{"by": by} for by in ("", *judged.rows.groups)]
    for row, column, count in panel.view["matrix"]["cells"][:60]:
        choices.append({"cell": [row, column]} if count else {})
    choices += [{"cell": [row, -1]} for row in range(min(20, len(judged.names(panel.by_now))))]
    choices += [{"cell": [-1, column]} for column in range(min(20, len(judged.labels)))]
    choices += [{"bin": number} for number, found in enumerate(judged.calibration()[0]) if found["count"]]
    return [choice for choice in choices if choice]
