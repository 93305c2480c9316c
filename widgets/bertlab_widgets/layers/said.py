"""What a `LayersPanel` says: a sentence about the look, the gate's question, the verdict on a guess."""

from __future__ import annotations

import math
import re
from typing import Any

from ..panel import counted, percent, quoted, signed, significant
from . import clouds, looks

NEAR = 1  # sentences by which a guess may be off


def state_name(number: int) -> str:
    """Where a hidden state stands: "in the embeddings", "after layer 5"."""
    return "in the embeddings" if number == 0 else f"after layer {number - 1}"


def sentence(panel: Any) -> str:
    """The answer line: what the picture shows now."""
    view = panel.view
    if "missing" in view:
        return view["missing"]
    return {
        "cloud": _cloud,
        "senses": _senses,
        "neighbours": _neighbours,
        "lens": _lens,
        "probes": _probes,
        "neurons": _neurons,
    }[panel.look](panel)


def _token(panel: Any) -> str:
    return panel.workbench.tokens[panel.place]["text"]


def _cloud(panel: Any) -> str:
    view, state = panel.view, panel.state_number
    where = state_name(state).capitalize()
    said = (
        f"{where} these two directions hold {percent(view['explained'][state])} of the variance of "
        f"{counted(len(view['visible']), 'token')}; of the same numbers shuffled they hold "
        f"{percent(view['by_chance'][state])}."
    )
    if not panel.workbench.selected or state == 0:
        return said
    turned, shown = looks.turned(panel)[state], panel.visible
    own, mean = float(turned[panel.place]), float(turned[shown].mean())
    return (
        f"{said} {quoted(_token(panel))} has a cosine of {signed(own)} with its own embedding, all on average "
        f"{signed(mean)}."
    )


def _senses(panel: Any) -> str:
    view, state, count = panel.view, panel.state_number, len(panel.view["texts"])
    right = _sentences(view["score"][state] * count)
    said = (
        f"{state_name(state).capitalize()} the nearest other {quoted(panel.sense)} has the same sense in {right} of "
        f"{count} sentences; with shuffled labels in {count * view['chance'][state]:.1f} on average, and one shuffle "
        f"in twenty reaches {_sentences(view['upper'][state] * count)}."
    )
    if view["nearest"] is None:
        return f"{said} Put the word into your own sentence to see where it falls."
    sense = view["senses"][view["nearest"][state]]
    return f"{said} The one in your sentence is nearest to a {quoted(sense)} one."


def _sentences(value: float) -> str:
    """How many sentences; with a decimal where some are in part right, since several are equally near."""
    return f"{value:.1f}".removesuffix(".0")


def _waiting(view: dict, what: str) -> str:
    return f"{what} when the search is done." if view.get("waiting") else f"{what} when you start the search."


def _neighbours(panel: Any) -> str:
    view, state = panel.view, panel.state_number
    if "rows" not in view:
        return _waiting(view, "The nearest contexts appear")
    rows, own = view["rows"], panel.workbench.encoding.tokens[panel.place]["text"]
    same = sum(row["token"] == own for row in rows)
    best = rows[0]
    return (
        f"{state_name(state).capitalize()} the nearest of {view['tokens']:,} tokens to {quoted(_token(panel))} is "
        f"{quoted(best['token'])}, with a cosine of {signed(best['similarity'])}; two tokens of these sentences have "
        f"{signed(view['chance'])} on average. {same} of the {len(rows)} nearest are the same token."
    )


def _lens(panel: Any) -> str:
    rows, state = panel.view["rows"], panel.state_number
    row, last = rows[state], rows[-1]["best"][0]["token"]
    first = len(rows) - 1
    while first and rows[first - 1]["best"][0]["token"] == last:
        first -= 1
    best = row["best"][0]
    blind = math.log(panel.view["vocabulary"])
    return (
        f"Read {state_name(state)}, place {panel.place} is {quoted(best['token'])}, {percent(best['probability'])} "
        f"(entropy {row['entropy']:.1f} nats; a blind guess has {blind:.1f}). {quoted(last)} is the first choice "
        f"{'at every layer' if first == 0 else f'from layer {first - 1} on'}."
    )


def _probes(panel: Any) -> str:
    view = panel.view
    if not view["accuracy"]:
        return f"Press the button to learn from {view['sentences']} sentences what each layer holds."
    state = max(range(len(view["accuracy"])), key=view["accuracy"].__getitem__)
    at, control = view["accuracy"][state], view["control"][state]
    said = (
        f"Tags are read best {state_name(state)}: {percent(at)} of {view['held_out']:,} held-out words; always the "
        f"most frequent tag gives {percent(view['majority'][state])}, the control task {percent(control)}."
    )
    return said if view["whole"] else f"So far, {said[0].lower()}{said[1:]}"


def _neurons(panel: Any) -> str:
    view = panel.view
    name = f"Neuron {view['layer']}.{view['neuron']}"
    said = (
        f"{name} is number {view['rank']:,} of {view['size']:,} at {quoted(_token(panel))}, "
        f"with an activation of {significant(view['activation'])}."
    )
    if view.get("promoted"):
        said += f" By itself it speaks most for {quoted(view['promoted'][0]['token'])}."
    without = view.get("without")
    if without:
        was, now = percent(without["before"]), percent(without["after"])
        change = f"stays at {was}" if was == now else f"goes from {was} to {now}"
        said += f" Without it {quoted(without['token'])}, the first choice here, {change}."
    return said


# -------------------------------------------------------------------------------------------------------------- gate


def gate(panel: Any) -> str:
    """The question of the predict-first gate."""
    where, token = state_name(panel.state_number), _token(panel)
    return {
        "cloud": f"Which token is most like its own embedding {where}?",
        "senses": f"In how many of {len(clouds.SENSES[panel.sense])} sentences is the nearest other “{panel.sense}” "
        f"of the same sense {where}?",
        "neighbours": f"Which token of other sentences will be nearest to “{token}” {where}?",
        "lens": f"Which token does the head read at place {panel.place} (“{token}”) {where}?",
        "probes": "Where will the tags be read best: in the embeddings, or after which layer?",
        "neurons": f"Which token will the neuron most active at “{token}” {where} speak for?",
    }[panel.look]


def gate_options(panel: Any) -> list[str]:
    """What may be answered, where it can be listed."""
    if panel.look == "cloud":
        names = list(dict.fromkeys(panel.workbench.tokens[i]["text"] for i in panel.visible))
        return names if len(names) <= 24 else []
    if panel.look == "probes":
        return ["embeddings", *(f"layer {layer}" for layer in range(panel.workbench.layer_count))]
    return []


def _right_answer(panel: Any) -> str | None:
    """What was asked for, as a token; None where it is not there yet."""
    view, state = panel.view, panel.state_number
    if panel.look == "neighbours" and "rows" in view:
        return view["rows"][0]["token"]
    if panel.look == "lens" and "rows" in view:
        return view["rows"][state]["best"][0]["token"]
    if panel.look == "neurons" and view.get("promoted"):
        return view["promoted"][0]["token"]
    if panel.look == "cloud" and "missing" not in view:
        turned = looks.turned(panel)[state]
        return panel.workbench.tokens[max(panel.visible, key=lambda i: float(turned[i]))]["text"]
    if panel.look == "probes" and view["accuracy"]:
        best = max(range(len(view["accuracy"])), key=view["accuracy"].__getitem__)
        return "embeddings" if best == 0 else f"layer {best - 1}"
    return None


def grade(panel: Any, guess: str) -> str:
    """One sentence that holds the guess against the numbers."""
    if panel.look == "senses":
        count = len(panel.view["texts"])
        right = round(panel.view["score"][panel.state_number] * count)
        number = re.search(r"\d+", guess)
        if not number:
            return f"{quoted(guess)} is no number; it is {right} of {count}."
        given = int(number[0])
        return (
            f"Right: it is {right} of {count}."
            if abs(given - right) <= NEAR
            else f"You said {given}; it is {right} of {count}."
        )
    right = _right_answer(panel)
    if right is None:
        return "That is not known yet: start the search below."
    if guess.strip().lower() == right.lower():
        return f"Right, it is {quoted(right)}."
    return f"You said {quoted(guess.strip())}; it is {quoted(right)}."
