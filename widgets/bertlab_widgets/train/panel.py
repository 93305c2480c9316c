"""`TrainPanel`: what does a model learn while one watches, and what did it know before?"""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from pathlib import Path
from typing import Any

import torch
from traitlets import Enum, Float, Int, List, Unicode

from bertlab.adapters import lora_layers, merge_lora, save_adapter
from bertlab.lab import Lab
from bertlab.nano import SETTINGS as NANO
from bertlab.nano import EncoderDecoder
from bertlab.training import TrainingError

from ..panel import Panel, guarded, html_table, percent
from ..workbench import SelectionError
from . import view as views
from .plan import KINDS, PLANNED, SETS, Plan
from .run import SHOWN_TEXTS, LiveRun, Moment, Stopped, TrainedLab, devices, layer_changes

UPDATES_PER_SECOND = 6
WATCHING = 0.03  # share of the time that may be spent on looking
BUSY = ("training", "preparing")


class TrainPanel(Panel):
    """Fine-tune the model, or train a nano model from nothing, and watch it learn.

        panel = TrainPanel(lab, dataset="sentiment", epochs=4, rank=8)
        panel.start()                     # in a thread; pause(), resume(), stop()
        panel.wait(60)                    # True when it is over
        panel.data()                      # {"loss": (steps,), "evaluations": [...], "watched": [...], ...}
        panel.moment = 0                  # the time machine: back to before the first step
        panel.save("runs/sentiment")

    Settings: `dataset` (a set of `bertlab.samples`; "agreement", "reversal" or "text" for a nano model; "file" or
    "pasted"), `file`, `pasted`, `columns` (of the file, by name: "text = review"), `task` (its kind, "" to tell it
    from the data), `freeze` (-1 nothing, 0 the embeddings, n also so many layers), `rank` of LoRA (0: the weights
    themselves), `rate`, `head_rate`, `batch_size`, `steps` (0: what suits), `epochs`, `seconds` (time budget, 0 for
    none), `precision`, `device`, `seed`, `watched` (texts).
    When a run is over all panels of the workbench look at what was trained, a model beside the lab's own; with
    `shown = "before"` they look at the lab as it was. `adopt()` lets the lab answer with it everywhere.
    """

    script = "training.js"
    question_text = "What does the model learn, and when?"
    settings = (
        "look",
        "dataset",
        "file",
        "pasted",
        "columns",
        "task",
        "freeze",
        "rank",
        "rate",
        "head_rate",
        "batch_size",
        "epochs",
        "steps",
        "seconds",
        "precision",
        "device",
        "seed",
        "watched",
    )
    calls = (*Panel.calls, "start", "pause", "resume", "watch_this", "save_to")
    needs_text = False
    lasting = ("dataset", "text", "text_pair")

    look = Enum(("curves", "layers", "attention"), "curves").tag(sync=True)
    dataset = Enum((*SETS, *NANO, "file", "pasted"), "sentiment").tag(sync=True)
    file = Unicode().tag(sync=True)
    pasted = Unicode().tag(sync=True)
    columns = Unicode(help="columns of the file by name: text = review, label = stars").tag(sync=True)
    task = Enum(KINDS, "").tag(sync=True)
    freeze = Int(-1, min=-1).tag(sync=True)
    rank = Int(8, min=0, max=256).tag(sync=True)
    rate = Float(0.0, min=0).tag(sync=True)
    head_rate = Float(0.0, min=0).tag(sync=True)
    batch_size = Int(0, min=0).tag(sync=True)
    epochs = Float(4.0, min=0).tag(sync=True)
    steps = Int(0, min=0).tag(sync=True)
    seconds = Float(60.0, min=0).tag(sync=True)
    precision = Enum(("auto", "float32", "bfloat16"), "auto").tag(sync=True)
    device = Unicode("auto").tag(sync=True)
    seed = Int(0, min=0).tag(sync=True)
    watched = List(help="texts, or [text, second text], whose predictions are watched").tag(sync=True)
    shown = Enum(("trained", "before"), "trained").tag(sync=True)
    moment = Int(-1, help="index of the moment that is shown; -1 for the last").tag(sync=True)
    phase = Unicode("idle").tag(sync=True)

    def __init__(self, *arguments, **settings):
        self.run: LiveRun | None = None
        self._going = threading.Event()
        self._attention_before: tuple[Any, Any] = (None, None)
        self._seen: list[dict] = []
        self._known: tuple[tuple, dict] = ((), {})
        self._pinned: dict | None = None
        self._budget_from = 0.0  # seconds of training before a run went on
        self._saved: set[Path] = set()  # folders that this panel has written
        self._brought = ("", "")  # the sentence of a set that was shown last
        super().__init__(*arguments, **settings)
        self.observe(lambda change: self.set_trait("heading", self.heading_now()), names=["phase"])
        self.observe(self._follow_dataset, names=["dataset"])
        self.observe(self._go_to_moment, names=["moment"])
        self.observe(self._show_chosen, names=["shown"])

    # --- what will be trained

    @property
    def before(self) -> Lab:
        """The lab as it was before any training in this panel."""
        lab = self.workbench.lab
        return getattr(self, "_lab_before", None) or (lab.before if isinstance(lab, TrainedLab) else lab)

    @property
    def plan(self) -> Plan:
        """The settings as they are: what Start would train."""
        return Plan(**{name: getattr(self, name) for name in PLANNED})

    def prepare(self) -> LiveRun:
        """A run ready to start, as the settings say. Reads the data and builds the model; trains nothing.

        Raises:
            DataError: the data does not parse; names file and line. ValueError: settings that do not fit.
        """
        return self.plan.prepare(self.before)

    # --- a sentence of the set

    def opening(self, settings: dict) -> dict:
        plan = Plan(**{name: settings[name] for name in PLANNED if name in settings})
        presets = [name for name, state in self.preset_states.items() if state["dataset"] == plan.dataset]
        if presets:
            return {"preset": presets[0]}
        self._brought = text, pair = plan.sentence(self.workbench.lab)
        return {"text": text, "text_pair": pair}

    def _follow_dataset(self, change) -> None:
        """Another set brings a sentence of its own, unless the one on show was typed by somebody."""
        if self.phase in BUSY:
            return
        presets = [
            (state["text"], state.get("text_pair", ""), state["dataset"]) for state in self.preset_states.values()
        ]
        own = {(text, pair) for text, pair, _ in presets} | {self._brought}
        here = self._attention_key()
        fitting = [(text, pair) for text, pair, dataset in presets if dataset == change["new"]]
        now = fitting or [self.plan.sentence(self.before)]
        if here in own and here not in now and now[0][0]:
            self._brought = now[0]
            self.workbench.set_text(*now[0])

    def _set_all(self, values: dict) -> None:
        kept = self._attention_key()
        super()._set_all(values)
        if "text" not in values:  # another set would have brought a sentence of its own
            self.workbench.set_text(*kept)

    # --- start, pause, resume, stop

    @guarded
    def start(self) -> None:
        """Begin a run with the settings as they are, in a thread; go on where one is paused."""
        if self.phase == "paused":
            self.resume()
            return
        if self.job.running:
            raise SelectionError("a training is running: stop it first")
        if self.device not in devices():
            raise SelectionError(f"device is {self.device!r}, but this machine has {', '.join(devices())}")
        self.error, self.moment = "", -1
        self._switch("before")
        self._let_go()
        self._lab_before, self.run = self.before, None
        self._going.set()
        self.phase, self.view = "preparing", {}
        self.job.call(self._train, "a training")

    def pause(self) -> None:
        """Hold between two steps; the model as it is now can be looked at everywhere."""
        if self.phase == "training":
            self._going.clear()

    @guarded
    def resume(self) -> None:
        """Go on after a pause, or where a run was stopped, with everything as it was."""
        if self.phase == "stopped" and self.run is not None and not self.job.running:
            if not self.run.resumable:
                raise SelectionError("this run was stopped in the middle of a step and cannot go on: start anew")
            self._going.set()
            self.job.call(self._go_on, "a training")
            return
        if self.phase != "paused":
            raise SelectionError("no training is paused or stopped: start one")
        self._going.set()

    def stop(self) -> None:
        """End the run within the step; what was learnt so far is kept, and `resume()` goes on from there."""
        super().stop()
        self._going.set()

    def adopt(self) -> None:
        """Let the lab answer with the trained model for its task from now on, in every panel and workbench of it."""
        run = self.run
        if run is None or run.task is None or self.phase in BUSY:
            raise SelectionError("there is no finished run of a task to adopt: start one, and let it end")
        self.before.add_task(run.name, run.model)

    def _let_go(self) -> None:
        """Close the generator of the run of before, which might have gone on."""
        if self.run is not None:
            self.run.records.close()

    def wait_for_step(self, step: int, timeout: float = 60) -> bool:
        """Wait until so many steps are taken; False where the run ended or `timeout` seconds passed before."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.run is not None and self.run.step >= step:
                return True
            if not self.job.running:
                return False
            time.sleep(0.005)
        return False

    def _train(self) -> None:
        """The thread: pulls records, looks now and then, keeps moments. It reaches the front end by traits alone."""

        def begin() -> LiveRun:
            self.run = run = self.prepare()
            self._attention_before = (None, None)
            self._look(keep=True, evaluate=True)
            return run

        self._run_through(begin)

    def _go_on(self) -> None:
        """The thread of a run that goes on after a stop."""

        def begin() -> LiveRun:
            run = self.run
            self._switch("before")
            self.moment = -1
            run.message, self._budget_from = "", run.seconds
            with self.workbench.lock:
                run.model.to(run.about["device"] if run.about["device"] != "auto" else self.before.device)
                run.go_to(run.moments[-1].weights)
            return run

        self._run_through(begin)

    def _run_through(self, begin) -> None:
        hooks: list = []
        ending = "failed"
        self._budget_from = 0.0
        try:
            with torch.enable_grad():
                run = begin()
                hooks = run.interruptible(self.job.cancelled)
                self.phase = "training"
                ending = self._pull(run)
        except Stopped:
            ending = "stopped"
        except Exception as error:
            self._explain(error)
        finally:
            for hook in hooks:
                hook.remove()
            self._finish(ending)

    def _pull(self, run: LiveRun) -> str:
        shown = rested = time.perf_counter()
        while True:
            if not self._going.is_set():
                self._paused(run)
            if self.job.cancelled.is_set():
                return "stopped"
            started = time.perf_counter()
            with self.workbench.lock if self.workbench.lab is run.lab else contextlib.nullcontext():
                item = next(run.records, None)
            now = time.perf_counter()
            run.seconds += now - started
            if item is None:
                return "done"
            run.history.append(item)
            if item.evaluation:
                run.evaluations.append({"step": item.step, **item.evaluation})
            affordable = run.watching_seconds <= WATCHING * run.seconds
            if item.evaluation or item.step <= 1 or (affordable and now - shown > 1 / UPDATES_PER_SECOND):
                self._look(keep=bool(item.evaluation))
                shown = time.perf_counter()
                run.watching_seconds += shown - now
            if self.seconds and run.seconds - self._budget_from >= self.seconds and run.step < run.steps:
                run.message = f"The time budget of {self.seconds:g} s is used up."
                return "stopped"
            if self.workbench.lab is run.lab and now - rested > 0.1:
                time.sleep(0.002)  # whoever waits for the model may have it
                rested = now

    def _paused(self, run: LiveRun) -> None:
        with self.workbench.lock:
            self._look(keep=True)
        self.phase = "paused"
        self._switch(self.shown)
        self._going.wait()
        self.moment = -1
        with self.workbench.lock:
            run.go_to(run.moments[-1].weights)
        self.phase = "training"

    def _finish(self, ending: str) -> None:
        """Close the generator, hand the model over, show what it became."""
        run = self.run
        if run is None:  # it never began
            self.phase = "idle" if ending == "stopped" else "failed"
            self._redraw({"phase"})
            return
        try:
            if ending != "stopped":
                run.records.close()
            run.model.zero_grad(set_to_none=True)
            run.model.to(self.before.device).eval()
            self.job.cancelled.clear()
            if ending != "failed":
                self._look(
                    keep=True,
                    evaluate=run.measure is not None
                    and (not run.evaluations or run.evaluations[-1]["step"] != run.step),
                )
            elif run.moments and run.moments[-1].step != run.step:
                run.keep(run.moments[-1].watched)
        except Exception as error:
            ending = "failed"
            self._explain(error)
        self.phase = ending
        if self._pinned is not None and self._pinned["plan"] is run.plan:
            self._keep_pinned(run)
        if ending != "failed":
            guess = self.guess
            if not self._switch(self.shown):
                self.workbench.model_changed()
            if guess and self.predict_first:
                self.guess = guess
                self.verdict = self.grade(guess)
        self._redraw({"phase"})

    def _redraw(self, changed: set[str]) -> None:
        """An update that nobody asked for: a sentence in the error strip stays."""
        error = self.error
        self._update(changed)
        self.error = self.error or error

    def _explain(self, error: Exception) -> None:
        self.show_error(error)
        if isinstance(error, TrainingError):
            self.error += " The model as it was before is unchanged."

    def _look(self, keep: bool = False, evaluate: bool = False) -> None:
        """Ask the model about the watched texts and measure how far it moved; refresh what is drawn."""
        run = self.run
        run.model.eval()
        if evaluate and run.measure is not None:
            run.evaluations.append({"step": run.step, **run.measure()})
        seen = run.watch(self._texts(run))
        for row in seen:
            for label, value in row.get("rows", []):
                run.traces.setdefault(f"{row['text']}|{row['pair']}|{label}", []).append((run.step, value))
        if run.changes and run.changes[-1][0] == run.step:
            run.changes.pop()
        run.changes.append((run.step, layer_changes(run.model, run.start_weights)))
        if keep:
            run.keep(seen)
        if run.step == 0:
            self._attention_before = (self._attention_key(), views.attention_of(run, *self._attention_key()))
        self._seen = seen
        self._redraw({"step"})

    def _texts(self, run: LiveRun) -> list[tuple[str, str]]:
        texts = [(self.workbench.text, self.workbench.text_pair)] if self.workbench.text.strip() else []
        for entry in self.watched:
            pair = (entry, "") if isinstance(entry, str) else (str(entry[0]), str(entry[1]) if len(entry) > 1 else "")
            if pair not in texts:
                texts.append(pair)
        return texts[:SHOWN_TEXTS]

    def watch_this(self) -> None:
        """Watch the sentence of the text line from now on, beside others."""
        entry = [self.workbench.text, self.workbench.text_pair] if self.workbench.text_pair else self.workbench.text
        if self.workbench.text and entry not in self.watched:
            self.watched = [*self.watched, entry][-SHOWN_TEXTS:]

    # --- the time machine, and what the others see

    def _switch(self, which: str) -> bool:
        """Exchange the workbench's lab; False where it is there already."""
        run, workbench = self.run, self.workbench
        lab = run.lab if which == "trained" and run is not None and run.lab is not None else self.before
        if workbench.lab is lab:
            return False
        workbench.exchange_lab(lab)
        return True

    @guarded
    def _show_chosen(self, change) -> None:
        if self.phase not in BUSY:
            self._switch(change["new"])

    def _go_to_moment(self, change) -> None:
        index, run = change["new"], self.run
        if self.phase in BUSY:
            if index != -1:
                self.moment = -1
                raise SelectionError("the model is being trained: pause it to go back in time.")
            return
        if run is None or not run.moments:
            if index != -1:
                self.moment = -1
                raise SelectionError("there is no run yet: start one, then go back in it.")
            return
        if not -1 <= index < len(run.moments):
            self.moment = -1
            raise SelectionError(
                f"moment {index} was given, but allowed is 0 to {len(run.moments) - 1}, or -1 for the last."
            )
        with self.workbench.lock, torch.no_grad():
            run.go_to(run.moments[index].weights)
            self._seen = run.watch(self._texts(run))
        step = run.moments[index].step
        run.at = None if step == run.step else step
        if isinstance(run.lab, TrainedLab):
            run.lab.moment = "" if run.at is None else f"the model at step {step:,} of {run.step:,}"
        if self.workbench.lab is run.lab:
            self.workbench.model_changed()
        self._update({"moment"})

    def save(self, folder: str | Path) -> Path:
        """Write the model of the shown moment, whole: `bertlab.load(folder)` and transformers open it.

        Where LoRA was trained the adapter alone lies beside it, for `bertlab.adapters.load_adapter`.

        Raises:
            SelectionError: there is nothing to save yet, or something else stands in that folder.
        """
        run = self.run
        if run is None:
            raise SelectionError("there is nothing to save yet: start a run")
        if self.phase in BUSY:
            raise SelectionError("the model is being trained: pause or stop it, then save")
        folder = Path(folder)
        if folder.exists() and folder.resolve() not in self._saved and (not folder.is_dir() or any(folder.iterdir())):
            raise SelectionError(
                f"{folder} is not empty, and what stands there would be overwritten: name a new folder"
            )
        if isinstance(run.model, EncoderDecoder):
            run.model.encoder.save_pretrained(folder / "encoder")
            run.model.decoder.save_pretrained(folder / "decoder")
        elif lora_layers(run.model):
            merge_lora(copy.deepcopy(run.model)).save_pretrained(folder)
            details = {"kind": run.kind, "step": self._moment_now().step}
            base = self.before.name
            save_adapter(run.model, folder, task=run.name, base=base, dtype=torch.float32, details=details)
        else:
            run.model.save_pretrained(folder)
        run.tokenizer.save_pretrained(str(folder))
        self._saved.add(folder.resolve())
        return folder

    def save_to(self, folder: str) -> str:
        """`save`, for the browser's button."""
        if not folder.strip():
            raise SelectionError("no folder was named: write where the model is to be saved")
        saved = self.save(folder.strip()).resolve()
        if isinstance(self.run.model, EncoderDecoder):
            return f"saved in {saved}: encoder and decoder, each a folder of its own"
        beside = "; the LoRA adapter alone lies beside it" if lora_layers(self.run.model) else ""
        return f"saved in {saved}: bertlab.load and transformers open it{beside}"

    def _moment_now(self) -> Moment:
        return self.run.moments[self.moment]

    # --- what is shown

    def reset(self) -> None:
        """Stop, forget the run, show the model of before; settings back to the beginning."""
        self.stop()
        self.wait(10)
        self._switch("before")
        self._let_go()
        self.shown = "trained"
        self.run, self.moment, self.phase, self._seen, self._pinned = None, -1, "idle", [], None
        with self.workbench.together():
            kept = self._attention_key()
            super().reset()
            self.workbench.set_text(*kept)
        self._update({"phase"})

    def about(self) -> dict:
        """The chosen set in figures: examples, labels, what guessing gets. Read once for each choice."""
        key = (self.dataset, self.file, self.pasted, self.columns, self.task)
        if self._known[0] != key:
            self._known = (key, self.plan.about(self.before))
        return self._known[1]

    def refresh(self, changed: set[str]) -> None:
        run = self.run
        self.heading = self.heading_now()
        if run is None:
            self._invite() if self.phase in ("idle", "failed") else self._announce()
            return
        if "version" in changed and self.phase in (*views.ENDED, "failed") and run.moments:
            with self.workbench.lock:
                self._seen = run.watch(self._texts(run))
        cards = views.cards(run, self._seen)
        view = {**views.run_view(run, self.phase, self.moment, cards), **self._choices(), "budget": self.seconds}
        if self.look == "attention":
            view["attention"] = self._attention_view(run)
        if self._pinned is not None and self._pinned["plan"] is not run.plan:
            view |= self._beside(self._pinned, run)
        self.view = view
        self.answer = views.sentence(run, self.phase, self.moment, cards)

    def _choices(self) -> dict:
        """What the controls offer."""
        layers = self.before.model.config.num_hidden_layers
        return {"devices": devices(), "layers": layers, "suits": self.plan.suits()}

    def _invite(self) -> None:
        """Before a run: what it would learn from."""
        about, problem, plan = {}, "", self.plan
        if not plan.waiting:
            try:
                about = self.about()
            except (ValueError, LookupError, OSError) as error:
                problem = str(error)
        self.view = {
            "phase": self.phase,
            "about": about,
            "lines": about.get("lines", {}),
            "chance": about.get("chance", {}),
            "steps": plan.planned(about["rows"]) if about else 0,
            **self._choices(),
        }
        self.answer = views.invitation(plan, about)
        if problem and not self.error:
            self.show_error(ValueError(problem))

    def _announce(self) -> None:
        self.view = {**self.view, "phase": self.phase}
        self.answer = "Reading the data and building the model …"

    def _attention_key(self) -> tuple[str, str]:
        return self.workbench.text, self.workbench.text_pair

    def _attention_view(self, run: LiveRun) -> dict | None:
        key = self._attention_key()
        with self.workbench.lock:
            now = views.attention_of(run, *key)
            if now is None:
                return None
            if self._attention_before[0] != key and self.phase not in BUSY:
                present = run.weights()
                run.go_to(run.start_weights)
                self._attention_before = (key, views.attention_of(run, *key))
                run.go_to(present)
        then = self._attention_before[1] if self._attention_before[0] == key else None
        return views.attention_view(run, now, then, self.layer, self.head)

    # --- a finished run kept beside the next one

    @guarded
    def pin(self) -> None:
        """Keep the curves of this run as A; the next run is drawn beside them."""
        if self.run is None or not self.run.history:
            raise SelectionError("there is no run to keep yet: start one, then pin it.")
        self._keep_pinned(self.run)
        self._update({"pinned"})

    def _keep_pinned(self, run: LiveRun) -> None:
        self._pinned = {"plan": run.plan, "curves": views.curves(run), "rows": views.table_of(run)}
        self.pinned = {"answer": views.settings_line(run)}

    def unpin(self) -> None:
        """Take the pinned run away."""
        self._pinned = None
        super().unpin()

    @staticmethod
    def _beside(pinned: dict, run: LiveRun) -> dict:
        """The pinned curves for the stage, and what sets the two runs apart."""
        curves = dict(pinned["curves"], name=pinned["plan"].apart_from(run.plan))
        if curves["metric"] != views.metric_of(run):
            curves["figures"] = []
        return {"pinned": curves, "name": run.plan.apart_from(pinned["plan"])}

    # --- predict first

    def gate(self) -> str:
        about = self.run.about if self.run is not None else self.view.get("about", {})
        guess, held = views.guess_of(self.view.get("chance")), about.get("held_out")
        known = f" ({guess})" if guess else ""
        return (
            f"How many of {held} held-out examples will it get right, in percent{known}?"
            if held
            else f"What accuracy will it reach, in percent{known}?"
        )

    def grade(self, guess: str) -> str:
        try:
            number = float(guess.replace("%", "").replace(",", ".").strip())
        except ValueError:
            return f"Your guess was `{guess}`; a number of percent can be graded."
        run = self.run
        figures = views.figures_of(run) if run is not None else []
        if not figures or self.phase in BUSY:
            return f"Your guess: {number:g} %. Start, and see."
        reached = figures[-1][1]
        return f"You said {number:g} %, it is {percent(reached / 100)}: {abs(number - reached):.0f} points off."

    # --- data, code, pictures

    def data(self) -> dict:
        """Tensors (steps,) "steps", "loss", "gradient_norm", "learning_rate"; "evaluations", "changes", "watched";
        "pinned", the rows of the run that was pinned."""
        run = self.run
        if run is None:
            return {"examples": [] if self.plan.nano else self.plan.rows()}
        return {
            **views.columns_of(run),
            "evaluations": list(run.evaluations),
            "changes": list(run.changes),
            "watched": list(self._seen),
            "pinned": self._pinned["rows"] if self._pinned else [],
        }

    def table(self) -> list[dict]:
        run = self.run
        if run is None:
            examples = self.view.get("about", {}).get("examples", [])
            return [{"example": number, **example} for number, example in enumerate(examples, start=1)]
        if self.look != "curves":
            return views.look_rows(self.view, self.look)
        rows, pinned = views.table_of(run), self._pinned
        if pinned is None or pinned["plan"] is run.plan:
            return rows
        both = [{"run": "A", **row} for row in pinned["rows"]] + [{"run": "B", **row} for row in rows]
        names = dict.fromkeys(name for row in both for name in row)
        return [{**names, **row} for row in both]

    def static_html(self) -> str:
        run = self.run
        return html_table(self.table()[:8]) if run is None else views.twin(run, views.cards(run, self._seen))

    def figure(self, width: float = 8.0):
        draw = {"layers": views.layers_figure, "attention": views.attention_figure}.get(self.look, views.figure_of)
        return draw(self.view, self.answer, width)

    def shown_as(self) -> list[str]:
        return [self.dataset, self.look]

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every look, and every moment of the run."""
        patches, run, look = {}, self.run, self.look
        if run is None or self.phase in BUSY:
            return {}, {}
        moment = self.moment
        try:
            for name in ("layers", "attention", "curves"):
                self.look = name
                patches[f'look:"{name}"'] = {"view": self.view, "answer": self.answer}
            self.look = look
            for index in range(-1, len(run.moments)):
                self.moment = index
                patches[f"moment:{index}"] = {"view": self.view, "answer": self.answer}
        finally:
            self.look, self.moment = look, moment
        return {}, patches

    def code(self) -> str:
        run = self.run
        if run is None:
            return self.plan.code(self.before)
        return run.plan.code(self.before, taken=run.step, total=run.steps)

    def with_conditions(self, answer: str) -> str:
        """The answer itself says which step is shown."""
        return answer

    def caption(self) -> str:
        """As of every panel; pasted lines by their number."""
        pasted = f"pasted {self.pasted!r}"
        return super().caption().replace(pasted, f"{len(self.pasted.splitlines())} pasted lines")

    def heading_now(self) -> dict:
        heading = super().heading_now()
        return {**heading, "state": {"idle": "not trained here yet"}.get(self.phase, self.phase), "untrained": ""}
