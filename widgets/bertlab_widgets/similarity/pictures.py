"""The rows and the static pictures of a `SimilarityPanel`."""

from __future__ import annotations

import html
from typing import Any

from bertlab.language import say

from ..panel import html_table, shortened, state_name
from ..workbench import SelectionError

ACCENT, MARK, MUTED = "#0b62b0", "#c05a00", "#666666"
MOST_NAMED = 40  # rows with a name each
TWIN_CELLS = 400  # of a table in the static twin


def table(panel: Any) -> list[dict]:
    """The pairs of tokens, or of sentences, as rows."""
    cells, here = panel.cells(), panel.state_number
    if cells is None:
        return []
    values = cells[here].tolist()
    shared = {"hidden_state": here, "pooling": panel.pooling}
    if panel.look == "list":
        texts, order = panel.measures.listed, panel.view["order"]
        return [
            {**shared, "sentence_a": texts[i], "sentence_b": texts[j], "cosine": values[i][j]}
            for i in order
            for j in order
        ]
    found = panel.measures.pairs()
    marks = [panel.view_marks[i] for i in panel.workbench.selected]
    rows, columns = {row for row, _ in marks}, {column for _, column in marks}
    return [
        {
            **shared,
            "place_a": i,
            "token_a": a,
            "place_b": j,
            "token_b": b,
            "gives": values[i][j],
            "selected": i in rows or j in columns,
        }
        for i, a in enumerate(found["a"])
        for j, b in enumerate(found["b"])
    ]


def figure(panel: Any, width: float):
    """The matrix, and the cosine by layer beside what unrelated sentences get."""
    if panel.view.get("empty"):
        raise SelectionError(panel.why_nothing())
    from matplotlib.figure import Figure

    narrow = width < 5
    drawn = Figure(figsize=(width, 1.7 * width if narrow else 0.55 * width), layout="constrained")
    ratios = {"height_ratios": [1.8, 1]} if narrow else {"width_ratios": [1.7, 1]}
    left, right = drawn.subplots(2, 1, **ratios) if narrow else drawn.subplots(1, 2, **ratios)
    cells = panel.cells()
    if cells is None:
        return drawn
    values = cells[panel.state_number]
    if panel.look == "list":
        order, texts = panel.view["order"], panel.measures.listed
        values = values[order][:, order]
        names = [[shortened(texts[i], 16 if narrow else 36) for i in order], [str(i + 1) for i in range(len(order))]]
        names[0] = [f"{text}  {number}" for text, number in zip(names[0], names[1], strict=True)]
        scale = {"cmap": "Blues", "vmin": 0, "vmax": 1}
        title = say("cosines")
    else:
        found = panel.measures.pairs()
        names, most = [found["a"], found["b"]], float(values.abs().max()) or 1.0
        scale = {"cmap": "PuOr_r", "vmin": -most, "vmax": most}
        title = say("what each pair gives; all together {cosine:.2f}", cosine=panel.data()["cosine"])
    image = left.imshow(values.numpy(), interpolation="nearest", aspect="auto", **scale)
    drawn.colorbar(image, ax=left, shrink=0.7).ax.tick_params(labelsize=6)
    for axis, own in ((left.yaxis, names[0]), (left.xaxis, names[1])):
        if len(own) <= MOST_NAMED:
            axis.set_ticks(range(len(own)), own, fontsize=6 if len(own) > 24 else 7)
    if len(names[1]) <= MOST_NAMED:
        left.tick_params(axis="x", rotation=0 if panel.look == "list" else 90)
    left.set_title(title, fontsize=7)
    _by_layer(panel, right)
    drawn.suptitle(panel.answer.replace("`", ""), fontsize=8, wrap=True)
    return drawn


def _by_layer(panel: Any, axes) -> None:
    cosines, unrelated = panel.view["cosines"], panel.view["unrelated"]
    states = range(len(cosines))
    axes.plot(states, cosines, "o-", color=ACCENT, markersize=3, label=say("this pair"))
    axes.plot([panel.state_number], [cosines[panel.state_number]], "o", color=MARK, markersize=6)
    if unrelated:
        axes.plot(states, unrelated["mean"], "--", color=MUTED, label=say("unrelated sentences, mean"))
        axes.plot(states, unrelated["upper"], ":", color=MUTED, label=say("95 % of them lie below"))
    axes.set_ylim(min(0, *cosines) - 0.02, 1.02)
    axes.set_xlabel(say("hidden state (0: embeddings)"), fontsize=7)
    axes.set_ylabel(say("cosine"), fontsize=7)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=6, frameon=False)


def static_html(panel: Any) -> str:
    """A small matrix as an inline-styled table; the strongest pairs where it would be large."""
    cells = panel.cells()
    if cells is None:
        return ""
    values = cells[panel.state_number]
    if values.numel() > TWIN_CELLS:
        value = "cosine" if panel.look == "list" else "gives"
        rows = [row for row in table(panel) if row.get("sentence_a", 0) != row.get("sentence_b", 1)]
        return html_table(sorted(rows, key=lambda row: -row[value])[:16])
    if panel.look == "list":
        order, texts = panel.view["order"], panel.measures.listed
        values, rows = values[order][:, order], [shortened(texts[i], 36) for i in order]
        columns, most, scale = [str(i + 1) for i in range(len(rows))], 1.0, 1
    else:
        found = panel.measures.pairs()
        rows, columns, most, scale = found["a"], found["b"], float(values.abs().max()) or 1.0, 100
    head = "".join(f'<th style="font-weight:400;padding:1px 4px">{html.escape(name)}</th>' for name in columns)
    body = "".join(
        f"<tr><td>{html.escape(name)}</td>{''.join(_cell(value, most, scale) for value in row)}</tr>"
        for name, row in zip(rows, values.tolist(), strict=True)
    )
    unit = say("cosines") if panel.look == "list" else say("hundredths of the cosine")
    told = say("{unit}, {where}", unit=unit, where=state_name(panel.state_number))
    return (
        f'<table style="border-collapse:collapse;font-size:11px"><tr><td></td>{head}</tr>{body}</table>'
        f'<div style="font-size:11px">{html.escape(told)}</div>'
    )


def _cell(value: float, most: float, scale: float) -> str:
    share = min(1.0, abs(value) / most)
    colour = "11,98,176" if value >= 0 else "192,90,0"
    shown = f"{scale * value:.1f}" if scale > 1 else f"{value:.2f}"
    return f'<td style="background:rgba({colour},{0.7 * share:.2f});padding:1px 4px;text-align:right">{shown}</td>'
