"""What was trained, as a lab beside the one that it came from."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from bertlab.lab import Lab, heads_on_encoder


class TrainedLab(Lab):
    """What was trained, as a lab of its own: the trained encoder, and the head for the task that was learnt.

    The lab that it came from stays as it was; for all other tasks it is asked. `moment` says which weights are looked
    at, where these are not the last ones; `made_by()` gives the lines of code that make this lab again.
    """

    def __init__(self, model: nn.Module, before: Lab, name: str):
        super().__init__(model, before.tokenizer, name)
        self.before, self.moment = before, ""
        self.made_by: Callable[[], list[str]] | None = None

    @property
    def tasks(self) -> list[str]:
        """The tasks that have a trained head, here or in the lab of before."""
        return list(dict.fromkeys([*self.before.tasks, *self._models]))

    def is_trained(self, task: str) -> bool:
        """Whether a task's head was trained."""
        return task in self._models or self.before.is_trained(task)

    def task_model(self, task: str) -> nn.Module:
        """The model of a task: the one that was trained here, else that of the lab of before."""
        return self._models[task] if task in self._models else self.before.task_model(task)

    def reseed(self, task: str, seed: int) -> None:
        """Draw the untrained head of a task afresh."""
        self.before.reseed(task, seed)


def trained_lab(before: Lab, model: nn.Module, name: str, task: str = "") -> TrainedLab:
    """A lab over the very encoder of a trained model, with the pre-training heads of `before`.

    Args:
        task: the task that the model answers for in this lab; "" for none.
    """
    view = heads_on_encoder(model, before.model)
    lab = TrainedLab(view, before, name)
    if task:
        lab.add_task(task, model)
    return lab
