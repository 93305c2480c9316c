"""`TrainPanel`: what does a model learn while one watches, and what did it know before?"""

from __future__ import annotations

from pathlib import Path

from traitlets import Enum, Float, Int, List, Unicode

from bertlab.lab import Lab
from bertlab.language import mark, say
from bertlab.nano import SETTINGS as NANO
from bertlab.training import TrainingError

from ..panel import Panel, guarded, html_table, in_a_row
from ..workbench import SelectionError
from . import pictures, said
from . import view as views
from .adopting import Adoptions
from .code import training_lines
from .pinned import PinnedRun
from .plan import KINDS, PLANNED, SETS, Plan, pasted_lines
from .preparing import prepared
from .run import LiveRun
from .runner import BUSY, Runner
from .saving import save, saved_as
from .sentences import SetSentences
from .trained import TrainedLab
from .watching import SHOWN_TEXTS
from .weights import devices


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
    question_text = mark("What does the model learn, and when?")
    settings = ("look", *PLANNED, "seconds", "watched")
    calls = (*Panel.calls, "start", "pause", "resume", "watch_this", "save_to", "adopt")
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
        self.runner = Runner(self)
        self._known: tuple[tuple, dict] = ((), {})
        self._pinned: PinnedRun | None = None
        self._adoptions = Adoptions()
        self._saved: set[Path] = set()  # folders that this panel has written
        self._sentences = SetSentences(self.preset_states)
        super().__init__(*arguments, **settings)
        self.observe(lambda change: self.set_trait("heading", self.heading_now()), names=["phase"])
        self.observe(self._follow_dataset, names=["dataset"])
        self.observe(self._go_to_moment, names=["moment"])
        self.observe(self._show_chosen, names=["shown"])

    # --- what will be trained

    @property
    def run(self) -> LiveRun | None:
        """The run that is shown; None before the first one, and after Reset."""
        return self.runner.run

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
        return prepared(self.plan, self.before)

    # --- a sentence of the set

    def opening(self, settings: dict) -> dict:
        plan = Plan(**{name: settings[name] for name in PLANNED if name in settings})
        if preset := self._sentences.preset(plan.dataset):
            return {"preset": preset}
        text, pair = self._sentences.bring(plan, self.workbench.lab)
        return {"text": text, "text_pair": pair}

    def _follow_dataset(self, change) -> None:
        """Another set brings a sentence of its own, unless the one on show was typed by somebody."""
        if self.phase in BUSY:
            return
        if brought := self._sentences.instead_of(self.sentence_shown(), self.plan, self.before):
            self.workbench.set_text(*brought)

    def _set_all(self, values: dict) -> None:
        kept = self.sentence_shown()
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
        self._lab_before = self.before
        self.runner.start()

    def pause(self) -> None:
        """Hold between two steps; the model as it is now can be looked at everywhere."""
        if self.phase == "training":
            self.runner.hold()

    @guarded
    def resume(self) -> None:
        """Go on after a pause, or where a run was stopped, with everything as it was."""
        if self.phase == "stopped" and self.run is not None and not self.job.running:
            self.runner.take_up()
            return
        if self.phase != "paused":
            raise SelectionError(say("no training is paused or stopped: start one"))
        self.runner.go_on()

    def stop(self) -> None:
        """End the run within the step; what was learnt so far is kept, and `resume()` goes on from there."""
        super().stop()
        self.runner.go_on()

    def adopt(self) -> None:
        """Let the lab answer with the trained model for its task from now on, in every panel and workbench of it.

        It answers as the model is now, whatever this panel trains or goes back to later; `reset()` takes it back.
        """
        run = self.run
        if run is None or run.task is None or self.phase in BUSY:
            raise SelectionError(say("there is no finished run of a task to adopt: start one, and let it end"))
        self._adoptions.adopt(self.before, run)
        self.workbench.model_changed()

    def wait_for_step(self, step: int, timeout: float = 60) -> bool:
        """Wait until so many steps are taken; False where the run ended or `timeout` seconds passed before."""
        return self.runner.wait_for_step(step, timeout)

    def ended(self, ending: str) -> None:
        """What follows the end of a run: a pin of it is brought up to date, the others look at what it became."""
        if self._pinned is not None and self._pinned.is_of(self.run):
            self._keep_pinned(self.run)
        if ending != "failed":
            guess = self.guess
            if not self.switch(self.shown):
                self.workbench.model_changed()
            if guess and self.predict_first:
                self.guess = guess
                self.verdict = self.grade(guess)
        self.redraw({"phase"})

    def redraw(self, changed: set[str]) -> None:
        """An update that nobody asked for: a sentence in the error strip stays."""
        error = self.error
        self._update(changed)
        self.error = self.error or error

    def explain(self, error: Exception) -> None:
        """Say what ended a run."""
        self.show_error(error)
        if isinstance(error, TrainingError):
            self.error = in_a_row([self.error, say("The model as it was before is unchanged.")])

    def watch_this(self) -> None:
        """Watch the sentence of the text line from now on, beside others."""
        entry = [self.workbench.text, self.workbench.text_pair] if self.workbench.text_pair else self.workbench.text
        if self.workbench.text and entry not in self.watched:
            self.watched = [*self.watched, entry][-SHOWN_TEXTS:]

    # --- the time machine, and what the others see

    def switch(self, which: str) -> bool:
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
            self.switch(change["new"])

    def _go_to_moment(self, change) -> None:
        index, run = change["new"], self.run
        if self.phase in BUSY:
            if index != -1:
                self.moment = -1
                raise SelectionError(say("the model is being trained: pause it to go back in time."))
            return
        if run is None or not run.moments:
            if index != -1:
                self.moment = -1
                raise SelectionError(say("there is no run yet: start one, then go back in it."))
            return
        if not -1 <= index < len(run.moments):
            self.moment = -1
            raise SelectionError(
                say(
                    "moment {index} was given, but allowed is 0 to {most}, or -1 for the last.",
                    index=index,
                    most=len(run.moments) - 1,
                )
            )
        self.runner.back_to(index)
        if isinstance(run.lab, TrainedLab):
            at = "" if run.at is None else say("the model at step {at:,} of {step:,}", at=run.at, step=run.step)
            run.lab.moment = at
        if self.workbench.lab is run.lab:
            self.workbench.model_changed()
        self._update({"moment"})

    def save(self, folder: str | Path) -> Path:
        """Write the model of the shown moment, whole: `bertlab.load(folder)` and transformers open it.

        Where LoRA was trained the adapter alone lies beside it, for `bertlab.adapters.load_adapter`.

        Raises:
            SelectionError: there is nothing to save yet, or something else stands in that folder.
        """
        if self.run is None:
            raise SelectionError(say("there is nothing to save yet: start a run"))
        if self.phase in BUSY:
            raise SelectionError(say("the model is being trained: pause or stop it, then save"))
        save(self.run, Path(folder), base=self.before.name, step=self.run.moments[self.moment].step, own=self._saved)
        return Path(folder)

    def save_to(self, folder: str) -> str:
        """`save`, for the browser's button."""
        if not folder.strip():
            raise SelectionError(say("no folder was named: write where the model is to be saved"))
        return saved_as(self.run, self.save(folder.strip()).resolve())

    # --- what is shown

    def reset(self) -> None:
        """Stop, forget the run, let the lab answer as before; settings back to the beginning."""
        self.stop()
        self.wait(10)
        self.switch("before")
        self.runner.forget()
        self._adoptions.take_back()
        self.shown = "trained"
        self.moment, self.phase, self._pinned = -1, "idle", None
        with self.workbench.together():
            kept = self.sentence_shown()
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
        self.heading = self.heading_now()
        self._show(changed)
        self.note = self.note_now()  # of data that was read just now

    def _show(self, changed: set[str]) -> None:
        run = self.run
        if run is None:
            self._invite() if self.phase in ("idle", "failed") else self._announce()
            return
        if "version" in changed and self.phase in (*views.ENDED, "failed") and run.moments:
            with self.workbench.lock:
                self.runner.seen = run.watch(self.runner.texts())
        cards = views.cards(run, self.runner.seen)
        view = {**views.run_view(run, self.phase, self.moment, cards), **self._choices(), "budget": self.seconds}
        if self.look == "attention":
            view["attention"] = self.runner.attention()
        if self._pinned is not None and not self._pinned.is_of(run):
            view |= self._pinned.beside(run)
        self.view = view
        self.answer = said.sentence(run, view, self.look, self.moment)

    def _choices(self) -> dict:
        """What the controls offer."""
        layers = self.before.model.config.num_hidden_layers
        adoptable = self.run is not None and self.run.task is not None and self.phase in ("done", "stopped")
        return {"devices": devices(), "layers": layers, "suits": self.plan.suits(), "adoptable": adoptable}

    def _invite(self) -> None:
        """Before a run: what it would learn from."""
        about, problem, plan = {}, "", self.plan
        if not plan.waiting:
            try:
                about = self.about()
            except (ValueError, LookupError, OSError) as error:
                problem = str(error)
        self.view = {"phase": self.phase, **views.invited(plan, about), **self._choices()}
        self.answer = said.invitation(plan, about)
        if problem and not self.error:
            self.show_error(ValueError(problem))

    def _announce(self) -> None:
        self.view = {**self.view, "phase": self.phase}
        self.answer = say("Reading the data and building the model …")

    def sentence_shown(self) -> tuple[str, str]:
        """The text line, and its second text."""
        return self.workbench.text, self.workbench.text_pair

    # --- a finished run kept beside the next one

    @guarded
    def pin(self) -> None:
        """Keep the curves of this run as A; the next run is drawn beside them."""
        if self.run is None or not self.run.history:
            raise SelectionError(say("there is no run to keep yet: start one, then pin it."))
        self._keep_pinned(self.run)
        self._update({"pinned"})

    def _keep_pinned(self, run: LiveRun) -> None:
        self._pinned = PinnedRun.of(run)
        self.pinned = {"answer": said.settings_line(run)}

    def unpin(self) -> None:
        """Take the pinned run away."""
        self._pinned = None
        super().unpin()

    # --- predict first

    def gate(self) -> str:
        about = self.run.about if self.run is not None else self.view.get("about", {})
        return said.gate(about, self.view.get("chance"))

    def grade(self, guess: str) -> str:
        return said.grade(guess, None if self.phase in BUSY else self.run)

    # --- data, code, pictures

    def data(self) -> dict:
        """Tensors (steps,) "steps", "loss", "gradient_norm", "learning_rate"; "evaluations", "changes", "watched";
        "pinned", the rows of the run that was pinned."""
        run = self.run
        if run is None:
            return {"examples": [] if self.plan.nano else self.plan.rows()}
        seen = {"evaluations": run.evaluations, "changes": run.changes, "watched": self.runner.seen}
        pinned = self._pinned.rows if self._pinned else []
        return {**pictures.columns_of(run), **{name: list(rows) for name, rows in seen.items()}, "pinned": pinned}

    def table(self) -> list[dict]:
        run = self.run
        if run is None:
            examples = self.view.get("about", {}).get("examples", [])
            return [{"example": number, **example} for number, example in enumerate(examples, start=1)]
        if self.look != "curves":
            return pictures.look_rows(self.view, self.look)
        pinned = self._pinned
        return pictures.table_of(run, None if pinned is None or pinned.is_of(run) else pinned.rows)

    def static_html(self) -> str:
        run = self.run
        return html_table(self.table()[:8]) if run is None else pictures.twin(run, views.cards(run, self.runner.seen))

    def figure(self, width: float = 8.0):
        draw = {"layers": pictures.layers_figure, "attention": pictures.attention_figure}.get(
            self.look, pictures.figure_of
        )
        return draw(self.view, self.answer, width)

    def shown_as(self) -> list[str]:
        return [self.dataset, self.look]

    def precomputed(self) -> tuple[dict, dict]:
        return {}, pictures.precomputed(self) if self.run is not None and self.phase not in BUSY else {}

    def code(self) -> str:
        run = self.run
        if run is None:
            return training_lines(self.plan, self.before)
        return training_lines(run.plan, self.before, taken=run.step, total=run.steps)

    def with_conditions(self, answer: str) -> str:
        """The answer itself says which step is shown."""
        return answer

    def note_now(self) -> str:
        """The preset's note; what is to be known of the data; which tasks are answered with what was trained here."""
        run, view = self.run, self.view
        notes = run.notes if run is not None else view.get("about", {}).get("notes", [])
        return in_a_row([super().note_now(), *said.notes_said(notes, self._adoptions.tasks)])

    def caption(self) -> str:
        """As of every panel; pasted lines by their number."""
        pasted = f"pasted {self.pasted!r}"
        return super().caption().replace(pasted, pasted_lines(self.pasted))

    def heading_now(self) -> dict:
        heading = super().heading_now()
        return {**heading, "state": say(said.PHASES[self.phase]), "untrained": ""}
