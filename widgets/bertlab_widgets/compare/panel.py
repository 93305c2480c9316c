"""`ComparePanel`: what differs between two models on one text, or between two texts in one model?

What either side is and computes stands in `both.py` and `sides.py`, what is made of it in `looks.py` and `by_token.py`.
"""

from __future__ import annotations

import contextlib
import json

from traitlets import Enum, List, Unicode, validate

from bertlab.language import mark, say

from ..panel import LookPanel, checked_cell, quoted
from ..workbench import SelectionError
from .both import Both
from .by_token import AttentionLook, HiddenLook, PredictionsLook
from .looks import Overview

KINDS = (Overview, AttentionLook, HiddenLook, PredictionsLook)


class ComparePanel(LookPanel):
    """Two models on one text, or two texts in one model, side by side.

        panel = ComparePanel(lab, "I wanted to love this film.", other="task:sentiment")
        panel.data()                              # {"cosine": (layers + 1,), "cka": ..., "attention": (layers, heads)}
        panel.look = "attention"                  # the head on show, B minus A
        panel.other = "path/to/my-model"          # or a name on the Hub
        panel.against, panel.other_text = "text", "I wanted to hate this film."

    Settings: `against` (model, text), `other` (another model: "task:NAME" for the encoder that learnt a task here,
    "before" for the model before training, "untrained" for random weights, a folder, a name on the Hub; "" for the
    first at hand), `other_text`, `look` (overview, attention, hidden, predictions), `over` (text, samples: what the
    overview is measured on), `side` (difference, a, b), `cell` of the map of hidden states.
    """

    script = "compare.js"
    kinds = KINDS
    question_text = mark("What differs between these two?")
    settings = ("against", "other", "other_text", "look", "over", "side", "cell")
    calls = (*LookPanel.calls, "weights")

    against = Enum(("model", "text"), "model").tag(sync=True)
    other = Unicode(help="the other model; empty for the first that is a click away").tag(sync=True)
    other_text = Unicode().tag(sync=True)
    look = Enum(tuple(kind.name for kind in KINDS), "overview").tag(sync=True)
    over = Enum(("text", "samples"), "text").tag(sync=True)
    side = Enum(("difference", "a", "b"), "difference").tag(sync=True)
    cell = List(help="[row, column] of the map that is spoken of; empty for the one that moved furthest").tag(sync=True)
    others = List(help="[value, text] of the models that are one click away").tag(sync=True)
    other_now = Unicode(help="the other model that is shown").tag(sync=True)
    kept_looks = List(help="the looks that an exported page holds; empty for all").tag(sync=True)

    def __init__(self, *arguments, **settings):
        self.both = Both(self)
        self._failed = ("", "")  # the model that could not be opened, and why
        super().__init__(*arguments, **settings)

    @validate("cell")
    def _check_cell(self, proposal):
        return checked_cell(proposal.value)

    def opening(self, settings: dict) -> dict:
        """The first preset whose other model there is: a checkpoint may have no task that was trained."""
        there = {"", *dict(self.both.choices())}
        fitting = (name for name, state in self.preset_states.items() if state.get("other", "") in there)
        return {"preset": next(fitting)}

    # --- what is shown

    def numbers_key(self) -> tuple:
        return self.both.key()

    def prepare(self, changed: set[str]) -> None:
        self.others, self.other_now = self.both.choices(), self.both.chosen
        if "other" in changed:
            self._failed, self._stopped = ("", ""), None
        if self.against == "text":
            self.both.other_encoding()
        else:
            self._open()
            self.both.check()

    def _open(self) -> None:
        """See to it that the other model is open.

        Raises:
            SelectionError: there is none, it is still being opened, or it could not be.
        """
        name = self.both.chosen
        if self.both.lab() is not None:
            return
        if self._stopped == ("opening", name):
            problem = say("opening {model} was cancelled: press Enter in its field to try again", model=name)
            raise SelectionError(problem)
        if self._failed[0] == name:
            raise SelectionError(self._failed[1])
        if self.job.running and not self.job.mine and self._working == ("opening", name):
            raise SelectionError(say("opening {model} …", model=name))
        self.job.end()
        self._working = ("opening", name)
        if self.both.at_hand(name):  # in a moment
            self._open_now(name)
            return
        self.start(self._opening(name), say("Opening {model}", model=name), lambda: self._update({"opened"}))
        raise SelectionError(say("opening {model} …", model=name))

    def _opening(self, name: str):
        with contextlib.suppress(SelectionError):
            self._open_now(name)
        yield 1.0

    def _open_now(self, name: str) -> None:
        try:
            self.both.open()
        except SelectionError as error:
            self._failed = (name, str(error))
            raise

    def basics(self) -> dict:
        a, b = self.both.names()
        return {"names": [a, b], "against": self.against}

    def completed(self, said: str) -> str:
        place, hidden = self.both.watched()
        if self.against == "model":
            a, b = self.both.names()
            said = say("{a} (A) and {b} (B): {sentence}", a=a, b=b, sentence=said[:1].lower() + said[1:])
        if hidden:
            token = quoted(self.workbench.tokens[place]["text"])
            said = say("With {token} hidden: {sentence}", token=token, sentence=said)
        return said

    @property
    def speaks_of_masks(self) -> bool:
        """What is measured on other sentences does not depend on the masks of this one."""
        return self.looks["overview"].over_many and self.look == "overview"

    # --- calls of the browser

    def weights(self, layer: int, head: int, side: str = "difference"):
        """The weights of a head on show as a byte each: signed ones 128 + 127 √, those of one side 255 √."""
        workbench = self.workbench
        workbench._check_index(layer, workbench.layer_count, "layer")
        workbench._check_index(head, workbench.head_count, "head")
        a, b = self.both.sides()
        mine, theirs = map(list, zip(*self.both.pairs(), strict=True))
        one, other = a.attention[layer, head][mine][:, mine], b.attention[layer, head][theirs][:, theirs]
        values = {"a": one, "b": other}.get(side, other - one).nan_to_num(0.0)
        if side in ("a", "b"):
            content = (255 * values.clamp(0, 1).sqrt()).round()
        else:
            content = (128 + 127 * values.sign() * values.abs().clamp(max=1).sqrt()).round()
        return {"size": len(values), "side": side}, [content.byte().numpy().tobytes()]

    # --- exports

    def shown_as(self) -> list[str]:
        return [self.other_now.replace(":", "-") if self.against == "model" else "two-texts", self.look]

    def provenance(self) -> dict[str, str | int]:
        other = self.both.names()[1] if not self.problem and self.against == "model" else self.other_text
        return {**super().provenance(), "against": other}

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every look, and the difference of the head on show."""
        look, patches, answers = self.look, {}, {}
        names = ("view", "answer", "look")
        if self.problem or self.view.get("empty"):
            return {}, {}
        kept = []
        try:
            for kind in self.kinds:
                self.look = kind.name
                self.wait(60)
                if self.problem or not self.view.get("done"):
                    continue
                patches[f'look:"{kind.name}"'] = {trait: getattr(self, trait) for trait in names}
                kept.append(kind.name)
        finally:
            self.look = look
        self.kept_looks = kept
        call = {"layer": self.layer, "head": self.head, "side": self.side}
        if "attention" in kept:
            description, buffers = self.weights(**call)
            reply = {"result": description, "buffers": buffers}
            answers[f"weights:{json.dumps(call, separators=(',', ':'))}"] = reply
        return answers, patches
