"""`DataPanel`: where in a labelled set does the head go wrong?"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from traitlets import Dict, Enum, Int, List, Unicode, validate

from bertlab.analysis import errors
from bertlab.language import mark, say, say_n

from ..panel import Panel
from ..workbench import SelectionError, ablation_code
from . import pictures, words
from .code import CHUNK, lines_of
from .fitting import task_for
from .judged import NONE, SORTS, Judged
from .sets import GIVEN, MOST, SPLITS, Rows, Wanted, kept, rows_of
from .view import view_of

AT_ONCE = 0.4  # seconds of work before it goes on in a thread, with progress and Cancel
LONG = 0.001  # a share that is done which says that what comes next may take long
EVERY = 0.25  # seconds between two pictures of a set that streams in
PAGE = 50  # rows that the browser asks for at once
LOOKS = ("confusion", "calibration", "rows")


class DataPanel(Panel):
    """A whole set at once: every row predicted, sorted by loss or doubt; what is taken for what; how sure the head is.

        panel = DataPanel(lab)                                    # the reviews that ship
        panel = DataPanel(lab, data=rows, columns={"text": "review", "label": "stars"})
        panel = DataPanel(lab, source="reviews.csv", task="sentiment")
        panel.wait(); panel.data().accuracy                       # as `bertlab.analysis.errors.table` gives it
        panel.row = 12                                            # its text is now the text of every panel

    Settings: `source` (sentiment, pairs, sentence_pairs, topics, or a file; "given" for `data=`), `split` of a set that
    ships, `task` ("" for the head that fits), `columns` (as `bertlab.data.read` takes them), `limit` (rows that are
    read), `look` (confusion, calibration, rows), `by` (a column whose values are the rows of the matrix), `sort`
    (loss, doubt, sure, order), `cell` and `bin` (what the list is narrowed to), `row` (number in the set).
    """

    script = "data.js"
    question_text = mark("Where in a labelled set does the head go wrong?")
    settings = ("source", "split", "task", "columns", "limit", "look", "by", "sort", "cell", "bin", "row")
    lasting = ("text", "text_pair", "source", "task")
    calls = (*Panel.calls, "page", "predict", "open_row")
    needs_text = False
    speaks_of_masks = speaks_of_heads = True

    source = Unicode("sentiment").tag(sync=True)
    split = Enum(SPLITS, "dev").tag(sync=True)
    task = Unicode(help="the head that judges; empty for the one that fits the set").tag(sync=True)
    columns = Dict(help="name wanted -> column of the set, or None for one that shall not be read").tag(sync=True)
    limit = Int(MOST, min=1).tag(sync=True)
    look = Enum(LOOKS, "confusion").tag(sync=True)
    by = Unicode(help="the column whose values are the rows of the matrix; empty for the labels").tag(sync=True)
    sort = Enum(SORTS, "loss").tag(sync=True)
    cell = List(Int(), help="[row, column] of the matrix, -1 for all of it; empty for the whole set").tag(sync=True)
    bin = Int(NONE, min=NONE, max=errors.BINS - 1).tag(sync=True)
    row = Int(NONE, min=NONE, help="the chosen row, by its number in the set").tag(sync=True)
    tasks = List(help="[name, trained, what it is called] of the heads that can judge").tag(sync=True)

    def __init__(self, *arguments: Any, data: Any = None, **settings: Any):
        if isinstance(data, (str, Path)):
            data, settings["source"] = None, str(data)
        self._givens = itertools.count(1)
        self.given, self._given_number = kept(data), next(self._givens) if data is not None else 0
        self._runs = itertools.count(1)
        self.judged: Judged | None = None
        self._asked: Wanted | None = None  # what was asked for last, and what is shown
        self._shown: Wanted | None = None
        self._made: tuple = ()  # the state of the model when that began
        self._off: list = []  # and the heads that were off, with the lines of code that switch them off
        self._off_code: tuple[list[str], str] = ([], "")
        self._run, self._took = 0, math.inf
        if data is not None:
            settings.setdefault("source", GIVEN)
        super().__init__(*arguments, **settings)

    def load(self, data: Any, columns: dict | None = None, task: str = "") -> None:
        """Judge other rows: dictionaries, a table, a `datasets` object, whatever `bertlab.data.read` takes."""
        if isinstance(data, (str, Path)):
            self.source, self.columns, self.task = str(data), columns or {}, task
            return
        with self.hold_sync(), self.workbench.together():
            self.given, self._given_number = kept(data), next(self._givens)
            self.source, self.columns, self.task = GIVEN, columns or {}, task
            self.cell, self.bin, self.row = [], NONE, NONE
            self._update({"source"})  # other rows, also where every setting is as before

    # --- what may be set

    @validate("source")
    def _check_source(self, proposal):
        source = proposal.value.strip()
        if source == GIVEN and self.given is None:
            raise SelectionError(say("the rows were given from Python: give them again, DataPanel(lab, data=rows)"))
        return source

    @validate("cell")
    def _check_cell(self, proposal):
        if proposal.value and (len(proposal.value) != 2 or min(proposal.value) < NONE):
            message = say(
                "cell {cell} was given; it must be [row, column] of the matrix, -1 for all", cell=proposal.value
            )
            raise SelectionError(message)
        return [] if proposal.value == [NONE, NONE] else proposal.value

    @validate("columns")
    def _check_columns(self, proposal):
        for wanted, name in proposal.value.items():
            if wanted not in ("text", "pair", "label") or not (name is None or isinstance(name, str)):
                raise SelectionError(
                    say(
                        "columns {columns!r} were given; allowed are text, pair and label, each with the name of a "
                        "column or None",
                        columns=proposal.value,
                    )
                )
        return proposal.value

    # --- the run

    @property
    def wanted(self) -> Wanted:
        """What the settings ask for."""
        columns = tuple(sorted(self.columns.items()))
        given = self._given_number if self.source == GIVEN else 0
        return Wanted(self.source, self.split, self.task, columns, self.limit, given)

    def _model_state(self, task: str) -> tuple:
        """What changes when the judging model does: the lab, its weights, the heads that are off."""
        workbench = self.workbench
        try:
            model = self._model(task)
        except LookupError:  # another lab, without that head
            return (id(workbench.lab),)
        with contextlib.suppress(RuntimeError):  # tensors of an inference mode count no changes
            return (id(workbench.lab), id(model), sum(p._version for p in model.parameters()), *workbench.key[-1])
        return (id(workbench.lab), id(model), *workbench.key[-1])

    def _model(self, task: str):
        lab = self.workbench.lab
        return lab.model if task == errors.PAIRS and task not in lab.tasks else lab.task_model(task)

    def _ablating(self, task: str):
        workbench = self.workbench
        if not workbench.ablated:
            return contextlib.nullcontext()
        from bertlab.analysis.ablation import ablate

        return ablate(self._model(task), workbench.ablated, **workbench.ablation_options())

    def _begin(self, wanted: Wanted) -> None:
        """Judge a set from its beginning."""
        self.job.end()
        self._asked, self._took = wanted, math.inf
        self._pull(self._whole(wanted), say("Judging {set}", set=wanted.name))

    def predict(self) -> None:
        """Go on with a set where it was stopped; judge it again where the model has changed since, or it failed."""
        judged = self.judged
        if judged is None or self._asked != self._shown or self.stale or judged.known == judged.total:
            self._begin(self.wanted)
        else:
            self.job.end()
            self._pull(self._rest(judged), say("Judging {set}", set=self._shown.name))
        self._update({"found"})

    def _pull(self, steps: Iterator[float], label: str) -> None:
        """Some of the work at once, the rest in a thread."""
        deadline = time.monotonic() + AT_ONCE
        for done in steps:
            if time.monotonic() > deadline or (done == LONG and AT_ONCE < 1):
                self.start(steps, label, lambda: self._update({"found"}))
                return

    def _whole(self, wanted: Wanted) -> Iterator[float]:
        rows, workbench, began = None, self.workbench, time.monotonic()
        for found in rows_of(wanted, self.given):
            if isinstance(found, Rows):
                rows = found
            else:
                yield found
        yield LONG  # the head may have to be built
        with workbench.lock:
            task = task_for(workbench.lab, wanted, rows)
            judged = Judged(rows, errors.labels_of(workbench.lab, task), task)
            made, off = self._model_state(task), list(workbench.ablated)
            model = "lab.model" if self._model(task) is workbench.model else f"lab.task_model({task!r})"
            off_code = ablation_code(workbench, model) if off else ([], "")
        steps = self._rest(judged)
        if next(steps, None) is None:  # a set that cannot be judged leaves the old one on the screen
            return  # and so does other work that took this one's place
        self.judged, self._shown, self._run = judged, wanted, next(self._runs)
        self._made, self._off, self._off_code = made, off, off_code
        self._drop_choices(judged)
        yield from steps
        self._took = time.monotonic() - began

    def _drop_choices(self, judged: Judged) -> None:
        """Take back what the new set does not have: a column to group by, a cell, a row."""
        if self.by and self.by not in judged.rows.groups:
            self.by = ""
        if self.cell and (self.cell[0] >= len(judged.names(self.by)) or self.cell[1] >= len(judged.labels)):
            self.cell = []
        if self.row >= judged.total:
            self.row = NONE

    def _rest(self, judged: Judged) -> Iterator[float]:
        """Predict what is not known yet, some rows at a time."""
        workbench, last = self.workbench, time.monotonic()
        for at in range(judged.known, judged.total, CHUNK):
            chunk = judged.rows.rows[at : at + CHUNK]
            with workbench.lock, self._ablating(judged.task):
                found = list(errors.stream(workbench.lab, chunk, judged.task, batch_size=CHUNK, labelled=False))
            with self.job.turn() as mine:
                if not mine:
                    return
                for row in found:
                    judged.add(row, at + row.number)
            if time.monotonic() - last > EVERY and self.job.mine and judged is self.judged:
                self._update({"found"})
                last = time.monotonic()
            yield judged.known / judged.total

    @property
    def shown_set(self) -> Wanted:
        """The set that is shown; what is asked for where none is yet."""
        return self._shown or self.wanted

    def heads_off(self) -> tuple[list, tuple[list[str], str]]:
        """The heads that were off when the set was judged, and the lines of code that switch them off."""
        return self._off, self._off_code

    @property
    def by_now(self) -> str:
        """The column whose values are the rows of the matrix, where the set that is shown has it."""
        return self.by if self.judged is not None and self.by in self.judged.rows.groups else ""

    def stop(self) -> None:
        """Cancel what is running; the rows that are known stay, and `predict` goes on from there."""
        super().stop()
        self.job.end()
        self._update({"found"})

    @property
    def stale(self) -> str:
        """Why what is shown is not what the model says now; empty where it is."""
        if self.judged is None:
            return ""
        if self._model_state(self.judged.task) == self._made:
            return ""
        if list(self.workbench.ablated) != self._off:
            return say("Heads were switched since these rows were predicted.")
        return say("The model has changed since these rows were predicted.")

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        with self.job.turn() as mine:
            if mine:
                self._look(changed)

    def _look(self, changed: set[str]) -> None:
        lab = self.workbench.lab
        if "version" in changed:
            self.tasks = [[name, lab.is_trained(name), words.head_name(name)] for name in errors.tasks_of(lab)]
        wanted = self.wanted
        problem = None
        again = self.stale and self._took < AT_ONCE and not self.job.running
        if wanted != self._asked or again:
            if wanted != self._asked and self._asked is not None:
                self._forget_choices(changed)
            try:
                self._begin(wanted)
            except Exception as error:
                problem = error
        if self.judged is not None:
            self._follow_row(changed)
            if "by" in changed and "cell" not in changed:
                self.cell = []
            if self.by and wanted == self._shown and self.by not in self.judged.rows.groups:
                self.by = ""
        self.view, self.answer, self.heading = view_of(self), words.of_panel(self), self.heading_now()
        if problem is not None:
            raise problem

    def _forget_choices(self, changed: set[str]) -> None:
        """Another set has other rows: what was chosen in the old one is no choice in it."""
        for name, empty in (("cell", []), ("bin", NONE), ("row", NONE)):
            if name not in changed:
                setattr(self, name, empty)

    def _follow_row(self, changed: set[str]) -> None:
        """The chosen row's text is the text of all panels; another text is another choice."""
        workbench, judged = self.workbench, self.judged
        if self.row == NONE or self.row >= judged.total:
            return
        texts = judged.rows.texts(self.row)
        if texts == (workbench.text, workbench.text_pair):
            return
        if "row" in changed:
            workbench.set_text(*texts)
            self._read_shared()
            self.tokens, self.heading, self.note = workbench.tokens, self.heading_now(), self.note_now()
        else:
            self.row = NONE

    def page(self, sort: str | None = None, cell: list | None = None, bin: int | None = None, start: int = 0) -> dict:
        """`PAGE` rows of the list from `start` on, and how many it has; what is left out is as the panel has it."""
        if self.judged is None:
            return {"count": 0, "rows": []}
        numbers = self.numbers(sort, cell, bin)
        shown = numbers[max(0, int(start)) : max(0, int(start)) + PAGE]
        return {"count": len(numbers), "rows": [self.judged.shown(int(number), self.by_now) for number in shown]}

    def numbers(self, sort: str | None = None, cell: list | None = None, bin: int | None = None):
        """The numbers of the rows in the list, in its order."""
        sort, cell = self.sort if sort is None else sort, self.cell if cell is None else cell
        return self.judged.listed(sort, cell, self.by_now, self.bin if bin is None else bin)

    @property
    def list_key(self) -> str:
        """What changes when the rows of the list do."""
        return f"{self._run}.{self.judged.known}"

    def place(self) -> int:
        """Where the chosen row stands in the list; -1 where it does not."""
        places = (self.numbers() == self.row).nonzero()[0] if self.row != NONE else []
        return int(places[0]) if len(places) else NONE

    def open_row(self, tab: str = "tasks") -> None:
        """Show the chosen row in another panel of the application, with the head that judged it."""
        if self.workbench.opener is None or self.row == NONE:
            raise SelectionError(say("choose a row first, in the application: Workbench(lab) shows it"))
        settings = {"task": self.judged.task} if tab == "tasks" else {}
        self.workbench.opener(tab, **settings)

    def heading_now(self) -> dict:
        heading, lab = super().heading_now(), self.workbench.lab
        task = self.judged.task if self.judged is not None else ""
        untrained = say(
            "The head of {task!r} has random weights: what it says is noise until it is trained.", task=task
        )
        heading["untrained"] = untrained if task and not lab.is_trained(task) else ""
        if task:
            heading["model"] = say("{model}, head: {task}", model=heading["model"], task=words.head_name(task))
        return heading

    def pinned_view(self) -> dict:
        if self.judged is None:
            return {}
        view = self.view
        kept = {name: view[name] for name in ("name", "accuracy", "labels", "matrix")}
        return {"set": {**kept, "error": view["calibration"]["error"]}}

    # --- predict first

    def gate(self) -> str:
        return words.question(self.judged, self.shown_set.name)

    def gate_options(self) -> list[str]:
        return words.options(self.judged)

    def grade(self, guess: str) -> str:
        return words.graded(self.judged, guess)

    # --- data, code, pictures

    def data(self) -> errors.ErrorTable | None:
        """The rows that are known, as `bertlab.analysis.errors.table` gives them; None before the first."""
        return self.judged.table() if self.judged is not None and self.judged.known else None

    def table(self) -> list[dict]:
        return pictures.table(self)

    def figure(self, width: float = 7.0):
        return pictures.figure(self, width)

    def precomputed(self) -> tuple[dict, dict]:
        return pictures.precomputed(self)

    def shown_as(self) -> list[str]:
        return [self.look, self.shown_set.name]

    def provenance(self) -> dict[str, str | int]:
        return {**super().provenance(), "set": self.shown_set.name}

    def caption(self) -> str:
        known = self.judged.known if self.judged is not None else 0
        rows = say_n("{set}, {count:,} row", "{set}, {count:,} rows", known, set=self.shown_set.name)
        return f"{super().caption()} · {rows}"

    def code(self) -> str:
        return lines_of(self)
