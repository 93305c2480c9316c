"""`SimilarityPanel`: why are two sentences alike, token by token, and at which layer?

The numbers stand in `measures.py`; what is said in `said.py`, drawn in `pictures.py`, written as code in `code.py`.
"""

from __future__ import annotations

import json

import torch
from traitlets import Bool, Enum, Int, List, Unicode, validate

from bertlab.language import mark, say

from ..panel import NO_TEXT, StatesPanel
from ..workbench import SelectionError
from . import code, pictures, said
from .measures import POOLINGS, Measures

ALL_LAYERS = 1_000_000  # bytes of cells that travel together; above it a layer at a time


class SimilarityPanel(StatesPanel):
    """Two sentences: the cosine of their vectors, split into pairs of tokens that add up to it, at every layer.

        panel = SimilarityPanel(lab, "The hikers spent the night in a hut.", "The walkers slept in a cabin.")
        panel.data()["cells"].sum()        # is panel.data()["cosine"]
        panel.hidden_state, panel.pooling, panel.words = 3, "cls", True
        panel.look = "list"                # many sentences as a matrix of cosines; panel.sentences holds them

    Settings: `look` (pairs, list), `hidden_state` (0 the embeddings, then the layers; -1 the last), `pooling` (mean,
    cls, max, pooler), `words` (words instead of pieces), `sentences` of the list, `grouped` (alike ones together),
    `cell` (two numbers: the pair of the list that is looked at).
    """

    script = "similarity.js"
    question_text = mark("Why are these two sentences alike?")
    settings = ("look", "hidden_state", "pooling", "words", "sentences", "grouped", "cell")
    calls = (*StatesPanel.calls, "maps", "open_pair")

    look = Enum(("pairs", "list"), "pairs").tag(sync=True)
    pooling = Enum(tuple(POOLINGS), "mean").tag(sync=True)
    words = Bool(False, help="words instead of pieces").tag(sync=True)
    sentences = List(Unicode(), help="the list; empty for some examples").tag(sync=True)
    grouped = Bool(True).tag(sync=True)
    cell = List(Int(), help="the pair of the list that is looked at").tag(sync=True)
    poolings = List().tag(sync=True)

    def __init__(self, *arguments, **settings):
        self.measures = Measures(self)
        super().__init__(*arguments, **settings)

    @validate("cell")
    def _check_cell(self, proposal):
        if len(proposal.value) not in (0, 2) or any(number < 0 for number in proposal.value):
            told = mark("cell {cell} was given; it must be two numbers of sentences, from 0")
            raise SelectionError(say(told, cell=proposal.value))
        return proposal.value

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        pooler = self.workbench.model.base_model.pooler is not None
        offered = [name for name in POOLINGS if name != "pooler" or pooler]
        self.poolings = [[name, say(POOLINGS[name])] for name in offered]
        view = {"look": self.look, "layers": self.workbench.layer_count + 1}
        try:
            view |= self._list_view() if self.look == "list" else self._pairs_view()
        except SelectionError as problem:  # the strip says it; the picture of another text would answer for this one
            self.view, self.answer = {"empty": True, "problem": str(problem)}, say("{problem}.", problem=problem)
            raise
        self.view = view
        self.answer = said.sentence(self)

    def _pairs_view(self) -> dict:
        measures, found = self.measures, self.measures.pairs()
        rows, columns = measures.special()
        return {
            "a": found["a"],
            "b": found["b"],
            "pair": bool(self.workbench.text_pair),
            "marks": measures.marks(),
            "special": [rows, columns],
            "cosines": _rounded(found["cosines"]),
            "unrelated": self._unrelated_view(),
            "head": measures.head(),
            "pinned": self.pinned.get("cosines", []),
            **self._map_view(found["cells"], "pairs", self.pooling, self.words, *self.workbench.key),
        }

    @property
    def view_marks(self) -> list[list[int]]:
        """For each position of the strip its row and its column, -1 where it is none."""
        return self.measures.marks()

    def _list_view(self) -> dict:
        measures = self.measures
        measures.too_long()
        matrices, texts = measures.matrices(), measures.listed
        view = {"texts": texts}
        if matrices is None:
            return {**view, "waiting": True, "cosines": [], "order": [], "unrelated": None, "key": ""}
        i, j = self.chosen_pair()
        view["order"] = measures.order(matrices[self.state_number])
        view["chosen"], view["cosines"] = [i, j], _rounded(matrices[:, i, j].tolist())
        view["unrelated"] = self._unrelated_view()
        return {**view, **self._map_view(matrices, "list", self.pooling, *texts, *self.workbench.key[-1:])}

    def chosen_pair(self) -> tuple[int, int]:
        """The pair of the list that is looked at: the chosen one, else the most alike of different sentences."""
        count = len(self.measures.listed)
        if len(self.cell) == 2 and max(self.cell) < count:
            return self.cell[0], self.cell[1]
        if count < 2:
            return 0, 0
        matrix = self.measures.matrices()[self.state_number].clone().fill_diagonal_(-2)
        return divmod(int(matrix.argmax()), count)

    def _unrelated_view(self) -> dict | None:
        found = self.measures.unrelated()
        if found is None:
            return None
        return {
            "mean": _rounded(found.mean(-1).tolist()),
            "upper": _rounded(found[:, int(0.95 * (found.shape[1] - 1))].tolist()),
            "count": found.shape[1],
        }

    def _map_view(self, cells: torch.Tensor, *key) -> dict:
        name = f"{self.workbench.version}.{hash(key) & 0xFFFFFFFF}"
        return {"key": name, "whole": cells.nbytes <= ALL_LAYERS, "size": list(cells.shape[1:])}

    def why_nothing(self) -> str:
        """Why nothing is shown."""
        return self.view.get("problem", NO_TEXT)

    def cells(self) -> torch.Tensor | None:
        """(layers + 1, rows, columns) of this look: what pairs of tokens give, or the cosines of the list; None where
        nothing is shown, or the list is still being measured."""
        if self.view.get("empty"):
            return None
        return self.measures.matrices() if self.look == "list" else self.measures.pairs()["cells"]

    def maps(self, layer: int = 0):
        """For the browser: the cells of all layers as 32-bit floats; of one layer where all would be many."""
        cells = self.cells()
        if cells is None:
            measuring = say("the list is still being measured")
            raise SelectionError(self.why_nothing() if self.view.get("empty") else measuring)
        first = 0 if self.view["whole"] else max(0, min(int(layer), len(cells) - 1))
        sent = cells if self.view["whole"] else cells[first : first + 1]
        described = {"key": self.view["key"], "first": first, "count": len(sent)}
        return described, [sent.contiguous().numpy().tobytes()]

    def open_pair(self, i: int, j: int) -> None:
        """Show two sentences of the list token by token."""
        texts = self.measures.listed
        if not (0 <= i < len(texts) and 0 <= j < len(texts)):
            told = mark("there are no sentences {i} and {j}; the list has 0 to {last}")
            raise SelectionError(say(told, i=i, j=j, last=len(texts) - 1))
        with self.hold_sync(), self.workbench.together():
            self.sentences = [text for text in texts if text not in (texts[i], texts[j])]
            self.cell, self.look = [], "pairs"
            self.workbench.set_text(texts[i], texts[j] if i != j else "")

    # --- gate, data, code, export

    def gate(self) -> str:
        return said.gate(self)

    def gate_options(self) -> list[str]:
        texts = self.measures.listed[1:] if self.look == "list" else []
        return texts if len(texts) <= 12 and all(len(text) <= 60 for text in texts) else []

    def grade(self, guess: str) -> str:
        return said.grade(self, guess)

    def pinned_view(self) -> dict:
        return {"cosines": self.view.get("cosines", [])} if self.look == "pairs" else {}

    def data(self) -> dict:
        """The cells of this layer and the cosines of all; of the list its sentences and their matrix."""
        if "problem" in self.view:
            raise SelectionError(self.why_nothing())
        cells = self.cells()
        here = None if cells is None else cells[self.state_number]
        if self.look == "list":
            return {"sentences": self.measures.listed, "matrix": here, "order": self.view.get("order", [])}
        found, unrelated = self.measures.pairs(), self.measures.unrelated()
        return {
            "cells": here,
            "tokens_a": found["a"],
            "tokens_b": found["b"],
            "cosine": found["cosines"][self.state_number],
            "by_layer": found["cosines"],
            "unrelated": None if unrelated is None else unrelated.mean(-1).tolist(),
            "head": self.measures.head().get("score"),
        }

    def table(self) -> list[dict]:
        """The pairs of tokens, or of sentences, as rows."""
        return pictures.table(self)

    def code(self) -> str:
        return f"# {self.answer}" if "problem" in self.view else code.code(self)

    def figure(self, width: float = 9.0):
        return pictures.figure(self, width)

    def static_html(self) -> str:
        return pictures.static_html(self)

    def shown_as(self) -> list[str]:
        return [self.look, f"state-{self.state_number}", self.pooling]

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every layer, with its answer."""
        if self.view.get("empty"):
            return {}, {}
        kept, patches, answers = self.hidden_state, {}, {}
        try:
            for number in [*range(self.workbench.layer_count), -1]:
                self.hidden_state = number
                patches[f"hidden_state:{number}"] = {"answer": self.answer, "view": self.view}
                call = json.dumps({"layer": 0 if self.view["whole"] else self.state_number}, separators=(",", ":"))
                if f"maps:{call}" not in answers and self.cells() is not None:
                    described, buffers = self.maps(self.state_number)
                    answers[f"maps:{call}"] = {"result": described, "buffers": buffers}
        finally:
            self.hidden_state = kept
        return answers, patches


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 5) for value in values]
