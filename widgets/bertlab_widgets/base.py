"""What every panel is made of.

A panel is one `Panel` subclass and one JavaScript file. The subclass says what the panel asks (`question`), which of
its traits are settings (`settings`), and fills `view` (what the stage draws), `answer` (one sentence) in `refresh()`.
The file `static/<script>` draws `view` on the stage; title, token strip, controls' frame, answer line, foot, keyboard
and the error strip are the base's. See `masks.py` for a short example of both.

Rules that hold for all: traits are the only way to act; only the `Workbench` runs the model; whatever goes wrong ends
as one sentence in the error strip, with the old picture kept.
"""

from __future__ import annotations

import base64
import csv
import functools
import html
import io
import json
import logging
import math
import threading
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import anywidget
from traitlets import Bool, Dict, Float, Int, List, Unicode

from .state import SelectionError, Workbench
from .twins import publish

STATIC = Path(__file__).parent / "static"
SHARED = ("text", "text_pair", "selected", "layer", "head", "heads", "masked", "forced", "ablated", "ablation")
EXPORTS = {"png": "image/png", "svg": "image/svg+xml", "csv": "text/csv", "html": "text/html"}
log = logging.getLogger("bertlab_widgets")


def rounded(value: float, places: int) -> str:
    """A number with so many decimals, halves away from zero, as the browser rounds: 12.5 is 13, not 12."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def percent(probability: float) -> str:
    """A probability for an audience: two significant digits, as the panels' JavaScript writes it."""
    value = 100 * float(probability)
    if value == 0:
        return "0 %"
    if value < 0.001:
        return "< 0.001 %"
    if value >= 99.5:
        return "100 %" if value >= 99.995 else rounded(value, 2).removesuffix("0") + " %"
    digits = 0 if value >= 10 else 1 if value >= 1 else 2 if value >= 0.1 else 3 if value >= 0.01 else 4
    return f"{rounded(value, digits)} %"


def signed(value: float) -> str:
    """A number with two decimals and a real minus sign."""
    return f"{value:.2f}".replace("-", "−")


def significant(value: float) -> str:
    """A number with two significant digits, a real minus sign, and no exponent down to a millionth."""
    if value == 0 or abs(value) < 1e-6:
        return "0"
    places = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}".replace("-", "−")


def module_text(script: str) -> str:
    """The base's and a panel's JavaScript as one plain ES module."""
    return (STATIC / "panel.js").read_text(encoding="utf8") + (STATIC / script).read_text(encoding="utf8")


def guarded(method):
    """A callback whose exceptions become the error strip's sentence instead of getting lost."""

    @functools.wraps(method)
    def call(self, *arguments, **options):
        try:
            return method(self, *arguments, **options)
        except Exception as error:
            self.show_error(error)

    return call


class Panel(anywidget.AnyWidget):
    """One question about one text. `Panel(lab, "text")` stands alone; `workbench=` joins it to others.

    To use: traits (`panel.layer = 3`), `.data()`, `.code()`, `.state()` and `from_state`, `.export(path)`, `.pin()`,
    `.reset()`, `.preset = "name"`.
    To write one: see the module's docstring.
    """

    script = ""  # the file in static/
    question_text = ""
    settings: tuple[str, ...] = ()  # own traits that .state() keeps and .reset() takes back
    preset_states: dict[str, dict] = {}  # name -> {"note": ..., and as in .state()}
    calls = ("stop", "pin", "unpin", "reset", "code", "exported")  # what the browser may call; subclasses add

    _css = STATIC / "panel.css"
    question = Unicode().tag(sync=True)
    heading = Dict().tag(sync=True)
    text = Unicode().tag(sync=True)
    text_pair = Unicode().tag(sync=True)
    tokens = List().tag(sync=True)
    selected = List().tag(sync=True)
    layer = Int(0).tag(sync=True)
    head = Int(0).tag(sync=True)
    heads = List().tag(sync=True)
    masked = List().tag(sync=True)
    forced = Dict().tag(sync=True)
    ablated = List().tag(sync=True)
    ablation = Unicode("zero").tag(sync=True)
    note = Unicode().tag(sync=True)
    view = Dict().tag(sync=True)
    answer = Unicode().tag(sync=True)
    error = Unicode().tag(sync=True)
    busy = Dict().tag(sync=True)
    presets = List().tag(sync=True)
    preset = Unicode().tag(sync=True)
    pinned = Dict().tag(sync=True)
    predict_first = Bool(False).tag(sync=True)
    gate_question = Unicode().tag(sync=True)
    guess = Unicode().tag(sync=True)
    verdict = Unicode().tag(sync=True)
    scale = Float(1.0, help="1 for a desk, 1.5 and more for a projector").tag(sync=True)
    twin = Unicode(help="name of the static twin, which the live view takes away").tag(sync=True)
    traits_synced = List().tag(sync=True)

    def __init__(self, lab=None, text: str | None = None, text_pair: str | None = None, *, workbench=None, **settings):
        if lab is None and workbench is None:
            raise TypeError(f"{type(self).__name__} needs a lab (bertlab.load()) or a workbench to join.")
        unknown = sorted(set(settings) - set(SHARED) - set(self.settings) - {"scale", "predict_first", "preset"})
        if unknown:
            raise TypeError(
                f"{type(self).__name__} has no setting {unknown[0]!r}; it has "
                f"{', '.join((*self.settings, *SHARED, 'scale', 'predict_first', 'preset'))}."
            )
        self._ready, self._job, self._cancelled = False, None, threading.Event()
        self._changed: set[str] = set()
        if workbench is None:
            workbench = Workbench(lab)
        self.workbench = workbench
        super().__init__(question=self.question_text, presets=list(self.preset_states))
        self.traits_synced = [name for name, trait in self.traits(sync=True).items() if not name.startswith("_")]
        if text is not None or text_pair is not None:
            workbench.set_text(text or "", text_pair or "")
        elif not workbench.text:
            settings = {**self.opening(settings), **settings}
        for name in SHARED:
            setattr(self, name, _plain(getattr(workbench, name)))
        self.observe(self._to_workbench, names=list(SHARED))
        workbench.observe(self._from_workbench, names=list(SHARED))
        workbench.observe(self._version_changed, names=["version"])
        workbench.observe(lambda change: self._update(set()), names=["settled"])
        for name in self.settings:
            self.observe(self._setting_changed, names=name)
        self.observe(self._apply_preset, names=["preset"])
        self.observe(self._gate_changed, names=["predict_first", "guess"])
        self.on_msg(self._message)
        self._ready = True
        self._changed = {"version"}
        with workbench.together():
            for name, value in settings.items():
                setattr(self, name, value)

    def __init_subclass__(cls, **options):
        if "script" in cls.__dict__:
            cls._esm = module_text(cls.script)
        super().__init_subclass__(**options)

    # --- the shared state, both ways

    def _to_workbench(self, change) -> None:
        name = change["name"]
        if _plain(getattr(self.workbench, name)) == change["new"]:
            return
        try:
            setattr(self.workbench, name, change["new"])
        except Exception:
            setattr(self, name, _plain(getattr(self.workbench, name)))
            raise
        setattr(self, name, _plain(getattr(self.workbench, name)))

    def _from_workbench(self, change) -> None:
        setattr(self, change["name"], _plain(change["new"]))
        if change["name"] in ("selected", "layer", "head", "heads"):
            self._update({change["name"]})

    def _version_changed(self, change) -> None:
        self._update({"version"})

    def _setting_changed(self, change) -> None:
        self._update({change["name"]})

    @guarded
    def _update(self, changed: set[str]) -> None:
        """Bring everything that is shown up to date; one message to the browser."""
        self._changed |= changed
        if not self._ready or self.workbench.unsettled or not self._changed:
            return
        changed, self._changed = self._changed, set()
        with self.hold_sync():
            self.error = ""
            workbench = self.workbench
            if "version" in changed:
                for name in SHARED:
                    setattr(self, name, _plain(getattr(workbench, name)))
                self.tokens = workbench.tokens
                self.heading = self.heading_now()
                self.note = self.note_now()
                if self.predict_first:
                    self.guess = self.verdict = ""
            if workbench.empty and self.needs_text:
                self.view, self.answer = {"empty": True}, "Type a sentence above, or choose a preset."
            else:
                self.refresh(changed)
                self.gate_question = self.gate()

    # --- for subclasses

    needs_text = True

    def opening(self, settings: dict) -> dict:
        """Settings for a panel that is opened without a text: its first preset."""
        return {"preset": next(iter(self.preset_states))} if self.preset_states else {}

    def refresh(self, changed: set[str]) -> None:
        """Fill `view` and `answer`. `changed` names traits; "version" means that the model's results are new."""
        raise NotImplementedError

    def gate(self) -> str:
        """The question of the predict-first gate."""
        return "What will the panel show?"

    def grade(self, guess: str) -> str:
        """One sentence that holds the committed guess against the live numbers."""
        return f"Your guess was `{guess}`."

    def data(self):
        """What the panel shows, as tensors or rows."""
        return self.table()

    def table(self) -> list[dict]:
        """What the panel shows, as rows for a CSV file."""
        raise NotImplementedError

    def code(self) -> str:
        """5 to 15 lines of Python that reproduce the numbers on the screen; they end in a variable `result`."""
        raise NotImplementedError

    def figure(self):
        """The static twin: a matplotlib Figure of what the panel shows."""
        raise NotImplementedError

    def static_html(self) -> str:
        """The static twin as inline-styled HTML of a few kilobytes, for notebooks that are only viewed."""
        rows = self.table()[:40]
        return html_table(rows)

    def precomputed(self) -> tuple[dict, dict]:
        """(answers, patches) for the exported page: replies to calls, and trait changes by trait value."""
        return {}, {}

    def heading_now(self) -> dict:
        """Name and state of the model, for the title line."""
        lab, model = self.workbench.lab, self.workbench.model
        parts = ["training" if model.training else "eval"]
        if self.workbench.ablated:
            count = len(self.workbench.ablated)
            parts.append(f"{count} head{'s' if count > 1 else ''} off")
        return {
            "model": f"{lab.name} ({self.workbench.layer_count} layers, {self.workbench.head_count} heads)",
            "state": ", ".join(parts),
            "untrained": untrained_reason(lab),
        }

    def note_now(self) -> str:
        """What was cut from the text, where it was too long."""
        encoding = self.workbench.encoding
        cut = [part for part in encoding.cut if part]
        if not cut:
            return ""
        shown = cut[0][:60] + ("…" if len(cut[0]) > 60 else "")
        return f"Cut after {encoding.length} tokens, the model's limit: “{shown}” and what follows is not seen."

    # --- actions of the foot

    def pin(self) -> None:
        """Keep what is shown now as A, to hold the next state against it."""
        self.pinned = {"answer": f"“{self.caption_text()}” — {self.answer}", **self.pinned_view()}
        self._update({"pinned"})

    def unpin(self) -> None:
        """Take the pinned state away."""
        self.pinned = {}
        self._update({"pinned"})

    def pinned_view(self) -> dict:
        """What of the view is kept with a pin, beside the answer."""
        return {}

    def reset(self) -> None:
        """Settings, selection and edits back to the beginning; the text stays."""
        with self.hold_sync(), self.workbench.together():
            for name in self.settings:
                setattr(self, name, self.traits()[name].default())
            self.preset, self.error, self.guess, self.verdict, self.predict_first = "", "", "", "", False
            self.pinned = {}
            self.workbench.reset()

    def _apply_preset(self, change) -> None:
        name = change["new"]
        if not name:
            return
        if name not in self.preset_states:
            self.preset = ""
            raise SelectionError(f"preset {name!r} was given; there are {', '.join(self.preset_states)}.")
        state = self.preset_states[name]
        self._apply({key: value for key, value in state.items() if key != "note"})
        if state.get("note"):
            self.note = state["note"]

    def _gate_changed(self, change) -> None:
        if change["name"] == "predict_first":
            self.guess = self.verdict = ""
        elif change["new"] and self.predict_first:
            self.verdict = self.grade(change["new"])

    # --- state, as short JSON

    def state(self) -> dict:
        """Everything that makes this picture, as short JSON: what differs from the defaults."""
        workbench, kept = self.workbench, {"panel": type(self).__name__}
        for name in SHARED:
            value = _plain(getattr(workbench, name))
            if value != _plain(workbench.traits()[name].default(workbench)):
                kept[name] = value
        for name in (*self.settings, "scale"):
            value = getattr(self, name)
            if value != self.traits()[name].default(self):
                kept[name] = value
        return json.loads(json.dumps(kept))

    @classmethod
    def from_state(cls, lab, state: dict | str, **options) -> Panel:
        """A panel as `.state()` described it; `state` may be its JSON text."""
        state = dict(json.loads(state) if isinstance(state, str) else state)
        name = state.pop("panel", cls.__name__)
        if name != cls.__name__:
            raise SelectionError(f"the state is one of {name}, not of {cls.__name__}.")
        panel = cls(lab, state.get("text", ""), state.get("text_pair", ""), **options)
        panel._apply(state)
        return panel

    def _apply(self, state: dict) -> None:
        state = dict(state)
        allowed = (*SHARED, *self.settings, "scale")
        for name in state:
            if name not in allowed:
                raise SelectionError(f"the state names {name!r}, which {type(self).__name__} does not have.")
        workbench = self.workbench
        with self.hold_sync(), workbench.together():
            if "text" in state or "text_pair" in state:
                workbench.set_text(state.pop("text", ""), state.pop("text_pair", ""))
            if "forced" in state:
                state["forced"] = {int(position): token for position, token in state["forced"].items()}
            for name, value in state.items():
                setattr(workbench if name in SHARED else self, name, value)

    # --- exports

    def caption_text(self) -> str:
        """The sentence, or the pair, shortened for a caption."""
        words = self.workbench.text + (f" | {self.workbench.text_pair}" if self.workbench.text_pair else "")
        return words if len(words) <= 80 else words[:79] + "…"

    @property
    def seed_now(self) -> int:
        """The seed of what is drawn by chance here."""
        return self.seed if self.has_trait("seed") else self.workbench.seed

    def caption(self) -> str:
        """Model, sentence, settings and seed, for every picture that leaves the notebook."""
        differing = {
            key: value for key, value in self.state().items() if key not in ("panel", "text", "text_pair", "seed")
        }
        settings = ", ".join(f"{key} {value}" for key, value in differing.items()) or "defaults"
        return f"{self.workbench.lab.name} · “{self.caption_text()}” · {settings} · seed {self.seed_now}"

    def export(self, path) -> Path:
        """Write what is shown; the suffix decides: .png, .svg, .csv, or .html (one offline page). Returns the path."""
        path = Path(path)
        kind = path.suffix.lower().lstrip(".")
        if kind not in EXPORTS:
            raise SelectionError(f"{path.name!r} was given; allowed suffixes are .png, .svg, .csv and .html.")
        path.write_bytes(self.exported_bytes(kind))
        return path

    def exported_bytes(self, kind: str) -> bytes:
        """The content of a file of this kind: png, svg, csv or html."""
        if kind == "csv":
            return self._csv().encode("utf8")
        if kind == "html":
            return self._page().encode("utf8")
        import matplotlib

        buffer = io.BytesIO()
        with matplotlib.rc_context({"font.family": font_families()}):
            figure = self.figure()
            figure.text(0.01, -0.03, self.caption(), fontsize=6, color="#555555")
            figure.savefig(buffer, format=kind, dpi=150, bbox_inches="tight")
        return buffer.getvalue()

    def _csv(self) -> str:
        """Rows as UTF-8; the first row also names model, sentence and seed."""
        rows = self.table()
        names = list(rows[0]) if rows else []
        origin = {
            "model": self.workbench.lab.name,
            "text": self.workbench.text,
            "text_pair": self.workbench.text_pair,
            "seed": self.seed_now,
        }
        origin = {f"from_{name}": value for name, value in origin.items()}
        out = io.StringIO()
        writer = csv.DictWriter(out, [*names, *origin])
        writer.writeheader()
        for i, row in enumerate(rows):
            writer.writerow({**row, **(origin if i == 0 else {})})
        return out.getvalue()

    def _page(self) -> str:
        answers, patches = self.precomputed()
        answers = {"code:{}": {"result": self.code()}, **answers}
        state = {name: getattr(self, name) for name in self.traits_synced if name != "layout"}
        state["presets"] = []
        parts = [
            json.dumps(_encode_bytes(part), ensure_ascii=False).replace("</", "<\\/")
            for part in (state, answers, patches)
        ]
        css = (STATIC / "panel.css").read_text(encoding="utf8")
        title = html.escape(f"{self.question_text} {self.caption_text()}")
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>body{{margin:0;color-scheme:light dark}}{css}</style>"
            "</head>"
            f'<body><div id="panel">{self.static_html()}</div>'
            f'<p style="font:11px sans-serif;margin:8px 16px">{html.escape(self.caption())}</p>'
            f'<script type="module">{module_text(self.script)}\n'
            f"renderPanel({{model: standaloneModel({', '.join(parts)}), el: document.getElementById('panel')}}, spec);"
            "</script></body></html>"
        )

    def exported(self, kind: str):
        """For the browser's Export button: a file name, its type, and the bytes."""
        if kind not in EXPORTS:
            raise SelectionError(f"{kind!r} was given; allowed are {', '.join(EXPORTS)}.")
        name = type(self).__name__.removesuffix("Panel").lower()
        return {"name": f"bertlab-{name}.{kind}", "type": EXPORTS[kind]}, [self.exported_bytes(kind)]

    # --- long work: a generator in a thread, with progress and Cancel

    def start(self, steps, label: str, finish=None) -> None:
        """Run the generator `steps` in a thread. It yields the fraction done (0 to 1); Cancel stops it between steps.

        `finish()` is called when all steps are done. Traits are written from the thread; exceptions go to the strip.
        """
        if self._job is not None and self._job.is_alive():
            raise SelectionError(f"{self.busy.get('label', 'a computation')} is still running: cancel it first.")
        self._cancelled.clear()

        def work():
            try:
                for done in steps:
                    if self._cancelled.is_set():
                        steps.close()
                        return
                    self.busy = {"label": label, "done": float(done)}
                if finish is not None:
                    finish()
            except Exception as error:
                self.show_error(error)
            finally:
                self.busy = {}

        self.busy = {"label": label, "done": 0.0}
        self._job = threading.Thread(target=work, daemon=True, name=f"bertlab {label}")
        self._job.start()

    def stop(self) -> None:
        """Cancel the computation that is running, if there is one."""
        self._cancelled.set()

    def wait(self, timeout: float = 60) -> bool:
        """Wait until the computation is over; False where it is not over in `timeout` seconds."""
        if self._job is None:
            return True
        self._job.join(timeout)
        return not self._job.is_alive()

    # --- talking with the browser

    def show_error(self, error: Exception) -> None:
        """Say in the error strip what went wrong; the picture stays."""
        message = str(error).strip() or type(error).__name__
        if "out of memory" in message.lower():
            message = "The device ran out of memory: take a shorter text, or load the model with device='cpu'."
        elif not isinstance(error, (ValueError, TypeError, LookupError)):
            message = f"{type(error).__name__}: {message}"
        log.info("panel error", exc_info=error)
        self.error = message[:1].upper() + message[1:]

    @guarded
    def set_state(self, sync_data):
        with self.workbench.together():
            super().set_state(sync_data)

    def _message(self, _, content, buffers) -> None:
        if not isinstance(content, dict) or "call" not in content:
            return
        reply, answer = {"id": content.get("id")}, []
        try:
            name = content["call"]
            if name not in self.calls:
                raise SelectionError(f"{name!r} is not among this panel's calls.")
            result = getattr(self, name)(**content.get("args", {}))
            if isinstance(result, tuple):
                result, answer = result
            reply["result"] = result
        except Exception as error:
            self.show_error(error)
            reply["error"] = self.error
        self.send(reply, answer)

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
        """Question, picture, answer and caption as HTML that needs no kernel and no script."""
        body = "" if self.workbench.empty and self.needs_text else self.static_html()
        return (
            f'<div style="font-family:sans-serif;max-width:960px"><b>{html.escape(self.question_text)}</b>'
            f"<div>{body}</div><div>{html.escape(self.answer.replace('`', ''))}</div>"
            f'<div style="font-size:11px;color:#666">{html.escape(self.caption())} · run the cell to try it</div>'
            "</div>"
        )


def untrained_reason(lab) -> str:
    """Why the masked-language-model head means nothing yet; empty where it is trained."""
    if lab.is_trained("fill_mask"):
        return ""
    return "The masked-language-model head was not in the checkpoint: its numbers are random."


def html_table(rows: list[dict]) -> str:
    """Rows as a table with inline styles, which survives in untrusted notebooks."""
    if not rows:
        return ""
    cell = 'style="padding:1px 8px;text-align:left;border-bottom:1px solid #ccc"'
    head = "".join(f"<th {cell}>{html.escape(str(name))}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td {cell}>{html.escape(_shown(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    return f'<table style="border-collapse:collapse;font-size:12px"><tr>{head}</tr>{body}</table>'


@functools.cache
def font_families() -> list[str]:
    """Fonts for exported pictures: matplotlib's own, then those of this machine for other scripts."""
    from matplotlib.font_manager import get_font_names

    there = set(get_font_names())
    wanted = (
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "WenQuanYi Zen Hei",
        "PingFang SC",
        "Hiragino Sans",
        "Microsoft YaHei",
        "Noto Sans Arabic",
        "Noto Sans Hebrew",
        "Noto Sans Devanagari",
        "Arial Unicode MS",
    )
    return ["DejaVu Sans", "DejaVu Sans Mono", *(name for name in wanted if name in there)]


def _shown(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _plain(value):
    """Traits as JSON has them: tuples become lists, integer keys strings."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _encode_bytes(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, (list, tuple)):
        return [_encode_bytes(item) for item in value]
    if isinstance(value, dict):
        return {key: _encode_bytes(item) for key, item in value.items()}
    return value


def png(pixels) -> bytes:
    """A (height, width, 3) uint8 array as a PNG file: small pictures for static twins, without matplotlib."""
    import struct
    import zlib

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")
