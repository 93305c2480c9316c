"""How the values of a BERT are named: the only place that spells hook names.

A layer is its number from 0, or "*" for all of them. Names leave out the base model's prefix (`bert.`), as
`hook_names` and recordings do.
"""

from __future__ import annotations

from collections.abc import Iterable

Layer = int | str
EVERY = "*"

WORDS, POSITIONS, TYPES = "embeddings.word", "embeddings.position", "embeddings.token_type"
EMBEDDED = "embeddings.hidden"  # what the first layer gets
POOLED = "pooler.pooled"
PREDICTION_LOGITS, NEXT_SENTENCE_LOGITS = "cls.predictions.logits", "cls.next_sentence_logits"
TASK_LOGITS = "logits"


def of_layer(layer: Layer, value: str) -> str:
    """Any value of a layer by the rest of its name, such as `output.projected`."""
    return f"encoder.layer.{layer}.{value}"


def of_attention(layer: Layer, value: str, *, cross: bool = False) -> str:
    """A value inside a layer's attention: q, k, v, scores, probs, context; `cross` for a decoder's second attention."""
    return of_layer(layer, f"{'crossattention' if cross else 'attention'}.self.{value}")


def probs(layer: Layer = EVERY, *, cross: bool = False) -> str:
    """The attention probabilities, before dropout: (batch, heads, query, key)"""
    return of_attention(layer, "probs", cross=cross)


def scores(layer: Layer = EVERY, *, cross: bool = False) -> str:
    """What the softmax gets, scaled and masked: (batch, heads, query, key)"""
    return of_attention(layer, "scores", cross=cross)


def context(layer: Layer = EVERY, *, cross: bool = False) -> str:
    """What each head puts out: (batch, heads, query, head size)"""
    return of_attention(layer, "context", cross=cross)


def attention_output(layer: Layer = EVERY) -> str:
    """The heads mixed, before the residual sum: (batch, sequence, hidden)"""
    return of_layer(layer, "attention.output.projected")


def attention_residual(layer: Layer = EVERY) -> str:
    """The sum of the mixed heads and what came in, before the norm: (batch, sequence, hidden)"""
    return of_layer(layer, "attention.output.residual")


def neurons(layer: Layer = EVERY) -> str:
    """The feed-forward network after its activation: (batch, sequence, intermediate)"""
    return of_layer(layer, "intermediate.activated")


def mlp_output(layer: Layer = EVERY) -> str:
    """What the feed-forward network puts out, before the residual sum: (batch, sequence, hidden)"""
    return of_layer(layer, "output.projected")


def hidden(state: int) -> str:
    """A hidden state: 0 is what the embeddings give, n what layer n - 1 puts out: (batch, sequence, hidden)"""
    return EMBEDDED if state == 0 else of_layer(state - 1, "hidden")


def all_hidden() -> list[str]:
    """All hidden states, the embeddings among them."""
    return [EMBEDDED, of_layer(EVERY, "hidden")]


def layers(recorded: Iterable[str]) -> list[int]:
    """The numbers of the layers that these names speak of."""
    return sorted({int(name.split(".")[2]) for name in recorded if name.startswith("encoder.layer.")})
