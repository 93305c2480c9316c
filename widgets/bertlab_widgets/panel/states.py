"""Panels over hidden states: one is shown, all are within reach; what takes long comes while the rest is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from traitlets import Int, validate

from bertlab.language import say

from ..workbench import SelectionError
from .panel import Panel


def state_name(number: int) -> str:
    """Where a hidden state stands: "in the embeddings", "after layer 5"."""
    return say("in the embeddings") if number == 0 else say("after layer {layer}", layer=number - 1)


def where(number: int) -> str:
    """The same at the beginning of a sentence: "In the embeddings", "After layer 5"."""
    return say("In the embeddings") if number == 0 else say("After layer {layer}", layer=number - 1)


class StatesPanel(Panel):
    """A panel that shows one hidden state of many: the trait `hidden_state` says which."""

    hidden_state = Int(-1, help="0 the embeddings, then the layers; -1 the last").tag(sync=True)

    @validate("hidden_state")
    def _check_state(self, proposal):
        count = self.workbench.layer_count
        if isinstance(proposal.value, bool) or not -count - 1 <= proposal.value <= count:
            raise SelectionError(
                say(
                    "hidden state {state} was given, but allowed is 0 (the embeddings) to {last}; -1 is the last",
                    state=proposal.value,
                    last=count,
                )
            )
        return proposal.value

    @property
    def state_number(self) -> int:
        """The hidden state that is shown, counted from 0."""
        count = self.workbench.layer_count + 1
        return self.hidden_state % count if -count <= self.hidden_state < count else count - 1

    def _update(self, changed: set[str]) -> None:
        with self.workbench.lock:  # what a thread has found waits until this picture is drawn
            super()._update(changed)

    def find(
        self, work: Callable[[Callable[[float], None]], Any], label: str, stopped: Callable[[], None] | None = None
    ) -> None:
        """Let `work(progress)` run in a thread with the model, which others get in between; then show what it found.

        While another search is running nothing begins: it brings the view up to date when it ends, and so asks again.
        """
        workbench = self.workbench
        if self.job.running and not self.job.mine:
            return

        def run(progress: Callable[[float], None]) -> None:
            def give_way(share: float) -> None:
                progress(share)
                if not workbench.ablated:  # with heads off the model is not the others' to use meanwhile
                    workbench.lock.give_way()

            with workbench.lock, workbench.ablating():
                work(give_way)

        self.job.follow(run, label, lambda: self._update({"found"}), stopped)
