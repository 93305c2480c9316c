"""What a step makes smaller. An objective turns a batch into sums of losses and says over how many they are.

Sums, not means: the parts of a batch, on one process or several, then add up to the loss of the whole batch
however unevenly it was cut.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bertlab.data import IGNORED, Task

Batch = dict[str, Tensor]


class TaskObjective(nn.Module):
    """The loss of a head model on its task."""

    def __init__(self, model: nn.Module, task: Task):
        super().__init__()
        self.model, self.task = model, task

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Loss sums by objective."""
        labels = {"labels", "start_positions", "end_positions"}
        output = self.model(**{name: value for name, value in batch.items() if name not in labels})
        return {self.task.kind: task_loss(output, batch, self.task)}

    def counts(self, batch: Batch) -> dict[str, int]:
        """How many terms each sum has."""
        if self.task.kind == "tagging":
            count = int((batch["labels"] != IGNORED).sum())
        elif self.task.kind == "causal":
            count = int((batch["labels"][:, 1:] != IGNORED).sum())
        else:
            count = len(batch["input_ids"])
        return {self.task.kind: count}


def task_loss(output, batch: Batch, task: Task) -> Tensor:
    """Sum of the losses of a batch, in float32 whatever the model computes in.

    The mean over `TaskObjective.counts` equals the model's own loss for the same labels.
    """
    if task.kind == "qa":
        sides = ((output.start_logits, batch["start_positions"]), (output.end_logits, batch["end_positions"]))
        return sum(F.cross_entropy(logits.float(), places, reduction="sum") for logits, places in sides) / 2
    logits, labels = output.logits.float(), batch["labels"]
    if task.kind == "regression":
        return F.mse_loss(logits.squeeze(-1), labels, reduction="sum")
    if task.kind == "multilabel":
        return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / labels.shape[1]
    if task.kind == "causal":
        logits, labels = logits[:, :-1], labels[:, 1:]
    if labels.is_floating_point():  # probabilities (batch, labels)
        return F.cross_entropy(logits, labels, reduction="sum")
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED, reduction="sum")


class PretrainingObjective(nn.Module):
    """Masked words and next sentences (Devlin et al. 2019, section 3.1) of a BertForPreTraining.

    Vocabulary logits are computed at the masked positions only.
    """

    def __init__(self, model: nn.Module, next_sentence: bool = True):
        super().__init__()
        self.model, self.next_sentence = model, next_sentence

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Loss sums by objective."""
        masked_logits, pair_logits = pretraining_logits(self.model, batch)
        sums = {"masked": F.cross_entropy(masked_logits.float(), batch["masked_labels"], reduction="sum")}
        if self.next_sentence:
            sums["next_sentence"] = F.cross_entropy(
                pair_logits.float(), batch["next_sentence_label"], ignore_index=IGNORED, reduction="sum"
            )
        return sums

    def counts(self, batch: Batch) -> dict[str, int]:
        """How many terms each sum has."""
        counts = {"masked": len(batch["masked_labels"])}
        if self.next_sentence:
            counts["next_sentence"] = int((batch["next_sentence_label"] != IGNORED).sum())
        return counts


class SequenceObjective(nn.Module):
    """The loss of every next token of a target, given the source and the target's tokens before it."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Loss sums by objective."""
        logits = self.model(batch["input_ids"], batch["attention_mask"], batch["decoder_input_ids"]).logits.float()
        labels = batch["labels"].flatten()
        return {"tokens": F.cross_entropy(logits.flatten(0, 1), labels, ignore_index=IGNORED, reduction="sum")}

    def counts(self, batch: Batch) -> dict[str, int]:
        """How many terms the sum has."""
        return {"tokens": int((batch["labels"] != IGNORED).sum())}


def pretraining_logits(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """(masked, vocabulary) logits at `batch["masked_places"]` and (batch, 2) next-sentence logits."""
    output = model.bert(batch["input_ids"], batch["attention_mask"], batch["token_type_ids"])
    hidden = output.last_hidden_state.flatten(0, 1)  # (batch x sequence, hidden)
    masked_logits = model.cls.predictions(hidden.index_select(0, batch["masked_places"]))  # (masked, vocabulary)
    return masked_logits, model.cls.seq_relationship(output.pooler_output)


def gather_masked(batch: Batch) -> Batch:
    """Replace labels (batch, sequence) by `masked_places` in the flattened batch and `masked_labels` there."""
    labels = batch["labels"].flatten()
    places = torch.nonzero(labels != IGNORED).squeeze(1)  # (masked,)
    rest = {name: value for name, value in batch.items() if name != "labels"}
    return {**rest, "masked_places": places, "masked_labels": labels[places]}
