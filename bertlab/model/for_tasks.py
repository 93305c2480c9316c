"""The models of the tasks of section 4: a head on top of BertModel, fine-tuned together with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from bertlab.model.bert import BertModel
from bertlab.model.checks import has_shape
from bertlab.model.config import PROBLEM_TYPES, BertConfig
from bertlab.model.losses import position_loss, token_loss, with_loss
from bertlab.model.pretrained import BertPreTrainedModel
from bertlab.outputs import (
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from bertlab.recording import HookPoint


class BertForSequenceClassification(BertPreTrainedModel):
    """A label, several labels or a number for a text or a pair of texts (section 4.1)."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(_classifier_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.logits = HookPoint()
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | SequenceClassifierOutput:
        """`labels` by `config.problem_type`: class numbers (batch,); numbers to regress on (batch,) or
        (batch, labels); or 0/1 floats (batch, labels) for several labels at once.

        When the configuration names no problem type it is inferred from the first labels, and written into it: one
        label means regression, whole numbers mean one class, floats several labels.
        """
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        outputs = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states, return_dict=return_dict,
        )  # fmt: skip
        logits = self.logits(self.classifier(self.dropout(outputs[1])))  # (batch, labels)
        loss = None if labels is None else self.loss(logits, labels)
        if not return_dict:
            return with_loss(loss, (logits, *outputs[2:]))
        return SequenceClassifierOutput(loss, logits, outputs.hidden_states, outputs.attentions)

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Mean squared error, cross-entropy or binary cross-entropy, by `config.problem_type`."""
        problem = self.config.problem_type
        if problem is None:
            if self.num_labels == 1:
                problem = "regression"
            elif labels.dtype in (torch.long, torch.int):
                problem = "single_label_classification"
            else:
                problem = "multi_label_classification"
        loss = self._loss(problem, logits, labels)
        self.config.problem_type = problem  # only now, so that labels that do not fit leave it undecided
        return loss

    def _loss(self, problem: str, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if problem == "single_label_classification":
            return token_loss(logits, labels)
        if problem not in PROBLEM_TYPES:
            raise ValueError(f"problem_type is {problem!r}; allowed are {', '.join(PROBLEM_TYPES)}")
        if not has_shape(labels, [logits.shape, logits.squeeze(-1).shape]):
            advice = "; for one class a text give whole numbers (torch.long)" if problem[0] == "m" else ""
            raise ValueError(
                f"labels has shape {tuple(labels.shape)}; for {problem} give {tuple(logits.shape)}{advice}"
            )
        labels = labels.view_as(logits)
        if problem == "regression":
            return F.mse_loss(logits, labels.to(logits.dtype))
        if not labels.is_floating_point():
            raise TypeError(
                f"labels holds {labels.dtype}; for several labels at once give 0.0 and 1.0 as floats, one a label"
            )
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))


class BertForMultipleChoice(BertPreTrainedModel):
    """Chooses among continuations: each is scored by itself, a softmax runs over the choices (section 4.4)."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(_classifier_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, 1)
        self.logits = HookPoint()
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | MultipleChoiceModelOutput:
        """All inputs are (batch, choices, sequence); `labels` (batch,) is the number of the right choice."""
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        given = input_ids if input_ids is not None else inputs_embeds
        if given is None:
            raise ValueError("neither input_ids nor inputs_embeds is given; give (batch, choices, sequence)")
        wanted = 3 if input_ids is not None else 4
        if given.dim() != wanted:
            raise ValueError(
                f"the input has shape {tuple(given.shape)}; multiple choice wants (batch, choices, sequence"
                + ("" if wanted == 3 else ", hidden") + ")"
            )  # fmt: skip
        choices = given.shape[1]

        def flat(x: torch.Tensor | None) -> torch.Tensor | None:
            return None if x is None else x.flatten(0, 1)  # (batch x choices, ...)

        outputs = self.bert(
            flat(input_ids), flat(attention_mask), flat(token_type_ids), flat(position_ids), head_mask,
            flat(inputs_embeds), output_attentions=output_attentions, output_hidden_states=output_hidden_states,
            return_dict=return_dict,
        )  # fmt: skip
        logits = self.logits(self.classifier(self.dropout(outputs[1])).view(-1, choices))  # (batch, choices)
        loss = None if labels is None else token_loss(logits, labels)
        if not return_dict:
            return with_loss(loss, (logits, *outputs[2:]))
        return MultipleChoiceModelOutput(loss, logits, outputs.hidden_states, outputs.attentions)


class BertForTokenClassification(BertPreTrainedModel):
    """A label for every token: parts of speech, entities (section 5.3)."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.bert = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(_classifier_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.logits = HookPoint()
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | TokenClassifierOutput:
        """`labels` (batch, sequence): class numbers, -100 for pieces without a label."""
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        outputs = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states, return_dict=return_dict,
        )  # fmt: skip
        logits = self.logits(self.classifier(self.dropout(outputs[0])))  # (batch, sequence, labels)
        loss = None if labels is None else token_loss(logits, labels)
        if not return_dict:
            return with_loss(loss, (logits, *outputs[2:]))
        return TokenClassifierOutput(loss, logits, outputs.hidden_states, outputs.attentions)


class BertForQuestionAnswering(BertPreTrainedModel):
    """Finds the answer's first and last token in a passage (section 4.2)."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.bert = BertModel(config, add_pooling_layer=False)
        self.qa_outputs = nn.Linear(config.hidden_size, config.num_labels)
        self.logits = HookPoint()
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        start_positions: torch.Tensor | None = None,
        end_positions: torch.Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | QuestionAnsweringModelOutput:
        """`start_positions`, `end_positions` (batch,): the answer's first and last token. Negative ones count as 0,
        those beyond the sequence are left out of the loss."""
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        outputs = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states, return_dict=return_dict,
        )  # fmt: skip
        logits = self.logits(self.qa_outputs(outputs[0]))  # (batch, sequence, 2)
        if logits.shape[-1] != 2:
            raise ValueError(f"num_labels is {self.num_labels}; question answering has 2, the start and the end")
        start, end = (x.contiguous() for x in logits.unbind(-1))  # (batch, sequence)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = (position_loss(start, start_positions) + position_loss(end, end_positions)) / 2
        if not return_dict:
            return with_loss(loss, (start, end, *outputs[2:]))
        return QuestionAnsweringModelOutput(loss, start, end, outputs.hidden_states, outputs.attentions)


def _classifier_dropout(config: BertConfig) -> float:
    return config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
