"""What is shown of a training run: curves, what the model says, attention then and now.

Plain functions of a `LiveRun`. `run_view` fills the stage, `said.sentence` the answer line; `pictures` draws the same
numbers where no browser runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from bertlab.nano import EncoderDecoder

from .run import LiveRun
from .watching import reversal_ids
from .weights import is_fresh, part_said

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
        "names": [part_said(name) for name in names],
        "fresh": [is_fresh(name) for name in names],
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


def loss_of(figures: Mapping[str, float]) -> float | None:
    """The held-out loss among an evaluation's figures."""
    return figures.get("loss", figures.get("masked_loss"))


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
