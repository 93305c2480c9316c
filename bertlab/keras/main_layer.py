"""The bare BERT and the heads' parts, as layers: what stands between the input's names and the numbers."""

from __future__ import annotations

from typing import Any

from bertlab.keras.backend import keras
from bertlab.keras.layers import (
    MASKED,
    TFBertEmbeddings,
    TFBertEncoder,
    TFBertIntermediate,
    TFBertPooler,
    dense,
    norm,
)
from bertlab.model import BertConfig

ops, layers = keras.ops, keras.layers


def additive(mask: Any, dtype: str) -> Any:
    """1 where a key may be seen -> 0, and 0 -> -10000, to be added to the scores."""
    return (1.0 - ops.cast(mask, dtype)) * MASKED


class TFBertMainLayer(layers.Layer):
    """Embeddings, encoder and pooler: BERT without a head."""

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.embeddings = TFBertEmbeddings(config, name="embeddings")
        self.encoder = TFBertEncoder(config, name="encoder")
        self.pooler = TFBertPooler(config, name="pooler") if add_pooling_layer else None

    def build(self, input_shape: Any = None) -> None:
        """Make the parts."""
        self.embeddings.build(None)
        self.encoder.build(None)
        if self.pooler is not None:
            self.pooler.build(None)
        self.built = True

    def call(
        self, input_ids: Any = None, attention_mask: Any = None, token_type_ids: Any = None, position_ids: Any = None,
        inputs_embeds: Any = None, encoder_hidden_states: Any = None, encoder_attention_mask: Any = None,
        past_key_values: Any = None, use_cache: bool = False,
        output_attentions: bool = False, output_hidden_states: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Run the encoder; the shapes are those of `bertlab.BertModel`, and the models have checked them."""
        config = self.config
        given = input_ids if input_ids is not None else inputs_embeds
        batch, sequence = ops.shape(given)[:2]
        past = 0 if past_key_values is None else ops.shape(past_key_values[0][0])[2]

        hidden_states = self.embeddings(
            input_ids, position_ids, token_type_ids, inputs_embeds, past_key_values_length=past
        )
        mask = self.mask(attention_mask, batch, past, sequence, hidden_states.dtype)
        encoder_mask = None
        if config.is_decoder and encoder_attention_mask is not None:
            seen = additive(encoder_attention_mask, hidden_states.dtype)  # (batch, key) or (batch, query, key)
            encoder_mask = seen[:, None] if len(seen.shape) == 3 else seen[:, None, None]
        found = self.encoder(
            hidden_states, mask, encoder_hidden_states, encoder_mask, past_key_values,
            use_cache=bool(use_cache and config.is_decoder), output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )  # fmt: skip
        last = found.pop("last_hidden_state")
        pooled = None if self.pooler is None else self.pooler(last)
        return {"last_hidden_state": last, "pooler_output": pooled, **found}

    def mask(self, attention_mask: Any, batch: Any, past: Any, sequence: Any, dtype: str) -> Any:
        """What is added to the scores: (batch, 1, 1 or query, key); None where nothing is hidden."""
        if not self.config.is_decoder:
            return None if attention_mask is None else additive(attention_mask, dtype)[:, None, None]
        total = past + sequence
        keys = ops.arange(total, dtype="int32")
        seen = ops.cast(keys[None, :] <= keys[past:, None], dtype)[None]  # (1, query, key): nobody sees the future
        if attention_mask is not None:
            seen = seen * ops.cast(attention_mask, dtype)[:, None]
        return additive(seen, dtype)[:, None]


class TFBertLMPredictionHead(layers.Layer):
    """From hidden states to scores over the vocabulary, by the word embeddings that it shares."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.transform = TFBertPredictionHeadTransform(config, name="transform")

    def build(self, input_shape: Any = None) -> None:
        """Make the transformation and the bias (vocabulary,)."""
        self.transform.build(None)
        self.bias = self.add_weight(shape=(self.config.vocab_size,), initializer="zeros", name="bias")
        self.built = True

    def initializer_of(self, attribute: str) -> str:
        """How a bias starts that is added later."""
        return "zeros"

    def get_bias(self) -> dict[str, Any]:
        """The only weight of its own beside the transformation's."""
        return {"bias": self.bias}

    def call(self, hidden_states: Any, word_embeddings: Any) -> Any:
        """(batch, sequence, hidden) and (vocabulary, hidden) -> (batch, sequence, vocabulary)"""
        return ops.matmul(self.transform(hidden_states), ops.transpose(word_embeddings)) + self.bias


class TFBertPredictionHeadTransform(TFBertIntermediate):
    """A linear layer, the activation, a norm."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(config, config.hidden_size, **kwargs)
        self.LayerNorm = norm(config)

    def build(self, input_shape: Any = None) -> None:
        """Make kernel and norm."""
        super().build(None)
        self.LayerNorm.build((None, None, self.config.hidden_size))

    def call(self, hidden_states: Any) -> Any:
        """(batch, sequence, hidden) -> the same"""
        return self.LayerNorm(super().call(hidden_states))


class TFBertMLMHead(layers.Layer):
    """The vocabulary head under its name in the files, `mlm___cls`."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.predictions = TFBertLMPredictionHead(config, name="predictions")

    def build(self, input_shape: Any = None) -> None:
        """Make the head."""
        self.predictions.build(None)
        self.built = True

    def call(self, sequence_output: Any, word_embeddings: Any) -> Any:
        """(batch, sequence, hidden) -> (batch, sequence, vocabulary)"""
        return self.predictions(sequence_output, word_embeddings)


class TFBertNSPHead(layers.Layer):
    """Does B follow A? Under its name in the files, `nsp___cls`."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.seq_relationship = dense(config, 2, "seq_relationship")

    def build(self, input_shape: Any = None) -> None:
        """Make the kernel."""
        self.seq_relationship.build((None, self.config.hidden_size))
        self.built = True

    def call(self, pooled_output: Any) -> Any:
        """(batch, hidden) -> (batch, 2): column 0 is "B follows A" """
        return self.seq_relationship(pooled_output)
