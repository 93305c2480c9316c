"""What is shown of a training run: curves, what the model says, attention then and now; as data and as words.

Plain functions of a `LiveRun`. `run_view` fills the stage, `sentence` the answer line; `pictures` draws the same
numbers where no browser runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from bertlab.nano import EncoderDecoder

from ..panel import counted, listed, percent, quoted
from .run import LiveRun
from .watching import reversal_ids

SHOWN_TOKENS, SHOWN_POINTS = 48, 400
ENDED = ("done", "stopped", "paused")


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


def invited(plan: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    """What the stage draws before a run; `about` is empty where the data cannot be used."""
    return {
        "about": about,
        "lines": about.get("lines", {}),
        "chance": about.get("chance", {}),
        "steps": plan.planned(about["rows"]) if about else 0,
    }


def changes_view(run: LiveRun) -> dict[str, list]:
    """How far each part has moved, at 60 steps or so."""
    names = list(run.changes[-1][1]) if run.changes else []
    kept = every(run.changes, 60)
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
                "trace": [[step, round(value, 4)] for step, value in every(trace, 80)],
            }
        )
    return found


def every(items: Sequence, most: int) -> Sequence:
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
    change = change_of(now, then)
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


def change_of(now: dict, then: dict | None) -> torch.Tensor:
    """(layers, heads): how far the attention of every head has moved, 0 to 1; 0 where nothing can be compared."""
    layers, heads = now["weights"].shape[:2]
    comparable = then is not None and then["weights"].shape == now["weights"].shape
    change = torch.zeros(layers, heads)
    if comparable:
        change = ((now["weights"] - then["weights"]).abs().sum(-1) / 2).mean(-1)
    return change


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
    examples = counted(about["rows"], "example")
    return f"{examples} to learn from, {about['held_out']:,} held out{guessing_gets}. Press Start."


def guess_of(chance: Mapping[str, float] | None) -> str:
    """What guessing gets, as "chance is 50 %"; empty where nothing is known."""
    return next((f"{name} is {percent(value / 100)}" for name, value in (chance or {}).items()), "")


def sentence(run: LiveRun, view: Mapping[str, Any], look: str, moment: int) -> str:
    """The answer line of a run, about the look that is shown."""
    if not run.history:
        return f"{run.about['trained']:,} of {run.about['parameters']:,} weights will be trained."
    phase, back = view["phase"], None
    where = f"Step {run.step:,} of {run.steps:,}"
    if phase in ENDED and moment >= 0 and run.moments:
        back = run.moments[moment].step
        where = f"Back at step {back:,} of {run.step:,}"
    if look == "layers":
        said = f"{where}: {_moved_said(run, back)}"
    elif look == "attention":
        said = f"{where}: {_attention_said(view.get('attention'))}"
    else:
        said = f"{where}{_curves_said(run, back)}{_watched_said(run, view['watched'], phase)}"
    return f"{said}. {run.message}" if run.message else f"{said}."


def _curves_said(run: LiveRun, back: int | None) -> str:
    """The loss beside knowing nothing, and the figure on held-out data; of a moment gone back to, the figure alone."""
    said, figures = "", figures_of(run)
    if back is None:
        recent = [item.loss for item in run.history[-5:]]
        said = f": the loss is {sum(recent) / len(recent):.2f}"
        said += "".join(f", knowing nothing is {value:.2f} ({name})" for name, value in list(run.lines.items())[:1])
    else:
        figures = [pair for pair in figures if pair[0] <= back]
    if figures:
        said += f"{'; ' if said else ': '}{readable(metric_of(run))} on held-out data {percent(figures[-1][1] / 100)}"
        said += f", {percent(figures[0][1] / 100)} before" if figures[-1][0] else ""
    return said


def _watched_said(run: LiveRun, shown: Sequence[Mapping[str, Any]], phase: str) -> str:
    """What the model says of the sentence above, now and before."""
    if not shown or not shown[0].get("rows") or phase == "training":
        return ""
    label, value = max(shown[0]["rows"], key=lambda pair: pair[1])
    before = shown[0]["then"].get(label)
    write = "{:.2f}".format if run.kind == "regression" else percent
    was = f", {write(before)} before" if before is not None else ""
    return f". For the sentence above: {quoted(str(label))} {write(value)}{was}"


def _moved_said(run: LiveRun, back: int | None) -> str:
    """Which part of the model has moved farthest from where it began, and which least."""
    known = [values for step, values in run.changes if back is None or step <= back]
    moved = sorted((known[-1] if known else {}).items(), key=lambda pair: -pair[1])
    if not moved or not moved[0][1]:
        return "no weight has moved yet"
    said = f"{quoted(moved[0][0])} has moved most, by {percent(moved[0][1])} of its weights"
    still = [name for name, value in moved if not value]
    if still:
        return f"{said}; {listed(still, 3)} not at all"
    return f"{said}, {quoted(moved[-1][0])} least, by {percent(moved[-1][1])}" if len(moved) > 1 else said


def _attention_said(shown: Mapping[str, Any] | None) -> str:
    """How far the attention of the head on show has moved, and which head's has moved most."""
    if shown is None:
        return "type a sentence above to see what attention does with it"
    what, change = "cross-attention head" if shown["cross"] else "head", shown["change"]
    own = change[shown["layer"]][shown["head"]]
    most, layer, head = max((value, i, j) for i, row in enumerate(change) for j, value in enumerate(row))
    if not most:
        return f"no {what} looks elsewhere than before the run"
    said = f"{percent(own)} of the attention of {what} {shown['layer']}.{shown['head']} has moved"
    if (layer, head) == (shown["layer"], shown["head"]):
        return f"{said}, more than of any other"
    return f"{said}; most has that of {layer}.{head}, {percent(most)}"


def gate(about: Mapping[str, Any], chance: Mapping[str, float] | None) -> str:
    """The question before a run, and after it."""
    guess, held = guess_of(chance), about.get("held_out")
    known = f" ({guess})" if guess else ""
    if held:
        return f"How many of {held} held-out examples will it get right, in percent{known}?"
    return f"What accuracy will it reach, in percent{known}?"


def grade(guess: str, run: LiveRun | None) -> str:
    """A guess in percent held against what the run reached; `run` is None before it has."""
    try:
        number = float(guess.replace("%", "").replace(",", ".").strip())
    except ValueError:
        return f"Your guess was `{guess}`; a number of percent can be graded."
    figures = figures_of(run) if run is not None else []
    if not figures:
        return f"Your guess: {number:g} %. Start, and see."
    reached = figures[-1][1]
    return f"You said {number:g} %, it is {percent(reached / 100)}: {abs(number - reached):.0f} points off."


def beside(pinned: Mapping[str, Any], run: LiveRun) -> dict[str, Any]:
    """The pinned curves for the stage, and what sets the two runs apart."""
    curves = dict(pinned["curves"], name=pinned["plan"].apart_from(run.plan))
    if curves["metric"] != metric_of(run):
        curves["figures"] = []
    return {"pinned": curves, "name": run.plan.apart_from(pinned["plan"])}


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


def loss_of(figures: Mapping[str, float]) -> float | None:
    """The held-out loss among an evaluation's figures."""
    return figures.get("loss", figures.get("masked_loss"))


def readable(metric: str) -> str:
    """The name of a metric for an audience."""
    return {
        "span_f1": "F1 of spans",
        "macro_f1": "macro F1",
        "f1": "F1",
        "masked_top5": "word among the first five",
        "spearman": "rank correlation",
        "masked_loss": "masked loss",
        "masked_top1": "word found first",
        "matthews": "Matthews",
    }.get(metric, metric.replace("_", " "))


def thinned(steps: Sequence[int], values: Sequence[float]) -> list[list]:
    """A curve with at most `SHOWN_POINTS` points: means over equally many neighbours."""
    width = max(1, math.ceil(len(values) / SHOWN_POINTS))
    starts = range(0, len(values), width)
    return [
        [steps[min(start + width, len(steps)) - 1] for start in starts],
        [round(sum(values[start : start + width]) / len(values[start : start + width]), 5) for start in starts],
    ]


def quantised(weights: torch.Tensor) -> list[list[int]]:
    """Weights 0 to 1 as whole numbers round(255 * sqrt(p)), as all panels send them."""
    return (255 * weights.clamp(0, 1).sqrt()).round().int().tolist()
