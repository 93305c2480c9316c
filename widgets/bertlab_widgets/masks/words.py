"""What a `MaskPanel` says: the answer line of each look, the question of the gate, the verdict on a guess."""

from __future__ import annotations

from typing import Any

from ..panel import percent, quoted, signed


def sentence(panel: Any, view: dict) -> str:
    """The answer line: what the stage shows now."""
    if panel.look == "dealer" and panel.deals:
        tally = panel.deals["tally"]
        chosen = tally["mask"] + tally["random"] + tally["kept"]
        seen = chosen + tally["untouched"]
        if not chosen:
            return f"Of {seen} tokens none was chosen this time. Deal again."
        return (
            f"Of {seen} tokens {percent(chosen / seen)} were chosen; of these {percent(tally['mask'] / chosen)} "
            "became [MASK], "
            f"{percent(tally['random'] / chosen)} a random token, {percent(tally['kept'] / chosen)} stayed."
        )
    if panel.look in ("score", "compare") and view.get("score"):
        total = sum(row["log_probability"] for row in view["score"])
        said = f"Pseudo-log-likelihood {signed(total)}, that is {signed(total / len(view['score']))} a token."
        if view.get("other"):
            other = sum(row["log_probability"] for row in view["other"])
            better = "the first" if total > other else "the second"
            said = f"{signed(total)} against {signed(other)}: BERT finds {better} sentence likelier, "
            said += f"by {abs(total - other):.2f} nats."
        return said
    if panel.look == "everywhere" and view.get("everywhere"):
        right = sum(row["rank"] == 1 for row in view["everywhere"])
        return f"BERT's first choice is the token that stands there at {right} of {len(view['everywhere'])} places."
    if not view["places"]:
        return "Click a token to mask it."
    if panel.look == "layers" and view.get("layers"):
        return _by_layer(view["places"][0], view["layers"])
    place, count = view["places"][0], view["count"]
    best, truth = place["rows"][0], place["truth"]
    if place["example"]:
        said = f"If {quoted(truth['token'])} were hidden, BERT would expect {quoted(best['token'])}, "
        said += percent(best["probability"])
        if truth["rank"] > 1:
            said += f"; {quoted(truth['token'])} is number {truth['rank']:,} with {percent(truth['probability'])}"
        return f"{said}. Click a token to mask it."
    said = f"At place {place['position']} BERT expects {quoted(best['token'])}, {percent(best['probability'])}."
    if truth and truth["rank"] == 1:
        said = f"BERT finds {quoted(truth['token'])} again: first choice, {percent(truth['probability'])}."
    elif truth:
        share = percent(truth["probability"])
        said += f" {quoted(truth['token'])}, which stood there, is number {truth['rank']:,} with {share}."
    return f"{said} {count} places are masked." if count > 1 else said


def _by_layer(place: dict, layers: list[dict]) -> str:
    """At which layer the answer is there for the first time, and stays."""
    last = layers[-1]["best"][0]["token"]
    first = len(layers) - 1
    while first and layers[first - 1]["best"][0]["token"] == last:
        first -= 1
    after = "the embeddings" if not first else f"layer {first - 1}"
    return f"At place {place['position']}, {quoted(last)} is the first choice from {after} on."


def gate(panel: Any) -> str:
    """The question of the predict-first gate."""
    place = asked(panel)
    if place is None:
        return "Mask a token first: click it in the sentence."
    tokens = panel.workbench.encoding.tokens
    around = " ".join(token["text"] for token in tokens[max(1, place - 3) : place])
    hidden = "" if tokens[place]["special"] else f", where “{tokens[place]['text']}” stood"
    return f"Which token will BERT put after “{around}”{hidden} (place {place})?"


def asked(panel: Any) -> int | None:
    """The place that the gate asks about: a selected one that is masked, else the first."""
    chosen = [i for i in panel.workbench.selected if i in panel.places]
    return (chosen or panel.places or [None])[0]


def grade(panel: Any, guess: str) -> str:
    """A guess held against the place that was asked for."""
    place = asked(panel)
    if place is None:
        return "Nothing is masked yet."
    tokenizer = panel.workbench.lab.tokenizer
    word = guess.lower() if getattr(tokenizer, "do_lower_case", True) else guess
    identifier = tokenizer.convert_tokens_to_ids(word)
    if identifier is None or identifier == tokenizer.unk_token_id:
        return f"`{guess}` is no single token of this vocabulary."
    probabilities = panel.workbench.probabilities(place, panel.hidden(place) if panel.is_example(place) else None)
    p = float(probabilities[identifier])
    rank = int((probabilities > p).sum()) + 1
    return (
        f"Right, `{guess}` is the first choice."
        if rank == 1
        else f"Your `{guess}` is number {rank:,} with {percent(p)}."
    )
