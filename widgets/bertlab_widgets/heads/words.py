"""What a `HeadsPanel` says: a sentence about the look that is shown, the gate's question, the verdict on a guess."""

from __future__ import annotations

from typing import Any

from bertlab.language import mark, say, say_n

from ..panel import guessed_number, in_a_row, moved, percent, points, quoted, signed, significant
from ..workbench import heads_named
from .experiments import LEAST_TOP

LEAST_GRADIENT = 1e-3  # nats: what is smaller is no influence
KIND_NAMES = {
    "previous": mark("previous"),
    "next": mark("next"),
    "same": mark("same"),
    "delimiter": mark("delimiter"),
    "broad": mark("broad"),
    "focused": mark("focused"),
    "mixed": mark("mixed"),
}


def sentence(panel: Any) -> str:
    """The answer line: what the picture shows now."""
    said = {"steps": _steps, "effect": _effect, "kinds": _kinds, "bertviz": _bertviz}.get(panel.look, _head)(panel)
    if panel.look in ("head", "effect") or not panel.workbench.ablated:
        return said
    return say("With {heads} off: {said}", heads=heads_named(list(panel.workbench.ablated)), said=said)


def _subject(panel: Any) -> str:
    """What looks, at the beginning of a sentence."""
    heads = panel.heads_shown()
    if panel.maps.per_layer:
        return say("Layer {layer}", layer=panel.layer)
    if len(heads) == 1:
        return say("Head {layer}.{head}", layer=panel.layer, head=panel.head)
    return say("The mean of {total} heads", total=len(heads))


def _subject_inside(panel: Any) -> str:
    """What looks, inside a sentence."""
    heads = panel.heads_shown()
    if panel.maps.per_layer:
        return say("layer {layer}", layer=panel.layer)
    if len(heads) == 1:
        return say("head {layer}.{head}", layer=panel.layer, head=panel.head)
    return say("the mean of {total} heads", total=len(heads))


def _is_gone(panel: Any) -> bool:
    return (panel.layer, panel.head) in map(tuple, panel.tiles.get("gone", []))


# ------------------------------------------------------------------------------------------------ what a look shows


def _head(panel: Any) -> str:
    maps = panel.maps
    visible = maps.visible
    if not visible:
        return say("Every token is hidden: show [CLS] and [SEP] again.")
    if len(panel.heads_shown()) == 1 and _is_gone(panel):
        return say(
            "Head {layer}.{head} was pruned from this model: it looks at nothing.", layer=panel.layer, head=panel.head
        )
    weights, tokens = maps.shown(), maps.units
    subject, rows = _subject(panel), [i for i in maps.chosen if i in visible]
    row = weights[rows or visible].mean(0)
    key = int(row.abs().argmax())
    whose = say(", ").join(quoted(tokens[i]["text"]) for i in rows[:3]) + (" …" if len(rows) > 3 else "")
    to, value = quoted(tokens[key]["text"]), float(row[key])
    if maps.comparing:
        said = _change(subject, whose, to, value)
    elif panel.mode in ("attention", "rollout"):
        said = _share(subject, whose, to, value)
    elif panel.mode == "norm":
        said = _norm(subject, whose, to, value)
    else:
        said = _gradient(panel, subject, whose, to, value)
    return in_a_row([said, _reads_cls(panel, rows), _without(panel)])


def _change(subject: str, whose: str, to: str, value: float) -> str:
    values = {"subject": subject, "whose": whose, "to": to, "change": ("+" if value > 0 else "") + signed(value)}
    if whose:
        return say("{subject}: for {whose} the largest change is on {to}, {change}.", **values)
    return say("{subject}: for the tokens on average the largest change is on {to}, {change}.", **values)


def _share(subject: str, whose: str, to: str, value: float) -> str:
    values = {"subject": subject, "whose": whose, "to": to, "share": percent(value)}
    if whose:
        return say("{subject} puts {share} of {whose} on {to}.", **values)
    return say(
        "{subject}: on average over all tokens, {to} gets most, {share}. Select a token to see where it looks.",
        **values,
    )


def _norm(subject: str, whose: str, to: str, value: float) -> str:
    values = {"subject": subject, "whose": whose, "to": to, "size": significant(value)}
    if whose:
        return say("{subject}: to {whose} {to} brings most, {size} (the norm of what its value adds).", **values)
    return say(
        "{subject}: to a token, on average, {to} brings most, {size} (the norm of what its value adds).", **values
    )


def _gradient(panel: Any, subject: str, whose: str, to: str, value: float) -> str:
    """Attention x gradient of the prediction that is watched; what is too small to matter is said to be so."""
    place = panel.target_place()
    watched = panel.workbench.tokens[panel.default_token if place is None else place]["text"]
    values = {"subject": subject, "whose": whose, "to": to, "watched": quoted(watched), "size": significant(value)}
    if abs(value) < LEAST_GRADIENT:
        return say(
            "{subject} hardly matters to the prediction at {watched} (at most attention × gradient {size}).", **values
        )
    if whose:
        return say(
            "{subject}: the look of {whose} at {to} matters most to the prediction at {watched} "
            "(attention × gradient {size}).",
            **values,
        )
    return say(
        "{subject}: the look of a token, on average, at {to} matters most to the prediction at {watched} "
        "(attention × gradient {size}).",
        **values,
    )


def _reads_cls(panel: Any, rows: list[int]) -> str:
    """What [CLS] is for, where it is the token that looks."""
    workbench = panel.workbench
    if len(rows) != 1 or panel.maps.units[rows[0]]["id"] != workbench.lab.tokenizer.cls_token_id:
        return ""
    return say("Its vector after the last layer is all that a head for a whole text reads (next sentence, sentiment).")


def _without(panel: Any) -> str:
    """What the switched-off heads did to the prediction; or only that they are off."""
    ablated = list(panel.workbench.ablated)
    if not ablated:
        return ""
    effect = panel.effect()
    if effect is None:
        return say("Switched off: {heads}.", heads=heads_named(ablated))
    before = max(effect["rows"], key=lambda item: item["before"])
    values = {"token": quoted(before["token"]), "moved": moved(before["before"], before["probability"])}
    if ablated == [(panel.layer, panel.head)]:
        if before["token"] == "it":
            return say("Without the head, {token} {moved}.", **values)
        return say("Without it, {token} {moved}.", **values)
    many = len(ablated) >= 3
    heads = say_n("{count} head", "{count} heads", len(ablated)) if many else heads_named(ablated)
    return say("Without {heads}, {token} {moved}.", heads=heads, **values)


def _steps(panel: Any) -> str:
    if _is_gone(panel):
        return say("Head {layer}.{head} was pruned from this model.", layer=panel.layer, head=panel.head)
    query, tokens = panel.asked_token(), panel.workbench.tokens
    cell = panel.cell(panel.layer, panel.head, query, panel.key_token)
    return say(
        "In head {layer}.{head}, q of {query} and k of {key} give {sum}, scaled {scaled}; "
        "the softmax over the row makes {share} of it.",
        layer=panel.layer,
        head=panel.head,
        query=quoted(tokens[query]["text"]),
        key=quoted(tokens[panel.key_token]["text"]),
        sum=signed(cell["product_sum"]),
        scaled=signed(cell["scaled"]),
        share=percent(cell["probability"]),
    )


def no_effect() -> str:
    """What to do where no prediction is watched."""
    return say("Mask or select a token: its prediction with and without the heads appears here.")


def _effect(panel: Any) -> str:
    if panel.effect() is None:
        return in_a_row([no_effect(), _without(panel)])
    if panel.workbench.ablated:
        return _without(panel)
    if panel.view.get("sweep"):
        return _swept(panel.view["sweep"])
    best = max(panel.effect()["rows"], key=lambda row: row["before"])
    return say(
        "Every head is on: {token} has {share} at this place.",
        token=quoted(best["token"]),
        share=percent(best["before"]),
    )


def _swept(sweep: dict) -> str:
    """The head that matters most, once every head was switched off alone."""
    known = [
        (value, layer, head)
        for layer, row in enumerate(sweep["change"])
        for head, value in enumerate(row)
        if value is not None
    ]
    value, layer, head = max(known, key=lambda one: abs(one[0]))
    token = quoted(sweep["token"])
    if abs(value) < LEAST_TOP:
        share = percent(sweep["full"])
        return say("No head alone changes {token}, {share}, by a point or more.", token=token, share=share)
    return say(
        "Head {layer}.{head} alone matters most for {token}: without it {points}.",
        layer=layer,
        head=head,
        token=token,
        points=points(value),
    )


def _no_kinds() -> str:
    return say("Kinds are those of single heads: choose the weights “attention”.")


def _kinds(panel: Any) -> str:
    if not panel.view.get("kinds"):
        return _no_kinds()
    counts = sorted(((count, name) for _, name, _, count in panel.view["kinds"]), reverse=True)
    total = sum(count for count, _ in counts)
    values = {
        "heads": say_n("{count:,} head", "{count:,} heads", total),
        "doing": say(", ").join(_doing(name, count) for count, name in counts[:3] if count),
    }
    if panel.view.get("corpus"):
        return say("Of {heads} over {sentences} sentences, {doing}.", sentences=panel.view["corpus"], **values)
    return say("Of {heads} on this sentence, {doing}.", **values)


def _doing(kind: str, count: int) -> str:
    """What so many heads of a kind do."""
    return {
        "previous": say_n("{count} looks at the token before", "{count} look at the token before", count),
        "next": say_n("{count} looks at the token after", "{count} look at the token after", count),
        "same": say_n("{count} looks at the token itself", "{count} look at the token itself", count),
        "delimiter": say_n("{count} rests on [CLS] and [SEP]", "{count} rest on [CLS] and [SEP]", count),
        "broad": say_n("{count} looks at all tokens", "{count} look at all tokens", count),
        "focused": say_n("{count} looks at few words", "{count} look at few words", count),
        "mixed": say_n("{count} does none of these alone", "{count} do none of these alone", count),
    }[kind]


def _bertviz(panel: Any) -> str:
    if panel.bertviz_view == "model":
        return say("bertviz's model view (Vig 2019) of all layers and heads; hover over a token to see where it looks.")
    if panel.bertviz_view == "neuron":
        return say(
            "bertviz's neuron view (Vig 2019) of layer {layer}; hover over a token to see where it looks.",
            layer=panel.layer,
        )
    return say(
        "bertviz's head view (Vig 2019) of layer {layer}; hover over a token to see where it looks.", layer=panel.layer
    )


# ------------------------------------------------------------------------------------------------- predict first


def gate(panel: Any) -> str:
    """The question of the predict-first gate: about the look that is shown."""
    if panel.look == "kinds":
        return say("What do most heads do?") if panel.view.get("kinds") else ""
    if panel.look == "effect" and panel.view.get("effect"):
        off, place = list(panel.workbench.ablated), panel.view["effect"]["place"]
        if not off:
            return say("Which token will be likeliest at {place}, with every head on?", place=place)
        return say("Which token will be likeliest at {place}, with {heads} off?", place=place, heads=heads_named(off))
    if panel.look == "steps":
        token, key = (panel.workbench.tokens[i]["text"] for i in (panel.asked_token(), panel.key_token))
        return say(
            "How many percent of the attention of “{token}” go to “{key}” in head {layer}.{head}?",
            token=token,
            key=key,
            layer=panel.layer,
            head=panel.head,
        )
    token = panel.maps.units[panel.maps.unit(panel.asked_token())]["text"]
    values = {"token": token, "subject": _subject_inside(panel)}
    if panel.maps.comparing or panel.mode in ("norm", "gradient"):
        return say("Which token will stand out for “{token}” in {subject}?", **values)
    return say("Which token does {subject} look at most from “{token}”?", **values)


def gate_options(panel: Any) -> list[str]:
    """What may be answered, where it can be listed."""
    if panel.look == "kinds":
        return [say(KIND_NAMES[name]) for _, name, _, _ in panel.view.get("kinds", [])]
    if panel.look in ("effect", "steps"):
        return []
    shown = panel.maps.visible
    names = [unit["text"] for i, unit in enumerate(panel.maps.units) if i in shown]
    return list(dict.fromkeys(names)) if len(names) <= 24 else []


def grade(panel: Any, guess: str) -> str:
    """One sentence that holds the guess against what the look shows."""
    graded = {"kinds": _grade_kinds, "steps": _grade_step}
    if panel.look == "effect" and panel.view.get("effect"):
        return _grade_effect(panel, guess)
    if panel.look in graded:
        return graded[panel.look](panel, guess)
    return _grade_look(panel, guess)


def _grade_kinds(panel: Any, guess: str) -> str:
    if not panel.view.get("kinds"):
        return _no_kinds()
    counts = sorted(((count, name) for _, name, _, count in panel.view["kinds"]), reverse=True)
    names = [say(KIND_NAMES[name]) for _, name in counts]
    wanted, most = guess.strip().lower(), names[0]
    if wanted not in names:
        return say("{guess} is no kind of head; most are {kind}.", guess=quoted(guess), kind=most)
    rank = names.index(wanted)
    if counts[rank][0] == counts[0][0]:
        return say("Right.")
    return say("Yours are {number}; most are {kind}.", number=counts[rank][0], kind=most)


def _grade_effect(panel: Any, guess: str) -> str:
    rows = sorted(panel.view["effect"]["rows"], key=lambda row: -row["probability"])
    names, wanted = [row["token"] for row in rows], guess.strip().lower()
    values = {"guess": quoted(guess), "token": quoted(names[0]), "share": percent(rows[0]["probability"])}
    if wanted not in names:
        return say("{guess} is not among the likeliest; {token} is first with {share}.", **values)
    rank = names.index(wanted)
    if not rank:
        return say("Right.")
    own = percent(rows[rank]["probability"])
    return say("Your {guess} has {own}; {token} is first with {share}.", own=own, **values)


def _grade_step(panel: Any, guess: str) -> str:
    share = percent(panel.cell(panel.layer, panel.head, panel.asked_token(), panel.key_token)["probability"])
    number = guessed_number(guess)
    if number is None:
        return say("{guess} is no number; it is {share}.", guess=quoted(guess), share=share)
    return say("You said {number:g} %, it is {share}.", number=number, share=share)


def _grade_look(panel: Any, guess: str) -> str:
    """A guess of the token that is looked at most, or that stands out."""
    tokens, signed_row = panel.maps.units, panel.maps.shown()[panel.maps.unit(panel.asked_token())]
    row = signed_row.abs()
    key = int(row.argmax())
    plain = panel.mode in ("attention", "rollout") and not panel.maps.comparing

    def value(i: int) -> str:
        return percent(row[i]) if plain else significant(float(signed_row[i]))

    most = {"token": quoted(tokens[key]["text"]), "value": value(key)}
    wanted = guess.strip().lower().lstrip("#")
    named = [i for i, token in enumerate(tokens) if token["text"].lower().lstrip("#") == wanted]
    if not named:
        if plain:
            return say("{guess} is not among the tokens; most goes to {token}, {value}.", guess=quoted(guess), **most)
        return say("{guess} is not among the tokens; the strongest is {token}, {value}.", guess=quoted(guess), **most)
    best = max(named, key=lambda i: float(row[i]))
    if best == key:
        return say("Right: {token}, {value}.", **most)
    own = {"guess": quoted(guess), "rank": int((row > row[best]).sum()) + 1, "own": value(best)}
    if plain:
        return say("Your {guess} is number {rank} with {own}; most goes to {token}, {value}.", **own, **most)
    return say("Your {guess} is number {rank} with {own}; the strongest is {token}, {value}.", **own, **most)
