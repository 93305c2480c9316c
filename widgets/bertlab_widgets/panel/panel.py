"""What every panel is made of.

A panel is a folder: `panel.py` with one `Panel` subclass, one JavaScript module of the same name as the folder, a
style sheet that holds for it alone, presets.json. The subclass says what the panel asks (`question_text`), which of its
traits are settings (`settings`), and fills `view` (what the stage draws) and `answer` (one sentence) in `refresh()`.
The module exports `spec`, see kit/frame.js; title, token strip, controls' frame, answer line, foot, keyboard and the
error strip are the base's. `masks/` is a short example of all of it; CONTRIBUTING.md has the steps.

Rules that hold for all: traits are the only way to act; only the `Workbench` runs the model; whatever goes wrong ends
as one sentence in the error strip, with the old picture kept.
"""

from __future__ import annotations

import html
import inspect
import json
import math
from pathlib import Path

from traitlets import Bool, Dict, Float, List, TraitError, Unicode, validate

from bertlab.language import mark, say, written

from ..workbench import SelectionError, Workbench, conditions, heads_off, lab_code
from . import export
from .linked import LinkedWidget, guarded, log
from .module import module_text, speech
from .presets import WORDS, load_presets, positions_of, preset_named
from .reading import notes, offered
from .state import SHARED, plain, refuse_strange, state_of
from .twins import publish
from .words import LEAST, html_table, percent, shortened

FRAME = ("scale", "predict_first", "preset")  # settings that every panel has beside its own


class Panel(LinkedWidget):
    """One question about one text. `Panel(lab, "text")` stands alone; `workbench=` joins it to others.

    To use: traits (`panel.layer = 3`), `.data()`, `.code()`, `.state()` and `from_state`, `.export(path)`, `.pin()`,
    `.reset()`, `.preset = "name"`. To write one: see the module's docstring.
    """

    script = ""  # the panel's JavaScript module, beside its panel.py; the style sheet has the same name
    question_text = ""
    preset_states: dict[str, dict] = {}  # name -> {"note": ..., and as in .state()}; read from presets.json
    lasting = ("text", "text_pair")  # while these are as a preset set them, its note stays
    calls = ("stop", "pin", "unpin", "reset", "code", "exported")  # what the browser may call; subclasses add
    needs_text = True
    speaks_of_masks = speaks_of_heads = False  # whether the answer itself tells of masks, of switched-off heads

    question = Unicode().tag(sync=True)
    heading = Dict().tag(sync=True)
    note = Unicode().tag(sync=True)
    view = Dict().tag(sync=True)
    answer = Unicode().tag(sync=True)
    presets = List().tag(sync=True)
    preset = Unicode().tag(sync=True)
    pinned = Dict().tag(sync=True)
    predict_first = Bool(False).tag(sync=True)
    gate_question = Unicode().tag(sync=True)
    gate_choices = List(help="what may be answered at the gate, where it can be listed").tag(sync=True)
    guess = Unicode().tag(sync=True)
    verdict = Unicode().tag(sync=True)
    scale = Float(1.0, help="1 for a desk, 1.5 and more for a projector").tag(sync=True)
    twin = Unicode(help="name of the static twin, which the live view takes away").tag(sync=True)
    speech = Dict(help="the language in which the panel speaks, see kit/language.js").tag(sync=True)
    traits_synced = List().tag(sync=True)

    def __init__(self, lab=None, text: str | None = None, text_pair: str | None = None, *, workbench=None, **settings):
        if isinstance(lab, Workbench):
            lab, workbench = None, lab
        if lab is None and workbench is None:
            name = type(self).__name__
            raise TypeError(say("{name} needs a lab (bertlab.load()) or a workbench to join", name=name))
        self._refuse_unknown(settings)
        workbench = Workbench(lab) if workbench is None else workbench
        with workbench.together():  # the first picture is drawn when all is set
            super().__init__(workbench, question=say(self.question_text))
            self.presets = offered(self.preset_states, workbench)
            self.speech = speech(self._esm, *self.preset_states)
            self.traits_synced = [name for name in self.traits(sync=True) if not name.startswith("_")]
            if text is not None or text_pair is not None:
                self.workbench.set_text(text or "", text_pair or "")
            elif not self.workbench.text:
                settings = {**self.opening(settings), **settings}
            self._read_shared()
            self._observe()
            preset = settings.pop("preset", "")
            if preset:
                self.preset = preset
            for name, value in settings.items():
                setattr(self, name, value)

    def __init_subclass__(cls, **options):
        if "script" in cls.__dict__:
            cls._esm, cls._css = module_text(cls.script_path()), cls.style()
            if "preset_states" not in cls.__dict__:
                cls.preset_states = load_presets(cls.script_path().parent)
        super().__init_subclass__(**options)

    @classmethod
    def script_path(cls) -> Path:
        """The panel's JavaScript module."""
        own = next(kind for kind in cls.__mro__ if "script" in kind.__dict__)
        return Path(inspect.getfile(own)).parent / cls.script

    @classmethod
    def style(cls) -> str:
        """The style sheet: that of all panels, and the panel's own, which holds for it alone."""
        return export.style_of(cls)

    def _refuse_unknown(self, settings: dict) -> None:
        allowed = (*self.settings, *SHARED, *FRAME)
        unknown = sorted(set(settings) - set(allowed))
        if unknown:
            given = {"panel": type(self).__name__, "name": unknown[0], "known": ", ".join(allowed)}
            raise TypeError(say("{panel} has no setting {name!r}; it has {known}", **given))

    @validate("scale")
    def _check_scale(self, proposal):
        if not math.isfinite(proposal.value) or not 0.5 <= proposal.value <= 4:
            raise SelectionError(say("scale {value} was given, but allowed is 0.5 to 4", value=proposal.value))
        return proposal.value

    # --- what is shown

    def _observe(self) -> None:
        self._link()
        self.observe(self._apply_preset, names=["preset"])
        self.observe(self._gate_changed, names=["predict_first", "guess"])

    def refresh_all(self, changed: set[str]) -> None:
        if "version" in changed:
            self._read_shared()
            self.tokens = self.workbench.tokens
            if self.predict_first:
                self.guess = self.verdict = ""
        if self.preset and not self.is_preset():
            self.preset = ""
        self.heading, self.note = self.heading_now(), self.note_now()
        self.presets = offered(self.preset_states, self.workbench)
        if self.workbench.empty and self.needs_text:
            self.view, self.answer = {"empty": True}, say("Type a sentence above, or choose a preset.")
            self.gate_question, self.gate_choices = "", []
            return
        self.refresh(changed)
        self.answer = self.with_conditions(self.answer).replace(percent(LEAST), say("less than 0.001 %"))
        self.gate_question, self.gate_choices = self.gate(), self.gate_options()

    # --- for subclasses

    def opening(self, settings: dict) -> dict:
        """Settings for a panel that is opened without a text: its first preset."""
        return {"preset": self.presets[0]} if self.presets else {}

    def refresh(self, changed: set[str]) -> None:
        """Fill `view` and `answer`. `changed` names traits; "version" means that the model's results are new."""
        raise NotImplementedError

    def gate(self) -> str:
        """The question of the predict-first gate."""
        return say("What will the panel show?")

    def gate_options(self) -> list[str]:
        """What may be answered at the gate, where it can be listed."""
        return []

    def grade(self, guess: str) -> str:
        """One sentence that holds the committed guess against the live numbers."""
        return say("Your guess was `{guess}`.", guess=guess)

    def data(self):
        """What the panel shows, as tensors or rows."""
        return self.table()

    def table(self) -> list[dict]:
        """What the panel shows now, in this look, as rows for a CSV file."""
        raise NotImplementedError

    def code(self) -> str:
        """5 to 15 lines of Python that reproduce the numbers on the screen; they end in a variable `result`."""
        raise NotImplementedError

    def figure(self, width: float = 7.0):
        """The picture of this look, with what is selected: a matplotlib Figure, `width` inches wide."""
        raise NotImplementedError

    def static_html(self) -> str:
        """The static twin as inline-styled HTML of a few kilobytes, for notebooks that are only viewed."""
        return html_table(self.table()[:40])

    def precomputed(self) -> tuple[dict, dict]:
        """(answers, patches) for the exported page: replies to calls, and trait changes by trait value."""
        return {}, {}

    def shown_as(self) -> list[str]:
        """What tells this picture from others of the panel, for the name of a file."""
        return [getattr(self, "look", "")]

    def pinned_view(self) -> dict:
        """What of the view is kept with a pin, beside the answer."""
        return {}

    # --- words about the state

    def heading_now(self) -> dict:
        """Name and state of the model, for the title line: which model, which step, what is masked or off."""
        workbench = self.workbench
        said = [say("training") if workbench.model.training else say("eval")]
        said += [part.replace("`", "") for part in conditions(workbench, heads=False)]
        said += filter(None, [heads_off(workbench)])
        if any(workbench.encoding.cut):
            said.append(say("text cut after {count} tokens", count=workbench.encoding.length))
        sizes = {"layers": workbench.layer_count, "heads": workbench.head_count}
        return {
            "model": say("{model} ({layers} layers, {heads} heads)", model=workbench.lab.name, **sizes),
            "state": say(", ").join(said),
            "untrained": untrained_reason(workbench.lab),
        }

    def with_conditions(self, answer: str) -> str:
        """The answer, and before it what is done to text and model that the answer does not tell of itself."""
        said = conditions(self.workbench, masks=not self.speaks_of_masks, heads=not self.speaks_of_heads)
        if not said or not answer:
            return answer
        return say("With {conditions}: {answer}", conditions=say(", ").join(said), answer=answer)

    def note_now(self) -> str:
        """The note of the preset that is shown, else what was cut from the text; and whether its words are known."""
        return notes(self.workbench, self.preset_states.get(self.preset, {}).get("note", ""))

    def is_preset(self) -> bool:
        """Whether what is shown is still the preset that was chosen."""
        state = self.preset_states.get(self.preset, {})
        return all(getattr(self, name) == state.get(name, "") for name in self.lasting)

    # --- actions of the foot

    def pin(self) -> None:
        """Keep what is shown now as A, to hold the next state against it."""
        self.pinned = {"answer": f"“{self.caption_text()}” — {self.answer}", **self.pinned_view()}
        self._update({"pinned"})

    def unpin(self) -> None:
        """Take the pinned state away."""
        self.pinned = {}
        self._update({"pinned"})

    def reset(self) -> None:
        """Settings, selection and edits back to the beginning; the text stays."""
        with self.hold_sync(), self.workbench.together():
            self._to_defaults(self.settings)
            self.preset, self.error, self.guess, self.verdict, self.predict_first = "", "", "", "", False
            self.pinned = {}
            self.workbench.reset()

    def _to_defaults(self, names) -> None:
        for name in names:
            setattr(self, name, self.traits()[name].default(self))

    @guarded
    def _apply_preset(self, change) -> None:
        if not change["new"]:
            return
        try:
            state = preset_named(self.preset_states, change["new"])
        except SelectionError:
            self.preset = ""
            raise
        named = {WORDS[key]: state.pop(key) for key in list(state) if key in WORDS}
        for name, count in (("layer", self.workbench.layer_count), ("head", self.workbench.head_count)):
            if state.get(name, 0) >= count:  # a smaller model shows its own
                del state[name]
        with self.hold_sync(), self.workbench.together():
            self.workbench.reset()
            self._to_defaults(name for name in self.settings if name not in state)
            self.workbench.set_text(state.pop("text", ""), state.pop("text_pair", ""))
            for trait, words in named.items():
                setattr(self.workbench, trait, positions_of(self.workbench, words))
            self._apply(state)

    def _gate_changed(self, change) -> None:
        if change["name"] == "predict_first":
            self.guess = self.verdict = ""
        elif change["new"] and self.predict_first:
            self.verdict = self.grade(change["new"]) if self.gate_question else self.answer

    # --- state, as short JSON

    def state(self) -> dict:
        """Everything that makes this picture, as short JSON: what differs from the defaults."""
        workbench, kept = self.workbench, {"panel": type(self).__name__}
        for name in SHARED:
            value = plain(getattr(workbench, name))
            if value != plain(workbench.traits()[name].default(workbench)):
                kept[name] = value
        for name in (*self.settings, "scale"):
            value = getattr(self, name)
            if value != self.traits()[name].default(self):
                kept[name] = value
        return json.loads(json.dumps(kept))

    @classmethod
    def from_state(cls, lab, state: dict | str, **options) -> Panel:
        """A panel as `.state()` described it; `state` may be its JSON text.

        Raises:
            SelectionError: the state is not one of this panel, or holds what text, model or panel do not have.
        """
        state = state_of(state)
        name = state.pop("panel", cls.__name__)
        if name != cls.__name__:
            raise SelectionError(say("the state is one of {other}, not of {panel}", other=name, panel=cls.__name__))
        text, pair = state.pop("text", ""), state.pop("text_pair", "")
        if not isinstance(text, str) or not isinstance(pair, str):
            raise SelectionError(say("the state's text and text_pair must be texts"))
        panel = cls(lab, text, pair, **options)
        panel._apply(state)
        return panel

    def _apply(self, state: dict) -> None:
        """Set what a state names, in one step; what is refused leaves everything as it was."""
        allowed = (*SHARED, *self.settings, "scale")
        if strange := [name for name in state if name not in allowed]:
            given = {"name": strange[0], "panel": type(self).__name__}
            raise SelectionError(say("the state names {name!r}, which {panel} does not have", **given))
        before = {name: getattr(self.workbench if name in SHARED else self, name) for name in state}
        with self.hold_sync(), self.workbench.together():
            try:
                self._set_all(state)
            except (TraitError, ValueError, TypeError, AttributeError) as error:
                self._set_all(before)
                if isinstance(error, SelectionError):
                    raise
                raise SelectionError(say("the state cannot be set: {reason}", reason=error)) from None

    def _set_all(self, values: dict) -> None:
        values = dict(values)
        if "text" in values or "text_pair" in values:
            self.workbench.set_text(values.pop("text", ""), values.pop("text_pair", ""))
        for name, value in values.items():
            owner = self.workbench if name in SHARED else self
            refuse_strange(name, value, owner.traits()[name])
            setattr(owner, name, value)

    # --- exports

    def caption_text(self) -> str:
        """The sentence, or the pair, shortened for a caption."""
        words = self.workbench.text + (f" | {self.workbench.text_pair}" if self.workbench.text_pair else "")
        return shortened(words, 80)

    @property
    def seed_now(self) -> int:
        """The seed of what is drawn by chance here."""
        return self.seed if self.has_trait("seed") else self.workbench.seed

    def settings_said(self) -> str:
        """The settings that differ from the beginning, for captions and tables."""
        left_out = ("panel", "text", "text_pair", "seed", "scale")
        kept = {name: value for name, value in self.state().items() if name not in left_out}
        return ", ".join(f"{name} {value}" for name, value in kept.items()) or mark("defaults")

    def provenance(self) -> dict[str, str | int]:
        """Where the numbers come from: model, texts, settings, seed; in every row of a CSV file."""
        workbench = self.workbench
        return {
            "model": " ".join(filter(None, [workbench.lab.name, getattr(workbench.lab, "moment", "")])),
            "text": workbench.text,
            "text_pair": workbench.text_pair,
            "settings": self.settings_said(),
            "seed": self.seed_now,
        }

    def caption(self) -> str:
        """Model, sentence, settings and seed, for every picture that leaves the notebook."""
        model = self.provenance()["model"]
        seed = say("seed {number}", number=self.seed_now)
        return f"{model} · “{self.caption_text()}” · {say(self.settings_said())} · {seed}"

    def export(self, path, width: str | float | None = None) -> Path:
        """Write what is shown; the suffix decides: .png, .svg, .pdf, .csv, or .html (one offline page).

        Args:
            width: of a picture, in millimetres, or "one column" (85 mm) or "two columns" (174 mm); None as drawn.

        Returns the path. The file is replaced whole or not at all.
        """
        return export.write(self, path, width)

    def exported_bytes(self, kind: str, width: str | float | None = None) -> bytes:
        """The content of a file of this kind: png, svg, pdf, csv or html."""
        return export.content_of(self, kind, width)

    def exported(self, kind: str, width: str | float | None = None):
        """For the browser's Export button: a file name, its type, and the bytes."""
        content = self.exported_bytes(kind, width)
        return {"name": export.file_name(self, kind), "type": export.EXPORTS[kind]}, [content]

    def lab_code(self) -> list[str]:
        """Lines that leave the workbench's lab in `lab`, wherever they run."""
        return lab_code(self.workbench.lab)

    # --- how it looks where nothing runs

    def __repr__(self) -> str:
        pair = f", {self.text_pair!r}" if self.text_pair else ""
        return f"{type(self).__name__}({self.text!r}{pair})"

    def _repr_mimebundle_(self, **options):
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        try:
            data["text/html"] = self.static_twin()
        except Exception as error:
            log.info("no static twin", exc_info=error)
        return bundle

    def _ipython_display_(self) -> None:
        publish(self, self)

    def static_twin(self) -> str:
        """Question, picture, answer and caption as HTML that needs no kernel and no script; no answer at the gate."""
        closed = self.predict_first and not self.guess
        body = "" if closed or (self.workbench.empty and self.needs_text) else self.static_html()
        said = self.gate_question if closed else self.answer
        invitation = html.escape(say("run the cell to try it"))
        return (
            f'<div {written()} style="font-family:sans-serif;max-width:960px"><b>{html.escape(self.question)}</b>'
            f"<div>{body}</div><div>{html.escape(said.replace('`', ''))}</div>"
            f'<div style="font-size:11px;color:#666">{html.escape(self.caption())} · {invitation}</div>'
            "</div>"
        )


def untrained_reason(lab) -> str:
    """Why the masked-language-model head means nothing yet; empty where it is trained."""
    if lab.is_trained("fill_mask"):
        return ""
    return say("The masked-language-model head was not in the checkpoint: its numbers are random.")
