"""The documented classes of the Flax family: the bare model, and a head on it each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bertlab.jax import outputs
from bertlab.jax.layers import Setting, bert, dropout, linear, pooler, vocabulary_logits
from bertlab.jax.params import Tree
from bertlab.jax.pretrained import FlaxBertPreTrainedModel as _Shared


class MismatchError(ValueError, TypeError):
    """Shapes that do not fit each other; Flax raised a ValueError on a decoder and a TypeError on an encoder."""


class FlaxBertPreTrainedModel(_Shared):
    """The pass that all models share; each adds a head."""

    output: type = outputs.FlaxBaseModelOutputWithPoolingAndCrossAttentions

    def __call__(
        self,
        input_ids: Any,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        encoder_hidden_states: Any = None,
        encoder_attention_mask: Any = None,
        params: Mapping[str, Any] | None = None,
        dropout_rng: jax.Array | None = None,
        train: bool = False,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        past_key_values: Tree | None = None,
    ) -> Any:
        """Run the model; everything may be traced by jit, grad and vmap, so values are not checked, only shapes.

        Args:
            input_ids: (batch, sequence) piece numbers of numpy or JAX; (batch, choices, sequence) for choices.
            attention_mask: 1 to look at, 0 for padding; of the cache's length where there is one.
            token_type_ids: 0 for the first text and 1 for the second; zeros when None.
            position_ids: counted from 0 when None, also with a cache.
            head_mask: (layers, heads), 1 or 0; fractions are cut off.
            encoder_hidden_states, encoder_attention_mask: for cross-attention, (batch, keys, hidden) and its mask.
            params: a tree to use in place of the model's own.
            dropout_rng: JAX's key for dropout.
            train: apply dropout.
            output_attentions, output_hidden_states, return_dict: as in the configuration when None.
            past_key_values: the cache, from `init_cache` or from the last output; read only where
                `config.add_cross_attention` is set, as in Flax.

        Raises:
            TypeError: when `input_ids` is no array.
            ValueError: for shapes that do not fit, and for `train` without a key.
        """
        config = self.config
        output_attentions = config.output_attentions if output_attentions is None else output_attentions
        output_hidden_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        return_dict = config.return_dict if return_dict is None else return_dict
        _check_array(input_ids)
        if not config.add_cross_attention and (past_key_values or encoder_hidden_states is not None):
            warnings.warn(
                "past_key_values and encoder_hidden_states are not looked at where config.add_cross_attention is False",
                stacklevel=2,
            )
            past_key_values = encoder_hidden_states = None
        setting = Setting(config, self.dtype, self._dropout_key(train, dropout_rng))
        shape = input_ids.shape
        whole = {
            "input_ids": input_ids,
            "attention_mask": np.ones(shape, "i4") if attention_mask is None else attention_mask,
            "token_type_ids": np.zeros(shape, "i4") if token_type_ids is None else token_type_ids,
            "position_ids": np.broadcast_to(np.arange(shape[-1]), shape) if position_ids is None else position_ids,
        }
        inputs = {name: self._as_batch(jnp.asarray(value, "i4")) for name, value in whole.items()}
        heads = (config.num_hidden_layers, config.num_attention_heads)
        head_mask = jnp.ones(heads, "i4") if head_mask is None else jnp.asarray(head_mask, "i4")
        if head_mask.shape != heads:
            raise ValueError(f"head_mask has shape {head_mask.shape}; give (layers, heads), here {heads}")
        params = params or self.params
        base = params["bert"] if self.parts else params
        cache = past_key_values or None
        cache = cache["bert"] if cache is not None and self.parts else cache
        self._check_shapes(inputs["input_ids"], inputs["attention_mask"], cache)

        hidden, attentions, crossed, cache = bert(
            base, **inputs, head_mask=head_mask, setting=setting, states=encoder_hidden_states,
            states_mask=encoder_attention_mask, cache=cache, recompute=self.gradient_checkpointing,
        )  # fmt: skip
        pooled = pooler(base["pooler"], hidden[-1], setting) if self.pooled else None
        answer = {
            **self.head(params, hidden[-1], pooled, setting.within(1 + config.num_hidden_layers), shape),
            "hidden_states": tuple(hidden) if output_hidden_states else None,
            "attentions": tuple(attentions) if output_attentions else None,
        }
        if output_attentions and encoder_hidden_states is not None:
            answer["cross_attentions"] = tuple(crossed)
        return self._answer(answer, {"bert": cache} if cache is not None and self.parts else cache, return_dict)

    def _answer(self, values: dict[str, Any], cache: Tree | None, return_dict: bool) -> Any:
        """The named output, or the tuple, with the cache where Flax has it: last, or second in the tuple."""
        if not return_dict:
            first, *others = (value for value in values.values() if value is not None)
            return (first, *others) if cache is None else (first, cache, *others)
        output = self.output(**values)
        if cache is not None:
            output["past_key_values"] = cache
        return output

    def head(self, params: Tree, hidden: jax.Array, pooled: jax.Array | None, setting: Setting, shape: Any) -> Tree:
        """The model's own outputs by name, from the last hidden states and the pooled [CLS]."""
        raise NotImplementedError(f"{type(self).__name__} has no head; use one of the documented models")

    def _as_batch(self, x: jax.Array) -> jax.Array:
        return x

    def _dropout_key(self, train: bool, rng: jax.Array | None) -> jax.Array | None:
        config = self.config
        rates = config.hidden_dropout_prob, config.attention_probs_dropout_prob, config.classifier_dropout or 0
        if not train or not any(rates):
            return None
        if rng is None:
            raise ValueError("train=True needs a key for dropout; give dropout_rng=jax.random.PRNGKey(0), and split it")
        return rng

    def _check_shapes(self, ids: jax.Array, mask: jax.Array, cache: Tree | None) -> None:
        if ids.ndim != 2:
            raise MismatchError(f"input_ids has shape {ids.shape}; give (batch, sequence)")
        batch, keys = ids.shape
        limit = self.config.max_position_embeddings
        if cache is not None:
            stored = cache["encoder"]["layer"]["0"]["attention"]["self"]["cached_key"]
            if stored.shape[0] != batch:
                raise MismatchError(f"the cache is for a batch of {stored.shape[0]}, the input one of {batch}")
            keys = stored.shape[1]
        if self.config.is_decoder and keys > limit:
            raise MismatchError(f"there are {keys} places to look at, and only {limit} positions in the model")
        if mask.ndim > 2 or mask.shape[-1] not in (1, keys) or (mask.ndim == 2 and mask.shape[0] not in (1, batch)):
            raise MismatchError(f"attention_mask has shape {mask.shape}; give ({batch}, {keys})")

    def init_cache(self, batch_size: int, max_length: int) -> Tree:
        """An empty cache for cached decoding, of that many places.

        Raises:
            KeyError: on an encoder, which has none.
            TypeError: on a head that does not decode.
        """
        config = self.config
        if not self.crosses:
            raise TypeError(f"{type(self).__name__} does not decode; FlaxBertForCausalLM has a cache")
        if not config.is_decoder:
            raise KeyError("an encoder has no cache; set is_decoder=True in the configuration")
        if max_length > config.max_position_embeddings:
            raise ValueError(
                f"max_length is {max_length}; the model has {config.max_position_embeddings} positions for the cache"
            )
        shape = (batch_size, max_length, config.num_attention_heads, config.hidden_size // config.num_attention_heads)
        empty = {
            "cache_index": jnp.zeros((), jnp.int32),
            "cached_key": jnp.zeros(shape, self.dtype),
            "cached_value": jnp.zeros(shape, self.dtype),
        }
        layers = {str(i): {"attention": {"self": dict(empty)}} for i in range(config.num_hidden_layers)}
        tree = {"encoder": {"layer": layers}}
        return {"bert": tree} if self.parts else tree

    def _drop(self, x: jax.Array, rate: float | None, setting: Setting) -> jax.Array:
        return dropout(x, self.config.hidden_dropout_prob if rate is None else rate, setting.dropout_rng)


def _vocabulary(params: Tree, hidden: jax.Array, setting: Setting) -> jax.Array:
    words = params["bert"]["embeddings"]["word_embeddings"]["embedding"]
    tied = setting.config.tie_word_embeddings
    return vocabulary_logits(params["cls"]["predictions"], words if tied else None, hidden, setting)


class FlaxBertModel(FlaxBertPreTrainedModel):
    """The bare BERT: hidden states of every token, and the pooled [CLS] unless `add_pooling_layer` is False."""

    crosses = True

    def __init__(self, config: Any, *args: Any, add_pooling_layer: bool = True, **kwargs: Any):
        self.pooled = add_pooling_layer
        super().__init__(config, *args, **kwargs)

    def head(self, params, hidden, pooled, setting, shape):
        """The hidden states themselves."""
        return {"last_hidden_state": hidden, "pooler_output": pooled}


class FlaxBertForPreTraining(FlaxBertPreTrainedModel):
    """The two heads of pretraining: masked words, and whether the second text follows the first."""

    parts = ("predictions", "seq_relationship")
    output = outputs.FlaxBertForPreTrainingOutput

    def head(self, params, hidden, pooled, setting, shape):
        """Scores of the vocabulary and of the two relations."""
        scores = linear(params["cls"]["seq_relationship"], pooled, setting.dtype)
        return {"prediction_logits": _vocabulary(params, hidden, setting), "seq_relationship_logits": scores}


class FlaxBertForCausalLM(FlaxBertPreTrainedModel):
    """The next word: a decoder where the configuration says so, with a cache where it has cross-attention too."""

    pooled = False
    parts = ("predictions",)
    crosses = True
    output = outputs.FlaxCausalLMOutputWithCrossAttentions

    def head(self, params, hidden, pooled, setting, shape):
        """Scores of the vocabulary."""
        return {"logits": _vocabulary(params, hidden, setting)}

    def prepare_inputs_for_generation(self, input_ids: Any, max_length: int, attention_mask: Any = None) -> Tree:
        """What to call the model with for the first step of cached decoding, beside `input_ids`."""
        batch, sequence = input_ids.shape
        mask = jnp.ones((batch, max_length), "i4")
        if attention_mask is None:
            positions = jnp.broadcast_to(jnp.arange(sequence, dtype="i4"), (batch, sequence))
        else:
            attention_mask = jnp.asarray(attention_mask, "i4")
            positions = attention_mask.cumsum(-1) - 1
            mask = lax.dynamic_update_slice(mask, attention_mask, (0, 0))
        cache = self.init_cache(batch, max_length)
        return {"past_key_values": cache, "attention_mask": mask, "position_ids": positions}

    def update_inputs_for_generation(self, model_outputs: Any, model_kwargs: Tree) -> Tree:
        """The same for the next step."""
        positions = model_kwargs["position_ids"][:, -1:] + 1
        return {**model_kwargs, "past_key_values": model_outputs.past_key_values, "position_ids": positions}


class FlaxBertForMaskedLM(FlaxBertPreTrainedModel):
    """The masked words."""

    pooled = False
    parts = ("predictions",)
    output = outputs.FlaxMaskedLMOutput

    def head(self, params, hidden, pooled, setting, shape):
        """Scores of the vocabulary."""
        return {"logits": _vocabulary(params, hidden, setting)}


class FlaxBertForNextSentencePrediction(FlaxBertPreTrainedModel):
    """Whether the second text follows the first."""

    parts = ("seq_relationship",)
    output = outputs.FlaxNextSentencePredictorOutput

    def head(self, params, hidden, pooled, setting, shape):
        """Scores of: it follows, it is random."""
        return {"logits": linear(params["cls"]["seq_relationship"], pooled, setting.dtype)}


class FlaxBertForSequenceClassification(FlaxBertPreTrainedModel):
    """One label, or one number, for a text or a pair."""

    parts = ("classifier",)
    output = outputs.FlaxSequenceClassifierOutput

    def head(self, params, hidden, pooled, setting, shape):
        """Scores of the labels."""
        pooled = self._drop(pooled, self.config.classifier_dropout, setting)
        return {"logits": linear(params["classifier"], pooled, setting.dtype)}


class FlaxBertForMultipleChoice(FlaxBertPreTrainedModel):
    """The best of several choices: inputs are (batch, choices, sequence)."""

    parts = ("choice",)
    output = outputs.FlaxMultipleChoiceModelOutput

    def _as_batch(self, x: jax.Array) -> jax.Array:
        return x.reshape(-1, x.shape[-1])

    def head(self, params, hidden, pooled, setting, shape):
        """A score a choice: (batch, choices)."""
        scores = linear(params["classifier"], self._drop(pooled, None, setting), setting.dtype)
        return {"logits": scores.reshape(-1, shape[1])}


class FlaxBertForTokenClassification(FlaxBertPreTrainedModel):
    """A label for every token."""

    pooled = False
    parts = ("classifier",)
    output = outputs.FlaxTokenClassifierOutput

    def head(self, params, hidden, pooled, setting, shape):
        """Scores of the labels at every token."""
        hidden = self._drop(hidden, self.config.classifier_dropout, setting)
        return {"logits": linear(params["classifier"], hidden, setting.dtype)}


class FlaxBertForQuestionAnswering(FlaxBertPreTrainedModel):
    """The span of a text that answers a question."""

    pooled = False
    parts = ("qa_outputs",)
    output = outputs.FlaxQuestionAnsweringModelOutput

    def head(self, params, hidden, pooled, setting, shape):
        """Scores of every token to be the first, or the last, of the answer."""
        scores = linear(params["qa_outputs"], hidden, setting.dtype)
        return {"start_logits": scores[..., 0], "end_logits": scores[..., 1]}


def _check_array(input_ids: Any) -> None:
    if not isinstance(input_ids, (np.ndarray, jax.Array)):
        raise TypeError(
            f"input_ids is a {type(input_ids).__name__}; give an array, as the tokenizer does with "
            "return_tensors='np' or 'jax'"
        )
