"""What a `LayersPanel` says: a sentence about the look, the gate's question, the verdict on a guess."""

from __future__ import annotations

import math
import re
from typing import Any

from bertlab.language import mark, say, say_n

from ..panel import percent, quoted, signed, significant, state_name, where
from . import clouds, looks

NEAR = 1  # sentences by which a guess may be off


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
    said = say_n(
        "{where} these two directions hold {share} of the variance of {count:,} token; of the same numbers shuffled "
        "they hold {chance}.",
        "{where} these two directions hold {share} of the variance of {count:,} tokens; of the same numbers shuffled "
        "they hold {chance}.",
        len(view["visible"]),
        where=where(state),
        share=percent(view["explained"][state]),
        chance=percent(view["by_chance"][state]),
    )
    if not panel.workbench.selected or state == 0:
        return said
    turned, shown = looks.turned(panel)[state], panel.visible
    return say(
        "{said} {token} has a cosine of {own} with its own embedding, all on average {mean}.",
        said=said,
        token=quoted(_token(panel)),
        own=signed(float(turned[panel.place])),
        mean=signed(float(turned[shown].mean())),
    )


def _senses(panel: Any) -> str:
    view, state, count = panel.view, panel.state_number, len(panel.view["texts"])
    said = say(
        "{where} the nearest other {word} has the same sense in {right} of {count} sentences; with shuffled labels in "
        "{chance:.1f} on average, and one shuffle in twenty reaches {upper}.",
        where=where(state),
        word=quoted(panel.sense),
        right=_sentences(view["score"][state] * count),
        count=count,
        chance=count * view["chance"][state],
        upper=_sentences(view["upper"][state] * count),
    )
    if view["nearest"] is None:
        return say("{said} Put the word into your own sentence to see where it falls.", said=said)
    sense = view["senses"][view["nearest"][state]]
    return say("{said} The one in your sentence is nearest to a `{sense}` one.", said=said, sense=say(sense))


def _sentences(value: float) -> str:
    """How many sentences; with a decimal where some are in part right, since several are equally near."""
    return f"{value:.1f}".removesuffix(".0")


def _neighbours(panel: Any) -> str:
    view, state = panel.view, panel.state_number
    if "rows" not in view:
        if view.get("waiting"):
            return say("The nearest contexts appear when the search is done.")
        return say("The nearest contexts appear when you start the search.")
    rows, own = view["rows"], panel.workbench.encoding.tokens[panel.place]["text"]
    return say(
        "{where} the nearest of {tokens:,} tokens to {token} is {nearest}, with a cosine of {cosine}; two tokens of "
        "these sentences have {chance} on average. {same} of the {count} nearest are the same token.",
        where=where(state),
        tokens=view["tokens"],
        token=quoted(_token(panel)),
        nearest=quoted(rows[0]["token"]),
        cosine=signed(rows[0]["similarity"]),
        chance=signed(view["chance"]),
        same=sum(row["token"] == own for row in rows),
        count=len(rows),
    )


def _lens(panel: Any) -> str:
    rows, state = panel.view["rows"], panel.state_number
    row, last = rows[state], rows[-1]["best"][0]["token"]
    first = len(rows) - 1
    while first and rows[first - 1]["best"][0]["token"] == last:
        first -= 1
    best = row["best"][0]
    said = say(
        "Read {where}, place {place} is {token}, {share} (entropy {entropy:.1f} nats; a blind guess has {blind:.1f}).",
        where=state_name(state),
        place=panel.place,
        token=quoted(best["token"]),
        share=percent(best["probability"]),
        entropy=row["entropy"],
        blind=math.log(panel.view["vocabulary"]),
    )
    if first == 0:
        return say("{said} {token} is the first choice at every layer.", said=said, token=quoted(last))
    told = mark("{said} {token} is the first choice from layer {layer} on.")
    return say(told, said=said, token=quoted(last), layer=first - 1)


def _probes(panel: Any) -> str:
    view = panel.view
    if not view["accuracy"]:
        return say("Press the button to learn from {count} sentences what each layer holds.", count=view["sentences"])
    state = max(range(len(view["accuracy"])), key=view["accuracy"].__getitem__)
    told = {
        "where": state_name(state),
        "share": percent(view["accuracy"][state]),
        "words": view["held_out"],
        "majority": percent(view["majority"][state]),
        "control": percent(view["control"][state]),
    }
    if view["whole"]:
        return say(
            "Tags are read best {where}: {share} of {words:,} held-out words; always the most frequent tag gives "
            "{majority}, the control task {control}.",
            **told,
        )
    return say(
        "So far, tags are read best {where}: {share} of {words:,} held-out words; always the most frequent tag gives "
        "{majority}, the control task {control}.",
        **told,
    )


def _neurons(panel: Any) -> str:
    view = panel.view
    name = f"{view['layer']}.{view['neuron']}"
    said = say(
        "Neuron {neuron} is number {rank:,} of {size:,} at {token}, with an activation of {activation}.",
        neuron=name,
        rank=view["rank"],
        size=view["size"],
        token=quoted(_token(panel)),
        activation=significant(view["activation"]),
    )
    if view.get("promoted"):
        most = quoted(view["promoted"][0]["token"])
        said = say("{said} By itself it speaks most for {token}.", said=said, token=most)
    without = view.get("without")
    if not without:
        return said
    token, was, now = quoted(without["token"]), percent(without["before"]), percent(without["after"])
    if was == now:
        told = mark("{said} Without it {token}, the first choice here, stays at {share}.")
        return say(told, said=said, token=token, share=was)
    told = mark("{said} Without it {token}, the first choice here, goes from {before} to {after}.")
    return say(told, said=said, token=token, before=was, after=now)


# -------------------------------------------------------------------------------------------------------------- gate


def gate(panel: Any) -> str:
    """The question of the predict-first gate."""
    told, token = {"where": state_name(panel.state_number)}, _token(panel)
    if panel.look == "senses":
        return say(
            "In how many of {count} sentences is the nearest other “{word}” of the same sense {where}?",
            count=len(clouds.SENSES[panel.sense]),
            word=panel.sense,
            **told,
        )
    if panel.look == "neighbours":
        return say("Which token of other sentences will be nearest to “{token}” {where}?", token=token, **told)
    if panel.look == "lens":
        asked = mark("Which token does the head read at place {place} (“{token}”) {where}?")
        return say(asked, place=panel.place, token=token, **told)
    if panel.look == "probes":
        return say("Where will the tags be read best: in the embeddings, or after which layer?")
    if panel.look == "neurons":
        return say("Which token will the neuron most active at “{token}” {where} speak for?", token=token, **told)
    return say("Which token is most like its own embedding {where}?", **told)


def gate_options(panel: Any) -> list[str]:
    """What may be answered, where it can be listed."""
    if panel.look == "cloud":
        names = list(dict.fromkeys(panel.workbench.tokens[i]["text"] for i in panel.visible))
        return names if len(names) <= 24 else []
    if panel.look == "probes":
        return [_place_of(state) for state in range(panel.workbench.layer_count + 1)]
    return []


def _place_of(state: int) -> str:
    """A hidden state as an answer: "embeddings", "layer 5"."""
    return say("embeddings") if state == 0 else say("layer {layer}", layer=state - 1)


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
        return _place_of(max(range(len(view["accuracy"])), key=view["accuracy"].__getitem__))
    return None


def grade(panel: Any, guess: str) -> str:
    """One sentence that holds the guess against the numbers."""
    if "empty" in panel.view:
        return panel.answer
    if panel.look == "senses":
        return _grade_senses(panel, guess)
    if "missing" in panel.view:
        return panel.view["missing"]
    if panel.look == "neurons" and "promoted" not in panel.view:
        return say("This model has no vocabulary head to read neurons with.")
    right = _right_answer(panel)
    if right is None:
        return say("That is not known yet: start the search below.")
    if guess.strip().lower() == right.lower():
        return say("Right, it is {token}.", token=quoted(right))
    return say("You said {guess}; it is {token}.", guess=quoted(guess.strip()), token=quoted(right))


def _grade_senses(panel: Any, guess: str) -> str:
    count = len(panel.view["texts"])
    right = round(panel.view["score"][panel.state_number] * count)
    number = re.search(r"\d+", guess)
    if not number:
        told = mark("{guess} is no number; it is {right} of {count}.")
        return say(told, guess=quoted(guess), right=right, count=count)
    if abs(int(number[0]) - right) <= NEAR:
        return say("Right: it is {right} of {count}.", right=right, count=count)
    return say("You said {given}; it is {right} of {count}.", given=int(number[0]), right=right, count=count)
