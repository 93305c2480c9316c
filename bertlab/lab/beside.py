"""A second lab beside one: the encoder that was trained for one of its tasks."""

from __future__ import annotations

from bertlab.lab.lab import Lab
from bertlab.lab.trained import heads_on_encoder
from bertlab.model import BertPreTrainedModel

AS_IT_WAS = ("generation", "seq2seq")  # their adapters leave the encoder as it is, or read from the left


def trained_for(lab: Lab, task: str) -> Lab:
    """The encoder that was trained for a task, as a lab of its own with this lab's heads for words and pairs of
    sentences: what fine-tuning changed is what differs between the two. Nothing is copied.

    Raises:
        LookupError: there is no such task, or no encoder was trained for it.
    """
    model = lab.task_model(task)
    if not lab.is_trained(task) or not isinstance(model, BertPreTrainedModel) or model.config.is_decoder:
        fitting = [name for name in lab.tasks if name not in AS_IT_WAS]
        raise LookupError(f"no encoder was trained for {task!r} here; there are {', '.join(fitting) or 'none'}")
    return Lab(heads_on_encoder(model, lab.model), lab.tokenizer, f"{lab.name} for {task}")
