"""The sentences of an `EmbeddingPanel`, and what it asks first."""

from __future__ import annotations

from typing import Any

from bertlab.language import mark, say, say_n

from ..panel import percent, quoted, significant

NAMES = {
    "word": mark("word"),
    "position": mark("position"),
    "token_type": mark("segment"),
    "sum": mark("sum"),
    "hidden": mark("after LayerNorm"),
}
SAME = 1e-5  # what counts as the same output, in proportion to the largest number


def answer(panel: Any) -> str:
    """What the look shows, in one or two sentences."""
    return {"parts": _parts, "positions": _positions, "order": _order, "neighbours": _neighbours}[panel.look](panel)


def _parts(panel: Any) -> str:
    rows, place = panel.measures.rows(), panel.place()
    row = rows[place]
    names = [name for name in ("word", "position", "token_type") if name in row]
    each = [say("{share} {part}", share=signed_percent(row[f"{name}_share"]), part=say(NAMES[name])) for name in names]
    spread = max(r["hidden"] for r in rows) / max(1e-12, min(r["hidden"] for r in rows))
    return say(
        "The sum for {token} is {shares}. LayerNorm makes its length {before} into {after}; the longest token is then "
        "{spread} times the shortest.",
        token=quoted(row["token"]),
        shares=say(", ").join(each),
        before=significant(row["sum"]),
        after=significant(row["hidden"]),
        spread=significant(spread),
    )


def signed_percent(share: float) -> str:
    """A share that may be negative."""
    return f"{'−' if share < 0 else ''}{percent(abs(share))}"


def _positions(panel: Any) -> str:
    if not panel.measures.has_positions:
        return say("This model has no position vectors: it measures distances inside attention.")
    means, row = panel.measures.by_distance(), panel.measures.likeness()[panel.position]
    order = row.argsort(descending=True).tolist()
    best = next((i for i in order if i != panel.position), panel.position)
    return say(
        "Position {position} is most like position {other}, cosine {cosine}. Over all {count} positions the cosine of "
        "neighbours is {near} in the mean, of those half the table apart {far}.",
        position=panel.position,
        other=best,
        cosine=significant(float(row[best])),
        count=len(row),
        near=significant(means[1] if len(means) > 1 else 1.0),
        far=significant(far_apart(means)),
    )


def far_apart(means: list[float]) -> float:
    """The mean cosine of positions half the table apart."""
    return means[len(means) // 2]


def _order(panel: Any) -> str:
    order = panel.order()
    moves = panel.measures.moves(order)
    moved = [move for move in moves if move["moved_to"] != move["place"]]
    if not moved:
        return say("No token has moved: the text is as it was.")
    mean = significant(sum(move["cosine"] for move in moves) / len(moves))
    others = panel.measures.others(order)
    if others is not None:
        mean = say("{mean} in the mean (different tokens: {others})", mean=mean, others=significant(others))
    else:
        mean = say("{mean} in the mean", mean=mean)
    said = say_n(
        "{count:,} token moved. With positions the outputs keep cosine {mean}.",
        "{count:,} tokens moved. With positions the outputs keep cosine {mean}.",
        len(moved),
        mean=mean,
    )
    if moves[0]["distance_without_positions"] is None:
        return say("{said} This model has no position vectors to take away.", said=said)
    worst = tiny(max(move["distance_without_positions"] for move in moves))
    if same(panel):
        return say("{said} Without: the same set of outputs, to {worst}.", said=said, worst=worst)
    return say("{said} Without: outputs that differ by up to {worst}.", said=said, worst=worst)


def tiny(value: float) -> str:
    """A small number for an audience: "0.0000012", "a millionth"."""
    return "0" if value == 0 else f"{value:.7f}".rstrip("0") if value >= 1e-6 else say("a millionth")


def same(panel: Any) -> bool:
    """Whether without positions every token gets the output that it had."""
    found = panel.measures.rearranged(panel.order(), False)
    return float(found.distance.max()) <= SAME * max(1.0, float(found.before.abs().max()))


def _neighbours(panel: Any) -> str:
    columns = panel.columns()
    best = columns[0]["rows"][0]
    return say(
        "Nearest to the vector of {token} is that of {nearest}, cosine {cosine}; two words drawn by chance have "
        "{chance} in the mean.",
        token=quoted(columns[0]["token"]),
        nearest=quoted(best["token"]),
        cosine=significant(best["cosine"]),
        chance=significant(panel.measures.by_chance()),
    )


# -------------------------------------------------------------------------------------------------------------- gate


def gate(panel: Any) -> tuple[str, list[str]]:
    """What is asked before the stage is shown, and what may be answered."""
    if panel.look == "positions":
        return say("To which positions is a position more alike?"), [say("its neighbours"), say("those far away")]
    if panel.look == "order":
        asked = say("Without position vectors, how many outputs change when the words move?")
        return asked, [say("none"), say("some"), say("all")]
    if panel.look == "neighbours":
        return say("Which word's vector is nearest to that of `{token}`?", token=panel.columns()[0]["token"]), []
    place = panel.place()
    asked = mark("Which part of `{token}` (place {place}) is the longest?")
    names = [say(NAMES[name]) for name in panel.measures.parts.named()]
    return say(asked, token=panel.workbench.tokens[place]["text"], place=place), names


def grade(panel: Any, guess: str) -> str:
    """The guess against the numbers."""
    return {
        "parts": _grade_parts,
        "positions": _grade_positions,
        "order": _grade_order,
        "neighbours": _grade_neighbours,
    }[panel.look](panel, guess)


def _grade_parts(panel: Any, guess: str) -> str:
    row = panel.measures.rows()[panel.place()]
    best = max(panel.measures.parts.named(), key=lambda name: row[name])
    return _held(guess, say(NAMES[best]), say("length {length}", length=significant(row[best])))


def _grade_positions(panel: Any, guess: str) -> str:
    if not panel.measures.has_positions:
        return say("This model has no position vectors.")
    means = panel.measures.by_distance()
    near, far = means[min(1, len(means) - 1)], far_apart(means)
    true = say("its neighbours") if near >= far else say("those far away")
    return _held(guess, true, say("{near} against {far}", near=significant(near), far=significant(far)))


def _grade_order(panel: Any, guess: str) -> str:
    if not panel.measures.has_positions:
        return say("This model has no position vectors to take away.")
    found = panel.measures.rearranged(panel.order(), False)
    changed, count = int((found.distance > SAME * max(1.0, float(found.before.abs().max()))).sum()), len(found.before)
    true = say("none") if not changed else say("all") if changed == count else say("some")
    return _held(guess, true, say("{changed} of {count}", changed=changed, count=count))


def _grade_neighbours(panel: Any, guess: str) -> str:
    rows, wanted = panel.columns()[0]["rows"], guess.strip().lower()
    best = quoted(rows[0]["token"])
    rank = next((i for i, row in enumerate(rows, 1) if row["token"].lower() == wanted), None)
    if rank == 1:
        return say("Right: {token}.", token=best)
    if rank:
        told = mark("Your {guess} is number {rank}; the nearest is {token}.")
        return say(told, guess=quoted(guess), rank=rank, token=best)
    told = mark("Your {guess} is not among the nearest {count}; the nearest is {token}.")
    return say(told, guess=quoted(guess), count=len(rows), token=best)


def _held(guess: str, true: str, told: str) -> str:
    if guess.strip() == true:
        return say("Right: {answer}, {numbers}.", answer=true, numbers=told)
    return say("No: {answer}, {numbers}.", answer=true, numbers=told)
