"""One long computation at a time, in a thread of its own: it starts, stops and reports."""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator

from bertlab.language import say

from ..workbench import SelectionError


class Stopped(Exception):
    """The work was cancelled by its user, between two steps."""


_ALL: weakref.WeakSet[Job] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """A thread that is inside of a model when Python ends would take it down with a crash."""
    for job in list(_ALL):
        job.end()


class Job:
    """What a panel computes beside everything else.

    The work runs in a daemon thread and reaches the panel by two callbacks alone: `report(busy)`, a dict of `label` and
    `done` (0 to 1), empty at the end, and `fail(error)`. `cancelled` is set when the user has stopped it; `wait` goes
    by an event, so that an interrupted `wait` is no end of the work.
    """

    def __init__(self, report: Callable[[dict], None], fail: Callable[[Exception], None]):
        self.report, self.fail = report, fail
        self.cancelled, self.label = threading.Event(), ""
        self._next: Callable[[], None] | None = None
        self._over, self._thread = threading.Event(), None
        self._over.set()
        self._turn = threading.RLock()
        _ALL.add(self)

    @property
    def running(self) -> bool:
        """Whether a computation is going on."""
        return not self._over.is_set()

    @property
    def mine(self) -> bool:
        """Whether this is asked from the thread of the computation."""
        return self.running and threading.current_thread() is self._thread

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Only one thread at a time changes or shows what is known. Gives False where the computation was cancelled
        while it waited: then it gives way."""
        while not self._turn.acquire(timeout=0.05):
            if self.mine and self.cancelled.is_set():
                yield False
                return
        try:
            yield True
        finally:
            self._turn.release()

    def start(self, steps: Iterable[float], label: str, finish: Callable[[], None] | None = None) -> None:
        """Pull `steps`, a generator that yields the share that is done, in a thread; `finish()` when all are done.

        From the thread of a computation this is what comes after it; of several, the last.

        Raises:
            SelectionError: another computation is still running.
        """

        def work() -> None:
            for done in steps:
                if self.cancelled.is_set():
                    steps.close()
                    return
                self.report({"label": label, "done": float(done)})
            if finish is not None:
                finish()

        if self.mine:
            self._next = work
            return
        self._begin(label)
        self.report({"label": label, "done": 0.0})
        self._run(work)

    def call(self, work: Callable[[], None], label: str) -> None:
        """Run `work()` in a thread; it looks at `cancelled` itself.

        Raises:
            SelectionError: another computation is still running.
        """
        self._begin(label)
        self._run(work)

    def follow(
        self,
        work: Callable[[Callable[[float], None]], object],
        label: str,
        finish: Callable[[], None] | None = None,
        stopped: Callable[[], None] | None = None,
    ) -> None:
        """Run `work(progress)` in a thread, which calls `progress(share)` as it goes: there it ends where it is
        cancelled. `finish()` when all is done, `stopped()` when it was not.

        Raises:
            SelectionError: another computation is still running.
        """

        def progress(share: float) -> None:
            if self.cancelled.is_set():
                raise Stopped
            self.report({"label": label, "done": float(share)})

        def run() -> None:
            try:
                work(progress)
            except Stopped:
                if stopped is not None:
                    stopped()
                return
            if finish is not None:
                finish()

        if self.mine:
            self._next = run
            return
        self._begin(label)
        self.report({"label": label, "done": 0.0})
        self._run(run)

    def _begin(self, label: str) -> None:
        if self.running:
            raise SelectionError(say("{work} is still running: cancel it first", work=self.label))
        self.cancelled.clear()
        self._over.clear()
        self.label = label

    def _run(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
                while self._next is not None and not self.cancelled.is_set():
                    following, self._next = self._next, None
                    following()
            except Exception as error:
                self.fail(error)
            finally:
                self._next = None
                try:
                    self.report({})
                finally:
                    self._over.set()

        self._thread = threading.Thread(target=run, daemon=True, name=f"bertlab {self.label}")
        self._thread.start()

    def stop(self) -> None:
        """Ask the computation to end; it does so at its next step."""
        self.cancelled.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the computation is over; False where it is not over in `timeout` seconds."""
        return self._over.wait(timeout)

    def end(self, timeout: float = 10) -> bool:
        """Stop the computation and wait for its end; from its own thread nothing happens."""
        if self.mine or not self.running:
            return True
        self.stop()
        return self.wait(timeout)
