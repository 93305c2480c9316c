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


LEAST_GRADIENT = 1e-3  # nats: what is smaller is no influence
KINDS_SAID = {  # name of a kind -> what one head of it does, and several
    "previous": ("looks at the token before", "look at the token before"),
    "next": ("looks at the token after", "look at the token after"),
    "same": ("looks at the token itself", "look at the token itself"),
    "delimiter": ("rests on [CLS] and [SEP]", "rest on [CLS] and [SEP]"),
    "broad": ("looks at all tokens", "look at all tokens"),
    "focused": ("looks at few words", "look at few words"),
    "mixed": ("does none of these alone", "do none of these alone"),
}


def _head(panel: Any) -> str:
    maps = panel.maps
    if not maps.visible:
        return "Every token is hidden: show [CLS] and [SEP] again."
    if len(panel.heads_shown()) == 1 and (panel.layer, panel.head) in map(tuple, panel.tiles.get("gone", [])):
        return f"Head {panel.layer}.{panel.head} was pruned from this model: it looks at nothing."
    weights, tokens = maps.shown(), maps.units
    subject, rows = _subject(panel), [i for i in maps.chosen if i in maps.visible]
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
    elif panel.mode == "norm":
        what = "the norm of what its value adds"
        size = significant(float(row[key]))
        said = f"{subject}: to {whose or 'a token, on average,'} {to} brings most, {size} ({what})."
    else:
        said = _gradient(panel, subject, whose, to, float(row[key]))
    return " ".join(filter(None, [said, _reads_cls(panel, rows), _without(panel)]))


def _gradient(panel: Any, subject: str, whose: str, to: str, value: float) -> str:
    """Attention x gradient of the prediction that is watched; what is too small to matter is said to be so."""
    place = panel.target_place()
    tokens = panel.workbench.tokens
    watched = quoted(tokens[panel.default_token if place is None else place]["text"])
    what = f"the prediction at {watched} (attention × gradient {significant(value)})"
    if abs(value) < LEAST_GRADIENT:
        return f"{subject} hardly matters to {what.replace('(', '(at most ')}."
    of = f"the look of {whose}" if whose else "the look of a token, on average,"
    return f"{subject}: {of} at {to} matters most to {what}."


def _reads_cls(panel: Any, rows: list[int]) -> str:
    """What [CLS] is for, where it is the token that looks."""
    workbench = panel.workbench
    if [panel.maps.units[i]["id"] for i in rows] != [workbench.lab.tokenizer.cls_token_id]:
        return ""
    return "Its vector after the last layer is all that a head for a whole text reads (next sentence, sentiment)."


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
    named = [f"{count} {KINDS_SAID.get(name, (name, name))[count > 1]}" for count, name, _ in counts[:3] if count]
    total = sum(count for count, *_ in counts)
    return f"Of {counted(total, 'head')} {over}, {', '.join(named)}."


def _bertviz(panel: Any) -> str:
    view = {"head": "head view", "model": "model view", "neuron": "neuron view"}[panel.bertviz_view]
    where = "of all layers and heads" if panel.bertviz_view == "model" else f"of layer {panel.layer}"
    return f"bertviz's {view} (Vig 2019) {where}; hover over a token to see where it looks."


def gate(panel: Any) -> str:
    """The question of the predict-first gate: about the look that is shown."""
    if panel.look == "kinds":
        return "What do most heads do?" if panel.view.get("kinds") else ""
    if panel.look == "effect" and panel.view.get("effect"):
        off = panel.workbench.ablated
        what = f"with {heads_named(list(off))} off" if off else "with every head on"
        return f"Which token will be likeliest at {panel.view['effect']['place']}, {what}?"
    if panel.look == "steps":
        token, key = (panel.workbench.tokens[i]["text"] for i in (panel.asked_token(), panel.key_token))
        return f"How many percent of the attention of “{token}” go to “{key}” in head {panel.layer}.{panel.head}?"
    token = panel.maps.units[panel.maps.unit(panel.asked_token())]["text"]
    what = {"norm": "To which token", "gradient": "To which token"}.get(panel.mode, "")
    if panel.maps.comparing or what:
        return f"Which token will stand out for “{token}” in {_subject(panel).lower()}?"
    subject = _subject(panel)
    return f"Which token does {subject[0].lower() + subject[1:]} look at most from “{token}”?"


def gate_options(panel: Any) -> list[str]:
    """What may be answered, where it can be listed."""
    if panel.look == "kinds":
        return [name for _, name, _, _ in panel.view.get("kinds", [])]
    if panel.look in ("effect", "steps"):
        return []
    shown = panel.maps.visible
    names = [unit["text"] for i, unit in enumerate(panel.maps.units) if i in shown]
    return list(dict.fromkeys(names)) if len(names) <= 24 else []


def _grade_kinds(panel: Any, guess: str) -> str:
    counts = sorted(((count, name) for _, name, _, count in panel.view["kinds"]), reverse=True)
    names, wanted = [name for _, name in counts], guess.strip().lower()
    if wanted not in names:
        return f"{quoted(guess)} is no kind of head; most are {counts[0][1]}."
    rank = names.index(wanted)
    return "Right." if counts[rank][0] == counts[0][0] else f"Yours are {counts[rank][0]}; most are {counts[0][1]}."


def _grade_effect(panel: Any, guess: str) -> str:
    rows = sorted(panel.view["effect"]["rows"], key=lambda row: -row["probability"])
    names, wanted = [row["token"] for row in rows], guess.strip().lower()
    first = f"{quoted(names[0])} is first with {percent(rows[0]['probability'])}"
    if wanted not in names:
        return f"{quoted(guess)} is not among the likeliest; {first}."
    rank = names.index(wanted)
    return "Right." if not rank else f"Your {quoted(guess)} has {percent(rows[rank]['probability'])}; {first}."


def _grade_step(panel: Any, guess: str) -> str:
    share = panel.cell(panel.layer, panel.head, panel.asked_token(), panel.key_token)["probability"]
    try:
        number = float(guess.replace("%", "").replace(",", ".").strip())
    except ValueError:
        return f"{quoted(guess)} is no number; it is {percent(share)}."
    return f"You said {number:g} %, it is {percent(share)}."


def grade(panel: Any, guess: str) -> str:
    """One sentence that holds the guess against what the look shows."""
    graded = {"kinds": _grade_kinds, "steps": _grade_step}
    if panel.look == "effect" and panel.view.get("effect"):
        return _grade_effect(panel, guess)
    if panel.look in graded:
        return graded[panel.look](panel, guess)
    tokens, signed_row = panel.maps.units, panel.maps.shown()[panel.maps.unit(panel.asked_token())]
    row = signed_row.abs()
    key = int(row.argmax())
    plain = panel.mode in ("attention", "rollout") and not panel.maps.comparing

    def value(i: int) -> str:
        return percent(row[i]) if plain else significant(float(signed_row[i]))

    most = f"{'most goes to' if plain else 'the strongest is'} {quoted(tokens[key]['text'])}, {value(key)}"
    wanted = guess.strip().lower().lstrip("#")
    named = [i for i, token in enumerate(tokens) if token["text"].lower().lstrip("#") == wanted]
    if not named:
        return f"{quoted(guess)} is not among the tokens; {most}."
    best = max(named, key=lambda i: float(row[i]))
    if best == key:
        return f"Right: {quoted(tokens[key]['text'])}, {value(key)}."
    rank = int((row > row[best]).sum()) + 1
    return f"Your {quoted(guess)} is number {rank} with {value(best)}; {most}."
