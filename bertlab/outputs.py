"""The documented output types: named tuples of tensors with attribute, key and index access.

A field that is None is absent: it has no key and does not count as an item, as documented.
Shapes below use: batch, sequence, hidden, heads, vocabulary; `past_key_values` is a tuple of layers, each of two
tensors (batch, heads, sequence, head size), or of four where there is cross-attention.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import torch
from torch.utils import _pytree as pytree


class ModelOutput(OrderedDict):
    """Base of all outputs: `output.logits`, `output["logits"]` and `output[0]` are the same tensor."""

    __dataclass_fields__: ClassVar[dict[str, Any]]  # of the subclasses: each of them is a dataclass

    def __init_subclass__(cls) -> None:
        """Let torch look inside: `torch.export`, `torch.func` and others take outputs apart and put them together."""
        pytree.register_pytree_node(
            cls,
            lambda output: (list(output.values()), tuple(output)),
            lambda values, names: cls(**dict(zip(names, values, strict=True))),
            serialized_type_name=f"{cls.__module__}.{cls.__qualname__}",
        )

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                super().__setitem__(field.name, value)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return super().__getitem__(key)
        return self.to_tuple()[key]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.keys() and value is not None:
            super().__setitem__(name, value)
        super().__setattr__(name, value)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        super().__setattr__(key, value)

    def __delitem__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"a {type(self).__name__} keeps its fields; build a new one instead of deleting")

    def setdefault(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"a {type(self).__name__} has fixed fields; set an attribute instead")

    def pop(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"a {type(self).__name__} keeps its fields; read them instead of popping")

    def update(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"a {type(self).__name__} has fixed fields; set attributes one by one")

    def to_tuple(self) -> tuple[Any, ...]:
        """All fields that are present, in the documented order."""
        return tuple(self[name] for name in self.keys())

    def replace(self, **changes: Any) -> ModelOutput:
        """A copy with other values in some fields; None takes a field away.

        Raises:
            TypeError: for a name that is no field.
        """
        return replace(self, **changes)

    def __reduce__(self):
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


@dataclass
class BaseModelOutput(ModelOutput):
    """Hidden states of an encoder without a pooler."""

    last_hidden_state: torch.Tensor | None = None  # (batch, sequence, hidden)
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class BaseModelOutputWithPastAndCrossAttentions(ModelOutput):
    """What the stack of layers returns, before any pooler."""

    last_hidden_state: torch.Tensor | None = None  # (batch, sequence, hidden)
    past_key_values: tuple[tuple[torch.Tensor, ...], ...] | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None
    cross_attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class BaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    """What `BertModel` returns."""

    last_hidden_state: torch.Tensor | None = None  # (batch, sequence, hidden)
    pooler_output: torch.Tensor | None = None  # (batch, hidden): tanh of a linear layer over [CLS]
    hidden_states: tuple[torch.Tensor, ...] | None = None  # embeddings, then one per layer
    past_key_values: tuple[tuple[torch.Tensor, ...], ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None  # per layer (batch, heads, query, key)
    cross_attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class BertForPreTrainingOutput(ModelOutput):
    """What `BertForPreTraining` returns; the loss is masked language modelling + next sentence."""

    loss: torch.Tensor | None = None
    prediction_logits: torch.Tensor | None = None  # (batch, sequence, vocabulary)
    seq_relationship_logits: torch.Tensor | None = None  # (batch, 2): column 0 is "B follows A"
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class CausalLMOutputWithCrossAttentions(ModelOutput):
    """What `BertLMHeadModel` returns; the loss predicts each next token."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None  # (batch, sequence, vocabulary)
    past_key_values: tuple[tuple[torch.Tensor, ...], ...] | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None
    cross_attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class MaskedLMOutput(ModelOutput):
    """What `BertForMaskedLM` returns."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None  # (batch, sequence, vocabulary)
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class NextSentencePredictorOutput(ModelOutput):
    """What `BertForNextSentencePrediction` returns."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None  # (batch, 2): column 0 is "B follows A", column 1 "B is random"
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class SequenceClassifierOutput(ModelOutput):
    """What `BertForSequenceClassification` returns."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None  # (batch, labels)
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class MultipleChoiceModelOutput(ModelOutput):
    """What `BertForMultipleChoice` returns."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None  # (batch, choices)
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class TokenClassifierOutput(ModelOutput):
    """What `BertForTokenClassification` returns."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None  # (batch, sequence, labels)
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    """What `BertForQuestionAnswering` returns."""

    loss: torch.Tensor | None = None
    start_logits: torch.Tensor | None = None  # (batch, sequence)
    end_logits: torch.Tensor | None = None  # (batch, sequence)
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None
