"""The models of pre-training and of writing: a score for every word of the vocabulary, and for the next sentence."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from bertlab import generation
from bertlab.model.bert import BertModel
from bertlab.model.config import BertConfig
from bertlab.model.head_layers import BertOnlyMLMHead, BertOnlyNSPHead, BertPreTrainingHeads
from bertlab.model.losses import token_loss, with_loss
from bertlab.model.pretrained import BertPreTrainedModel
from bertlab.outputs import (
    BertForPreTrainingOutput,
    CausalLMOutputWithCrossAttentions,
    MaskedLMOutput,
    NextSentencePredictorOutput,
)


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
            return with_loss(loss, (scores, next_sentence, *outputs[2:]))
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
            return with_loss(loss, (scores, *outputs[2:]))
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

    def generate(self, input_ids: torch.Tensor | None = None, **options: Any) -> Any:
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
            return with_loss(loss, (scores, *outputs[2:]))
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
        if kwargs:
            raise TypeError(f"unknown argument {next(iter(kwargs))!r}; see the documented arguments of forward")
        return_dict = self.config.use_return_dict if return_dict is None else return_dict
        outputs = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states, return_dict=return_dict,
        )  # fmt: skip
        scores = self.cls(outputs[1])
        loss = None if labels is None else token_loss(scores, labels)
        if not return_dict:
            return with_loss(loss, (scores, *outputs[2:]))
        return NextSentencePredictorOutput(loss, scores, outputs.hidden_states, outputs.attentions)
