"""BERT in Keras, from its leaves to its root: one source for torch, JAX and TensorFlow.

It reads beside `bertlab/model`. Layers and weights have the names that TensorFlow's had, so that a weight's path is
its name in a `tf_model.h5`: `bert/encoder/layer_0/attention/self/query/kernel` (there it is `layer_._0`, but torch
allows no point in a name). What differs from the torch family
is TensorFlow's doing: masked places get -10000 (so a row of padding alone still has weights of its own), positions
are always absolute, no head can be masked.
"""

from __future__ import annotations

import math
from typing import Any

from bertlab.keras.backend import fused_attention, keras, linear, linear_gelu
from bertlab.model import BertConfig

ops, layers = keras.ops, keras.layers
MASKED = -10000.0


def _gelu_fast(x: Any) -> Any:
    return 0.5 * x * (1.0 + ops.tanh(x * 0.7978845608 * (1.0 + 0.044715 * x * x)))


def exact_gelu(x: Any) -> Any:
    """x times the standard normal's cumulative probability of x."""
    return ops.gelu(x, approximate=False)


ACTIVATIONS = {
    "gelu": exact_gelu,
    "gelu_new": lambda x: ops.gelu(x, approximate=True),
    "gelu_fast": _gelu_fast,
    "gelu_10": lambda x: ops.clip(ops.gelu(x, approximate=False), -10.0, 10.0),
    "quick_gelu": lambda x: x * ops.sigmoid(1.702 * x),
    "mish": lambda x: x * ops.tanh(ops.softplus(x)),
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "silu": ops.silu,
    "swish": ops.silu,
    "tanh": ops.tanh,
}


def activation(name: Any) -> Any:
    """The function of a name, or the function itself.

    Raises:
        KeyError: for a name that TensorFlow's classes do not know.
    """
    if callable(name):
        return name
    if name not in ACTIVATIONS:
        raise KeyError(f"there is no activation {name!r} in the TensorFlow family; it has {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def initializer(config: BertConfig) -> Any:
    """How kernels and tables start: normal, cut off at two standard deviations."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class Linear(layers.Dense):
    """Keras's dense layer in as few passes over its result as the backend can: bias and GELU within the product."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """(..., inputs) -> (..., units)"""
        if self.activation is exact_gelu:
            return linear_gelu(inputs, self.kernel, self.bias)
        return self.activation(linear(inputs, self.kernel, self.bias))


def dense(config: BertConfig, units: int, name: str, activation: Any = None) -> Any:
    """A linear layer with BERT's starting weights."""
    return Linear(units, activation, kernel_initializer=initializer(config), name=name)


def norm(config: BertConfig) -> Any:
    """Layer normalisation over the last axis."""
    return layers.LayerNormalization(epsilon=config.layer_norm_eps, name="LayerNorm")


class Table(layers.Layer):
    """A row for each number: word, position or token type."""

    def __init__(self, config: BertConfig, rows: int, weight_name: str, name: str):
        super().__init__(name=name)
        self.config, self.rows, self.weight_name = config, rows, weight_name

    def build(self, input_shape: Any = None) -> None:
        """Make the table: (rows, hidden)."""
        shape = (self.rows, self.config.hidden_size)
        self.weight = self.add_weight(shape=shape, initializer=initializer(self.config), name=self.weight_name)
        self.built = True

    def initializer_of(self, attribute: str) -> Any:
        """How rows start that are added later."""
        return initializer(self.config)

    def call(self, numbers: Any) -> Any:
        """(batch, sequence) numbers -> (batch, sequence, hidden)"""
        return ops.take(self.weight, numbers, axis=0)


class TFBertEmbeddings(layers.Layer):
    """The input representation: word + position + segment embedding, normalised (Devlin et al. 2019, section 3)."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.word_embeddings = Table(config, config.vocab_size, "weight", "word_embeddings")
        self.position_embeddings = Table(config, config.max_position_embeddings, "embeddings", "position_embeddings")
        self.token_type_embeddings = Table(config, config.type_vocab_size, "embeddings", "token_type_embeddings")
        self.LayerNorm = norm(config)
        self.dropout = layers.Dropout(config.hidden_dropout_prob)

    @property
    def weight(self) -> Any:
        """The word embeddings (vocabulary, hidden), which the vocabulary head shares."""
        return self.word_embeddings.weight

    def build(self, input_shape: Any = None) -> None:
        """Make the tables."""
        for table in (self.word_embeddings, self.token_type_embeddings, self.position_embeddings):
            table.build(None)
        self.LayerNorm.build((None, None, self.config.hidden_size))
        self.built = True

    def call(
        self, input_ids: Any, position_ids: Any = None, token_type_ids: Any = None, inputs_embeds: Any = None,
        past_key_values_length: int = 0,
    ) -> Any:  # fmt: skip
        """(batch, sequence) ids, or (batch, sequence, hidden) word vectors -> (batch, sequence, hidden)"""
        if inputs_embeds is None:
            inputs_embeds = self.word_embeddings(input_ids)
        sequence = ops.shape(inputs_embeds)[1]
        if position_ids is None:
            start = past_key_values_length
            position_ids = ops.expand_dims(ops.arange(start, start + sequence, dtype="int32"), 0)
        total = inputs_embeds + self.position_embeddings(position_ids)  # (batch, sequence, hidden)
        if token_type_ids is None:
            total = total + self.token_type_embeddings.weight[0]
        else:
            total = total + self.token_type_embeddings(token_type_ids)
        return self.dropout(self.LayerNorm(total))


class TFBertSelfAttention(layers.Layer):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2), of a sequence to itself or, when
    encoder states are given, to those."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        hidden, heads = config.hidden_size, config.num_attention_heads
        if hidden % heads:
            raise ValueError(f"hidden_size is {hidden}, which {heads} heads (num_attention_heads) cannot share evenly")
        self.config, self.heads, self.head_size = config, heads, hidden // heads
        self.query = dense(config, hidden, "query")
        self.key = dense(config, hidden, "key")
        self.value = dense(config, hidden, "value")
        self.dropout = layers.Dropout(config.attention_probs_dropout_prob)

    def build(self, input_shape: Any = None) -> None:
        """Make the three kernels."""
        for layer in (self.query, self.key, self.value):
            layer.build((None, None, self.config.hidden_size))
        self.built = True

    def split_heads(self, x: Any) -> Any:
        """(batch, sequence, heads x head size) -> (batch, heads, sequence, head size)"""
        batch, sequence = ops.shape(x)[:2]
        return ops.transpose(ops.reshape(x, (batch, sequence, self.heads, self.head_size)), (0, 2, 1, 3))

    def call(
        self, hidden_states: Any, attention_mask: Any = None, encoder_hidden_states: Any = None,
        past_key_value: Any = None, output_attentions: bool = False, training: bool = False,
    ) -> tuple[Any, ...]:  # fmt: skip
        """The heads' contexts side by side (batch, sequence, hidden), the probabilities where asked for, and the keys
        and values for the cache on a decoder."""
        q = self.split_heads(self.query(hidden_states))  # (batch, heads, query, head size)
        if encoder_hidden_states is not None and past_key_value is not None:
            k, v = past_key_value  # those of the encoder never change
        else:
            source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
            k, v = self.split_heads(self.key(source)), self.split_heads(self.value(source))
            if past_key_value is not None:
                k = ops.concatenate([past_key_value[0], k], axis=2)
                v = ops.concatenate([past_key_value[1], v], axis=2)

        probs = None
        context = None if output_attentions or training else fused_attention(q, k, v, attention_mask)
        if context is None:
            scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / math.sqrt(self.head_size)
            if attention_mask is not None:
                scores = scores + attention_mask
            probs = self.dropout(ops.softmax(scores, axis=-1))  # (batch, heads, query, key)
            context = ops.matmul(probs, v)
        context = ops.transpose(context, (0, 2, 1, 3))
        batch, sequence = ops.shape(context)[:2]
        context = ops.reshape(context, (batch, sequence, self.heads * self.head_size))

        answer = (context, probs) if output_attentions else (context,)
        return (*answer, (k, v)) if self.config.is_decoder else answer


class TFBertSelfOutput(layers.Layer):
    """A linear layer, and the sum with what came in; closes attention and, as `TFBertOutput`, the feed-forward part."""

    def __init__(self, config: BertConfig, inputs: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.config, self.inputs_size = config, inputs or config.hidden_size
        self.dense = dense(config, config.hidden_size, "dense")
        self.LayerNorm = norm(config)
        self.dropout = layers.Dropout(config.hidden_dropout_prob)

    def build(self, input_shape: Any = None) -> None:
        """Make kernel and norm."""
        self.dense.build((None, None, self.inputs_size))
        self.LayerNorm.build((None, None, self.config.hidden_size))
        self.built = True

    def call(self, hidden_states: Any, input_tensor: Any) -> Any:
        """(batch, sequence, inputs) and (batch, sequence, hidden) -> (batch, sequence, hidden)"""
        return self.LayerNorm(self.dropout(self.dense(hidden_states)) + input_tensor)


class TFBertAttention(layers.Layer):
    """Attention and its residual sum."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.self_attention = TFBertSelfAttention(config, name="self")
        self.dense_output = TFBertSelfOutput(config, name="output")

    def build(self, input_shape: Any = None) -> None:
        """Make both parts."""
        self.self_attention.build(None)
        self.dense_output.build(None)
        self.built = True

    def call(
        self, hidden_states: Any, attention_mask: Any = None, encoder_hidden_states: Any = None,
        past_key_value: Any = None, output_attentions: bool = False,
    ) -> tuple[Any, ...]:  # fmt: skip
        """As `TFBertSelfAttention`, with the layer's own sum in place of the bare contexts."""
        context, *rest = self.self_attention(
            hidden_states, attention_mask, encoder_hidden_states, past_key_value, output_attentions=output_attentions
        )
        return (self.dense_output(context, hidden_states), *rest)


class TFBertIntermediate(layers.Layer):
    """The first half of the feed-forward network: up to the intermediate size, then the activation."""

    def __init__(self, config: BertConfig, units: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.dense = dense(config, units or config.intermediate_size, "dense", activation(config.hidden_act))

    def build(self, input_shape: Any = None) -> None:
        """Make the kernel."""
        self.dense.build((None, None, self.config.hidden_size))
        self.built = True

    def call(self, hidden_states: Any) -> Any:
        """(batch, sequence, hidden) -> (batch, sequence, intermediate)"""
        return self.dense(hidden_states)


class TFBertLayer(layers.Layer):
    """One transformer block: attention, on a decoder perhaps cross-attention, feed-forward."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.attention = TFBertAttention(config, name="attention")
        if config.add_cross_attention:
            if not config.is_decoder:
                raise ValueError("add_cross_attention needs a decoder: set is_decoder=True in the configuration too")
            self.crossattention = TFBertAttention(config, name="crossattention")
        self.intermediate = TFBertIntermediate(config, name="intermediate")
        self.bert_output = TFBertSelfOutput(config, config.intermediate_size, name="output")

    def build(self, input_shape: Any = None) -> None:
        """Make the parts."""
        for layer in (self.attention, self.intermediate, self.bert_output):
            layer.build(None)
        if self.config.add_cross_attention:
            self.crossattention.build(None)
        self.built = True

    def call(
        self, hidden_states: Any, attention_mask: Any = None, encoder_hidden_states: Any = None,
        encoder_attention_mask: Any = None, past_key_value: Any = None, output_attentions: bool = False,
    ) -> tuple[Any, ...]:  # fmt: skip
        """The hidden states, the probabilities of attention and cross-attention where asked for, the cache."""
        past = None if past_key_value is None else past_key_value[:2]
        attended, *rest = self.attention(
            hidden_states, attention_mask, past_key_value=past, output_attentions=output_attentions
        )
        cache = rest.pop() if self.config.is_decoder else ()
        if self.config.is_decoder and encoder_hidden_states is not None:
            past = None if past_key_value is None else past_key_value[-2:]
            attended, *cross = self.crossattention(
                attended, encoder_attention_mask, encoder_hidden_states, past, output_attentions=output_attentions
            )
            cache = cache + cross.pop()
            rest += cross
        hidden_states = self.bert_output(self.intermediate(attended), attended)
        return (hidden_states, *rest, cache) if self.config.is_decoder else (hidden_states, *rest)


class TFBertEncoder(layers.Layer):
    """The stack of layers."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.layer = [TFBertLayer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]

    def build(self, input_shape: Any = None) -> None:
        """Make the layers."""
        for layer in self.layer:
            layer.build(None)
        self.built = True

    def call(
        self, hidden_states: Any, attention_mask: Any = None, encoder_hidden_states: Any = None,
        encoder_attention_mask: Any = None, past_key_values: Any = None, use_cache: bool = False,
        output_attentions: bool = False, output_hidden_states: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """What the stack knows by the names of the outputs' fields, in their order; None for what is not asked for."""
        states = (hidden_states,) if output_hidden_states else None
        attentions: Any = () if output_attentions else None
        cross_attentions: Any = () if output_attentions and self.config.add_cross_attention else None
        cache: Any = () if use_cache else None
        for i, layer in enumerate(self.layer):
            hidden_states, *rest = layer(
                hidden_states, attention_mask, encoder_hidden_states, encoder_attention_mask,
                None if past_key_values is None else past_key_values[i], output_attentions=output_attentions,
            )  # fmt: skip
            if use_cache:
                cache += (rest[-1],)
            if output_attentions:
                attentions += (rest[0],)
                if cross_attentions is not None and encoder_hidden_states is not None:
                    cross_attentions += (rest[1],)
            if output_hidden_states:
                states += (hidden_states,)
        return {
            "last_hidden_state": hidden_states, "past_key_values": cache, "hidden_states": states,
            "attentions": attentions, "cross_attentions": cross_attentions,
        }  # fmt: skip


class TFBertPooler(layers.Layer):
    """A linear layer and tanh over the first token, [CLS]."""

    def __init__(self, config: BertConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.dense = dense(config, config.hidden_size, "dense")

    def build(self, input_shape: Any = None) -> None:
        """Make the kernel."""
        self.dense.build((None, self.config.hidden_size))
        self.built = True

    def call(self, hidden_states: Any) -> Any:
        """(batch, sequence, hidden) -> (batch, hidden)"""
        return ops.tanh(self.dense(hidden_states[:, 0]))
