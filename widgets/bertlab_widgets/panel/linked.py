"""A widget joined to a workbench: the shared state both ways, one update at a time, long work, errors in one strip."""

from __future__ import annotations

import functools
import logging
import threading
import time

import anywidget
from traitlets import Dict, Int, List, Unicode, validate

from bertlab.language import say

from ..workbench import SelectionError, Workbench
from ..workbench.checks import not_whole
from .job import Job
from .state import SHARED, plain
from .words import full_stop, sentence_case

AT_ONCE = 0.4  # seconds of work that a change may take before it goes on in a thread, with progress and Cancel
ENDS = (".", "!", "?", "…", ")", "。", "！", "？", "）")  # of a sentence
log = logging.getLogger("bertlab_widgets")


def guarded(method):
    """A callback whose exceptions become the error strip's sentence instead of getting lost."""

    @functools.wraps(method)
    def call(self, *arguments, **options):
        try:
            return method(self, *arguments, **options)
        except Exception as error:
            self.show_error(error)

    return call


class LinkedWidget(anywidget.AnyWidget):
    """What a panel has to do with its workbench and its browser; what it shows is `Panel`'s.

    The traits of `SHARED` are those of the workbench, whoever sets them. `refresh_all(changed)` is called when the
    workbench has settled, once for all that changed.
    """

    settings: tuple[str, ...] = ()  # own traits that .state() keeps and .reset() takes back
    calls: tuple[str, ...] = ()  # what the browser may call

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
    error = Unicode().tag(sync=True)
    busy = Dict().tag(sync=True)

    def __init__(self, workbench: Workbench, **traits):
        self.workbench = workbench
        self.job = Job(lambda busy: self.set_trait("busy", busy), self.show_error)
        self._changed: set[str] = {"version"}
        self._here = threading.local()  # whether this thread brings the view up to date
        super().__init__(**traits)

    @validate("layer", "head")
    def _check_whole(self, proposal):
        if isinstance(proposal.value, bool):
            raise not_whole(proposal.trait.name, proposal.value)
        return proposal.value

    # --- the shared state, both ways

    def _link(self) -> None:
        """Follow the workbench from now on, and let it follow."""
        workbench = self.workbench
        self.observe(self._to_workbench, names=list(SHARED))
        workbench.observe(self._from_workbench, names=list(SHARED))
        workbench.observe(lambda change: self._update({"version"}), names=["version"])
        workbench.observe(lambda change: self._update(set()), names=["settled"])
        for name in self.settings:
            self.observe(self._setting_changed, names=name)
        self.on_msg(self._message)

    def _read_shared(self) -> None:
        for name in SHARED:
            setattr(self, name, plain(getattr(self.workbench, name)))

    def _to_workbench(self, change) -> None:
        name = change["name"]
        if plain(getattr(self.workbench, name)) == change["new"]:
            return
        try:
            setattr(self.workbench, name, change["new"])
        finally:  # what was refused is taken back, what was put in order is shown so
            setattr(self, name, plain(getattr(self.workbench, name)))

    def _from_workbench(self, change) -> None:
        setattr(self, change["name"], plain(change["new"]))
        if change["name"] in ("selected", "layer", "head", "heads"):
            self._update({change["name"]})

    def _setting_changed(self, change) -> None:
        self._update({change["name"]})

    @guarded
    def _update(self, changed: set[str]) -> None:
        """Bring everything that is shown up to date; one message to the browser.

        What `refresh` itself sets belongs to this update and asks for no other.
        """
        if getattr(self._here, "updating", False):
            return
        self._changed |= changed
        if self.workbench.unsettled or not self._changed:
            return
        changed, self._changed = self._changed, set()
        self._here.updating = True
        try:
            with self.hold_sync():
                self.error = ""
                self.refresh_all(changed)
        finally:
            self._here.updating = False

    def refresh_all(self, changed: set[str]) -> None:
        """Bring everything that is shown up to date. `changed` names traits; "version": the model's results are new."""
        raise NotImplementedError

    # --- long work: a generator in a thread, with progress and Cancel

    def start(self, steps, label: str, finish=None) -> None:
        """Run the generator `steps` in a thread. It yields the fraction done (0 to 1); Cancel stops it between steps.

        `finish()` is called when all steps are done. Traits are written from the thread; exceptions go to the strip.
        """
        self.job.start(steps, label, finish)

    def run_for_a_moment(self, steps, label: str, finish) -> bool:
        """Pull the generator for a moment; True where the rest of it goes on in a thread, and `finish()` ends it."""
        deadline = time.monotonic() + AT_ONCE
        for _ in steps:
            if time.monotonic() > deadline:
                self.start(steps, label, finish)
                return True
        return False

    def stop(self) -> None:
        """Cancel the computation that is running, if there is one."""
        self.job.stop()

    def wait(self, timeout: float = 60) -> bool:
        """Wait until the computation is over; False where it is not over in `timeout` seconds."""
        return self.job.wait(timeout)

    # --- talking with the browser

    def show_error(self, error: Exception) -> None:
        """Say in the error strip what went wrong; the picture stays."""
        message = str(error).strip() or type(error).__name__
        if "out of memory" in message.lower():
            message = say("The device ran out of memory: take a shorter text, or load the model with device='cpu'.")
        elif not isinstance(error, (ValueError, TypeError, LookupError, OSError, ImportError)):
            message = f"{type(error).__name__}: {message}"
        log.info("panel error", exc_info=error)
        self.error = sentence_case(message if message.endswith(ENDS) else full_stop(message))

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
                raise SelectionError(say("{name!r} is not among this panel's calls", name=name))
            result = getattr(self, name)(**content.get("args", {}))
            if isinstance(result, tuple):
                result, answer = result
            reply["result"] = result
        except Exception as error:
            self.show_error(error)
            reply["error"] = self.error
        self.send(reply, answer)
