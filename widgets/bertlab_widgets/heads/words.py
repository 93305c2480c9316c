"""What a `HeadsPanel` says: a sentence about the look that is shown, the gate's question, the verdict on a guess."""

from __future__ import annotations

from typing import Any

from ..panel import counted, moved, percent, points, quoted, signed, significant
from ..workbench import heads_named
from .experiments import LEAST_TOP


def sentence(panel: Any) -> str:
    """The answer line: what the picture shows now."""
    said = {"steps": _steps, "effect": _effect, "kinds": _kinds, "bertviz": _bertviz}.get(panel.look, _head)(panel)
    if panel.look in ("head", "effect") or not panel.workbench.ablated:
        return said
    off = heads_named(list(panel.workbench.ablated))
    return f"With {off} off: {said}"


def _subject(panel: Any) -> str:
    heads = panel.heads_shown()
    if panel.maps.per_layer:
        return f"Layer {panel.layer}"
    return f"Head {panel.layer}.{panel.head}" if len(heads) == 1 else f"The mean of {len(heads)} heads"


def _head(panel: Any) -> str:
    workbench, maps = panel.workbench, panel.maps
    if not maps.visible:
        return "Every token is hidden: show [CLS] and [SEP] again."
    if len(panel.heads_shown()) == 1 and (panel.layer, panel.head) in map(tuple, panel.tiles.get("gone", [])):
        return f"Head {panel.layer}.{panel.head} was pruned from this model: it looks at nothing."
    weights, tokens = maps.shown(), workbench.tokens
    subject, rows = _subject(panel), [i for i in workbench.selected if i in maps.visible]
    row = weights[rows or maps.visible].mean(0)
    key = int(row.abs().argmax())
    to = quoted(tokens[key]["text"])
    whose = ", ".join(quoted(tokens[i]["text"]) for i in rows[:3]) + (" …" if len(rows) > 3 else "")
    if maps.comparing:
        change = ("+" if row[key] > 0 else "") + signed(float(row[key]))
        said = f"{subject}: for {whose or 'the tokens on average'} the largest change is on {to}, {change}."
    elif panel.mode in ("attention", "rollout") and rows:
        said = f"{subject} puts {percent(row[key])} of {whose} on {to}."
    elif panel.mode in ("attention", "rollout"):
        said = f"{subject}: on average over all tokens, {to} gets most, {percent(row[key])}."
        said += " Select a token to see where it looks."
    else:
        said = f"{subject}: for {whose or 'the tokens on average'}, {to} counts most ({significant(float(row[key]))})."
    return f"{said} {_without(panel)}".strip()


def _without(panel: Any) -> str:
    """What the switched-off heads did to the prediction; or only that they are off."""
    ablated = list(panel.workbench.ablated)
    if not ablated:
        return ""
    effect = panel.effect()
    if effect is None:
        return f"Switched off: {heads_named(ablated)}."
    before = max(effect["rows"], key=lambda item: item["before"])
    token = before["token"]
    if ablated == [(panel.layer, panel.head)]:
        without = "the head" if token == "it" else "it"
    else:
        without = heads_named(ablated) if len(ablated) < 3 else f"{len(ablated)} heads"
    return f"Without {without}, {quoted(token)} {moved(before['before'], before['probability'])}."


def _steps(panel: Any) -> str:
    workbench = panel.workbench
    if (panel.layer, panel.head) in map(tuple, panel.tiles.get("gone", [])):
        return f"Head {panel.layer}.{panel.head} was pruned from this model."
    query = workbench.selected[0] if workbench.selected else panel.default_token
    cell, tokens = panel.cell(panel.layer, panel.head, query, panel.key_token), workbench.tokens
    q, k = quoted(tokens[query]["text"]), quoted(tokens[panel.key_token]["text"])
    return (
        f"In head {panel.layer}.{panel.head}, q of {q} and k of {k} give {signed(cell['product_sum'])}, scaled "
        f"{signed(cell['scaled'])}; the softmax over the row makes {percent(cell['probability'])} of it."
    )


def _effect(panel: Any) -> str:
    workbench, sweep = panel.workbench, panel.view.get("sweep")
    if panel.effect() is None:
        off = f" {_without(panel)}" if workbench.ablated else ""
        return f"Mask or select a token: its prediction with and without the heads appears here.{off}"
    if workbench.ablated:
        return _without(panel)
    if sweep:
        known = [
            (value, layer, head)
            for layer, row in enumerate(sweep["change"])
            for head, value in enumerate(row)
            if value is not None
        ]
        value, layer, head = max(known, key=lambda one: abs(one[0]))
        if abs(value) < LEAST_TOP:
            return f"No head alone changes {quoted(sweep['token'])}, {percent(sweep['full'])}, by a point or more."
        return f"Head {layer}.{head} alone matters most for {quoted(sweep['token'])}: without it {points(value)}."
    best = max(panel.effect()["rows"], key=lambda row: row["before"])
    return f"Every head is on: {quoted(best['token'])} has {percent(best['before'])} at this place."


def _kinds(panel: Any) -> str:
    if not panel.view.get("kinds"):
        return "Kinds are those of single heads: choose the weights “attention”."
    counts = sorted(((count, name, meaning) for _, name, meaning, count in panel.view["kinds"]), reverse=True)
    over = f"over {panel.view['corpus']} sentences" if panel.view.get("corpus") else "on this sentence"
    named = [f"{counted(count, 'head')} {name}" for count, name, _ in counts[:3] if count]
    total = sum(count for count, *_ in counts)
    return f"Of {total} heads, {over}: {', '.join(named)}."


def _bertviz(panel: Any) -> str:
    view = {"head": "head view", "model": "model view", "neuron": "neuron view"}[panel.bertviz_view]
    where = "of all layers and heads" if panel.bertviz_view == "model" else f"of layer {panel.layer}"
    return f"bertviz's {view} (Vig 2019) {where}; hover over a token to see where it looks."


def gate(panel: Any) -> str:
    """The question of the predict-first gate."""
    token = panel.workbench.tokens[panel.asked_token()]["text"]
    return f"Which token does head {panel.layer}.{panel.head} look at most from “{token}”?"


def grade(panel: Any, guess: str) -> str:
    """One sentence that holds the guess against the weights."""
    tokens, row = panel.workbench.tokens, panel.maps.shown()[panel.asked_token()]
    key = int(row.argmax())
    most = f"most goes to {quoted(tokens[key]['text'])}, {percent(row[key])}"
    wanted = guess.strip().lower().lstrip("#")
    named = [i for i, token in enumerate(tokens) if token["text"].lower().lstrip("#") == wanted]
    if not named:
        return f"{quoted(guess)} is not among the tokens; {most}."
    best = max(named, key=lambda i: float(row[i]))
    if best == key:
        return f"Right: {quoted(tokens[key]['text'])} gets {percent(row[key])}."
    rank = int((row > row[best]).sum()) + 1
    return f"Your {quoted(guess)} is number {rank} with {percent(row[best])}; {most}."
