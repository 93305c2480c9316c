"""The page's TensorFlow models: the bare BERT and its eight heads, each a `keras.Model` with TensorFlow's signature.

The arguments mean the same everywhere: `input_ids`, `attention_mask`, `token_type_ids`, `position_ids` are (batch,
sequence), `inputs_embeds` is (batch, sequence, hidden). They may come as keywords, as one tensor, as a list in the
order of the signature, or as a dictionary (`bertlab.keras.inputs`).
"""

from __future__ import annotations

import warnings
from typing import Any

from bertlab.keras import losses
from bertlab.keras.backend import keras
from bertlab.keras.inputs import unpacked
from bertlab.keras.layers import dense
from bertlab.keras.main_layer import TFBertMainLayer, TFBertMLMHead, TFBertNSPHead
from bertlab.keras.outputs import (
    TFBaseModelOutputWithPoolingAndCrossAttentions,
    TFBertForPreTrainingOutput,
    TFCausalLMOutputWithCrossAttentions,
    TFMaskedLMOutput,
    TFMultipleChoiceModelOutput,
    TFNextSentencePredictorOutput,
    TFQuestionAnsweringModelOutput,
    TFSequenceClassifierOutput,
    TFTokenClassifierOutput,
)
from bertlab.keras.pretrained import TFBertPreTrainedModel
from bertlab.model import BertConfig

ops = keras.ops


class TFBertModel(TFBertPreTrainedModel):
    """The bare BERT: hidden states and a pooled vector."""

    output_class = TFBaseModelOutputWithPoolingAndCrossAttentions

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        self.bert = TFBertMainLayer(config, name="bert")
        self.post_init()

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        encoder_hidden_states: Any = None,
        encoder_attention_mask: Any = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        training: bool | None = False,
    ) -> Any:
        """Run the model; on a decoder `past_key_values` is the cache of an earlier pass, and with cross-attention
        `encoder_hidden_states` (batch, keys, hidden) and their mask (batch, keys) may be given."""
        found = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, encoder_hidden_states,
            encoder_attention_mask, past_key_values, use_cache=use_cache, output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )  # fmt: skip
        return self.answer({}, found, return_dict)


class TFBertForPreTraining(TFBertPreTrainedModel):
    """Both heads of the pre-training: masked words, and whether B follows A."""

    output_class = TFBertForPreTrainingOutput
    label_names = ("labels", "next_sentence_label")
    label_of_output = {"prediction_logits": "labels", "seq_relationship_logits": "next_sentence_label"}

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        self.bert = TFBertMainLayer(config, name="bert")
        self.nsp = TFBertNSPHead(config, name="nsp___cls")
        self.mlm = TFBertMLMHead(config, name="mlm___cls")
        self.post_init()

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        labels: Any = None,
        next_sentence_label: Any = None,
        training: bool | None = False,
    ) -> Any:
        """`labels` (batch, sequence), -100 where no word is asked for; `next_sentence_label` (batch,). The loss needs
        both."""
        found = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = self.mlm(found["last_hidden_state"], self.bert.embeddings.weight)
        pair_scores = self.nsp(found["pooler_output"])
        loss = None
        if labels is not None and next_sentence_label is not None:
            loss = losses.pretraining_loss(labels, next_sentence_label, scores, pair_scores)
        head = {"loss": loss, "prediction_logits": scores, "seq_relationship_logits": pair_scores}
        return self.answer(head, found, return_dict)


class TFBertLMHeadModel(TFBertPreTrainedModel):
    """Predicts each next token: a decoder."""

    output_class = TFCausalLMOutputWithCrossAttentions
    label_names = ("labels",)
    loss_is_mean = True

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        if not config.is_decoder:
            warnings.warn(
                "TFBertLMHeadModel sees the words it shall predict, for is_decoder is False: set is_decoder=True",
                stacklevel=2,
            )
        self.bert = TFBertMainLayer(config, add_pooling_layer=False, name="bert")
        self.mlm = TFBertMLMHead(config, name="mlm___cls")
        self.post_init()

    def prepare_inputs_for_generation(
        self, input_ids: Any, past_key_values: Any = None, attention_mask: Any = None, **model_kwargs: Any
    ) -> dict[str, Any]:
        """The inputs of the next step: with a cache, the last token alone."""
        if attention_mask is None:
            attention_mask = ops.ones(input_ids.shape)
        if past_key_values is not None:
            input_ids = input_ids[:, -1:]
        return {"input_ids": input_ids, "attention_mask": attention_mask, "past_key_values": past_key_values}

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        encoder_hidden_states: Any = None,
        encoder_attention_mask: Any = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        labels: Any = None,
        training: bool | None = False,
        **kwargs: Any,
    ) -> Any:
        """`labels` (batch, sequence): the tokens themselves, shifted inside; -100 for those left out of the loss."""
        found = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, encoder_hidden_states,
            encoder_attention_mask, past_key_values, use_cache=use_cache, output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = self.mlm(found["last_hidden_state"], self.bert.embeddings.weight)
        loss = None
        if labels is not None:
            legacy = self.config.tf_legacy_loss
            loss = losses.language_modeling_loss(labels[:, 1:], scores[:, :-1], legacy)
        return self.answer({"loss": loss, "logits": scores}, found, return_dict)


class TFBertForMaskedLM(TFBertPreTrainedModel):
    """Predicts the words behind [MASK]."""

    output_class = TFMaskedLMOutput
    label_names = ("labels",)
    loss_is_mean = True

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        if config.is_decoder:
            warnings.warn("TFBertForMaskedLM should see both sides of a word: set is_decoder=False", stacklevel=2)
        self.bert = TFBertMainLayer(config, add_pooling_layer=False, name="bert")
        self.mlm = TFBertMLMHead(config, name="mlm___cls")
        self.post_init()

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        labels: Any = None,
        training: bool | None = False,
    ) -> Any:
        """`labels` (batch, sequence): the true tokens, -100 where none is asked for."""
        found = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = self.mlm(found["last_hidden_state"], self.bert.embeddings.weight)
        legacy = self.config.tf_legacy_loss
        loss = None if labels is None else losses.language_modeling_loss(labels, scores, legacy)
        return self.answer({"loss": loss, "logits": scores}, found, return_dict)


class TFBertForNextSentencePrediction(TFBertPreTrainedModel):
    """Says whether B follows A."""

    output_class = TFNextSentencePredictorOutput
    label_names = ("next_sentence_label",)

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        self.bert = TFBertMainLayer(config, name="bert")
        self.nsp = TFBertNSPHead(config, name="nsp___cls")
        self.post_init()

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        next_sentence_label: Any = None,
        training: bool | None = False,
    ) -> Any:
        """`next_sentence_label` (batch,): 0 when B follows A, 1 when it is random, -100 for no loss."""
        found = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = self.nsp(found["pooler_output"])
        loss = None
        if next_sentence_label is not None:
            loss = losses.next_sentence_loss(next_sentence_label, scores, self.config.tf_legacy_loss)
        return self.answer({"loss": loss, "logits": scores}, found, return_dict)


class TFBertForSequenceClassification(TFBertPreTrainedModel):
    """A label, or with one label a number, for a text or a pair of texts."""

    output_class = TFSequenceClassifierOutput
    label_names = ("labels",)

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        self.num_labels = config.num_labels
        self.bert = TFBertMainLayer(config, name="bert")
        self.dropout = keras.layers.Dropout(classifier_dropout(config))
        self.classifier = dense(config, config.num_labels, "classifier")
        self.post_init()

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        labels: Any = None,
        training: bool | None = False,
    ) -> Any:
        """`labels` (batch,): class numbers, or where there is one label numbers to regress on."""
        found = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = self.classifier(self.dropout(found["pooler_output"]))
        loss = None if labels is None else losses.sequence_classification_loss(labels, scores)
        return self.answer({"loss": loss, "logits": scores}, found, return_dict)


class TFBertForMultipleChoice(TFBertPreTrainedModel):
    """Chooses among continuations: each is scored by itself."""

    output_class = TFMultipleChoiceModelOutput
    axes = ("batch", "choices", "sequence")
    label_names = ("labels",)

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        self.bert = TFBertMainLayer(config, name="bert")
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob)
        self.classifier = dense(config, 1, "classifier")
        self.post_init()

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        labels: Any = None,
        training: bool | None = False,
    ) -> Any:
        """All inputs are (batch, choices, sequence); `labels` (batch,) is the number of the right choice."""
        choices = ops.shape(input_ids if input_ids is not None else inputs_embeds)[1]

        def flat(x: Any) -> Any:
            return None if x is None else ops.reshape(x, (-1, *ops.shape(x)[2:]))  # (batch x choices, ...)

        found = self.bert(
            flat(input_ids), flat(attention_mask), flat(token_type_ids), flat(position_ids), flat(inputs_embeds),
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = ops.reshape(self.classifier(self.dropout(found["pooler_output"])), (-1, choices))
        loss = None if labels is None else losses.crossentropy(labels, scores)
        return self.answer({"loss": loss, "logits": scores}, found, return_dict)


class TFBertForTokenClassification(TFBertPreTrainedModel):
    """A label for every token."""

    output_class = TFTokenClassifierOutput
    label_names = ("labels",)
    loss_is_mean = True

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        self.num_labels = config.num_labels
        self.bert = TFBertMainLayer(config, add_pooling_layer=False, name="bert")
        self.dropout = keras.layers.Dropout(classifier_dropout(config))
        self.classifier = dense(config, config.num_labels, "classifier")
        self.post_init()

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        labels: Any = None,
        training: bool | None = False,
    ) -> Any:
        """`labels` (batch, sequence): class numbers, -100 (or -1) for pieces without a label."""
        found = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = self.classifier(self.dropout(found["last_hidden_state"]))
        legacy = self.config.tf_legacy_loss
        loss = None if labels is None else losses.token_classification_loss(labels, scores, legacy)
        return self.answer({"loss": loss, "logits": scores}, found, return_dict)


class TFBertForQuestionAnswering(TFBertPreTrainedModel):
    """Finds the answer's first and last token in a passage."""

    output_class = TFQuestionAnsweringModelOutput
    label_names = ("start_positions", "end_positions")
    label_of_output = {"start_logits": "start_positions", "end_logits": "end_positions"}

    def __init__(self, config: BertConfig, *inputs: Any, **kwargs: Any):
        super().__init__(config, *inputs, **kwargs)
        self.num_labels = config.num_labels
        self.bert = TFBertMainLayer(config, add_pooling_layer=False, name="bert")
        self.qa_outputs = dense(config, config.num_labels, "qa_outputs")
        self.post_init()

    @unpacked
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        start_positions: Any = None,
        end_positions: Any = None,
        training: bool | None = False,
    ) -> Any:
        """`start_positions`, `end_positions` (batch,): the answer's first and last token, inside of the text."""
        if self.num_labels != 2:
            raise ValueError(f"num_labels is {self.num_labels}; question answering has 2, the start and the end")
        found = self.bert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions=output_attentions, output_hidden_states=output_hidden_states,
        )  # fmt: skip
        scores = self.qa_outputs(found["last_hidden_state"])  # (batch, sequence, 2)
        start, end = scores[..., 0], scores[..., 1]
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = losses.question_answering_loss(start_positions, end_positions, start, end)
        return self.answer({"loss": loss, "start_logits": start, "end_logits": end}, found, return_dict)


def classifier_dropout(config: BertConfig) -> float:
    """The configuration's own for classifiers, or else the one of the hidden states."""
    return config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout


MODELS = {name: value for name, value in globals().items() if name.startswith("TFBert") and hasattr(value, "call")}
