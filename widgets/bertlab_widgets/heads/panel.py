"""`HeadsPanel`: which tokens does each head look at, by how much, by what arithmetic, and does it matter?

The weights stand in `maps.py`, what is found out about heads in `experiments.py`; what is said in `words.py`, drawn in
`pictures.py`, written as code in `code.py`.
"""

from __future__ import annotations

import json

import torch
from traitlets import Bool, Dict, Enum, Int, List

from bertlab.language import mark, say

from ..panel import Panel
from ..workbench import SelectionError
from . import code, experiments, pictures, words
from .maps import MODES, Maps

ONE_MODE, ALL_MODES = 12_000_000, 2_000_000  # bytes of weights that an exported page holds at most


class HeadsPanel(Panel):
    """Attention of every layer and head, as a grid of tiles, as lines, as a matrix and as arithmetic.

        panel = HeadsPanel(lab, "The animal didn't cross the street because it was too tired.")
        panel.layer, panel.head, panel.selected = 2, 5, [9]
        panel.data()["weights"]            # (layers, heads, query, key)
        panel.ablated = [(2, 5)]           # switch the head off; the predictions follow

    Settings: `mode` (attention, norm, rollout, gradient), `look` (head, steps, effect, kinds, bertviz), `direction` of
    the tokens in the head view (vertical, horizontal), `hide_special`, `renormalise`, `difference` (to the pinned text;
    without one, of switched-off heads to the model with every head on), `norm_residual`, `key_token`, `bertviz_view`,
    `words` (words instead of pieces).
    `corpus` holds the sentences to average over, for the kinds of heads and for `ablation = "corpus"`.
    """

    script = "heads.js"
    question_text = mark("Which tokens does each head look at?")
    settings = (
        "mode",
        "look",
        "direction",
        "hide_special",
        "renormalise",
        "difference",
        "norm_residual",
        "key_token",
        "bertviz_view",
        "words",
    )
    calls = (*Panel.calls, "block_call", "cell", "bertviz", "sweep", "measure_corpus", "average_corpus", "toggle_layer")

    speaks_of_heads = True

    mode = Enum(tuple(MODES), "attention").tag(sync=True)
    look = Enum(("head", "steps", "effect", "kinds", "bertviz"), "head").tag(sync=True)
    direction = Enum(("vertical", "horizontal"), "vertical").tag(sync=True)
    hide_special = Bool(False).tag(sync=True)
    renormalise = Bool(False).tag(sync=True)
    difference = Bool(False).tag(sync=True)
    norm_residual = Bool(False).tag(sync=True)
    bertviz_view = Enum(("head", "model", "neuron"), "head").tag(sync=True)
    key_token = Int(0, help="the token that is looked at, in the arithmetic").tag(sync=True)
    words = Bool(False, help="words instead of pieces").tag(sync=True)
    units = List(help="the words with their positions, where words are shown").tag(sync=True)
    default_token = Int(0).tag(sync=True)
    modes = List().tag(sync=True)
    kept_modes = List(help="the modes that an exported page holds").tag(sync=True)
    tiles = Dict().tag(sync=True)
    block = Dict().tag(sync=True)
    head_facts = List(help="statistics of each head, by layer").tag(sync=True)

    def __init__(self, *arguments, corpus: list[str] | None = None, **settings):
        self.maps, self._sweep, self._over_corpus = Maps(self), None, False
        super().__init__(*arguments, **settings)
        if corpus is not None:
            self.workbench.corpus = list(corpus)
        self.modes = [[name, say(shown)] for name, shown in MODES.items()]

    # --- numbers

    def layer_weights(self, layer: int, *, heads_on: bool = False) -> torch.Tensor:
        """(heads, query, key) of one layer in the mode of the moment; see `Maps.layer`."""
        return self.maps.layer(layer, heads_on=heads_on)

    @property
    def per_layer(self) -> bool:
        """True in the modes that have one map a layer, not one a head."""
        return self.maps.per_layer

    @property
    def visible(self) -> list[int]:
        """The positions that are shown: all, or those of words only."""
        return self.maps.visible

    def shown_weights(self, layer: int) -> torch.Tensor:
        """(heads, query, key) as in the grid: hidden tokens out, rows refilled, the pinned text subtracted."""
        return self.maps.tile(layer)

    def mean_of_shown(self) -> torch.Tensor:
        """(query, key): the mean of the heads that are looked at, hidden tokens at 0."""
        return self.maps.shown()

    def block_of(self, layer: int, head: int) -> tuple[dict, list[bytes]]:
        """One layer's weights as bytes; for long texts one head's."""
        return self.maps.block(layer, head)

    def heads_shown(self) -> list[tuple[int, int]]:
        """The (layer, head) pairs that are looked at together, the selected one first."""
        return [
            (self.layer, self.head),
            *(tuple(at) for at in self.workbench.heads if tuple(at) != (self.layer, self.head)),
        ]

    def target_place(self) -> int | None:
        """Where predictions are watched: the first mask (a selected one before others), else the selected token."""
        masks, selected = self.workbench.mask_positions, self.workbench.selected
        chosen = [i for i in selected if i in masks] or masks or selected
        return chosen[0] if chosen else None

    def asked_token(self) -> int:
        """The token that looks: the selected one, else the first of the text."""
        selected = self.workbench.selected
        return selected[0] if selected else self.default_token

    def facts(self) -> list[list[dict]]:
        """For each layer and head what Kinds shows: of this text, or, where they were measured, of the corpus."""
        if self.over_corpus:
            return self.workbench.cached(experiments.corpus_key(self.workbench), list)
        return experiments.text_facts(self.workbench)

    @property
    def over_corpus(self) -> bool:
        """Whether kinds are those over many sentences, of the very model and corpus of the moment."""
        return self._over_corpus and self.workbench.known(experiments.corpus_key(self.workbench))

    def effect(self) -> dict | None:
        """The prediction at the watched place, as it is and with every head on."""
        return experiments.effect(self.workbench, self.target_place())

    def segment_masses(self, layer: int, head: int) -> list[list[float]]:
        """Mean attention from sentence A and B to A and B, 2 x 2, [CLS] and [SEP] with their sentence."""
        from bertlab.analysis.attention import segment_mass

        weights = self.maps.of_tokens(layer)[0 if self.maps.per_layer else head]
        types = torch.tensor([token["type"] for token in self.workbench.tokens])
        return segment_mass(weights, types).tolist()

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        redraw = {"version", "mode", "hide_special", "renormalise", "difference", "norm_residual", "pinned", "words"}
        if changed & {"version", "words"}:
            names = ("text", "special", "type", "positions")
            self.units = [{name: unit[name] for name in names} for unit in self.maps.units] if self.words else []
        if "version" in changed:
            self._sweep = None
            self.default_token = next((i for i, token in enumerate(self.workbench.tokens) if not token["special"]), 0)
            self.key_token = min(self.key_token, self.workbench.encoding.length - 1)
        if self.difference and not self.maps.comparing:
            raise SelectionError(
                say(
                    "a difference needs a pinned text, or a head that is switched off: "
                    "press Pin, then change the sentence"
                )
            )
        if changed & redraw or not self.tiles:
            self.tiles = self.maps.tiles()
            description, buffers = self.block_of(self.layer, self.head)
            self.block = {**description, "bytes": buffers[0]}
        self.head_facts = [] if self.maps.per_layer else experiments.text_facts(self.workbench)
        self.view = self._view()
        self.answer = words.sentence(self)

    def _view(self) -> dict:
        workbench, view = self.workbench, {"corpus": len(self.workbench.sentences()) if self.over_corpus else 0}
        if self.head_facts:
            from bertlab.analysis.attention import KINDS

            facts = self.facts()
            counts = [fact["kind"] for row in facts for fact in row]
            view["kind_facts"] = facts
            view["kinds"] = [
                [experiments.LETTERS[name], name, say(meaning), counts.count(name)] for name, meaning in KINDS.items()
            ]
        if workbench.text_pair:
            view["segments"] = self.segment_masses(self.layer, self.head)
        off = {head for layer, head in workbench.ablated if layer == self.layer}
        view["layer_off"] = len(off) == workbench.head_count
        view["effect"] = self.effect()
        if view["effect"] is None:
            view["no_effect"] = words.no_effect()
        view["sweep"] = self._sweep
        view["read_at"] = [self.default_token] if self._looks_by_itself() else []
        return view

    def _looks_by_itself(self) -> bool:
        """Whether the picture is of the first token because none was chosen; the strip marks it then."""
        if self.look == "steps":
            return not self.workbench.selected
        return self.look == "head" and self.mode == "gradient" and self.target_place() is None

    def gate(self) -> str:
        return words.gate(self)

    def gate_options(self) -> list[str]:
        return words.gate_options(self)

    def grade(self, guess: str) -> str:
        return words.grade(self, guess)

    # --- calls of the browser

    def cell(self, layer: int, head: int, query: int, key: int) -> dict:
        """The arithmetic of one attention weight: q, k, their products, scaling, mask, softmax, what v brings."""
        return experiments.cell(self.workbench, layer, head, query, key)

    def block_call(self, layer: int, head: int):
        """`block_of`, for the browser."""
        return self.block_of(layer, head)

    def bertviz(self, kind: str = "head", dark: bool = False) -> str:
        """bertviz's own view as one offline page; see `bertviz_view`."""
        from .bertviz_view import bertviz_page

        return bertviz_page(self.workbench, kind, layer=self.layer, heads=[self.head], dark=dark)

    def toggle_layer(self, layer: int) -> None:
        """Switch all heads of a layer off, or on again where they are all off."""
        gone = set(self.maps.gone())
        heads = {(layer, head) for head in range(self.workbench.head_count)} - gone
        off = set(self.workbench.ablated)
        self.workbench.ablated = sorted(off - heads if heads <= off else off | heads)

    def sweep(self) -> None:
        """Switch every head off alone, one after the other, and note what that does to the prediction that is watched.

        Runs in a thread, shows what it has as it goes, and stops at Cancel. `data()["sweep"]` holds the result.
        """
        place = self.target_place()
        if place is None:
            raise SelectionError(say("there is no prediction to watch yet: mask or select a token first"))

        def show(found: dict) -> None:
            self._sweep = found
            self._update({"found"})

        steps = experiments.sweep_steps(self.workbench, place, show)
        self.start(steps, say("Switching heads off one by one"), lambda: self._update({"found"}))

    def measure_corpus(self) -> None:
        """Statistics of the heads as means over the corpus (by default sentences that ship), or back to this text."""
        if self.over_corpus:
            self._over_corpus = False
            self._update({"found"})
            return

        def show() -> None:
            self._over_corpus = True
            self._update({"found"})

        self.start(experiments.corpus_steps(self.workbench), say("Measuring heads over many sentences"), show)

    def average_corpus(self) -> None:
        """Let switched-off heads give their mean over the corpus, which is measured first, in a thread."""
        label = say("Averaging heads over {total} sentences", total=len(self.workbench.sentences()))
        self.start(self.workbench.measure_means(), label, lambda: self.set_trait("ablation", "corpus"))

    # --- pin, data, code, export

    def pin(self) -> None:
        self.maps.pin(code.seen_now(self))
        super().pin()

    def unpin(self) -> None:
        """Take the pinned text away, and the difference to it."""
        self.maps.pinned, self.difference = None, False
        super().unpin()

    def reset(self) -> None:
        self.maps.pinned, self._over_corpus = None, False
        super().reset()

    def data(self) -> dict:
        """tokens, weights (layers, heads, query, key) as in `mode`, the shown (query, key) map, statistics of heads."""
        layers = range(self.workbench.layer_count)
        return {
            "tokens": [unit["text"] for unit in self.maps.units],
            "mode": self.mode,
            "weights": torch.stack([self.layer_weights(layer) for layer in layers]),
            "shown": self.maps.shown(),
            "heads": self.heads_shown(),
            "facts": None if self.maps.per_layer else self.facts(),
            "effect": self.effect(),
            "sweep": self._sweep,
        }

    def table(self) -> list[dict]:
        """What the look shows, as rows: weights, the arithmetic of one, predictions, kinds."""
        return [] if self.workbench.empty else pictures.table(self)

    def code(self) -> str:
        return code.code(self)

    def figure(self, width: float = 11.0):
        return pictures.figure(self, width)

    def static_html(self) -> str:
        return pictures.static_html(self)

    def shown_as(self) -> list[str]:
        names = {"steps": "arithmetic", "effect": "switched-off", "head": self.mode}
        return [pictures.head_names(self).replace("+", "-"), names.get(self.look, self.look)]

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every layer's weights, in this mode and in the others while they stay small."""
        answers, patches, total, mode = {}, {}, 0, self.mode
        others = [] if self.difference else [name for name in MODES if name != mode]
        kept = []
        try:
            for name in (mode, *others):
                self.mode = name
                blocks = self._all_blocks()
                size = sum(len(block["buffers"][0]) for block in blocks.values()) + len(self.tiles["bytes"])
                if self.error or total + size > (ONE_MODE if not kept else ALL_MODES):
                    break
                total += size
                answers |= blocks
                kept.append(name)
                names = ("tiles", "block", "view", "head_facts", "answer")
                patches[f"mode:{json.dumps(name)}"] = {trait: getattr(self, trait) for trait in names}
        finally:
            self.mode = mode
        self.kept_modes = [[name, say(MODES[name])] for name in kept]
        return answers, patches

    def _all_blocks(self) -> dict[str, dict]:
        """Replies to `block_call` in this mode, by the call that an exported page makes."""
        found = {}
        for layer in range(self.workbench.layer_count):
            for head in range(1 if self.maps.whole_layers else self.tiles["heads"]):
                description, buffers = self.block_of(layer, head)
                call = json.dumps({"layer": layer, "head": head, "mode": self.mode}, separators=(",", ":"))
                found[f"block_call:{call}"] = {"result": description, "buffers": buffers}
        return found
