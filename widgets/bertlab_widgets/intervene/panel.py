"""`IntervenePanel`: which part of the model makes this prediction?

Each look stands in a file of its own (`patches`, `edges`, `switches`, `prunes`, `reasons`, `causal`); what they act
upon is in `watched.py`.
"""

from __future__ import annotations

from traitlets import Bool, Enum, Int, List, Unicode, validate

from bertlab.language import mark, say, say_n

from ..panel import Look, LookPanel, checked_cell, plain, quoted
from ..workbench import SelectionError, needs_word_head
from .causal import BothSides
from .edges import EVERY, Edges
from .patches import WHAT, Patches
from .prunes import Prunes
from .reasons import METHODS, Reasons
from .said import MEASURES, NAMED, both, names_of
from .switches import Switches
from .watched import Watching

LOOKS: dict[str, type[Look]] = {kind.name: kind for kind in (Patches, Edges, Switches, Prunes, Reasons, BothSides)}


class IntervenePanel(LookPanel):
    """Act upon a prediction and see what becomes of it.

        panel = IntervenePanel(lab, "The keys to the cabinet are on the table.", masked=[6])
        panel.corrupt = "The key to the cabinet are on the table."
        panel.data()                              # (layers + 1, positions): how far each cell restores the prediction
        panel.look, panel.ablated = "switches", [(3, 2)]
        panel.data()                              # the likeliest words now

    Settings: `look` (patch, edges, switches, prune, explain, causal); `word`, the word that is followed ("" for the
    model's first choice); `measure` (probability, log_probability, logit); `corrupt`, `what`, `cell` of patching;
    `cut`, `span`, `renormalise` of edges; `neurons` that are off, `hint`; `by`, `over`, `pruned` of pruning; `order` of
    the ranks.
    """

    script = "intervene.js"
    kinds = tuple(LOOKS.values())
    question_text = mark("Which part of the model makes this prediction?")
    settings = (
        "look",
        "word",
        "measure",
        "corrupt",
        "what",
        "cell",
        "cut",
        "span",
        "renormalise",
        "neurons",
        "hint",
        "by",
        "over",
        "pruned",
        "order",
    )
    calls = (*LookPanel.calls, "weights", "cut_edge", "give_up", "switch_off_pruned", "follow", "mask_selected")

    look = Enum(tuple(LOOKS), "patch").tag(sync=True)
    word = Unicode(help="the word that is followed; empty for the model's first choice").tag(sync=True)
    measure = Enum(tuple(MEASURES), "probability").tag(sync=True)
    corrupt = Unicode(help="the sentence that is restored; empty for the first one with a word hidden").tag(sync=True)
    what = Enum(tuple(WHAT), "hidden").tag(sync=True)
    cell = List(help="[row, column] of the map that is spoken of; empty for the one that restores most").tag(sync=True)
    cut = List(help="cut edges, [layer, head or -1 for all, query, key]").tag(sync=True)
    span = Enum(("head", "layer", "model"), "layer", help="where a click cuts").tag(sync=True)
    renormalise = Bool(False).tag(sync=True)
    neurons = List(help="[layer, neuron] pairs that are off").tag(sync=True)
    hint = Bool(False, help="show what each head alone would do").tag(sync=True)
    by = Enum(("gradient", "ablation"), "gradient").tag(sync=True)
    over = Enum(("text", "samples"), "text", help="what the curve is measured on").tag(sync=True)
    pruned = Int(0, min=0, help="heads that the slider has taken away").tag(sync=True)
    order = Enum(("place", *METHODS), "place", help="by what the ranks are sorted").tag(sync=True)
    kept_looks = List(help="the looks that an exported page holds; empty for all").tag(sync=True)

    def __init__(self, *arguments, **settings):
        self.watching = Watching(self)
        self._text_of = ("", "")
        super().__init__(*arguments, **settings)

    # --- what may be set

    @validate("cell")
    def _check_cell(self, proposal):
        return checked_cell(proposal.value)

    @validate("cut")
    def _check_cut(self, proposal):
        workbench, edges = self.workbench, []
        for edge in proposal.value:
            if not isinstance(edge, (list, tuple)) or len(edge) != 4:
                problem = say(
                    "the edge {edge!r} was given; an edge is [layer, head or -1 for all, query, key]", edge=edge
                )
                raise SelectionError(problem)
            layer, head, query, key = edge
            layer = workbench._check_index(layer, workbench.layer_count, "layer")
            head = EVERY if head in (EVERY, None) else workbench._check_index(head, workbench.head_count, "head")
            places = [workbench._check_index(place, workbench.encoding.length, "token") for place in (query, key)]
            edges.append([layer, head, *places])
        return [list(edge) for edge in dict.fromkeys(map(tuple, edges))]

    @validate("neurons")
    def _check_neurons(self, proposal):
        workbench, pairs = self.workbench, set()
        for pair in proposal.value:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise SelectionError(say("the neuron {pair!r} was given; a neuron is [layer, number]", pair=pair))
            layer = workbench._check_index(pair[0], workbench.layer_count, "layer")
            size = workbench.model.base_model.encoder.layer[layer].intermediate.dense.out_features
            pairs.add((layer, workbench._check_index(pair[1], size, "neuron")))
        return [list(pair) for pair in sorted(pairs)]

    # --- what is shown

    def numbers_key(self) -> tuple:
        return self.watching.key

    @property
    def speaks_of_heads(self) -> bool:
        """Switches name the heads that are off themselves."""
        return self.look == "switches"

    def prepare(self, changed: set[str]) -> None:
        self._forget_old_places(changed)
        needs_word_head(self.workbench.lab, say("load a model that has one, bertlab.load() for example"))
        self.watching.now()

    def _forget_old_places(self, changed: set[str]) -> None:
        """Places of another text mean nothing in this one; layers, heads and neurons of another model neither."""
        text = (self.workbench.text, self.workbench.text_pair)
        if text != self._text_of:
            length = self.workbench.encoding.length
            if "cut" not in changed or any(max(edge[2:]) >= length for edge in self.cut):
                self.cut = []
            if "cell" not in changed:
                self.cell = []
            self._text_of = text
        layers, heads = self.workbench.layer_count, self.workbench.head_count
        size = self.workbench.config.intermediate_size
        self.neurons = [pair for pair in self.neurons if pair[0] < layers and pair[1] < size]
        self.cut = [edge for edge in self.cut if edge[0] < layers and edge[1] < heads]

    def basics(self) -> dict:
        word = self.watching.now()
        return {"word": word.word, "place": word.place, "hidden": word.hidden, "own": word.own}

    def completed(self, said: str) -> str:
        word = self.watching.now()
        around = []
        if word.hidden:
            around.append(say("{token} hidden", token=quoted(self.workbench.tokens[word.place]["text"])))
        if self.neurons and self.look != "switches":
            names = names_of(self.neurons[:NAMED])
            around.append(say_n("neuron {names} off", "neurons {names} off", len(self.neurons), names=names))
        return say("With {conditions}: {sentence}", conditions=both(around), sentence=said) if around else said

    # --- calls of the browser

    def weights(self, layer: int, head: int):
        """Attention of a head, or (-1) the mean of a layer's, as a byte each: round(255 √w)."""
        weights = self.looks["edges"].weights(layer, head)
        size = len(weights)
        content = (255 * weights.clamp(0, 1).sqrt()).round().byte().numpy().tobytes()
        return {"size": size, "layer": layer, "head": head}, [content]

    def cut_edge(self, layer: int, head: int, query: int | None = None, key: int | None = None) -> None:
        """Cut an edge, or put it back; without a query a whole column, without a key a whole row."""
        if query is None and key is None:
            raise SelectionError(say("an edge needs a row or a column: click a cell, or a name"))
        self.cut = self.looks["edges"].toggled(query, key, layer, head)

    def give_up(self) -> None:
        """Switch off what the greedy player switched off."""
        found = self.looks["switches"].whole()
        if not found["broken"]:
            raise SelectionError(
                say(
                    "a greedy player did not break it within {count} switches: choose another prediction",
                    count=len(found["margins"]),
                )
            )
        with self.workbench.together():
            self.neurons = plain(found["neurons"])
            self.workbench.ablated = list(found["heads"])

    def switch_off_pruned(self) -> None:
        """Switch off, in all panels, the heads that the slider has taken away."""
        found = self.looks["prune"].whole()
        self.workbench.ablated = found["heads"][: self.looks["prune"].gone(found)]

    def follow(self, word: str) -> None:
        """Follow another word at the place; the model's first choice again for the same one."""
        self.word = "" if word == self.word else word

    def mask_selected(self) -> None:
        """Mask the selected tokens, or show them again where all of them are masked."""
        workbench = self.workbench
        chosen = {i for i in workbench.selected if not workbench.encoding.tokens[i]["special"]}
        if not chosen:
            raise SelectionError(say("no word is selected: click one first"))
        masked = set(workbench.masked)
        workbench.masked = sorted(masked - chosen if chosen <= masked else masked | chosen)

    # --- exports

    def shown_as(self) -> list[str]:
        return [self.what if self.look == "patch" else "", self.look]

    def pinned_view(self) -> dict:
        return {"bars": self.view.get("bars", []), "look": self.look}

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: the looks that are known or take a moment, patching by every component known."""
        if self.view.get("empty"):
            return {}, {}
        look, what, patches, answers, kept = self.look, self.what, {}, {}, []
        names = ("view", "answer", "look", "what")
        try:
            for name in LOOKS:
                if name != look and not self._is_there(name):
                    continue
                self.look = name
                self.wait(60)
                patches[f'look:"{name}"'] = {trait: getattr(self, trait) for trait in names}
                kept.append(name)
            if look == "patch":
                self.look = look
                for choice in WHAT:
                    self.what = choice
                    if self.shown.done:
                        patches[f'what:"{choice}"'] = {trait: getattr(self, trait) for trait in names}
                self.stop()
        finally:
            self.what, self.look = what, look
        if "edges" in kept:
            answers |= self._maps_of_page()
        self.kept_looks = kept
        return answers, patches

    def _is_there(self, name: str) -> bool:
        look = self.looks[name]
        try:
            look.needs()
            return look.done or name in ("edges", "switches")
        except SelectionError:
            return False

    def _maps_of_page(self) -> dict:
        """Replies to `weights`, of the layers where there is one map a layer, else of the head on show."""
        found = {}
        for layer in range(self.workbench.layer_count):
            heads = [EVERY] if self.span != "head" else [self.head]
            for head in heads:
                description, buffers = self.weights(layer, head)
                found[f'weights:{{"layer":{layer},"head":{head}}}'] = {"result": description, "buffers": buffers}
        return found
