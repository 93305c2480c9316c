"""The training of a panel, in a thread of its own: it begins, is held, goes on, and ends."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from typing import Any

import torch

from bertlab.language import say
from bertlab.memory import give_back_memory

from ..panel import Panel
from ..workbench import SelectionError
from . import view as views
from .notes import hearing
from .run import LiveRun, Stopped
from .watching import SHOWN_TEXTS
from .weights import devices, layer_changes

UPDATES_PER_SECOND = 6
WATCHING = 0.03  # share of the time that may be spent on looking
HARDLY = 0.1  # of the largest change: what has moved less has hardly moved
BUSY = ("training", "preparing")


class Runner:
    """The run that a `TrainPanel` shows: who starts, holds and ends it, and what was seen of it.

    The thread pulls the records of a `LiveRun`, looks now and then, and keeps moments. It reaches the front end by the
    panel's traits alone.
    """

    def __init__(self, panel: Panel):
        self.panel = panel
        self.run: LiveRun | None = None
        self.seen: list[dict] = []  # what the model said about the watched texts when it was looked at last
        self._going = threading.Event()
        self._budget_from = 0.0  # seconds of training before a run went on
        self._attention_before: tuple[Any, Any] = (None, None)
        self._opened: LiveRun | None = None  # whose attention was turned to a head that moved

    @property
    def workbench(self):
        """The state that all panels share."""
        return self.panel.workbench

    # --- what the panel may ask for

    def start(self) -> None:
        """Begin a run with the panel's settings."""
        panel = self.panel
        if panel.job.running:
            raise SelectionError(say("a training is running: stop it first"))
        if panel.device not in devices():
            known = ", ".join(devices())
            raise SelectionError(
                say("device is {device!r}, but this machine has {known}", device=panel.device, known=known)
            )
        panel.error, panel.moment = "", -1
        panel.switch("before")
        self.let_go()
        self.run = None
        self._going.set()
        panel.phase, panel.view = "preparing", {}
        panel.job.call(self._train, say("a training"))

    def hold(self) -> None:
        """Hold between two steps."""
        self._going.clear()

    def go_on(self) -> None:
        """End a hold."""
        self._going.set()

    def take_up(self) -> None:
        """Go on with a run that was stopped, with everything as it was.

        Raises:
            SelectionError: it was stopped in the middle of a step.
        """
        if not self.run.resumable:
            raise SelectionError(say("this run was stopped in the middle of a step and cannot go on: start anew"))
        self._going.set()
        self.panel.job.call(self._go_on, say("a training"))

    def forget(self) -> None:
        """Drop the run and what was seen of it."""
        self.let_go()
        self.run, self.seen = None, []

    def let_go(self) -> None:
        """Close the generator of the run of before, which might have gone on."""
        if self.run is not None:
            self.run.records.close()

    def wait_for_step(self, step: int, timeout: float) -> bool:
        """Wait until so many steps are taken; False where the run ended or `timeout` seconds passed before."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.run is not None and self.run.step >= step:
                return True
            if not self.panel.job.running:
                return False
            time.sleep(0.005)
        return False

    # --- the thread

    def _train(self) -> None:
        """The thread: pulls records, looks now and then, keeps moments. It reaches the front end by traits alone."""

        def begin() -> LiveRun:
            with hearing() as heard:
                self.run = run = self.panel.prepare()
                self._attention_before = (None, None)
                self.look(keep=True, evaluate=True)
            run.notes = list(dict.fromkeys([*run.notes, *heard]))
            return run

        self._run_through(begin)

    def _go_on(self) -> None:
        """The thread of a run that goes on after a stop."""

        def begin() -> LiveRun:
            run = self.run
            self.panel.switch("before")
            self.panel.moment = -1
            run.message, self._budget_from = "", run.seconds
            with self.workbench.lock:
                run.model.to(run.about["device"] if run.about["device"] != "auto" else self.panel.before.device)
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
                hooks = run.interruptible(self.panel.job.cancelled)
                self.panel.phase = "training"
                ending = self._pull(run)
        except Stopped:
            ending = "stopped"
        except Exception as error:
            self.panel.explain(error)
        finally:
            for hook in hooks:
                hook.remove()
            self._finish(ending)

    def _pull(self, run: LiveRun) -> str:
        shown = rested = time.perf_counter()
        while True:
            if not self._going.is_set():
                self._paused(run)
            if self.panel.job.cancelled.is_set():
                return "stopped"
            started = time.perf_counter()
            with self.workbench.lock if self.workbench.lab is run.lab else contextlib.nullcontext():
                item = self._first(run) if not run.history else next(run.records, None)
            now = time.perf_counter()
            run.seconds += now - started
            if item is None:
                return "done"
            run.history.append(item)
            if item.evaluation:
                run.evaluations.append({"step": item.step, **item.evaluation})
            affordable = run.watching_seconds <= WATCHING * run.seconds
            if item.evaluation or item.step <= 1 or (affordable and now - shown > 1 / UPDATES_PER_SECOND):
                self.look(keep=bool(item.evaluation))
                shown = time.perf_counter()
                run.watching_seconds += shown - now
            if self.panel.seconds and run.seconds - self._budget_from >= self.panel.seconds and run.step < run.steps:
                run.message = say("The time budget of {seconds:g} s is used up.", seconds=self.panel.seconds)
                return "stopped"
            if self.workbench.lab is run.lab and now - rested > 0.1:
                time.sleep(0.002)  # whoever waits for the model may have it
                rested = now

    @staticmethod
    def _first(run: LiveRun) -> Any:
        """The first record, for which the rows are encoded: what is warned of then is a note."""
        with hearing() as heard:
            item = next(run.records, None)
        run.notes = list(dict.fromkeys([*run.notes, *heard]))
        return item

    def _paused(self, run: LiveRun) -> None:
        with self.workbench.lock:
            self.look(keep=True)
        self.panel.phase = "paused"
        self.panel.switch(self.panel.shown)
        self._going.wait()
        self.panel.moment = -1
        with self.workbench.lock:
            run.go_to(run.moments[-1].weights)
        self.panel.phase = "training"

    def _finish(self, ending: str) -> None:
        """Close the generator, hand the model over, show what it became."""
        run = self.run
        if run is None:  # it never began
            self.panel.phase = "idle" if ending == "stopped" else "failed"
            self.panel.redraw({"phase"})
            return
        try:
            if ending != "stopped":
                run.records.close()
            run.model.zero_grad(set_to_none=True)
            run.model.to(self.panel.before.device).eval()
            self.panel.job.cancelled.clear()
            if ending != "failed":
                self.look(
                    keep=True,
                    evaluate=run.measure is not None
                    and (not run.evaluations or run.evaluations[-1]["step"] != run.step),
                )
            elif run.moments and run.moments[-1].step != run.step:
                run.keep(run.moments[-1].watched)
        except Exception as error:
            ending = "failed"
            self.panel.explain(error)
        self.panel.phase = ending
        self.panel.ended(ending)
        gc.collect()
        give_back_memory()  # of the steps and the evaluations: a class has many kernels on one machine

    # --- what is seen meanwhile

    def look(self, keep: bool = False, evaluate: bool = False) -> None:
        """Ask the model about the watched texts and measure how far it moved; refresh what is drawn."""
        run = self.run
        run.model.eval()
        if evaluate and run.measure is not None:
            run.evaluations.append({"step": run.step, **run.measure()})
        seen = run.watch(self.texts())
        for row in seen:
            for label, value in row.get("rows", []):
                run.traces.setdefault(f"{row['text']}|{row['pair']}|{label}", []).append((run.step, value))
        if run.changes and run.changes[-1][0] == run.step:
            run.changes.pop()
        run.changes.append((run.step, layer_changes(run.model, run.start_weights)))
        if keep:
            run.keep(seen)
        if run.step == 0:
            self._attention_before = (
                self.panel.sentence_shown(),
                views.attention_of(run, *self.panel.sentence_shown()),
            )
        self.seen = seen
        self.panel.redraw({"step"})

    def texts(self) -> list[tuple[str, str]]:
        """The texts whose predictions are watched, each with its second text: that of the text line first."""
        texts = [(self.workbench.text, self.workbench.text_pair)] if self.workbench.text.strip() else []
        for entry in self.panel.watched:
            pair = (entry, "") if isinstance(entry, str) else (str(entry[0]), str(entry[1]) if len(entry) > 1 else "")
            if pair not in texts:
                texts.append(pair)
        return texts[:SHOWN_TEXTS]

    def attention(self) -> dict | None:
        """One head before the run and now, on the sentence that is shown; None without one."""
        run, panel, key = self.run, self.panel, self.panel.sentence_shown()
        with self.workbench.lock:
            now = views.attention_of(run, *key)
            if now is None:
                return None
            if self._attention_before[0] != key and panel.phase not in BUSY:
                present = run.weights()
                run.go_to(run.start_weights)
                self._attention_before = (key, views.attention_of(run, *key))
                run.go_to(present)
        then = self._attention_before[1] if self._attention_before[0] == key else None
        if panel.phase not in BUSY and self._opened is not run:
            self._turn_to_what_moved(views.change_of(now, then))
        return views.attention_view(run, now, then, panel.layer, panel.head)

    def _turn_to_what_moved(self, change: torch.Tensor) -> None:
        """Once for each run: where the head on show has hardly moved, the one that moved most is shown."""
        panel, most = self.panel, float(change.max())
        if not most:
            return
        self._opened = self.run
        layer, head = min(panel.layer, len(change) - 1), min(panel.head, change.shape[1] - 1)
        at = divmod(int(change.argmax()), change.shape[1])
        workbench = self.workbench
        there = at[0] < workbench.layer_count and at[1] < workbench.head_count
        if there and ((layer, head) == (0, 0) or float(change[layer, head]) < HARDLY * most):
            with workbench.together():
                workbench.layer, workbench.head = at
            panel.layer, panel.head = at

    def back_to(self, index: int) -> None:
        """Give the model the weights of a moment, and hear what it says with them."""
        run = self.run
        with self.workbench.lock, torch.no_grad():
            run.go_to(run.moments[index].weights)
            self.seen = run.watch(self.texts())
        step = run.moments[index].step
        run.at = None if step == run.step else step
