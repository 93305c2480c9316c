"""The layers of BERT from its leaves to its root: embeddings, attention, feed-forward, the stack, the pooler.

It follows section 3 of Devlin et al. 2019 (the layers are those of Vaswani et al. 2017, with the normalisation after
the residual sum). Parameter names are those of the published checkpoints. Every functional value passes through a
`HookPoint`; their names are listed by `bertlab.hook_names(model)`.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint as recompute_in_backward

from bertlab.model import kernels, pruning
from bertlab.model.activations import activation
from bertlab.model.config import BertConfig
from bertlab.model.masks import Packing
from bertlab.outputs import BaseModelOutputWithPastAndCrossAttentions
from bertlab.recording import HookPoint, anybody_listens

LayerCache = tuple[torch.Tensor, ...]  # k and v, then the k and v of cross-attention where there is one


class BertEmbeddings(nn.Module):
    """The input representation: word + position + segment embedding, normalised (section 3, figure 2)."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.position_embedding_type = config.position_embedding_type
        self.word, self.position, self.token_type = HookPoint(), HookPoint(), HookPoint()
        self.sum, self.norm, self.hidden = HookPoint(), HookPoint(), HookPoint()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        past_key_values_length: int = 0,
    ) -> torch.Tensor:
        """(batch, sequence) ids, or (batch, sequence, hidden) word vectors -> (batch, sequence, hidden)"""
        words = self.word(self.word_embeddings(input_ids) if inputs_embeds is None else inputs_embeds)
        sequence = words.shape[1]
        if position_ids is None:
            start = past_key_values_length
            position_ids = torch.arange(start, start + sequence, device=words.device).unsqueeze(0)
        if token_type_ids is None:
            token_type_ids = torch.zeros(1, sequence, dtype=torch.long, device=words.device)

        total = words + self.token_type(self.token_type_embeddings(token_type_ids))  # (batch, sequence, hidden)
        if self.position_embedding_type == "absolute":
            total = total + self.position(self.position_embeddings(position_ids))
        return self.hidden(self.dropout(self.norm(self.LayerNorm(self.sum(total)))))


class BertSelfAttention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2), of a sequence to itself or, when
    encoder states are given, to those."""

    def __init__(self, config: BertConfig, position_embedding_type: str | None = None):
        super().__init__()
        self.num_attention_heads = config.num_attention_heads
        self.attention_head_size = config.hidden_size // config.num_attention_heads
        self.all_head_size = self.num_attention_heads * self.attention_head_size
        self.query = nn.Linear(config.hidden_size, self.all_head_size)
        self.key = nn.Linear(config.hidden_size, self.all_head_size)
        self.value = nn.Linear(config.hidden_size, self.all_head_size)
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.position_embedding_type = position_embedding_type or config.position_embedding_type
        if self.position_embedding_type != "absolute":
            self.max_position_embeddings = config.max_position_embeddings
            self.distance_embedding = nn.Embedding(2 * config.max_position_embeddings - 1, self.attention_head_size)
        self.is_decoder = config.is_decoder
        self.q, self.k, self.v = HookPoint(), HookPoint(), HookPoint()
        self.scores, self.probs, self.context = HookPoint(), HookPoint(), HookPoint()

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        past_key_value: LayerCache | None = None,
        output_attentions: bool = False,
        packing: Packing | None = None,
        fused: bool = True,
    ) -> tuple[Any, ...]:
        """Returns the heads' contexts side by side (batch, sequence, heads x head size), then the probabilities when
        asked for, then on a decoder the keys and values for the cache."""
        is_cross_attention = encoder_hidden_states is not None
        q = self.q(self.split_heads(self.query(hidden_states), packing))  # (batch, heads, query, head size)
        if is_cross_attention and past_key_value is not None:
            k, v = past_key_value  # those of the encoder never change
        else:
            source = encoder_hidden_states if is_cross_attention else hidden_states
            k = self.k(self.split_heads(self.key(source), packing))  # (batch, heads, key, head size)
            v = self.v(self.split_heads(self.value(source), packing))
            if past_key_value is not None:
                k = torch.cat([past_key_value[0], k], dim=2)
                v = torch.cat([past_key_value[1], v], dim=2)
        mask = encoder_attention_mask if is_cross_attention else attention_mask

        somebody_looks = output_attentions or self.scores.listened or self.probs.listened
        somebody_looks = somebody_looks or not kernels.untouched(self.dropout, nn.Dropout) or kernels.transformed()
        whole_heads = head_mask is None or head_mask.shape[-2:] == (1, 1)  # as opposed to single places of theirs
        if fused and not somebody_looks and whole_heads and self.position_embedding_type == "absolute":
            context, probs = self.attend_fused(q, k, v, mask, head_mask), None
        else:
            context, probs = self.attend(q, k, v, mask, head_mask, with_cache=past_key_value is not None)
        context = self.context(context).transpose(1, 2).flatten(2)  # (batch, query, heads x head size)
        if packing is not None:
            context = packing.pack(context)

        answer: tuple[Any, ...] = (context, probs) if output_attentions else (context,)
        return (*answer, (k, v)) if self.is_decoder else answer

    def split_heads(self, x: torch.Tensor, packing: Packing | None) -> torch.Tensor:
        """(batch, sequence, heads x head size) -> (batch, heads, sequence, head size)"""
        if packing is not None:
            x = packing.pad(x)
        return x.unflatten(-1, (self.num_attention_heads, self.attention_head_size)).transpose(1, 2)

    def attend(self, q, k, v, mask, head_mask, with_cache: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """softmax(q k^T / sqrt(d) + mask) v, every step visible: the contexts and what weighted them."""
        scores = q @ k.transpose(-1, -2)  # (batch, heads, query, key)
        if self.position_embedding_type != "absolute":
            scores = scores + self.relative_scores(q, k, with_cache)
        scores = scores / math.sqrt(self.attention_head_size)
        if mask is not None:
            scores = scores + mask
        probs = self.probs(self.scores(scores).softmax(dim=-1)).to(v.dtype)
        weights = self.dropout(probs)
        if head_mask is not None:
            weights = weights * head_mask
        return weights @ v, weights  # (batch, heads, query, head size), (batch, heads, query, key)

    def attend_fused(self, q, k, v, mask, head_mask) -> torch.Tensor:
        """The same in torch's fused kernel, which never shows its probabilities."""
        if mask is not None and mask.dtype != q.dtype:
            mask = mask.clamp(min=torch.finfo(q.dtype).min).to(q.dtype)
        dropout = self.dropout.p if self.dropout.training else 0.0
        if q.device.type == "cpu" and (dropout > 0 or (q.requires_grad and q.dtype == torch.bfloat16)):
            # The CPU has no fused kernel with dropout, and that of bfloat16 is slow on the way back: plain products.
            scores = q @ (k / math.sqrt(self.attention_head_size)).transpose(-1, -2)  # (batch, heads, query, key)
            probs = torch.softmax(scores if mask is None else scores + mask, dim=-1, dtype=q.dtype)
            context = self.dropout(probs) @ v
        else:
            context = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return context if head_mask is None else context * head_mask

    def relative_scores(self, q: torch.Tensor, k: torch.Tensor, with_cache: bool) -> torch.Tensor:
        """What the distance of query and key adds to a score: Shaw et al. 2018 (`relative_key`), and with the key's
        own term Huang et al. 2020, method 4 (`relative_key_query`).

        With a cache every query is measured from the last key, as documented.
        """
        keys = k.shape[2]
        query_at = torch.arange(keys - 1, keys) if with_cache else torch.arange(q.shape[2])
        distance = (query_at[:, None] - torch.arange(keys)[None, :]).to(q.device)  # (query or 1, key)
        embedded = self.distance_embedding(distance + self.max_position_embeddings - 1)  # (query or 1, key, head size)
        scores = (q.unsqueeze(3) * embedded).sum(-1) if with_cache else torch.einsum("bhqd,qkd->bhqk", q, embedded)
        if self.position_embedding_type == "relative_key_query":
            if with_cache:
                embedded = embedded.expand(q.shape[2], -1, -1)
            scores = scores + torch.einsum("bhkd,qkd->bhqk", k, embedded)
        return scores


class BertSelfOutput(nn.Module):
    """Mixes the heads and adds the result to what came in (section 3; Vaswani et al. 2017, section 3.1)."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.projected, self.residual, self.normed = HookPoint(), HookPoint(), HookPoint()

    def forward(self, hidden_states: torch.Tensor, input_tensor: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, heads x head size) and (batch, sequence, hidden) -> (batch, sequence, hidden)"""
        projected = self.dropout(self.projected(self.dense(hidden_states)))
        return self.normed(self.LayerNorm(self.residual(projected + input_tensor)))


class BertAttention(nn.Module):
    """Attention and its residual sum; heads can be removed from it."""

    def __init__(self, config: BertConfig, position_embedding_type: str | None = None):
        super().__init__()
        self.self = BertSelfAttention(config, position_embedding_type)
        self.output = BertSelfOutput(config)
        self.pruned_heads: set[int] = set()

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """As `BertSelfAttention`, with the layer's own sum in place of the bare contexts."""
        context, *rest = self.self(hidden_states, *args, **kwargs)
        return (self.output(context, hidden_states), *rest)

    def prune_heads(self, heads: Any) -> None:
        """Remove heads for good, numbered as in the unpruned layer (Michel et al. 2019)."""
        pruning.prune(self, heads)


class BertIntermediate(nn.Module):
    """The first half of the feed-forward network: up to the intermediate size, then the activation."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.intermediate_act_fn = activation(config.hidden_act)
        self.preactivation, self.activated = HookPoint(), HookPoint()

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, hidden) -> (batch, sequence, intermediate)"""
        if not kernels.runs_in_onednn(self.dense, hidden_states):
            preactivation = self.dense(hidden_states)
        elif self.intermediate_act_fn is F.gelu and not self.preactivation.listened:
            return self.activated(kernels.onednn_linear(hidden_states, self.dense.weight, self.dense.bias, "gelu"))
        else:
            preactivation = kernels.onednn_linear(hidden_states, self.dense.weight, self.dense.bias, "none")
        return self.activated(self.intermediate_act_fn(self.preactivation(preactivation)))


class BertOutput(nn.Module):
    """The second half of the feed-forward network, and its residual sum."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.intermediate_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.projected, self.residual = HookPoint(), HookPoint()

    def forward(self, hidden_states: torch.Tensor, input_tensor: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, intermediate) and (batch, sequence, hidden) -> (batch, sequence, hidden)"""
        projected = self.dropout(self.projected(self.dense(hidden_states)))
        return self.LayerNorm(self.residual(projected + input_tensor))


class BertLayer(nn.Module):
    """One transformer block: attention, on a decoder perhaps cross-attention, feed-forward."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.chunk_size_feed_forward = config.chunk_size_feed_forward
        self.is_decoder = config.is_decoder
        self.add_cross_attention = config.add_cross_attention
        self.attention = BertAttention(config)
        if self.add_cross_attention:
            if not self.is_decoder:
                raise ValueError("add_cross_attention needs a decoder: set is_decoder=True in the configuration too")
            self.crossattention = BertAttention(config, position_embedding_type="absolute")
        self.intermediate = BertIntermediate(config)
        self.output = BertOutput(config)
        self.hidden = HookPoint()

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        past_key_value: LayerCache | None = None,
        output_attentions: bool = False,
        packing: Packing | None = None,
        fused: bool = True,
    ) -> tuple[Any, ...]:
        """Returns the layer's hidden states, then the probabilities of attention and cross-attention when asked
        for, then on a decoder the cache."""
        past = past_key_value[:2] if past_key_value is not None else None
        attended, *rest = self.attention(
            hidden_states, attention_mask, head_mask, None, None, past, output_attentions, packing, fused
        )
        cache = rest.pop() if self.is_decoder else ()
        if encoder_hidden_states is not None:
            cross_past = past_key_value[2:4] if past_key_value is not None and len(past_key_value) == 4 else None
            attended, *cross = self.crossattention(
                attended, attention_mask, head_mask, encoder_hidden_states, encoder_attention_mask, cross_past,
                output_attentions, None, fused,
            )  # fmt: skip
            cache = cache + cross.pop()
            rest += cross
        hidden_states = self.hidden(self.feed_forward(attended))
        return (hidden_states, *rest, cache) if self.is_decoder else (hidden_states, *rest)

    def feed_forward(self, attended: torch.Tensor) -> torch.Tensor:
        """The position-wise network; in pieces along the sequence where the configuration says so."""
        size = self.chunk_size_feed_forward
        if not size or attended.dim() == 2:
            return self.output(self.intermediate(attended), attended)
        if attended.shape[1] % size:
            raise ValueError(
                f"chunk_size_feed_forward is {size}, and {attended.shape[1]} positions cannot be cut into such chunks; "
                "pad the sequence to a multiple, or set it to 0"
            )
        if anybody_listens(self.intermediate) or anybody_listens(self.output):  # who gets whole sequences
            return self.output(self.intermediate(attended), attended)
        return torch.cat([self.output(self.intermediate(x), x) for x in attended.split(size, dim=1)], dim=1)


class BertEncoder(nn.Module):
    """The stack of layers."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.config = config
        self.layer = nn.ModuleList(BertLayer(config) for _ in range(config.num_hidden_layers))
        self.gradient_checkpointing = False

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        head_mask: Any = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        past_key_values: tuple[LayerCache, ...] | None = None,
        use_cache: bool | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
        return_dict: bool = True,
        packing: Packing | None = None,
        fused: bool = True,
    ) -> Any:
        """Masks are additive here: (batch, 1, query or 1, key), 0 where a key may be seen. `fused` allows torch's
        fused attention kernel where nobody looks at the probabilities."""
        # Listeners hear each value once: a second time, in the backward pass, they may have gone.
        recompute = self.gradient_checkpointing and self.training and not anybody_listens(self)
        if recompute and use_cache:
            warnings.warn("gradient checkpointing keeps no cache: use_cache is set to False", stacklevel=2)
            use_cache = False
        with_cross = output_attentions and encoder_hidden_states is not None
        all_hidden: tuple | None = (hidden_states,) if output_hidden_states else None
        attentions: tuple | None = () if output_attentions else None
        cross_attentions: tuple | None = () if output_attentions and self.config.add_cross_attention else None
        cache: tuple | None = () if use_cache else None
        for i, layer in enumerate(self.layer):
            inputs = (
                hidden_states, attention_mask, None if head_mask is None else head_mask[i], encoder_hidden_states,
                encoder_attention_mask, None if past_key_values is None else past_key_values[i], output_attentions,
                packing, fused,
            )  # fmt: skip
            outputs = recompute_in_backward(layer, *inputs, use_reentrant=False) if recompute else layer(*inputs)
            hidden_states = outputs[0]
            if use_cache:
                cache += (outputs[-1],)
            if output_attentions:
                attentions += (outputs[1],)
            if with_cross:
                cross_attentions += (outputs[2],)
            if output_hidden_states:
                all_hidden += (hidden_states,)
        if not return_dict:
            everything = (hidden_states, cache, all_hidden, attentions, cross_attentions)
            return tuple(value for value in everything if value is not None)
        return BaseModelOutputWithPastAndCrossAttentions(hidden_states, cache, all_hidden, attentions, cross_attentions)


class BertPooler(nn.Module):
    """A linear layer and tanh over the first token, [CLS]: the input of the next-sentence head (section 3.1)."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.activation = nn.Tanh()
        self.pooled = HookPoint()

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, hidden) -> (batch, hidden)"""
        return self.pooled(self.activation(self.dense(hidden_states[:, 0])))
