"""What the TensorFlow classes return: the fields of the torch outputs under TensorFlow's names, the cache before the
hidden states.

Shapes: batch, sequence, hidden, heads, labels; a loss is (batch,), or (1,) where it is a mean over tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from bertlab.outputs import ModelOutput


@dataclass
class TFBaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    """What `TFBertModel` returns."""

    last_hidden_state: Any = None  # (batch, sequence, hidden)
    pooler_output: Any = None  # (batch, hidden)
    past_key_values: tuple | None = None  # per layer k and v (batch, heads, sequence, head size), on a decoder
    hidden_states: tuple | None = None  # embeddings, then one per layer
    attentions: tuple | None = None  # per layer (batch, heads, query, key)
    cross_attentions: tuple | None = None


@dataclass
class TFBertForPreTrainingOutput(ModelOutput):
    """What `TFBertForPreTraining` returns."""

    loss: Any = None  # (1,): masked language modelling + next sentence
    prediction_logits: Any = None  # (batch, sequence, vocabulary)
    seq_relationship_logits: Any = None  # (batch, 2)
    hidden_states: tuple | None = None
    attentions: tuple | None = None


@dataclass
class TFCausalLMOutputWithCrossAttentions(ModelOutput):
    """What `TFBertLMHeadModel` returns."""

    loss: Any = None  # (1,)
    logits: Any = None  # (batch, sequence, vocabulary)
    past_key_values: tuple | None = None
    hidden_states: tuple | None = None
    attentions: tuple | None = None
    cross_attentions: tuple | None = None


@dataclass
class TFMaskedLMOutput(ModelOutput):
    """What `TFBertForMaskedLM` returns."""

    loss: Any = None  # (1,)
    logits: Any = None  # (batch, sequence, vocabulary)
    hidden_states: tuple | None = None
    attentions: tuple | None = None


@dataclass
class TFNextSentencePredictorOutput(ModelOutput):
    """What `TFBertForNextSentencePrediction` returns."""

    loss: Any = None  # (batch,)
    logits: Any = None  # (batch, 2)
    hidden_states: tuple | None = None
    attentions: tuple | None = None


@dataclass
class TFSequenceClassifierOutput(ModelOutput):
    """What `TFBertForSequenceClassification` returns."""

    loss: Any = None  # (batch,)
    logits: Any = None  # (batch, labels)
    hidden_states: tuple | None = None
    attentions: tuple | None = None


@dataclass
class TFMultipleChoiceModelOutput(ModelOutput):
    """What `TFBertForMultipleChoice` returns."""

    loss: Any = None  # (batch,)
    logits: Any = None  # (batch, choices)
    hidden_states: tuple | None = None
    attentions: tuple | None = None


@dataclass
class TFTokenClassifierOutput(ModelOutput):
    """What `TFBertForTokenClassification` returns."""

    loss: Any = None  # (1,)
    logits: Any = None  # (batch, sequence, labels)
    hidden_states: tuple | None = None
    attentions: tuple | None = None


@dataclass
class TFQuestionAnsweringModelOutput(ModelOutput):
    """What `TFBertForQuestionAnswering` returns."""

    loss: Any = None  # (batch,)
    start_logits: Any = None  # (batch, sequence)
    end_logits: Any = None  # (batch, sequence)
    hidden_states: tuple | None = None
    attentions: tuple | None = None


OUTPUTS = {name: value for name, value in globals().items() if name.startswith("TF")}


def _flatten(output: ModelOutput) -> tuple[list[Any], tuple[str, ...]]:
    names = tuple(field.name for field in fields(output) if getattr(output, field.name) is not None)
    return [getattr(output, name) for name in names], names


def register_as_trees(backend: str) -> None:
    """Teach the libraries that look inside of nested values that an output is one: Keras's own tree, JAX's too."""
    for kind in OUTPUTS.values():

        def unflatten(names: tuple[str, ...], values: Any, kind: type = kind) -> ModelOutput:
            return kind(**dict(zip(names, values, strict=True)))

        if backend != "torch":  # torch's own tree knows every output
            import optree

            optree.register_pytree_node(kind, lambda x: (*_flatten(x), None), unflatten, namespace="keras")
        if backend == "jax":
            import jax

            jax.tree_util.register_pytree_node(kind, _flatten, unflatten)
