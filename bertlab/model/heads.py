"""The eight models with a head on top of BertModel: two pre-training objectives and the tasks of section 4."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from bertlab.generation import search as generation
from bertlab.model.activations import activation
from bertlab.model.bert import BertModel, BertPreTrainedModel, check_range
from bertlab.model.config import PROBLEM_TYPES, BertConfig
from bertlab.outputs import (
    BertForPreTrainingOutput,
    CausalLMOutputWithCrossAttentions,
    MaskedLMOutput,
    MultipleChoiceModelOutput,
    NextSentencePredictorOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from bertlab.recording import HookPoint

IGNORED = -100  # the label of places that a loss leaves out


class BertPredictionHeadTransform(nn.Module):
    """The layer between the last hidden state and the vocabulary: dense, activation, norm."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.transform_act_fn = activation(config.hidden_act)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.activated, self.normed = HookPoint(), HookPoint()

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(..., hidden) -> (..., hidden)"""
        return self.normed(self.LayerNorm(self.activated(self.transform_act_fn(self.dense(hidden_states)))))


class BertLMPredictionHead(nn.Module):
    """Scores every vocabulary item: the transform, then the word embeddings again, then a bias (section 3.1)."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.logits = HookPoint()
        self.tie_bias()

    def tie_bias(self) -> None:
        """The decoder's bias is the head's own: one parameter with two names, as in the published checkpoints."""
        self.decoder.bias = self.bias

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(..., hidden) -> (..., vocabulary)"""
        return self.logits(self.decoder(self.transform(hidden_states)))


class BertOnlyMLMHead(nn.Module):
    """The vocabulary head alone."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.predictions = BertLMPredictionHead(config)

    def forward(self, sequence_output: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, hidden) -> (batch, sequence, vocabulary)"""
        return self.predictions(sequence_output)


class BertOnlyNSPHead(nn.Module):
    """The next-sentence head alone."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.seq_relationship = nn.Linear(config.hidden_size, 2)
        self.next_sentence_logits = HookPoint()

    def forward(self, pooled_output: torch.Tensor) -> torch.Tensor:
        """(batch, hidden) -> (batch, 2): column 0 is "B follows A", column 1 "B is random" """
        return self.next_sentence_logits(self.seq_relationship(pooled_output))


class BertPreTrainingHeads(nn.Module):
    """Both heads of pre-training."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.predictions = BertLMPredictionHead(config)
        self.seq_relationship = nn.Linear(config.hidden_size, 2)
        self.next_sentence_logits = HookPoint()

    def forward(self, sequence_output: torch.Tensor, pooled_output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, sequence, hidden), (batch, hidden) -> (batch, sequence, vocabulary), (batch, 2)"""
        scores = self.predictions(sequence_output)
        return scores, self.next_sentence_logits(self.seq_relationship(pooled_output))


def token_loss(logits: torch.Tensor, labels: torch.Tensor, name: str = "labels") -> torch.Tensor:
    """Mean cross-entropy over the labels that are not -100; NaN when all are.

    `logits` (..., classes) and `labels` (...) of whole numbers.

    Raises:
        ValueError: when the shapes do not fit. IndexError: for a label out of range, naming its place.
    """
    places = logits.shape[:-1]
    if tuple(labels.shape) not in {tuple(places), (places.numel(),), (*places, 1)}:
        raise ValueError(f"{name} has shape {tuple(labels.shape)}; logits {tuple(logits.shape)} need {tuple(places)}")
    if labels.is_floating_point():
        raise TypeError(f"{name} holds floating-point numbers; here the labels are class numbers (torch.long)")
    check_range(name, labels, logits.shape[-1], "classes", ignored=IGNORED)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1).long(), ignore_index=IGNORED)


def _with_loss(loss: torch.Tensor | None, values: tuple[Any, ...]) -> tuple[Any, ...]:
    return values if loss is None else (loss, *values)


class _VocabularyModel(BertPreTrainedModel):
    """What the three models with a vocabulary head share: where its decoder is."""

    def get_output_embeddings(self) -> nn.Linear:
        """The decoder: (hidden) -> (vocabulary)."""
        return self.cls.predictions.decoder

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        """Replace the decoder; its bias becomes the head's."""
        self.cls.predictions.decoder = new_embeddings
        if new_embeddings.bias is not None:
            self.cls.predictions.bias = new_embeddings.bias


class BertForPreTraining(_VocabularyModel):
    """BERT as it is pre-trained: masked words and next sentence together (section 3.1)."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.bert = BertModel(config)
        self.cls = BertPreTrainingHeads(config)
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
        next_sentence_label: torch.Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | BertForPreTrainingOutput:
        """`labels` (batch, sequence), -100 where nothing is to be predicted; `next_sentence_label` (batch,), 0 when B
        follows A and 1 when it is random. The loss needs both, and is their sum."""
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        outputs = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states, return_dict=return_dict,
        )  # fmt: skip
        scores, next_sentence = self.cls(outputs[0], outputs[1])
        loss = None
        if labels is not None and next_sentence_label is not None:
            loss = token_loss(scores, labels) + token_loss(next_sentence, next_sentence_label, "next_sentence_label")
        if not return_dict:
            return _with_loss(loss, (scores, next_sentence, *outputs[2:]))
        return BertForPreTrainingOutput(loss, scores, next_sentence, outputs.hidden_states, outputs.attentions)


class BertLMHeadModel(_VocabularyModel):
    """BERT read from left to right: each place predicts the next token. For a model built with `is_decoder=True`."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = BertOnlyMLMHead(config)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        past_key_values: tuple[tuple[torch.Tensor, ...], ...] | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | CausalLMOutputWithCrossAttentions:
        """`labels` (batch, sequence) are the input itself: the model shifts them by one. They switch the cache off."""
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        outputs = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds, encoder_hidden_states,
            encoder_attention_mask, past_key_values, False if labels is not None else use_cache, output_attentions,
            output_hidden_states, return_dict,
        )  # fmt: skip
        scores = self.cls(outputs[0])
        loss = None if labels is None else token_loss(scores[:, :-1], labels[:, 1:])
        if not return_dict:
            return _with_loss(loss, (scores, *outputs[2:]))
        return CausalLMOutputWithCrossAttentions(
            loss, scores, outputs.past_key_values, outputs.hidden_states, outputs.attentions, outputs.cross_attentions
        )

    def prepare_inputs_for_generation(
        self,
        input_ids: torch.Tensor,
        past_key_values: Any = None,
        attention_mask: torch.Tensor | None = None,
        use_cache: bool = True,
        **model_kwargs: Any,
    ) -> dict[str, Any]:
        """The arguments of the next step: with a cache only the tokens that it does not hold."""
        if attention_mask is None:
            attention_mask = input_ids.new_ones(input_ids.shape)
        if past_key_values is not None:
            known = past_key_values[0][0].shape[2]
            input_ids = input_ids[:, known if input_ids.shape[1] > known else -1 :]
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "past_key_values": past_key_values,
            "use_cache": use_cache,
        }

    def _reorder_cache(self, past_key_values: Any, beam_idx: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], ...]:
        """The cache with its rows in another order, as beam search needs it."""
        return generation.reorder_cache(past_key_values, beam_idx)

    def generate(self, input_ids: torch.Tensor | None = None, **options: Any) -> torch.Tensor:
        """Continue a text; see `bertlab.generation.generate` for the options."""
        return generation.generate(self, input_ids, **options)

    def stream(self, input_ids: torch.Tensor | None = None, **options: Any) -> Any:
        """Continue a text, yielding tokens as they come; see `bertlab.generation.stream`."""
        return generation.stream(self, input_ids, **options)


class BertForMaskedLM(_VocabularyModel):
    """Predicts masked words (section 3.1, task 1)."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cls = BertOnlyMLMHead(config)
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | MaskedLMOutput:
        """`labels` (batch, sequence): the true pieces, -100 where nothing is to be predicted."""
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        outputs = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds, encoder_hidden_states,
            encoder_attention_mask, output_attentions=output_attentions, output_hidden_states=output_hidden_states,
            return_dict=return_dict,
        )  # fmt: skip
        scores = self.cls(outputs[0])
        loss = None if labels is None else token_loss(scores, labels)
        if not return_dict:
            return _with_loss(loss, (scores, *outputs[2:]))
        return MaskedLMOutput(loss, scores, outputs.hidden_states, outputs.attentions)

    def prepare_inputs_for_generation(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **model_kwargs: Any
    ) -> dict[str, Any]:
        """The input with a padding token appended, whose place predicts what comes next."""
        if self.config.pad_token_id is None:
            raise ValueError("pad_token_id is None in the configuration; appending a place to predict needs one")
        rows = len(input_ids)
        if attention_mask is not None:
            attention_mask = torch.cat([attention_mask, attention_mask.new_zeros(rows, 1)], dim=-1)
        appended = torch.cat([input_ids, input_ids.new_full((rows, 1), self.config.pad_token_id)], dim=1)
        return {"input_ids": appended, "attention_mask": attention_mask}


class BertForNextSentencePrediction(BertPreTrainedModel):
    """Says whether B follows A (section 3.1, task 2)."""

    def __init__(self, config: BertConfig):
        super().__init__(config)
        self.bert = BertModel(config)
        self.cls = BertOnlyNSPHead(config)
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
        **kwargs: Any,
    ) -> tuple[Any, ...] | NextSentencePredictorOutput:
        """`labels` (batch,): 0 when B follows A, 1 when it is random."""
        if "next_sentence_label" in kwargs:  # the older name, still documented
            warnings.warn("next_sentence_label is the old name of labels; use labels", FutureWarning, stacklevel=3)
            labels = kwargs.pop("next_sentence_label")
        _refuse(kwargs)
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        outputs = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states, return_dict=return_dict,
        )  # fmt: skip
        scores = self.cls(outputs[1])
        loss = None if labels is None else token_loss(scores, labels)
        if not return_dict:
            return _with_loss(loss, (scores, *outputs[2:]))
        return NextSentencePredictorOutput(loss, scores, outputs.hidden_states, outputs.attentions)


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
            return _with_loss(loss, (logits, *outputs[2:]))
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
        if labels.shape != logits.shape and labels.shape != logits.squeeze(-1).shape:
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
            return _with_loss(loss, (logits, *outputs[2:]))
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
            return _with_loss(loss, (logits, *outputs[2:]))
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
            loss = (_position_loss(start, start_positions) + _position_loss(end, end_positions)) / 2
        if not return_dict:
            return _with_loss(loss, (start, end, *outputs[2:]))
        return QuestionAnsweringModelOutput(loss, start, end, outputs.hidden_states, outputs.attentions)


def _position_loss(logits: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    if positions.dim() > 1:
        positions = positions.squeeze(-1)
    if positions.shape != logits.shape[:1]:
        raise ValueError(f"answer positions have shape {tuple(positions.shape)}; give one a text, ({len(logits)},)")
    if positions.is_floating_point():
        raise TypeError("answer positions hold floating-point numbers; they count tokens (torch.long)")
    beyond = logits.shape[1]
    return F.cross_entropy(logits, positions.clamp(0, beyond), ignore_index=beyond)


def _classifier_dropout(config: BertConfig) -> float:
    return config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout


def _refuse(kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise TypeError(f"unknown argument {next(iter(kwargs))!r}; see the documented arguments of forward")
