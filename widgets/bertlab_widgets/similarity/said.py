"""What a `SimilarityPanel` says: a sentence about the look, the gate's question, the verdict on a guess."""

from __future__ import annotations

import re
from typing import Any

import torch

from ..panel import percent, quoted, shortened, signed, significant

QUOTED = 48  # characters of a sentence in a sentence
NEAR = 0.05  # how near to the cosine a guess is right


def state_name(panel: Any, number: int | None = None) -> str:
    """Where a hidden state stands: "in the embeddings", "after layer 5"."""
    number = panel.state_number if number is None else number
    return "in the embeddings" if number == 0 else f"after layer {number - 1}"


def sentence(panel: Any) -> str:
    """The answer line: what the picture shows now."""
    return _list(panel) if panel.look == "list" else _pairs(panel)


def _pairs(panel: Any) -> str:
    found = panel.measures.pairs()
    cosine, cells = found["cosines"][panel.state_number], found["cells"][panel.state_number]
    where = state_name(panel).capitalize()
    if not panel.workbench.text_pair:
        said = f"{where} the sentence has a cosine of {signed(cosine)} with itself, as everything has."
        return f"{said} Type a second sentence above."
    said = f"{where} the cosine of the two sentences is {signed(cosine)}{_against(panel, cosine)}."
    chosen = _chosen(panel, found, cells, cosine)
    return f"{said} {chosen or _strongest(panel, found, cells)}"


def _against(panel: Any, cosine: float) -> str:
    """What unrelated sentences get at this layer: a cosine by itself says little."""
    unrelated = panel.measures.unrelated()
    if unrelated is None:
        return ""
    here = unrelated[panel.state_number]
    above = int((here >= cosine).sum())
    share = f"{above or 'none'} of {len(here)} such pairs {'gets' if above < 2 else 'get'} as much or more"
    return f"; unrelated sentences get {signed(float(here.mean()))} on average, and {share}"


def _chosen(panel: Any, found: dict, cells: torch.Tensor, cosine: float) -> str:
    """What the selected tokens give."""
    marks = [panel.view_marks[i] for i in panel.workbench.selected]
    rows = sorted({row for row, _ in marks if row >= 0})
    columns = sorted({column for _, column in marks if column >= 0})
    if not rows and not columns:
        return ""
    part = cells[rows] if rows else cells
    part = part[:, columns] if columns else part
    value = float(part.sum())
    share = f" ({percent(value / cosine)} of it)" if cosine > 0.01 and value > 0 else ""
    names = [" ".join(quoted(found[side][i]) for i in places[:3]) for side, places in (("a", rows), ("b", columns))]
    if rows and columns:
        return f"{names[0]} with {names[1]} gives {significant(value)}{share}."
    return f"{names[0] or names[1]} with the whole other sentence gives {significant(value)}{share}."


def _strongest(panel: Any, found: dict, cells: torch.Tensor) -> str:
    """The pair of words that gives most, and what all pairs with [CLS] or [SEP] give together."""
    if panel.pooling in ("cls", "pooler"):
        return "All of it comes from one pair, [CLS] and [CLS]."
    special = panel.measures.special()
    rows, columns = (
        [i for i, name in enumerate(found[side]) if i not in own and any(map(str.isalnum, name))]
        for side, own in zip(("a", "b"), special, strict=True)
    )
    if not rows or not columns:
        return ""
    words = cells[rows][:, columns]
    at = divmod(int(words.argmax()), len(columns))
    value, names = float(words[at]), (quoted(found["a"][rows[at[0]]]), quoted(found["b"][columns[at[1]]]))
    others = torch.zeros_like(cells, dtype=torch.bool)
    others[special[0]] = True
    others[:, special[1]] = True
    said = f"Of pairs of words {names[0]} and {names[1]} give most, {significant(value)}"
    return f"{said}; all pairs with a special token give {signed(float(cells[others].sum()))} together."


def _list(panel: Any) -> str:
    matrices, texts = panel.measures.matrices(), panel.measures.listed
    if matrices is None:
        return "The sentences are being measured."
    if len(texts) < 2:
        return "Write more sentences into the list, one a line."
    i, j = panel.chosen_pair()
    cosine = float(matrices[panel.state_number, i, j])
    names = f"“{shortened(texts[i], QUOTED)}” and “{shortened(texts[j], QUOTED)}”"
    chosen = bool(panel.cell) and [i, j] == list(panel.cell)
    verb = "have" if chosen else "are most alike with"
    said = f"{names} {verb} a cosine of {signed(cosine)} {state_name(panel)}"
    return f"{said}{_against(panel, cosine)}."


def nearest(panel: Any) -> int:
    """The sentence of the list that is nearest to its first one."""
    row = panel.measures.matrices()[panel.state_number, 0].clone()
    row[0] = -2
    return int(row.argmax())


def gate(panel: Any) -> str:
    """The question of the predict-first gate."""
    where = state_name(panel)
    if panel.look == "list":
        return f"Which sentence is nearest to “{shortened(panel.measures.listed[0], QUOTED)}” {where}?"
    unrelated = panel.measures.unrelated()
    hint = (
        "" if unrelated is None else f" Unrelated sentences get {signed(float(unrelated[panel.state_number].mean()))}:"
    )
    return f"The cosine of two sentences is at most 1.{hint} what do these two get {where}?"


def grade(panel: Any, guess: str) -> str:
    """One sentence that holds the guess against the numbers."""
    if panel.look == "list":
        texts, best = panel.measures.listed, nearest(panel)
        cosine = float(panel.measures.matrices()[panel.state_number, 0, best])
        if guess.strip() == texts[best]:
            return f"Right, with a cosine of {signed(cosine)}."
        return f"Nearest is “{shortened(texts[best], QUOTED)}”, with a cosine of {signed(cosine)}."
    cosine = panel.measures.pairs()["cosines"][panel.state_number]
    number = re.fullmatch(r"\s*([+−-]?\d*[.,]?\d+)\s*", guess)
    if not number:
        return f"{quoted(guess)} is no number; the cosine is {signed(cosine)}."
    value = float(number[1].replace(",", ".").replace("−", "-"))
    if abs(value - cosine) <= NEAR:
        return f"Right: it is {signed(cosine)}, and you said {signed(value)}."
    return f"Your {signed(value)} is {abs(value - cosine):.2f} too {'high' if value > cosine else 'low'}."
