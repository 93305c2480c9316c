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
        rules = self.task.rules
        output = self.model(**{name: value for name, value in batch.items() if name not in rules.targets})
        return {self.task.kind: rules.loss(output, batch)}

    def counts(self, batch: Batch) -> dict[str, int]:
        """How many terms each sum has. The mean over them equals the model's own loss for the same labels."""
        return {self.task.kind: self.task.rules.terms(batch)}


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
    return masked_logits, model.cls.next_sentence(output.pooler_output)


def gather_masked(batch: Batch) -> Batch:
    """Replace labels (batch, sequence) by `masked_places` in the flattened batch and `masked_labels` there."""
    labels = batch["labels"].flatten()
    places = torch.nonzero(labels != IGNORED).squeeze(1)  # (masked,)
    rest = {name: value for name, value in batch.items() if name != "labels"}
    return {**rest, "masked_places": places, "masked_labels": labels[places]}
