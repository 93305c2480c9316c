"""What the Flax models return: frozen, and trees of arrays to JAX, so that they pass through jit, grad and vmap.

`output.replace(logits=...)` is a copy with another value. Shapes as in `bertlab.outputs`; the cache,
`past_key_values`, is a tree of arrays and not a tuple of layers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import jax

from bertlab.outputs import ModelOutput

Arrays = tuple[jax.Array, ...]


def frozen_tree(kind: type) -> type:
    """Make a class of outputs a frozen dataclass that JAX takes apart into its fields."""
    kind = dataclass(frozen=True)(kind)
    names = [field.name for field in fields(kind)]

    def with_keys(output: Any) -> tuple[tuple, None]:
        return tuple((jax.tree_util.GetAttrKey(name), getattr(output, name)) for name in names), None

    jax.tree_util.register_pytree_with_keys(kind, with_keys, lambda _, values: kind(*values))
    return kind


@frozen_tree
class FlaxBaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    """What `FlaxBertModel` returns."""

    last_hidden_state: jax.Array | None = None
    pooler_output: jax.Array | None = None
    hidden_states: Arrays | None = None
    past_key_values: dict | None = None
    attentions: Arrays | None = None
    cross_attentions: Arrays | None = None


@frozen_tree
class FlaxBertForPreTrainingOutput(ModelOutput):
    """What `FlaxBertForPreTraining` returns."""

    prediction_logits: jax.Array | None = None
    seq_relationship_logits: jax.Array | None = None
    hidden_states: Arrays | None = None
    attentions: Arrays | None = None


@frozen_tree
class FlaxCausalLMOutputWithCrossAttentions(ModelOutput):
    """What `FlaxBertForCausalLM` returns."""

    logits: jax.Array | None = None
    past_key_values: dict | None = None
    hidden_states: Arrays | None = None
    attentions: Arrays | None = None
    cross_attentions: Arrays | None = None


@frozen_tree
class FlaxMaskedLMOutput(ModelOutput):
    """What `FlaxBertForMaskedLM` returns."""

    logits: jax.Array | None = None
    hidden_states: Arrays | None = None
    attentions: Arrays | None = None


@frozen_tree
class FlaxNextSentencePredictorOutput(ModelOutput):
    """What `FlaxBertForNextSentencePrediction` returns."""

    logits: jax.Array | None = None
    hidden_states: Arrays | None = None
    attentions: Arrays | None = None


@frozen_tree
class FlaxSequenceClassifierOutput(ModelOutput):
    """What `FlaxBertForSequenceClassification` returns."""

    logits: jax.Array | None = None
    hidden_states: Arrays | None = None
    attentions: Arrays | None = None


@frozen_tree
class FlaxMultipleChoiceModelOutput(ModelOutput):
    """What `FlaxBertForMultipleChoice` returns."""

    logits: jax.Array | None = None
    hidden_states: Arrays | None = None
    attentions: Arrays | None = None


@frozen_tree
class FlaxTokenClassifierOutput(ModelOutput):
    """What `FlaxBertForTokenClassification` returns."""

    logits: jax.Array | None = None
    hidden_states: Arrays | None = None
    attentions: Arrays | None = None


@frozen_tree
class FlaxQuestionAnsweringModelOutput(ModelOutput):
    """What `FlaxBertForQuestionAnswering` returns."""

    start_logits: jax.Array | None = None
    end_logits: jax.Array | None = None
    hidden_states: Arrays | None = None
    attentions: Arrays | None = None
