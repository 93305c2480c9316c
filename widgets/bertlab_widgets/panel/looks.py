"""Panels with several looks at one thing, whose numbers may take a while.

A `Look` is one tab: what its numbers depend on, how they are computed, how they are shown, said and given away. A
`LookPanel` shows one of its looks, computes what is not there yet (at once where that is short, else in a thread, with
progress and Cancel), and remembers what was computed, so that a state seen before is there at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from bertlab.language import mark, say

from ..workbench import SelectionError, Workbench
from ..workbench.checks import whole
from .panel import Panel
from .words import full_stop, html_table, quoted

NO_TEXT = mark("there is no text yet: type a sentence")


def checked_cell(value: list) -> list[int]:
    """[row, column] of a map, or nothing.

    Raises:
        SelectionError: it is something else.
    """
    cell = [whole(part, mark("a cell's row or column")) for part in value]
    if len(cell) not in (0, 2) or min(cell, default=0) < 0:
        raise SelectionError(say("the cell {cell} was given; it must be [row, column], or empty", cell=value))
    return cell


class Look:
    """One tab. A subclass says on what its numbers depend (`depends_on`), computes them in `steps`, and shows them.

    `steps` is a generator that yields the share done; it keeps what it has so far with `so_far`, and ends with `keep`.
    """

    name = ""
    label = ""  # beside the bar of progress
    in_small_steps = True  # whether `steps` yields often; else it runs in a thread from the beginning

    def __init__(self, panel: Any):
        self.panel, self._part = panel, (None, None)

    @property
    def workbench(self) -> Workbench:
        """The state behind the panel."""
        return self.panel.workbench

    # --- numbers

    def needs(self) -> None:
        """Refuse, with a sentence, what this look cannot work on."""

    def depends_on(self) -> tuple:
        """What the numbers depend on beside what those of all looks do."""
        return ()

    def steps(self) -> Iterator[float]:
        """Compute; yields the share done."""
        raise NotImplementedError

    def key(self) -> tuple:
        """Under what the workbench remembers the numbers."""
        return (type(self.panel).__name__, self.name, *self.panel.numbers_key(), *self.depends_on())

    def so_far(self, key: tuple, value: Any) -> None:
        """Keep a part of the numbers, to be shown while the rest comes."""
        self._part = key, value

    def keep(self, key: tuple, value: Any) -> None:
        """Keep the whole."""
        self.workbench.cached(key, lambda: value)

    @property
    def done(self) -> bool:
        """Whether the numbers of this state are all there."""
        return self.workbench.known(self.key())

    def found(self) -> Any:
        """The numbers of this state, or the part that is there; None where there is none yet."""
        key = self.key()
        if self.workbench.known(key):
            return self.workbench.cached(key, dict)
        return self._part[1] if self._part[0] == key else None

    def whole(self) -> Any:
        """The numbers of this state, computed now where they are not there yet."""
        self.needs()
        if not self.done:
            self.panel.job.end()
            for _ in self.steps():
                pass
        return self.found()

    def seen(self) -> Any:
        """What is on the screen: the part of a computation that was stopped, else all of it."""
        part = self.found()
        return part if part is not None and self.panel.stopped else self.whole()

    # --- for the screen and elsewhere

    def view(self, found: Any) -> dict:
        """What the stage draws; `found` is None before anything is there."""
        raise NotImplementedError

    def sentence(self, found: Any) -> str:
        """The answer line."""
        raise NotImplementedError

    def data(self) -> Any:
        """The numbers, as `code` leaves them in `result`."""
        raise NotImplementedError

    def table(self) -> list[dict]:
        """The same as rows."""
        raise NotImplementedError

    def code(self) -> list[str]:
        """Lines that leave `data` in `result`."""
        raise NotImplementedError

    def figure(self, width: float) -> Any:
        """The picture as a matplotlib Figure."""
        raise NotImplementedError

    def gate(self) -> str:
        """The question of the predict-first gate."""
        raise NotImplementedError

    def options(self) -> list[str]:
        """What may be answered there, where it can be listed."""
        return []

    def grade(self, guess: str) -> str:
        """The guess against the numbers."""
        raise NotImplementedError

    # --- guesses

    def graded_choice(self, guess: str, right: list[str], said: str) -> str:
        """A guess of a name against those that are right; `said` tells what is so."""
        wanted = guess.strip().casefold()
        if wanted in (name.casefold() for name in right):
            return say("Right: {answer}.", answer=said)
        return say("Your guess was {guess}; {answer}.", guess=quoted(guess.strip()), answer=said)


class LookPanel(Panel):
    """A panel whose `look` names one of `kinds`; see the module's docstring.

    A subclass has the trait `look`, its `kinds` of looks, `numbers_key()`, and where it needs them `prepare()` (what
    stands in the way of every look is raised there), `basics()` (what the view of every look holds), `completed(said)`
    (what goes round every answer).
    """

    kinds: tuple[type[Look], ...] = ()
    calls = (*Panel.calls, "go_on")

    def __init__(self, *arguments, **settings):
        self.looks = {kind.name: kind(self) for kind in self.kinds}
        self._working = self._stopped = None  # keys of the numbers that are computed now, and that were stopped
        super().__init__(*arguments, **settings)

    # --- for subclasses

    def numbers_key(self) -> tuple:
        """What the numbers of every look depend on."""
        raise NotImplementedError

    def prepare(self, changed: set[str]) -> None:
        """Before a look is shown: raise a SelectionError for what no look can work on."""

    def basics(self) -> dict:
        """What the view of every look holds."""
        return {}

    def completed(self, said: str) -> str:
        """The sentence of a look, with what goes round the sentences of all."""
        return said

    # --- what is shown

    @property
    def shown(self) -> Look:
        """The look that is shown."""
        return self.looks[self.look]

    @property
    def stopped(self) -> bool:
        """Whether the numbers of this look were stopped half-way."""
        return self._stopped is not None and self._stopped == self.shown.key()

    @property
    def problem(self) -> str:
        """Why there is nothing to show; empty where there is something."""
        return self.view.get("problem", "")

    def refresh(self, changed: set[str]) -> None:
        with self.job.turn() as mine:
            if mine:
                self._show(changed)

    def _show(self, changed: set[str]) -> None:
        look, view = self.shown, {"look": self.look}
        try:
            self.prepare(changed)
            look.needs()
        except SelectionError as problem:
            sentence = full_stop(str(problem).rstrip(".。"))
            self.view = {**view, "problem": sentence[:1].upper() + sentence[1:]}
            self.answer = self.view["problem"]
            return
        self._compute(look)
        found = look.found()
        state = {"done": look.done, "stopped": self.stopped}
        self.view = {**view, **self.basics(), **state, **look.view(found)}
        said = self.completed(look.sentence(found))
        self.answer = say("{sentence} Stopped half-way.", sentence=said) if self.stopped else said

    # --- long work: at once where it is short, in a thread where it is not

    def _compute(self, look: Look) -> None:
        """See to it that the numbers of the look are there, or come."""
        key = look.key()
        if look.done or key == self._stopped:
            if self._working != key and not self.job.mine:
                self.job.end()
            return
        self._stopped = None
        if self.job.running and self._working == key:
            return
        if not self.job.mine:
            self.job.end()
        self._working = key
        begin = self.run_for_a_moment if look.in_small_steps else self.start
        begin(self._politely(look.steps()), say(look.label), lambda: self._update({"found"}))

    def _politely(self, steps: Iterator[float]) -> Iterator[float]:
        """The steps, with a breath in between where they run in a thread: who takes the model's lock again at once
        leaves nobody else a chance."""
        for done in steps:
            yield done
            if self.job.mine:
                time.sleep(0.002)

    def show_more(self) -> None:
        """Bring the view up to date with what a computation has found so far; for its own thread."""
        if self.job.mine and not self.job.cancelled.is_set():
            self._update({"found"})

    def stop(self) -> None:
        """Cancel the computation that is running; what it has found stays on the screen."""
        if self.job.running:
            self._stopped = self._working
        super().stop()
        self.job.end()
        self._working = None
        self._update({"found"})

    def go_on(self) -> None:
        """Compute again what was stopped."""
        self._stopped = self._working = None
        self._update({"found"})

    # --- predict first

    def gate(self) -> str:
        return super().gate() if self.problem else self.shown.gate()

    def gate_options(self) -> list[str]:
        return [] if self.problem else self.shown.options()

    def grade(self, guess: str) -> str:
        return self._why_nothing() if self._nothing() else self.shown.grade(guess)

    # --- data, code, pictures

    def _nothing(self) -> bool:
        return bool(self.problem or self.view.get("empty"))

    def _why_nothing(self) -> str:
        return self.problem or say(NO_TEXT)

    def _wait_for_these(self) -> None:
        """Let a computation of the very numbers on show come to its end."""
        if self.job.running and not self.job.mine:
            self.job.wait()

    def data(self):
        """The numbers of the look that is shown; see the panel's own docstring."""
        self._wait_for_these()
        if self._nothing():
            raise SelectionError(self._why_nothing())
        return self.shown.data()

    def table(self) -> list[dict]:
        self._wait_for_these()
        return [] if self._nothing() else self.shown.table()

    def static_html(self) -> str:
        """The table of the look; nothing while its numbers are still on their way: a cell that shows the panel does
        not wait for them."""
        return "" if self.job.running or self._nothing() else html_table(self.shown.table()[:40])

    def code(self) -> str:
        return f"# {self._why_nothing()}" if self._nothing() else "\n".join(self.shown.code())

    def figure(self, width: float = 8.0):
        self._wait_for_these()
        if self._nothing():
            raise SelectionError(self._why_nothing())
        drawn = self.shown.figure(width)
        drawn.suptitle(self.answer.replace("`", ""), fontsize=8, wrap=True)
        return drawn
