"""`LayersPanel`: how does meaning form from layer to layer?

Clouds of vectors stand in `clouds.py`, what is looked for in `found.py`; what each look sends to the browser in
`looks.py`; what is said in `said.py`, drawn in `pictures.py`, written as code in `code.py`.
"""

from __future__ import annotations

import json

from traitlets import Bool, Enum, Int, Unicode, validate

from bertlab.language import mark, say

from ..panel import StatesPanel
from ..workbench import SelectionError
from . import code, looks, pictures, said
from .clouds import SENSES, unknown_word
from .found import Found

LOOKS = ("cloud", "senses", "neighbours", "lens", "probes", "neurons")


class LayersPanel(StatesPanel):
    """Hidden states from the embeddings to the last layer: as clouds, by their neighbours, read by heads and probes.

        panel = LayersPanel(lab, "I left my wallet at the bank.", look="senses")
        panel.hidden_state = 3
        panel.data()["separation"]         # by hidden state; chance stands beside it
        panel.look = "probes"
        panel.probe(); panel.wait()

    Settings: `look` (cloud, senses, neighbours, lens, probes, neurons), `hidden_state` (0 the embeddings, then the
    layers; -1 the last), `hide_special`, `trails` (the paths of all tokens), `sense` (bank, bat, match), `context` (the
    sentence that is looked at, -1 none), `count` of neighbours, `neuron` (-1 the most active one), `seed`.
    `workbench.corpus` holds the sentences that are searched; `rows` what is probed, {"tokens": [...], "tags": [...]}.
    """

    script = "layers.js"
    question_text = mark("How does meaning form from layer to layer?")
    settings = (
        *("look", "hidden_state", "hide_special", "trails", "sense", "context"),
        *("count", "neuron", "seed"),
    )
    calls = (*StatesPanel.calls, "probe", "look_for", "open_context")

    look = Enum(LOOKS, "cloud").tag(sync=True)
    hide_special = Bool(True).tag(sync=True)
    trails = Bool(False).tag(sync=True)
    sense = Unicode("bank").tag(sync=True)
    context = Int(-1, help="the sentence that is looked at among the senses").tag(sync=True)
    count = Int(12, min=1, max=50).tag(sync=True)
    neuron = Int(-1, help="-1: the one that is most active at the selected token").tag(sync=True)
    seed = Int(0).tag(sync=True)

    def __init__(self, *arguments, rows: list[dict] | None = None, **settings):
        self.found, self.rows, self.probes = Found(self), rows, None
        super().__init__(*arguments, **settings)

    @validate("sense")
    def _check_sense(self, proposal):
        if proposal.value not in SENSES:
            raise unknown_word(proposal.value)
        return proposal.value

    @validate("neuron")
    def _check_neuron(self, proposal):
        last = self.workbench.config.intermediate_size - 1
        if isinstance(proposal.value, bool) or not -1 <= proposal.value <= last:
            told = mark("neuron {neuron} was given, but allowed is 0 to {last}, or -1")
            raise SelectionError(say(told, neuron=proposal.value, last=last))
        return proposal.value

    @property
    def place(self) -> int:
        """The token that is asked about: the selected one, else the first mask, else the first of the text."""
        workbench = self.workbench
        first = [i for i, token in enumerate(workbench.encoding.tokens) if not token["special"]]
        return [*workbench.selected, *workbench.mask_positions, *first, 0][0]

    @property
    def visible(self) -> list[int]:
        """The positions in the cloud: all, or those of words only."""
        tokens = self.workbench.tokens
        shown = [i for i, token in enumerate(tokens) if not (self.hide_special and token["special"])]
        return shown if len(shown) >= looks.LEAST else list(range(len(tokens)))

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        if changed & {"version", "seed"} and self.probes is not None and self.probes["key"] != self.probe_key():
            self.probes = None
        self.view = looks.view(self)
        self.answer = said.sentence(self)

    def probe_key(self) -> tuple:
        """What the probes depend on."""
        return self.found.key("probes", self.seed, None if self.rows is None else id(self.rows))

    def probe_rows(self) -> list[dict]:
        """The sentences whose words are probed for their tags: the panel's own, or those of persons and places."""
        if self.rows is not None:
            return list(self.rows)
        from bertlab.data import samples

        return samples("entities")

    def probe(self) -> None:
        """Probe every hidden state for the tags of words, one after the other; Cancel keeps what is there."""
        rows, key = self.probe_rows(), self.probe_key()

        def show(found: list) -> None:
            self.probes = {"key": key, "found": found, "sentences": len(rows)}
            self._update({"found"})

        steps = self.found.probe_steps(rows, self.seed, show)
        self.start(steps, say("Probing layer by layer"), lambda: self._update({"found"}))

    def look_for(self) -> None:
        """Begin a search again that was stopped."""
        if self.look == "neighbours":
            self.found.index(asked=True)
        elif self.look == "neurons" and self.state_number:
            self.found.contexts(self.state_number - 1, self.view["neuron"], asked=True)

    def open_context(self, number: int) -> None:
        """Take a sentence of the senses as the text."""
        texts = self.view.get("texts", [])
        if not 0 <= number < len(texts):
            told = mark("there is no sentence {number}; there are 0 to {last}")
            raise SelectionError(say(told, number=number, last=len(texts) - 1))
        with self.hold_sync(), self.workbench.together():
            self.context = number
            self.workbench.set_text(texts[number])

    # --- gate, data, code, export

    def gate(self) -> str:
        return said.gate(self)

    def gate_options(self) -> list[str]:
        return said.gate_options(self)

    def grade(self, guess: str) -> str:
        return said.grade(self, guess)

    def pinned_view(self) -> dict:
        return {name: self.view[name] for name in ("score", "look") if name in self.view}

    def data(self):
        """The numbers of this look; see `looks`."""
        return looks.data(self)

    def table(self) -> list[dict]:
        """The rows of this look."""
        return pictures.table(self)

    def code(self) -> str:
        return code.code(self)

    def figure(self, width: float = 8.0):
        return pictures.figure(self, width)

    def static_html(self) -> str:
        return pictures.static_html(self)

    def shown_as(self) -> list[str]:
        return [self.look, f"state-{self.state_number}"]

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: this look at every hidden state."""
        kept, patches = self.hidden_state, {}
        if self.look in ("neighbours", "neurons", "probes"):
            return {}, {}
        try:
            for number in [*range(self.workbench.layer_count), -1]:
                self.hidden_state = number
                patches[f"hidden_state:{json.dumps(number)}"] = {"answer": self.answer}
        finally:
            self.hidden_state = kept
        return {}, patches
