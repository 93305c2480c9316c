"""What a `SimilarityPanel` says: a sentence about the look, the gate's question, the verdict on a guess."""

from __future__ import annotations

import re
from typing import Any

import torch

from bertlab.language import mark, say, say_n

from ..panel import percent, quoted, shortened, signed, significant, state_name, where

QUOTED = 48  # characters of a sentence in a sentence
NEAR = 0.05  # how near to the cosine a guess is right


def sentence(panel: Any) -> str:
    """The answer line: what the picture shows now."""
    return _list(panel) if panel.look == "list" else _pairs(panel)


def _pairs(panel: Any) -> str:
    found, state = panel.measures.pairs(), panel.state_number
    cosine, cells = found["cosines"][state], found["cells"][state]
    if not panel.workbench.text_pair:
        return say(
            "{where} the sentence has a cosine of {cosine} with itself, as everything has. "
            "Type a second sentence above.",
            where=where(state),
            cosine=signed(cosine),
        )
    told = {"where": where(state), "cosine": signed(cosine), "others": _against(panel, cosine)}
    said = say("{where} the cosine of the two sentences is {cosine}{others}.", **told)
    more = _chosen(panel, found, cells, cosine) or _strongest(panel, found, cells)
    return say("{said} {more}", said=said, more=more) if more else said


def _against(panel: Any, cosine: float) -> str:
    """What unrelated sentences get at this layer: a cosine by itself says little."""
    unrelated = panel.measures.unrelated()
    if unrelated is None:
        return ""
    here = unrelated[panel.state_number]
    above, told = int((here >= cosine).sum()), {"mean": signed(float(here.mean())), "pairs": len(here)}
    if not above:
        return say(
            "; unrelated sentences get {mean} on average, and none of {pairs} such pairs gets as much or more", **told
        )
    return say_n(
        "; unrelated sentences get {mean} on average, and {count} of {pairs} such pairs gets as much or more",
        "; unrelated sentences get {mean} on average, and {count} of {pairs} such pairs get as much or more",
        above,
        **told,
    )


def _chosen(panel: Any, found: dict, cells: torch.Tensor, cosine: float) -> str:
    """What the selected tokens give."""
    marks = [panel.view_marks[i] for i in panel.workbench.selected]
    rows = sorted({row for row, _ in marks if row >= 0})
    columns = sorted({column for _, column in marks if column >= 0})
    if not rows and not columns:
        return ""
    part = cells[rows] if rows else cells
    part = part[:, columns] if columns else part
    gives = significant(float(part.sum()))
    if cosine > 0.01 and part.sum() > 0:
        gives = say("{value} ({share} of it)", value=gives, share=percent(float(part.sum()) / cosine))
    a, b = (" ".join(quoted(found[side][i]) for i in places[:3]) for side, places in (("a", rows), ("b", columns)))
    if rows and columns:
        return say("{a} with {b} gives {value}.", a=a, b=b, value=gives)
    return say("{tokens} with the whole other sentence gives {value}.", tokens=a or b, value=gives)


def _strongest(panel: Any, found: dict, cells: torch.Tensor) -> str:
    """The pair of words that gives most, and what all pairs with [CLS] or [SEP] give together."""
    if panel.pooling in ("cls", "pooler"):
        return say("All of it comes from one pair, [CLS] and [CLS].")
    special = panel.measures.special()
    rows, columns = (
        [i for i, name in enumerate(found[side]) if i not in own and any(map(str.isalnum, name))]
        for side, own in zip(("a", "b"), special, strict=True)
    )
    if not rows or not columns:
        return ""
    words = cells[rows][:, columns]
    at = divmod(int(words.argmax()), len(columns))
    others = torch.zeros_like(cells, dtype=torch.bool)
    others[special[0]] = True
    others[:, special[1]] = True
    return say(
        "Of pairs of words {a} and {b} give most, {value}; all pairs with a special token give {others} together.",
        a=quoted(found["a"][rows[at[0]]]),
        b=quoted(found["b"][columns[at[1]]]),
        value=significant(float(words[at])),
        others=signed(float(cells[others].sum())),
    )


def _list(panel: Any) -> str:
    matrices, texts = panel.measures.matrices(), panel.measures.listed
    if matrices is None:
        return say("The sentences are being measured.")
    if len(texts) < 2:
        return say("Write more sentences into the list, one a line.")
    i, j = panel.chosen_pair()
    cosine = float(matrices[panel.state_number, i, j])
    told = {
        "a": shortened(texts[i], QUOTED),
        "b": shortened(texts[j], QUOTED),
        "cosine": signed(cosine),
        "where": state_name(panel.state_number),
        "others": _against(panel, cosine),
    }
    if panel.cell and [i, j] == list(panel.cell):
        return say("“{a}” and “{b}” have a cosine of {cosine} {where}{others}.", **told)
    return say("“{a}” and “{b}” are most alike with a cosine of {cosine} {where}{others}.", **told)


def nearest(panel: Any) -> int:
    """The sentence of the list that is nearest to its first one."""
    row = panel.measures.matrices()[panel.state_number, 0].clone()
    row[0] = -2
    return int(row.argmax())


def gate(panel: Any) -> str:
    """The question of the predict-first gate."""
    place = state_name(panel.state_number)
    if panel.look == "list":
        text = shortened(panel.measures.listed[0], QUOTED)
        return say("Which sentence is nearest to “{text}” {where}?", text=text, where=place)
    unrelated = panel.measures.unrelated()
    if unrelated is None:
        return say("The cosine of two sentences is at most 1. What do these two get {where}?", where=place)
    return say(
        "The cosine of two sentences is at most 1. Unrelated sentences get {mean}: what do these two get {where}?",
        mean=signed(float(unrelated[panel.state_number].mean())),
        where=place,
    )


def grade(panel: Any, guess: str) -> str:
    """One sentence that holds the guess against the numbers."""
    if panel.look == "list":
        return _grade_list(panel, guess)
    cosine = panel.measures.pairs()["cosines"][panel.state_number]
    number = re.fullmatch(r"\s*([+−-]?\d*[.,]?\d+)\s*", guess)
    if not number:
        told = mark("{guess} is no number; the cosine is {cosine}.")
        return say(told, guess=quoted(guess), cosine=signed(cosine))
    value = float(number[1].replace(",", ".").replace("−", "-"))
    if abs(value - cosine) <= NEAR:
        return say("Right: it is {cosine}, and you said {guess}.", cosine=signed(cosine), guess=signed(value))
    if value > cosine:
        return say("Your {guess} is {difference:.2f} too high.", guess=signed(value), difference=value - cosine)
    return say("Your {guess} is {difference:.2f} too low.", guess=signed(value), difference=cosine - value)


def _grade_list(panel: Any, guess: str) -> str:
    matrices, texts = panel.measures.matrices(), panel.measures.listed
    if matrices is None:
        return say("The sentences are being measured.")
    best = nearest(panel)
    cosine = signed(float(matrices[panel.state_number, 0, best]))
    if guess.strip() == texts[best]:
        return say("Right, with a cosine of {cosine}.", cosine=cosine)
    told = mark("Nearest is “{text}”, with a cosine of {cosine}.")
    return say(told, text=shortened(texts[best], QUOTED), cosine=cosine)
