"""BERT's forward pass as pure functions: a tree of parameters and arrays in, arrays out.

Read it beside `bertlab/model`, which computes the same from modules (Devlin et al. 2019, section 3). Whatever Flax
did, is done in its order, so that the numbers are the same: the variance as E[x^2] - E[x]^2, the queries divided
before the product, a dropout of the attention that is shared by batch and heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bertlab.model import BertConfig

Tree = dict[str, Any]

ACTIVATIONS = {
    "gelu": partial(jax.nn.gelu, approximate=False),
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "swish": jax.nn.silu,
    "gelu_new": partial(jax.nn.gelu, approximate=True),
    "quick_gelu": lambda x: x * jax.nn.sigmoid(1.702 * x),
}


@dataclass(frozen=True)
class Setting:
    """What is the same for all layers of one pass."""

    config: BertConfig
    dtype: Any = jnp.float32  # of the computation; the parameters keep theirs
    dropout_rng: jax.Array | None = None  # None: no dropout

    def within(self, number: int) -> Setting:
        """The same with a key of its own for the part with this number."""
        if self.dropout_rng is None:
            return self
        rng = jax.random.fold_in(self.dropout_rng, number)
        return Setting(self.config, self.dtype, rng)


def linear(params: Tree, x: jax.Array, dtype: Any) -> jax.Array:
    """x W + b; the kernel is (in, out)."""
    y = x.astype(dtype) @ params["kernel"].astype(dtype)
    return y + params["bias"].astype(dtype) if "bias" in params else y


def layer_norm(params: Tree, x: jax.Array, setting: Setting) -> jax.Array:
    """(Ba et al. 2016); the statistics are always of float32 at least."""
    wide = x.astype(jnp.promote_types(setting.dtype, jnp.float32))
    mean = wide.mean(-1, keepdims=True)
    variance = jnp.maximum(0.0, (wide * wide).mean(-1, keepdims=True) - mean * mean)
    y = (x - mean) * (lax.rsqrt(variance + setting.config.layer_norm_eps) * params["scale"]) + params["bias"]
    return y.astype(setting.dtype)


def dropout(x: jax.Array, rate: float, rng: jax.Array | None) -> jax.Array:
    """Zeros in `rate` of the places, the others raised to keep the mean; nothing without a key."""
    if rng is None or rate == 0:
        return x
    if rate == 1:
        return jnp.zeros_like(x)
    return jnp.where(jax.random.bernoulli(rng, 1 - rate, x.shape), x / (1 - rate), 0)


def embeddings(
    params: Tree, input_ids: jax.Array, token_type_ids: jax.Array, position_ids: jax.Array, setting: Setting
):
    """Word + position + segment, normalised: (batch, sequence) -> (batch, sequence, hidden).

    An id outside its table becomes NaN, and -1 is the last row, as no check of values is possible inside jit.
    """

    def look_up(table: str, ids: jax.Array) -> jax.Array:
        return jnp.take(params[table]["embedding"].astype(setting.dtype), ids, axis=0)

    words, types = look_up("word_embeddings", input_ids), look_up("token_type_embeddings", token_type_ids)
    total = words + types + look_up("position_embeddings", position_ids)
    return dropout(
        layer_norm(params["LayerNorm"], total, setting), setting.config.hidden_dropout_prob, setting.dropout_rng
    )


def attention(
    params: Tree,
    x: jax.Array,
    mask: jax.Array | None,
    head_mask: jax.Array,
    setting: Setting,
    causal: bool = False,
    states: jax.Array | None = None,
    cache: Tree | None = None,
) -> tuple[jax.Array, jax.Array, Tree | None]:
    """Multi-head attention of a sequence to itself, or to an encoder's `states` (Vaswani et al. 2017, section 3.2).

    Args:
        params: of query, key and value.
        x: (batch, query, hidden).
        mask: (batch, key), above 0 where a key may be seen.
        head_mask: (heads,) factors on the probabilities.
        setting: of the pass.
        causal: no query sees a later key.
        states: (batch, key, hidden).
        cache: cached_key and cached_value (batch, length, heads, head size), and cache_index, how many are filled.

    Returns:
        The contexts side by side (batch, query, hidden), the probabilities (batch, heads, query, key), the new cache.
    """
    config, dtype = setting.config, setting.dtype
    heads, source = config.num_attention_heads, x if states is None else states
    q = linear(params["query"], x, dtype).reshape(*x.shape[:2], heads, -1)  # (batch, query, heads, head size)
    k = linear(params["key"], source, dtype).reshape(*source.shape[:2], heads, -1)  # (batch, key, heads, head size)
    v = linear(params["value"], source, dtype).reshape(*source.shape[:2], heads, -1)

    visible = None if mask is None else mask[..., None, None, :] > 0  # (batch, 1, 1, key)
    if causal:
        start, length = (0, k.shape[1]) if cache is None else (cache["cache_index"], cache["cached_key"].shape[1])
        triangle = jnp.tril(jnp.ones((config.max_position_embeddings,) * 2, bool))
        visible = visible & lax.dynamic_slice(triangle, (start, 0), (q.shape[1], length))  # (batch, 1, query, key)
        if cache is not None:
            k = lax.dynamic_update_slice(cache["cached_key"], k, (0, start, 0, 0))
            v = lax.dynamic_update_slice(cache["cached_value"], v, (0, start, 0, 0))
            visible &= jnp.arange(length) < start + q.shape[1]
            cache = {"cache_index": start + q.shape[1], "cached_key": k, "cached_value": v}

    scores = jnp.einsum("bqhd,bkhd->bhqk", q / jnp.sqrt(q.shape[-1]).astype(dtype), k)
    if visible is not None:
        scores = scores + jnp.where(visible, 0, jnp.finfo(dtype).min).astype(dtype)
    probs = jax.nn.softmax(scores).astype(dtype)
    rate = config.attention_probs_dropout_prob
    if setting.dropout_rng is not None and rate > 0:
        kept = jax.random.bernoulli(setting.dropout_rng, 1 - rate, (1, 1, *probs.shape[-2:]))
        probs = probs * (kept.astype(dtype) / jnp.asarray(1 - rate, dtype))
    probs = probs * head_mask[:, None, None]
    context = jnp.einsum("bhqk,bkhd->bqhd", probs, v)
    return context.reshape(*context.shape[:2], -1), probs, cache


def projected(params: Tree, x: jax.Array, residual: jax.Array, setting: Setting) -> jax.Array:
    """The end of both halves of a layer: a linear layer, dropout, the residual sum, normalised."""
    y = dropout(linear(params["dense"], x, setting.dtype), setting.config.hidden_dropout_prob, setting.dropout_rng)
    return layer_norm(params["LayerNorm"], y + residual, setting)


def layer(params: Tree, x: jax.Array, mask, head_mask, states, states_mask, cache, setting: Setting):
    """One transformer block -> its hidden states, the probabilities, those of cross-attention, the new cache."""
    at, config = params["attention"], setting.config
    context, probs, cache = attention(
        at["self"], x, mask, head_mask, setting.within(0), causal=config.is_decoder, cache=cache
    )
    x = projected(at["output"], context, x, setting.within(1))
    crossed = None
    if states is not None:
        at = params["crossattention"]
        context, crossed, _ = attention(at["self"], x, states_mask, head_mask, setting.within(2), states=states)
        x = projected(at["output"], context, x, setting.within(3))
    inner = ACTIVATIONS[config.hidden_act](linear(params["intermediate"]["dense"], x, setting.dtype))
    return projected(params["output"], inner, x, setting.within(4)), probs, crossed, cache


def bert(
    params: Tree,
    input_ids: jax.Array,
    attention_mask: jax.Array,
    token_type_ids: jax.Array,
    position_ids: jax.Array,
    head_mask: jax.Array,
    setting: Setting,
    states: jax.Array | None = None,
    states_mask: jax.Array | None = None,
    cache: Tree | None = None,
    recompute: bool = False,
) -> tuple[list[jax.Array], list[jax.Array], list[jax.Array], Tree | None]:
    """The embeddings and all layers.

    Returns:
        The hidden states (the embeddings, then one a layer), the probabilities of each layer, those of its
        cross-attention, and the new cache.
    """
    x = embeddings(params["embeddings"], input_ids, token_type_ids, position_ids, setting.within(0))
    hidden, attentions, crossed, caches = [x], [], [], {}
    for i in range(setting.config.num_hidden_layers):
        one = partial(layer, setting=setting.within(1 + i))
        if recompute:  # in the backward pass, to save memory
            one = jax.checkpoint(one)
        old = None if cache is None else cache["encoder"]["layer"][str(i)]["attention"]["self"]
        x, probs, cross, new = one(
            params["encoder"]["layer"][str(i)], x, attention_mask, head_mask[i], states, states_mask, old
        )
        hidden.append(x)
        attentions.append(probs)
        crossed.append(cross)
        caches[str(i)] = {"attention": {"self": new}}
    return hidden, attentions, crossed, None if cache is None else {"encoder": {"layer": caches}}


def pooler(params: Tree, hidden: jax.Array, setting: Setting) -> jax.Array:
    """A linear layer and tanh over [CLS]: (batch, sequence, hidden) -> (batch, hidden)"""
    return jnp.tanh(linear(params["dense"], hidden[:, 0], setting.dtype))


def vocabulary_logits(params: Tree, words: jax.Array | None, hidden: jax.Array, setting: Setting) -> jax.Array:
    """The masked language model's head (appendix A.2); `words`, (vocabulary, hidden), is a tied decoder."""
    transform = params["transform"]
    inner = ACTIVATIONS[setting.config.hidden_act](linear(transform["dense"], hidden, setting.dtype))
    inner = layer_norm(transform["LayerNorm"], inner, setting)
    decoder = params["decoder"] if words is None else {"kernel": words.T}
    return linear(decoder, inner, setting.dtype) + params["bias"].astype(setting.dtype)
