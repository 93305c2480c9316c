"""`EmbeddingPanel`: what does the first layer get for each token, and where does the order of the words come in?"""

from __future__ import annotations

import json
import math

import torch
from traitlets import Enum, Int, validate

from bertlab.language import mark, say

from ..panel import Panel
from ..workbench import SelectionError
from . import words
from .code import code
from .measures import MOST_WORDS, Measures
from .pictures import figure

FIRST = 5  # the position whose likeness is drawn at first
LOOKS = ("parts", "positions", "order", "neighbours")


class EmbeddingPanel(Panel):
    """Word, position and segment vectors as they add up; how alike positions are; another order; nearest words.

        panel = EmbeddingPanel(lab, "The dog bit the man.")
        panel.data()                      # {"word": lengths of all tokens, "position": ..., "sum": ..., "hidden": ...}
        panel.look, panel.arrange = "order", "reversed"
        panel.look, panel.selected = "neighbours", [2]

    Settings: `look` (parts, positions, order, neighbours), `position` (whose likeness to others is drawn), `arrange`
    (shuffled, reversed, swapped: the two selected tokens) with `seed`, `count` of neighbours.
    """

    script = "embedding.js"
    question_text = mark("What does the first layer get?")
    settings = ("look", "position", "arrange", "seed", "count")
    calls = (*Panel.calls, "likeness")

    look = Enum(LOOKS, "parts").tag(sync=True)
    position = Int(FIRST, min=0).tag(sync=True)
    arrange = Enum(("shuffled", "reversed", "swapped"), "shuffled").tag(sync=True)
    seed = Int(0).tag(sync=True)
    count = Int(10, min=1, max=30).tag(sync=True)

    @property
    def measures(self) -> Measures:
        """All numbers of the present text."""
        return Measures(self.workbench)

    @validate("position")
    def _check_position(self, proposal):
        most = self.workbench.config.max_position_embeddings - 1
        if proposal.value == FIRST:
            return min(FIRST, most)  # a model of very few positions begins with its last
        if proposal.value > most:
            told = mark("position {position} was given, but allowed is 0 to {most}")
            raise SelectionError(say(told, position=proposal.value, most=most))
        return proposal.value

    def place(self) -> int:
        """The token whose vectors are drawn number by number: the first that is selected, else the first word."""
        tokens = self.workbench.encoding.tokens
        first = next((i for i, token in enumerate(tokens) if not token["special"]), 0)
        return next(iter(self.workbench.selected), first)

    def asked_about(self) -> list[int]:
        """The token that is shown though nobody has selected one: the strip has a sign under it."""
        return [] if self.workbench.selected or self.look not in ("parts", "neighbours") else [self.place()]

    def order(self) -> list[int]:
        """Which token stands at each place after the words have moved."""
        return self.measures.order(self.arrange, self.seed)

    def columns(self) -> list[dict]:
        """The tokens whose neighbours are shown, each with its nearest words."""
        tokens = self.workbench.tokens
        chosen = list(self.workbench.selected) or [self.place()]
        ids = dict.fromkeys(self.workbench.input_ids[0, i].item() for i in chosen)
        names = {self.workbench.input_ids[0, i].item(): tokens[i]["text"] for i in chosen}
        return [
            {"token": names[token_id], "id": token_id, "rows": self.measures.nearest(token_id, self.count)}
            for token_id in list(ids)[:MOST_WORDS]
        ]

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        if "version" in changed:
            most = self.workbench.config.max_position_embeddings - 1
            self.position = min(self.position, most)
        fill = {"parts": self._parts, "positions": self._positions, "order": self._order}
        view = fill.get(self.look, self._neighbours)()
        self.view = {"look": self.look, "read_at": self.asked_about(), **view}
        self.answer = words.answer(self)

    def _parts(self) -> dict:
        place = self.place()
        strips = self.measures.strips(place)
        tops = {"hidden": _top([strips["hidden"]])}
        added = {name: values for name, values in strips.items() if name != "hidden"}
        tops |= dict.fromkeys(added, _top(added.values()))
        drawn = {name: [_as_byte(value / tops[name]) for value in values] for name, values in strips.items()}
        rows = [{name: _short(value) for name, value in row.items()} for row in self.measures.rows()]
        return {"rows": rows, "place": place, "strips": drawn, "tops": tops}

    def _positions(self) -> dict:
        if not self.measures.has_positions:
            return {"none": words.answer(self)}
        row = [_short(value) for value in self.measures.likeness()[self.position].tolist()]
        means = [_short(value) for value in self.measures.by_distance()]
        return {"size": len(row), "row": row, "means": means, "length": self.workbench.encoding.length}

    def likeness(self):
        """For the browser: the map of positions, each number as 128 + 127 times the cosine, row after row."""
        found = self.measures.likeness()
        return {"size": len(found)}, [(128 + 127 * found).round().clamp(0, 255).to(torch.uint8).numpy().tobytes()]

    def _order(self) -> dict:
        order = self.order()
        moves = [{name: _short(value) for name, value in move.items()} for move in self.measures.moves(order)]
        return {"order": order, "moves": moves, "others": self.measures.others(order)}

    def _neighbours(self) -> dict:
        columns = [
            {**c, "rows": [{**row, "cosine": _short(row["cosine"])} for row in c["rows"]]} for c in self.columns()
        ]
        return {"columns": columns, "chance": self.measures.by_chance(), "more": len(self.selected) - MOST_WORDS}

    def gate(self) -> str:
        return words.gate(self)[0]

    def gate_options(self) -> list[str]:
        return words.gate(self)[1]

    def grade(self, guess: str) -> str:
        return words.grade(self, guess)

    # --- data, code, pictures

    def data(self):
        """Of the parts: lengths by name; of the positions: cosines of the chosen one; of an order: cosines of each
        token's output with and without positions; of neighbours: {id: {token: cosine}}."""
        if self.look == "positions":
            return self.measures.likeness()[self.position].tolist()
        if self.look == "order":
            moves = self.measures.moves(self.order())
            names = ("cosine", *(["cosine_without_positions"] if self.measures.has_positions else []))
            return [[move[name] for move in moves] for name in names]
        if self.look == "neighbours":
            return {c["id"]: {row["token"]: row["cosine"] for row in c["rows"]} for c in self.columns()}
        rows = self.measures.rows()
        return {name: [row[name] for row in rows] for name in words.NAMES if name in rows[0]}

    def table(self) -> list[dict]:
        if self.look == "positions":
            if not self.measures.has_positions:
                return [{"position": None, "cosine": None}]
            row, means = self.data(), self.measures.by_distance()
            return [
                {"position": self.position, "other": other, "cosine": value, "apart": abs(other - self.position),
                 "mean_so_far_apart": means[abs(other - self.position)]}
                for other, value in enumerate(row)
            ]  # fmt: skip
        if self.look == "order":
            return self.measures.moves(self.order())
        if self.look == "neighbours":
            return [
                {"word": column["token"], "rank": rank, **row}
                for column in self.columns()
                for rank, row in enumerate(column["rows"], 1)
            ]
        return self.measures.rows()

    def code(self) -> str:
        return code(self)

    def figure(self, width: float = 7.0):
        return figure(self, width)

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every look, every token selected, orders, and the map of positions."""
        kept = {name: getattr(self, name) for name in self.settings}
        selected, patches = list(self.workbench.selected), {}
        shown = ("view", "answer", "selected", *self.settings)

        def note(trait: str, value) -> None:
            setattr(self, trait, value)
            patches[f"{trait}:{json.dumps(value)}"] = {name: getattr(self, name) for name in shown}

        try:
            if self.look in ("parts", "neighbours"):
                for place in range(min(48, self.workbench.encoding.length)):
                    note("selected", [place])
                self.workbench.selected = selected
            for arrange in ("reversed", "shuffled"):
                self.look = "order"
                note("arrange", arrange)
            self.arrange = kept["arrange"] if kept["arrange"] != "swapped" else "shuffled"
            for look in LOOKS:
                note("look", look)
        finally:
            self.workbench.selected = selected
            with self.workbench.together():
                for name, value in kept.items():
                    setattr(self, name, value)
        if not self.measures.has_positions:
            return {}, patches
        told, buffers = self.likeness()
        return {"likeness:{}": {"result": told, "buffers": buffers}}, patches


def _top(strips) -> float:
    return max(max(map(abs, values)) for values in strips) or 1.0


def _as_byte(share: float) -> int:
    """-1 to 1 as -127 to 127, small numbers spread by a square root."""
    return round(math.copysign(127 * math.sqrt(abs(share)), share))


def _short(value):
    return float(f"{value:.4g}") if isinstance(value, float) else value
