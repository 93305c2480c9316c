"""What a `MaskPanel` says: the answer line of each look, the question of the gate, the verdict on a guess."""

from __future__ import annotations

from typing import Any

from bertlab.language import mark, say, say_n

from ..panel import guessed_number, percent, quoted, signed
from ..workbench import mask_id


def named(token: str) -> str:
    """A token inside a sentence; what has no letter or digit would pass for the sentence's own and gets quotes too."""
    return quoted(token) if any(map(str.isalnum, token)) else f"“{quoted(token)}”"


def sentence(panel: Any, view: dict) -> str:
    """The answer line: what the stage shows now."""
    if view.get("missing"):
        return view["missing"]
    said = _of_look(panel, view)
    if mask_id(panel.workbench) is None and _typed(panel):
        return say(
            "{said} This model has no mask token: {mask} in the text is read as ordinary pieces.",
            said=said,
            mask=quoted(MASK),
        )
    return said


def _of_look(panel: Any, view: dict) -> str:
    if panel.look == "dealer":
        return _dealt(panel.deals["tally"])
    if panel.look in ("score", "compare"):
        return _scored(view, bool(panel.workbench.text_pair))
    if panel.look == "everywhere":
        return _everywhere(view["everywhere"])
    if not view["places"]:
        return say("Click a token to mask it.")
    if panel.look == "layers":
        return _by_layer(view["places"][0], view["layers"])
    return _at_places(view["places"], view["count"])


# ------------------------------------------------------------------------------------------ a model without [MASK]

MASK = "[MASK]"


def _typed(panel: Any) -> bool:
    """Whether the text holds [MASK], letter by letter."""
    return MASK in f"{panel.workbench.text} {panel.workbench.text_pair}"


def unreadable(panel: Any) -> bool:
    """Whether the text holds a mask token for which the model has no row: nothing can be computed then."""
    workbench = panel.workbench
    return any(token["id"] >= workbench.config.vocab_size for token in workbench.encoding.tokens)


def without_mask(panel: Any) -> str:
    """Why a look has nothing to show of a model without [MASK]; empty where it has something, or the model has one."""
    if mask_id(panel.workbench) is not None:
        return ""
    if unreadable(panel):
        return say(
            "This model has no mask token, and so it cannot read {mask}, which stands in the text: put a word there.",
            mask=quoted(MASK),
        )
    if panel.look == "dealer":
        said = say("This model has no mask token that could be dealt: load a model that has one.")
    elif panel.look in ("score", "compare"):
        said = say("This model has no mask token, and without one no sentence has a score: load a model that has one.")
    elif panel.look in ("places", "layers") and not panel.places:
        said = say(
            "This model has no mask token, so no word can be hidden from it: "
            "click a token to read what the model says where it sees it."
        )
    else:
        return ""
    if _typed(panel):
        return say("{said} In the text {mask} is read as ordinary pieces.", said=said, mask=quoted(MASK))
    return said


# ------------------------------------------------------------------------------------------------ what a look shows


def _dealt(tally: dict) -> str:
    chosen = tally["mask"] + tally["random"] + tally["kept"]
    seen = chosen + tally["untouched"]
    if not seen:
        return say("There is no token to deal with: type a word.")
    tokens = say_n("{count:,} token", "{count:,} tokens", seen)
    if not chosen:
        return say("Of {tokens} none was chosen this time. Deal again.", tokens=tokens)
    return say_n(
        "Of {tokens} {share} was chosen; of these {masked} became [MASK], {random} a random token, {kept} stayed.",
        "Of {tokens} {share} were chosen; of these {masked} became [MASK], {random} a random token, {kept} stayed.",
        chosen,
        tokens=tokens,
        share=percent(chosen / seen),
        masked=percent(tally["mask"] / chosen),
        random=percent(tally["random"] / chosen),
        kept=percent(tally["kept"] / chosen),
    )


def _scored(view: dict, pair: bool) -> str:
    total = sum(row["log_probability"] for row in view["score"])
    if view.get("other"):
        other = sum(row["log_probability"] for row in view["other"])
        both = {"first": signed(total), "second": signed(other), "difference": f"{abs(total - other):.2f}"}
        if both["first"] == both["second"]:
            return say("BERT finds both sentences equally likely: {first} each.", **both)
        if total > other:
            return say(
                "{first} against {second}: BERT finds the first sentence likelier, by {difference} nats.", **both
            )
        return say("{first} against {second}: BERT finds the second sentence likelier, by {difference} nats.", **both)
    values = {"total": signed(total), "each": signed(total / max(1, len(view["score"])))}
    if len(view["score"]) > 1:
        if pair:
            return say(
                "The pseudo-log-likelihood of the first sentence is {total} nats, that is {each} a token.", **values
            )
        return say("The pseudo-log-likelihood is {total} nats, that is {each} a token.", **values)
    if pair:
        return say("The pseudo-log-likelihood of the first sentence is {total} nats.", **values)
    return say("The pseudo-log-likelihood is {total} nats.", **values)


def _everywhere(rows: list[dict]) -> str:
    right, hidden = sum(row["rank"] == 1 for row in rows), any(row["masked"] for row in rows)
    if len(rows) == 1:
        if hidden and right:
            return say("At the only place BERT's first choice is the token that stands there, or stood.")
        if hidden:
            return say("At the only place BERT's first choice is not the token that stands there, or stood.")
        if right:
            return say("At the only place BERT's first choice is the token that stands there.")
        return say("At the only place BERT's first choice is not the token that stands there.")
    values = {"right": right, "total": len(rows)}
    if hidden:
        return say(
            "BERT's first choice is the token that stands there, or stood, at {right} of {total} places.", **values
        )
    return say("BERT's first choice is the token that stands there at {right} of {total} places.", **values)


def _at_places(places: list[dict], count: int) -> str:
    place = places[0]
    best, truth = place["rows"][0], place["truth"]
    values = {"position": place["position"], "found": named(best["token"]), "share": percent(best["probability"])}
    if truth:
        values |= {"truth": named(truth["token"]), "rank": truth["rank"], "own": percent(truth["probability"])}
    if place["example"]:
        return _of_example(values)
    if truth and truth["rank"] == 1:
        said = say("BERT finds {truth} again: first choice, {own}.", **values)
    elif truth:
        said = say(
            "At place {position} BERT expects {found}, {share}. "
            "{truth}, which stood there, is number {rank:,} with {own}.",
            **values,
        )
    elif place["seen"]:
        said = say(
            "At place {position}, where it sees {seen}, BERT says {found}, {share}.",
            seen=named(place["seen"]),
            **values,
        )
    else:
        said = say("At place {position} BERT expects {found}, {share}.", **values)
    return say("{said} {count} places are masked.", said=said, count=count) if count > 1 else said


def _of_example(values: dict) -> str:
    """What stands there where nothing is masked: a word as if it were hidden."""
    if values["rank"] == 1:
        return say("If {found} were hidden, BERT would find it again, {share}. Click a token to mask it.", **values)
    return say(
        "If {truth} were hidden, BERT would expect {found}, {share}; {truth} is number {rank:,} with {own}. "
        "Click a token to mask it.",
        **values,
    )


def _by_layer(place: dict, layers: list[dict]) -> str:
    """At which layer the answer is there for the first time, and stays."""
    last = layers[-1]["best"][0]["token"]
    first = len(layers) - 1
    while first and layers[first - 1]["best"][0]["token"] == last:
        first -= 1
    if place["example"]:
        where = say("If {token} were hidden", token=named(place["truth"]["token"]))
    elif place["seen"]:
        where = say(
            "At place {position}, where BERT sees {token}", position=place["position"], token=named(place["seen"])
        )
    else:
        where = say("At place {position}", position=place["position"])
    values = {"where": where, "token": named(last), "layer": first - 1}
    if first == len(layers) - 1:
        return say("{where}, {token} is the first choice after the last layer only.", **values)
    if not first:
        return say("{where}, {token} is the first choice from the embeddings on.", **values)
    return say("{where}, {token} is the first choice from layer {layer} on.", **values)


# ------------------------------------------------------------------------------------------------- predict first

FIRST, SECOND = mark("the first"), mark("the second")


def gate(panel: Any) -> str:
    """The question of the predict-first gate: about the look that is shown."""
    view = panel.view
    if view.get("missing"):
        return ""
    if panel.look == "everywhere":
        total = len(view["everywhere"])
        if total == 1:
            return say("Will BERT's first choice be the token itself? 1 for yes, 0 for no.")
        return say("At how many of the {total} places will BERT's first choice be the token itself?", total=total)
    if panel.look == "dealer":
        return say("How many percent of the tokens will be chosen?")
    if panel.look == "compare" and view["other"]:
        return say("Which sentence will BERT find likelier?")
    if panel.look in ("score", "compare"):
        return say("Which token will surprise BERT most?")
    place = asked(panel)
    if place is None:
        return say("Mask a token first: click it in the sentence.")
    tokens = panel.workbench.encoding.tokens
    before = " ".join(token["text"] for token in tokens[max(1, place - 3) : place])
    where = say("after “{words}”", words=before) if before else say("at the beginning")
    values = {"token": tokens[place]["text"], "where": where, "place": place}
    if panel.is_example(place):
        return say("If “{token}” were hidden, which token would BERT expect there, {where} (place {place})?", **values)
    if tokens[place]["special"]:
        return say("Which token will BERT put {where} (place {place})?", **values)
    if place in panel.workbench.mask_positions:
        return say("Which token will BERT put {where}, where “{token}” stood (place {place})?", **values)
    return say("Which token will BERT put {where}, where “{token}” stands (place {place})?", **values)


def gate_options(panel: Any) -> list[str]:
    """What may be answered, where it can be listed."""
    view = panel.view
    if view.get("missing"):
        return []
    if panel.look == "compare" and view["other"]:
        return [say(FIRST), say(SECOND)]
    if panel.look in ("score", "compare"):
        names = list(dict.fromkeys(row["token"] for row in view["score"]))
        return names if len(names) <= 24 else []
    return []


def asked(panel: Any) -> int | None:
    """The place that the gate asks about: a selected one that is masked, else the first."""
    chosen = [i for i in panel.workbench.selected if i in panel.places]
    return (chosen or panel.places or [None])[0]


def grade(panel: Any, guess: str) -> str:
    """A guess held against what the look shows."""
    view = panel.view
    if view.get("empty"):
        return panel.answer
    if view.get("missing"):
        return view["missing"]
    if panel.look == "everywhere":
        return _graded_number(guess, sum(row["rank"] == 1 for row in view["everywhere"]))
    if panel.look == "dealer":
        tally = panel.deals["tally"]
        seen = sum(tally.values())
        return _graded_number(guess, 100 * (seen - tally["untouched"]) / max(1, seen), in_percent=True)
    if panel.look == "compare" and view.get("other"):
        return _graded_sentence(view, guess)
    if panel.look in ("score", "compare"):
        rows = sorted(view["score"], key=lambda row: row["log_probability"])
        names = list(dict.fromkeys(row["token"].lower() for row in rows))
        most = named(rows[0]["token"])
        if guess.strip().lower() not in names:
            return say("{guess} is not among the tokens; {token} surprises it most.", guess=named(guess), token=most)
        rank = names.index(guess.strip().lower()) + 1
        if rank == 1:
            return say("Right.")
        return say("Your {guess} is number {rank}; {token} is first.", guess=named(guess), rank=rank, token=most)
    return _graded_token(panel, guess)


def _graded_sentence(view: dict, guess: str) -> str:
    """A guess of the likelier of two sentences: as it is offered, or "first" or "second" in other words."""
    totals = [sum(row["log_probability"] for row in view[name]) for name in ("score", "other")]
    second = totals[1] > totals[0]
    offered, word = (say(SECOND), "second") if second else (say(FIRST), "first")
    if guess.strip().lower() == offered.lower() or word in guess.lower():
        return say("Right.")
    if second:
        return say("Your guess was {guess}; BERT prefers the second sentence.", guess=quoted(guess))
    return say("Your guess was {guess}; BERT prefers the first sentence.", guess=quoted(guess))


def _graded_number(guess: str, truth: float, *, in_percent: bool = False) -> str:
    def written(value: str) -> str:
        return say("{number} %", number=value) if in_percent else value

    right = written(f"{truth:.0f}")
    number = guessed_number(guess)
    if number is None:
        return say("{guess} is no number; it is {right}.", guess=quoted(guess), right=right)
    if round(number) == round(truth):
        return say("Right: {right}.", right=right)
    own = written(f"{number:g}")
    return say("You said {guess}, it is {right}.", guess=own, right=right)


def _graded_token(panel: Any, guess: str) -> str:
    place = asked(panel)
    if place is None:
        return say("Nothing is masked yet.")
    workbench = panel.workbench
    tokenizer = workbench.lab.tokenizer
    word = guess.strip().lower() if getattr(tokenizer, "do_lower_case", True) else guess.strip()
    identifier = tokenizer.convert_tokens_to_ids(word)
    if identifier is None or identifier == tokenizer.unk_token_id:
        return say("{guess} is no single token of this vocabulary.", guess=named(guess))
    probabilities = workbench.probabilities(place, workbench.hidden(place) if panel.is_example(place) else None)
    p = float(probabilities[identifier])
    rank = int((probabilities > p).sum()) + 1
    if rank == 1:
        return say("Right, {guess} is the first choice.", guess=named(guess))
    return say("Your {guess} is number {rank:,} with {share}.", guess=named(guess), rank=rank, share=percent(p))
