"""The sentences of an `EmbeddingPanel`, and what it asks first."""

from __future__ import annotations

from typing import Any

from ..panel import counted, percent, quoted, significant

NAMES = {"word": "word", "position": "position", "token_type": "segment", "sum": "sum", "hidden": "after LayerNorm"}
SAME = 1e-5  # what counts as the same output, in proportion to the largest number


def answer(panel: Any) -> str:
    """What the look shows, in one or two sentences."""
    return {"parts": _parts, "positions": _positions, "order": _order, "neighbours": _neighbours}[panel.look](panel)


def _parts(panel: Any) -> str:
    rows, place = panel.measures.rows(), panel.place()
    row = rows[place]
    names = [name for name in ("word", "position", "token_type") if name in row]
    shares = ", ".join(f"{signed_percent(row[f'{name}_share'])} {NAMES[name]}" for name in names)
    spread = max(r["hidden"] for r in rows) / max(1e-12, min(r["hidden"] for r in rows))
    said = f"The sum for {quoted(row['token'])} is {shares}. LayerNorm makes its length "
    said += f"{significant(row['sum'])} into {significant(row['hidden'])}; the longest token is then "
    return said + f"{significant(spread)} times the shortest."


def signed_percent(share: float) -> str:
    """A share that may be negative."""
    return f"{'−' if share < 0 else ''}{percent(abs(share))}"


def _positions(panel: Any) -> str:
    if not panel.measures.has_positions:
        return "This model has no position vectors: it measures distances inside attention."
    means, row = panel.measures.by_distance(), panel.measures.likeness()[panel.position]
    near, far = means[1] if len(means) > 1 else 1.0, far_apart(means)
    order = row.argsort(descending=True).tolist()
    best = next((i for i in order if i != panel.position), panel.position)
    said = f"Position {panel.position} is most like position {best}, cosine {significant(float(row[best]))}. "
    said += f"Over all {len(row)} positions the cosine of neighbours is {significant(near)} in the mean, "
    return said + f"of those half the table apart {significant(far)}."


def far_apart(means: list[float]) -> float:
    """The mean cosine of positions half the table apart."""
    return means[len(means) // 2]


def _order(panel: Any) -> str:
    order = panel.order()
    moves = panel.measures.moves(order)
    moved = [move for move in moves if move["moved_to"] != move["place"]]
    if not moved:
        return "No token has moved: the text is as it was."
    mean = sum(move["cosine"] for move in moves) / len(moves)
    others = panel.measures.others(order)
    said = (
        f"{counted(len(moved), 'token')} moved. With positions the outputs keep cosine {significant(mean)} in the mean"
    )
    said += "" if others is None else f" (different tokens: {significant(others)})"
    if moves[0]["distance_without_positions"] is None:
        return f"{said}. This model has no position vectors to take away."
    worst = tiny(max(move["distance_without_positions"] for move in moves))
    verdict = f"the same set of outputs, to {worst}" if same(panel) else f"outputs that differ by up to {worst}"
    return f"{said}. Without: {verdict}."


def tiny(value: float) -> str:
    """A small number for an audience: "0.0000012", "a millionth"."""
    return "0" if value == 0 else f"{value:.7f}".rstrip("0") if value >= 1e-6 else "a millionth"


def same(panel: Any) -> bool:
    """Whether without positions every token gets the output that it had."""
    found = panel.measures.rearranged(panel.order(), False)
    return float(found.distance.max()) <= SAME * max(1.0, float(found.before.abs().max()))


def _neighbours(panel: Any) -> str:
    columns = panel.columns()
    if not columns:
        return "Select a token of the text to see which words have vectors like its own."
    best, chance = columns[0]["rows"][0], panel.measures.by_chance()
    said = f"Nearest to the vector of {quoted(columns[0]['token'])} is that of {quoted(best['token'])}, cosine "
    return said + f"{significant(best['cosine'])}; two words drawn by chance have {significant(chance)} in the mean."


def gate(panel: Any) -> tuple[str, list[str]]:
    """What is asked before the stage is shown, and what may be answered."""
    if panel.look == "positions":
        return "To which positions is a position more alike?", ["its neighbours", "those far away"]
    if panel.look == "order":
        return "Without position vectors, how many outputs change when the words move?", ["none", "some", "all"]
    place = panel.place()
    token = panel.workbench.tokens[place]["text"]
    if panel.look == "neighbours":
        columns = panel.columns()
        return f"Which word's vector is nearest to that of `{columns[0]['token'] if columns else token}`?", []
    names = [NAMES[name] for name in panel.measures.parts.named()]
    return f"Which part of `{token}` (place {place}) is the longest?", names


def grade(panel: Any, guess: str) -> str:
    """The guess against the numbers."""
    if panel.look == "positions":
        if not panel.measures.has_positions:
            return "This model has no position vectors."
        means = panel.measures.by_distance()
        near, far = means[min(1, len(means) - 1)], far_apart(means)
        true = "its neighbours" if near >= far else "those far away"
        return _held(guess, true, f"{significant(near)} against {significant(far)}")
    if panel.look == "order":
        if not panel.measures.has_positions:
            return "This model has no position vectors to take away."
        found = panel.measures.rearranged(panel.order(), False)
        changed = int((found.distance > SAME * max(1.0, float(found.before.abs().max()))).sum())
        true = "none" if not changed else "all" if changed == len(found.before) else "some"
        return _held(guess, true, f"{changed} of {len(found.before)}")
    if panel.look == "neighbours":
        columns = panel.columns()
        if not columns:
            return "No token is selected."
        rows = columns[0]["rows"]
        rank = next((i for i, row in enumerate(rows, 1) if row["token"].lower() == guess.strip().lower()), None)
        if rank == 1:
            return f"Right: {quoted(rows[0]['token'])}."
        told = f"number {rank}" if rank else f"not among the nearest {len(rows)}"
        return f"Your {quoted(guess)} is {told}; the nearest is {quoted(rows[0]['token'])}."
    row = panel.measures.rows()[panel.place()]
    names = list(panel.measures.parts.named())
    best = max(names, key=lambda name: row[name])
    return _held(guess, NAMES[best], f"length {significant(row[best])}")


def _held(guess: str, true: str, told: str) -> str:
    return f"{'Right' if guess.strip() == true else 'No'}: {true}, {told}."
