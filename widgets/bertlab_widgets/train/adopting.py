"""Trained models that a lab answers with from now on, and what it answered with before."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from bertlab.lab import Lab
from bertlab.language import say

from .code import lab_lines
from .run import LiveRun


class Adoptions:
    """What a panel has given to its lab; `take_back()` leaves the lab as it was."""

    def __init__(self):
        self._before: dict[str, tuple[Lab, Any]] = {}  # task -> the lab, and the model that answered for it

    @property
    def tasks(self) -> list[str]:
        """The tasks that are answered with a model of this panel."""
        return list(self._before)

    def adopt(self, lab: Lab, run: LiveRun) -> None:
        """Let the lab answer with the run's model as it is now; what the run does later does not reach it."""
        task = run.name
        former = lab.task_model(task) if lab.is_trained(task) and lab.is_built(task) else None
        self._before.setdefault(task, (lab, former))
        model = _copied(run.model)
        model.made_here = say("{task}: trained here, {step:,} steps", task=task, step=run.shown_step)
        model.made_by = lab_lines(run.plan, lab, run)
        lab.add_task(task, model)

    def take_back(self) -> None:
        """The models of before answer again."""
        while self._before:
            task, (lab, former) = self._before.popitem()
            if former is None:
                lab.forget(task)
            else:
                lab.add_task(task, former)


def _copied(model: nn.Module) -> nn.Module:
    """A copy whose frozen weights are the very same; what was trained is its own."""
    frozen = {id(parameter): parameter for parameter in model.parameters() if not parameter.requires_grad}
    return copy.deepcopy(model, frozen)
