"""What is shown of a training run: curves, what the model says, attention then and now; as data, words and pictures.

Plain functions of a `LiveRun`. `run_view` fills the stage, `sentence` the answer line; `figure_of` and `twin` draw the
same numbers where no browser runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from bertlab.nano import EncoderDecoder

from ..panel import html_table, percent
from .run import LiveRun, loss_of, quantised, readable, reversal_ids, shown_prediction, thinned

SHOWN_TOKENS = 48
ENDED = ("done", "stopped", "paused")
COLUMNS = {"loss": "loss", "gradient_norm": "gradient_norm", "learning_rate": "learning_rate"}


def metric_of(run: LiveRun) -> str:
    """The figure that is watched on held-out data."""
    return "masked_top5" if run.metric == "masked_loss" else run.metric


def figures_of(run: LiveRun) -> list[list]:
    """[step, figure in percent] of every evaluation."""
    return [[row["step"], row[metric_of(run)]] for row in run.evaluations if metric_of(run) in row]


def curves(run: LiveRun) -> dict[str, Any]:
    """The run's curves, thinned for a picture."""
    steps = [item.step for item in run.history]
    return {
        "steps": run.steps,
        "loss": thinned(steps, [item.loss for item in run.history]),
        "norm": thinned(steps, [item.gradient_norm for item in run.history]),
        "held_out": [[row["step"], loss_of(row)] for row in run.evaluations if loss_of(row) is not None],
        "metric": metric_of(run),
        "figures": figures_of(run),
    }


def run_view(run: LiveRun, phase: str, moment: int, cards: list[dict]) -> dict[str, Any]:
    """What the stage draws of a run; `moment` is the index of the one on show, -1 for the last."""
    last = run.history[-1] if run.history else None
    at = run.moments[moment] if run.moments else None
    return {
        **curves(run),
        "phase": phase,
        "about": run.about,
        "kind": run.kind,
        "step": run.step,
        "resumable": run.resumable and run.step < run.steps,
        "epochs": run.epochs,
        "seconds": round(run.seconds, 1),
        "speed": round(last.tokens_per_second) if last else 0,
        "lines": run.lines,
        "chance": run.chance,
        "watched": cards,
        "changes": changes_view(run),
        "moments": [
            [item.step, round(item.step / run.steps * run.epochs, 2) if run.epochs else None] for item in run.moments
        ],
        "at": moment if moment >= 0 else len(run.moments) - 1,
        "at_step": run.step if at is None or phase in ("training", "preparing") else at.step,
    }


def changes_view(run: LiveRun) -> dict[str, list]:
    """How far each part has moved, at 60 steps or so."""
    names = list(run.changes[-1][1]) if run.changes else []
    kept = _every(run.changes, 60)
    if kept and kept[-1] is not run.changes[-1]:
        kept = [*kept, run.changes[-1]]
    return {
        "names": names,
        "steps": [step for step, _ in kept],
        "values": [[round(values.get(name, 0.0), 6) for _, values in kept] for name in names],
    }


def cards(run: LiveRun, seen: Sequence[Mapping[str, Any]]) -> list[dict]:
    """What the model says about the watched texts, what it said at first, and one probability over the run."""
    first = {(row["text"], row["pair"]): row for row in (run.moments[0].watched if run.moments else [])}
    found = []
    for row in seen:
        before, shown = first.get((row["text"], row["pair"]), {}), row.get("rows", [])
        label = row.get("truth") if row.get("truth") in dict(shown) else shown[0][0] if shown else None
        trace = run.traces.get(f"{row['text']}|{row['pair']}|{label}", [])
        found.append(
            {
                **row,
                "then": dict(before.get("rows", [])),
                "said_then": before.get("said"),
                "trace_of": label,
                "trace": [[step, round(value, 4)] for step, value in _every(trace, 80)],
            }
        )
    return found


def _every(items: Sequence, most: int) -> Sequence:
    """About `most` of the items, evenly spread."""
    return items[:: max(1, math.ceil(len(items) / most))]


# --------------------------------------------------------------------------------------------- attention, then and now


@torch.no_grad()
def attention_of(run: LiveRun, text: str, pair: str) -> dict | None:
    """{"rows", "columns", "weights": (layers, heads, rows, columns)} of the model as it is; None without a text."""
    if not text.strip():
        return None
    model, tokenizer = run.model, run.tokenizer
    if isinstance(model, EncoderDecoder):
        source, target = reversal_ids(model, tokenizer, text)
        weights = model.cross_attention(source, target)
        rows, columns = target[0].tolist(), source[0].tolist()
    else:
        limit = min(SHOWN_TOKENS, model.config.max_position_embeddings)
        encoded = tokenizer(text, pair or None, truncation=True, max_length=limit, return_tensors="pt")
        device = next(model.parameters()).device
        weights = torch.stack(model.base_model(**encoded.to(device), output_attentions=True).attentions)[:, 0]
        rows = columns = encoded["input_ids"][0].tolist()
    return {
        "rows": tokenizer.convert_ids_to_tokens(rows),
        "columns": tokenizer.convert_ids_to_tokens(columns),
        "weights": weights.float().cpu(),
    }


def attention_view(run: LiveRun, now: dict, then: dict | None, layer: int, head: int) -> dict[str, Any]:
    """One head before and now, and how far the attention of every head has moved (total variation, 0 to 1)."""
    layers, heads = now["weights"].shape[:2]
    layer, head = min(layer, layers - 1), min(head, heads - 1)
    comparable = then is not None and then["weights"].shape == now["weights"].shape
    change = torch.zeros(layers, heads)
    if comparable:
        change = ((now["weights"] - then["weights"]).abs().sum(-1) / 2).mean(-1)
    return {
        "rows": now["rows"],
        "columns": now["columns"],
        "layer": layer,
        "head": head,
        "now": quantised(now["weights"][layer, head]),
        "then": quantised(then["weights"][layer, head]) if then is not None else None,
        "then_rows": then["rows"] if then is not None else [],
        "change": [[round(float(value), 4) for value in row] for row in change],
        "cross": isinstance(run.model, EncoderDecoder),
    }


# --------------------------------------------------------------------------------------------------------------- words


def invitation(plan: Any, about: Mapping[str, Any]) -> str:
    """The answer line before a run."""
    if plan.waiting:
        return (
            "Name a file, or paste lines: text, a tab, and the label."
            if plan.dataset == "pasted"
            else "Give the path of a file to learn from."
        )
    if not about:
        return "The data cannot be used as it is."
    if plan.nano:
        return f"{about['title']} Press Start."
    guess = guess_of(about.get("chance"))
    guessing_gets = f"; {guess}" if guess else ""
    return f"{about['rows']:,} examples to learn from, {about['held_out']:,} held out{guessing_gets}. Press Start."


def guess_of(chance: Mapping[str, float] | None) -> str:
    """What guessing gets, as "chance is 50 %"; empty where nothing is known."""
    return next((f"{name} is {percent(value / 100)}" for name, value in (chance or {}).items()), "")


def sentence(run: LiveRun, phase: str, moment: int, shown: list[dict]) -> str:
    """The answer line of a run: how far it is, what it reached, what that changed for the sentence above."""
    if not run.history:
        return f"{run.about['trained']:,} of {run.about['parameters']:,} weights will be trained."
    recent = [item.loss for item in run.history[-5:]]
    said = f"Step {run.step:,} of {run.steps:,}: loss {sum(recent) / len(recent):.2f}"
    for name, value in list(run.lines.items())[:1]:
        said += f", knowing nothing is {value:.2f} ({name})"
    figures = figures_of(run)
    if phase in ENDED and moment >= 0 and run.moments:
        step = run.moments[moment].step
        said = f"Back at step {step:,} of {run.step:,}"
        figures = [pair for pair in figures if pair[0] <= step]
    if figures:
        said += f"; {readable(metric_of(run))} on held-out data {percent(figures[-1][1] / 100)}"
        said += f", {percent(figures[0][1] / 100)} before" if figures[-1][0] else ""
    if shown and shown[0].get("rows") and phase != "training":
        label, value = max(shown[0]["rows"], key=lambda pair: pair[1])
        before = shown[0]["then"].get(label)
        write = "{:.2f}".format if run.kind == "regression" else percent
        said += f". The sentence above: `{label}` {write(value)}" + (
            f", {write(before)} before" if before is not None else ""
        )
    return f"{said}. {run.message}" if run.message else f"{said}."


def settings_line(run: LiveRun) -> str:
    """The run's settings and what it reached, in one line: what a pin says."""
    named = run.plan.named()
    kept = [named.pop("data"), *(f"{name} {named[name]}" for name in ("LoRA rank", "rate", "batch", "seed"))]
    if named["frozen"] != "nothing":
        kept.insert(2, f"frozen {named['frozen']}")
    figures, loss = figures_of(run), run.history[-1].loss if run.history else None
    reached = [f"loss {loss:.2f}"] if loss is not None else []
    if figures:
        reached.append(f"{readable(metric_of(run))} {percent(figures[-1][1] / 100)}")
    return f"{', '.join(kept)}: {', '.join([*reached, f'after {run.step:,} steps'])}."


# --------------------------------------------------------------------------------------------- tables, pictures, twins


def columns_of(run: LiveRun) -> dict[str, torch.Tensor]:
    """(steps,) each: steps, loss, gradient norm, learning rate."""
    names = {"steps": "step", **COLUMNS}
    return {
        name: torch.tensor([getattr(item, attribute) for item in run.history], dtype=torch.float64)
        for name, attribute in names.items()
    }


def table_of(run: LiveRun) -> list[dict]:
    """A row a step, with the held-out figures where it was evaluated."""
    figures = {row["step"]: row for row in run.evaluations}
    names = list(dict.fromkeys(name for row in run.evaluations for name in row if name != "step"))
    rows = [{"step": 0, **dict.fromkeys(COLUMNS)}] if 0 in figures else []
    rows += [
        {"step": item.step, **{name: getattr(item, attribute) for name, attribute in COLUMNS.items()}}
        for item in run.history
    ]
    return [{**row, **{f"held_out_{name}": figures.get(row["step"], {}).get(name) for name in names}} for row in rows]


def twin(run: LiveRun, shown: list[dict]) -> str:
    """The evaluations and the watched sentences as tables with inline styles."""
    rows = [
        {"step": row["step"], **{readable(name): round(value, 3) for name, value in row.items() if name != "step"}}
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
    return html_table(list(_every(rows, 12))) + html_table(watched)


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
    for drawn, which in ((pinned, "A, "), (view, "B, " if both else "")):
        grey, name = drawn is pinned, which if both else ""
        style = {"color": "#777777", "ls": ":"} if grey else {}
        if drawn.get("loss") and drawn["loss"][0]:
            above.plot(*drawn["loss"], **{"color": "#0b62b0", "lw": 1, "label": f"{name}training", **style})
        if drawn.get("held_out"):
            marks = {"color": "#d55e00", "marker": "o", "ms": 3, "lw": 1, "label": f"{name}held out", **style}
            above.plot(*zip(*drawn["held_out"]), **marks)
        if drawn.get("figures"):
            below.plot(*zip(*drawn["figures"]), **{"color": "#009e73", "marker": "s", "ms": 3, "lw": 1, **style})
    if above.get_legend_handles_labels()[0]:
        above.legend(fontsize=7, frameon=False)
    above.set_ylabel("loss (nats)")
    above.set_ylim(bottom=0)
    below.set_ylim(0, 100)
    below.set_ylabel(f"{readable(view.get('metric') or 'accuracy')} (%)")
    below.set_xlabel("step")
    named = f"\nA: {pinned['name']} · B: {view['name']}" if both and view.get("name") else ""
    above.set_title(title.replace("`", "") + named, fontsize=8)
    return figure


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
    axes.set_xlabel("step", fontsize=8)
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
    parts = [("before", shown["then_rows"], shown["then"]), ("now", shown["rows"], shown["now"])]
    parts = [part for part in parts if part[2] is not None]
    for axes, (name, rows, weights) in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        axes.imshow((torch.tensor(weights) / 255) ** 2, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks(range(len(shown["columns"])), shown["columns"], rotation=90, fontsize=6)
        axes.set_yticks(range(len(rows)), rows, fontsize=6)
        axes.set_title(f"head {shown['layer']}.{shown['head']}, {name}", fontsize=7)
    figure.suptitle(title.replace("`", ""), fontsize=8, wrap=True)
    return figure


def _baseline(axes, name: str, value: float) -> None:
    """What knowing nothing gives, as a thin dashed line with its name."""
    axes.axhline(value, color="#777777", lw=0.8, ls="--")
    place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
    axes.annotate(name, (1, value), fontsize=7, color="#555555", **place)
