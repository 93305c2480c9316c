"""What a `MaskPanel` says: the answer line of each look, the question of the gate, the verdict on a guess."""

from __future__ import annotations

from typing import Any

from ..panel import counted, percent, quoted, signed


def sentence(panel: Any, view: dict) -> str:
    """The answer line: what the stage shows now."""
    if view.get("missing"):
        return view["missing"]
    if panel.look == "dealer":
        return _dealt(panel.deals["tally"])
    if panel.look in ("score", "compare"):
        return _scored(view, bool(panel.workbench.text_pair))
    if panel.look == "everywhere":
        return _everywhere(view["everywhere"])
    if not view["places"]:
        return "Click a token to mask it."
    if panel.look == "layers":
        return _by_layer(view["places"][0], view["layers"])
    return _at_places(view["places"], view["count"])


def _dealt(tally: dict) -> str:
    chosen = tally["mask"] + tally["random"] + tally["kept"]
    seen = chosen + tally["untouched"]
    if not seen:
        return "There is no token to deal with: type a word."
    if not chosen:
        return f"Of {counted(seen, 'token')} none was chosen this time. Deal again."
    return (
        f"Of {counted(seen, 'token')} {percent(chosen / seen)} {'was' if chosen == 1 else 'were'} chosen; of these "
        f"{percent(tally['mask'] / chosen)} became [MASK], {percent(tally['random'] / chosen)} a random token, "
        f"{percent(tally['kept'] / chosen)} stayed."
    )


def _scored(view: dict, pair: bool) -> str:
    total = sum(row["log_probability"] for row in view["score"])
    if view.get("other"):
        other = sum(row["log_probability"] for row in view["other"])
        if signed(total) == signed(other):
            return f"BERT finds both sentences equally likely: {signed(total)} each."
        better = "the first" if total > other else "the second"
        said = f"{signed(total)} against {signed(other)}: BERT finds {better} sentence likelier, "
        return f"{said}by {abs(total - other):.2f} nats."
    which = " of the first sentence" if pair else ""
    said = f"The pseudo-log-likelihood{which} is {signed(total)} nats"
    return said + (f", that is {signed(total / len(view['score']))} a token." if len(view["score"]) > 1 else ".")


def _everywhere(rows: list[dict]) -> str:
    right, hidden = sum(row["rank"] == 1 for row in rows), any(row["masked"] for row in rows)
    what = "the token that stands there, or stood," if hidden else "the token that stands there"
    if len(rows) == 1:
        return f"At the only place BERT's first choice is {'' if right else 'not '}{what.rstrip(',')}."
    return f"BERT's first choice is {what} at {right} of {len(rows)} places."


def _at_places(places: list[dict], count: int) -> str:
    place = places[0]
    best, truth = place["rows"][0], place["truth"]
    found, share = quoted(best["token"]), percent(best["probability"])
    if place["example"]:
        if truth["rank"] == 1:
            said = f"If {found} were hidden, BERT would find it again, {share}"
        else:
            said = f"If {quoted(truth['token'])} were hidden, BERT would expect {found}, {share}"
            said += f"; {quoted(truth['token'])} is number {truth['rank']:,} with {percent(truth['probability'])}"
        return f"{said}. Click a token to mask it."
    if truth and truth["rank"] == 1:
        said = f"BERT finds {quoted(truth['token'])} again: first choice, {percent(truth['probability'])}."
    elif truth:
        said = f"At place {place['position']} BERT expects {found}, {share}. {quoted(truth['token'])}, which stood "
        said += f"there, is number {truth['rank']:,} with {percent(truth['probability'])}."
    elif place["seen"]:
        said = f"At place {place['position']}, where it sees {quoted(place['seen'])}, BERT says {found}, {share}."
    else:
        said = f"At place {place['position']} BERT expects {found}, {share}."
    return f"{said} {count} places are masked." if count > 1 else said


def _by_layer(place: dict, layers: list[dict]) -> str:
    """At which layer the answer is there for the first time, and stays."""
    last = layers[-1]["best"][0]["token"]
    first = len(layers) - 1
    while first and layers[first - 1]["best"][0]["token"] == last:
        first -= 1
    if place["example"]:
        where = f"If {quoted(place['truth']['token'])} were hidden"
    else:
        seen = f", where BERT sees {quoted(place['seen'])}" if place["seen"] else ""
        where = f"At place {place['position']}{seen}"
    if first == len(layers) - 1:
        return f"{where}, {quoted(last)} is the first choice after the last layer only."
    after = "the embeddings" if not first else f"layer {first - 1}"
    return f"{where}, {quoted(last)} is the first choice from {after} on."


# ------------------------------------------------------------------------------------------------- predict first


def gate(panel: Any) -> str:
    """The question of the predict-first gate: about the look that is shown."""
    view = panel.view
    if view.get("missing"):
        return ""
    if panel.look == "everywhere":
        return f"At how many of the {len(view['everywhere'])} places will BERT's first choice be the token itself?"
    if panel.look == "dealer":
        return "How many percent of the tokens will be chosen?"
    if panel.look == "compare" and view["other"]:
        return "Which sentence will BERT find likelier?"
    if panel.look in ("score", "compare"):
        return "Which token will surprise BERT most?"
    place = asked(panel)
    if place is None:
        return "Mask a token first: click it in the sentence."
    tokens = panel.workbench.encoding.tokens
    before = " ".join(token["text"] for token in tokens[max(1, place - 3) : place])
    where = f"after “{before}”" if before else "at the beginning"
    token, example = tokens[place], panel.is_example(place)
    if example:
        return f"If “{token['text']}” were hidden, which token would BERT expect there, {where} (place {place})?"
    stood = "" if token["special"] else f", where “{token['text']}” {'stood' if _is_masked(panel, place) else 'stands'}"
    return f"Which token will BERT put {where}{stood} (place {place})?"


def _is_masked(panel: Any, place: int) -> bool:
    return place in panel.workbench.mask_positions


def gate_options(panel: Any) -> list[str]:
    """What may be answered, where it can be listed."""
    view = panel.view
    if view.get("missing"):
        return []
    if panel.look == "compare" and view["other"]:
        return ["the first", "the second"]
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
    if panel.look == "everywhere":
        return _graded_number(guess, sum(row["rank"] == 1 for row in view["everywhere"]), "")
    if panel.look == "dealer":
        tally = panel.deals["tally"]
        seen = sum(tally.values())
        return _graded_number(guess, 100 * (seen - tally["untouched"]) / max(1, seen), " %")
    if panel.look == "compare" and view.get("other"):
        totals = [sum(row["log_probability"] for row in view[name]) for name in ("score", "other")]
        better = "second" if totals[1] > totals[0] else "first"
        right = better in guess.lower()
        return "Right." if right else f"Your guess was {quoted(guess)}; BERT prefers the {better} sentence."
    if panel.look in ("score", "compare"):
        rows = sorted(view["score"], key=lambda row: row["log_probability"])
        names = list(dict.fromkeys(row["token"].lower() for row in rows))
        if guess.strip().lower() not in names:
            return f"{quoted(guess)} is not among the tokens; {quoted(rows[0]['token'])} surprises it most."
        rank = names.index(guess.strip().lower()) + 1
        return "Right." if rank == 1 else f"Your {quoted(guess)} is number {rank}; {quoted(rows[0]['token'])} is first."
    return _graded_token(panel, guess)


def _graded_number(guess: str, truth: float, unit: str) -> str:
    try:
        number = float(guess.replace("%", "").replace(",", ".").strip())
    except ValueError:
        return f"{quoted(guess)} is no number; it is {truth:.0f}{unit}."
    if round(number) == round(truth):
        return f"Right: {truth:.0f}{unit}."
    return f"You said {number:g}{unit}, it is {truth:.0f}{unit}."


def _graded_token(panel: Any, guess: str) -> str:
    place = asked(panel)
    if place is None:
        return "Nothing is masked yet."
    workbench = panel.workbench
    tokenizer = workbench.lab.tokenizer
    word = guess.strip().lower() if getattr(tokenizer, "do_lower_case", True) else guess.strip()
    identifier = tokenizer.convert_tokens_to_ids(word)
    if identifier is None or identifier == tokenizer.unk_token_id:
        return f"{quoted(guess)} is no single token of this vocabulary."
    probabilities = workbench.probabilities(place, workbench.hidden(place) if panel.is_example(place) else None)
    p = float(probabilities[identifier])
    rank = int((probabilities > p).sum()) + 1
    if rank == 1:
        return f"Right, {quoted(guess)} is the first choice."
    return f"Your {quoted(guess)} is number {rank:,} with {percent(p)}."
