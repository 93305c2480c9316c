"""The sentence that a set brings with it: that of its preset, or a held-out example."""

from __future__ import annotations

from collections.abc import Mapping

from bertlab.lab import Lab

from .plan import Plan

Texts = tuple[str, str]  # a text, and its second text


class SetSentences:
    """Which sentence a set is opened with; what somebody typed is never replaced.

    `presets` are those of the panel: name -> state.
    """

    def __init__(self, presets: Mapping[str, dict]):
        self._presets = presets
        self._brought: Texts = ("", "")  # the sentence of a set that was shown last

    def preset(self, dataset: str) -> str:
        """The first preset of a set; empty where it has none."""
        return next((name for name, state in self._presets.items() if state["dataset"] == dataset), "")

    def bring(self, plan: Plan, lab: Lab) -> Texts:
        """The sentence of a set that has no preset."""
        self._brought = plan.sentence(lab)
        return self._brought

    def instead_of(self, here: Texts, plan: Plan, lab: Lab) -> Texts | None:
        """What another set brings where `here` came from a set, too; None where the sentence stays."""
        own = {self._of_preset(name) for name in self._presets} | {self._brought}
        if here not in own:
            return None
        fitting = [self._of_preset(name) for name, state in self._presets.items() if state["dataset"] == plan.dataset]
        now = fitting or [plan.sentence(lab)]
        if here in now or not now[0][0]:
            return None
        self._brought = now[0]
        return self._brought

    def _of_preset(self, name: str) -> Texts:
        return self._presets[name]["text"], self._presets[name].get("text_pair", "")
