"""BertModel, from its leaves to its root: embeddings, attention, layers, encoder, pooler.

It follows section 3 of Devlin et al. 2019 (the layers are those of Vaswani et al. 2017, with the normalisation after
the residual sum). Parameter names are those of the published checkpoints. Every functional value passes through a
`HookPoint`; their names are listed by `bertlab.hook_names(model)`.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint as recompute_in_backward

from bertlab.files import (
    LoadingReport,
    check_foreign,
    load_into,
    read_state_dict,
    read_weights,
    resolve,
    resolve_dtype,
    take_options,
    write_state_dict,
)
from bertlab.model.activations import activation
from bertlab.model.config import BertConfig
from bertlab.outputs import BaseModelOutputWithPastAndCrossAttentions, BaseModelOutputWithPoolingAndCrossAttentions
from bertlab.recording import HookPoint, anybody_listens

# torch.get_autocast_dtype came with torch 2.4, and with it is_autocast_enabled("cpu"), which is asked below.
_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch, "get_autocast_dtype")
_ONEDNN_BFLOAT16 = _ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported()

LayerCache = tuple[torch.Tensor, ...]  # k and v, then the k and v of cross-attention where there is one


class undrawn_weights(TorchFunctionMode):
    """Inside `with undrawn_weights():` models are built without drawing random weights, for those about to be loaded.

    Their values are whatever the memory held.
    """

    DRAWS = {nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_, torch.Tensor.normal_}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in self.DRAWS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


class Packing:
    """Drops the padding of a batch, and puts it back as zeros.

    Built from a mask (batch, sequence) in which 1 marks real tokens.
    """

    def __init__(self, mask: torch.Tensor):
        self.shape = mask.shape
        self.places = mask.flatten().nonzero().squeeze(1)  # (tokens,)

    def pack(self, padded: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, features) -> (tokens, features)"""
        return padded.flatten(0, 1).index_select(0, self.places)

    def pad(self, packed: torch.Tensor) -> torch.Tensor:
        """(tokens, features) -> (batch, sequence, features)"""
        padded = packed.new_zeros(self.shape.numel(), packed.shape[-1])
        return padded.index_copy(0, self.places, packed).view(*self.shape, -1)


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
        dropout = self.dropout.p if self.training else 0.0
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
        attention, total = self.self, self.self.num_attention_heads + len(self.pruned_heads)
        unknown = [head for head in heads if not isinstance(head, int) or not 0 <= head < total]
        if unknown:
            raise ValueError(f"there is no head {unknown[0]!r} to prune; the layer has heads 0 to {total - 1}")
        gone = set(heads) - self.pruned_heads
        if not gone:
            return
        size = attention.attention_head_size
        remaining = [head for head in range(total) if head not in self.pruned_heads]
        kept = torch.tensor([i for i, head in enumerate(remaining) if head not in gone], dtype=torch.long)
        rows = (kept[:, None] * size + torch.arange(size)).flatten()  # places of the kept heads' features
        for linear in (attention.query, attention.key, attention.value):
            _keep(linear, rows, dim=0)
        _keep(self.output.dense, rows, dim=1)
        attention.num_attention_heads = len(kept)
        attention.all_head_size = len(kept) * size
        self.pruned_heads |= gone


class BertIntermediate(nn.Module):
    """The first half of the feed-forward network: up to the intermediate size, then the activation."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.intermediate_act_fn = activation(config.hidden_act)
        self.preactivation, self.activated = HookPoint(), HookPoint()

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, hidden) -> (batch, sequence, intermediate)"""
        if not _runs_in_onednn(self.dense, hidden_states):
            preactivation = self.dense(hidden_states)
        elif self.intermediate_act_fn is F.gelu and not self.preactivation.listened:
            return self.activated(_onednn_linear(self.dense, hidden_states, "gelu"))
        else:
            preactivation = _onednn_linear(self.dense, hidden_states, "none")
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
        all_hidden = (hidden_states,) if output_hidden_states else None
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


class BertPreTrainedModel(nn.Module):
    """What all models share: starting weights, loading and saving, resizing, pruning, masks."""

    config_class = BertConfig
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    loading_report: LoadingReport | None = None

    def __init__(self, config: BertConfig, *args: Any, **kwargs: Any):
        super().__init__()
        if not isinstance(config, BertConfig):
            raise TypeError(
                f"{type(self).__name__} is built from a BertConfig, not a {type(config).__name__}; "
                f"to load weights use {type(self).__name__}.from_pretrained(name_or_folder)"
            )
        config.check()
        self.config = config
        self.name_or_path = config.name_or_path

    # -- the parts -------------------------------------------------------------------------------------------------

    @property
    def base_model(self) -> BertModel:
        """The BertModel inside (itself, for a BertModel)."""
        return getattr(self, self.base_model_prefix, self)

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the parameters."""
        return next(p.dtype for p in self.parameters() if p.is_floating_point())

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """How many numbers the model learns; tied ones count once."""
        tables = {id(m.weight) for m in self.modules() if isinstance(m, nn.Embedding)} if exclude_embeddings else set()
        chosen = (p for p in self.parameters() if id(p) not in tables and (p.requires_grad or not only_trainable))
        return sum(p.numel() for p in chosen)

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings: (vocabulary, hidden)."""
        return self.base_model.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the word embeddings."""
        self.base_model.embeddings.word_embeddings = value

    def get_output_embeddings(self) -> nn.Linear | None:
        """The layer that gives vocabulary logits, on the models that have one."""
        return None

    # -- starting weights ------------------------------------------------------------------------------------------

    def post_init(self) -> None:
        """Called at the end of each constructor."""
        self.init_weights()

    def init_weights(self) -> None:
        """Draw all weights afresh, remove the heads that the configuration lists as pruned, tie what is tied."""
        if self.config.pruned_heads:
            pruned, self.config.pruned_heads = self.config.pruned_heads, {}
            self.prune_heads(pruned)
        for module in self.modules():
            self._init_weights(module)
        self.tie_weights()

    def _init_weights(self, module: nn.Module) -> None:
        """Normal with standard deviation `initializer_range`; zeros for biases and padding; ones for the norms."""
        with torch.no_grad():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                module.weight.normal_(0.0, self.config.initializer_range)
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx].zero_()
            if isinstance(module, nn.LayerNorm):
                module.weight.fill_(1.0)
            if isinstance(module, (nn.Linear, nn.LayerNorm)) and module.bias is not None:
                module.bias.zero_()

    def tie_weights(self) -> None:
        """Share the word embeddings with the vocabulary head, where there is one and the configuration says so."""
        head = self.get_output_embeddings()
        if head is None:
            return
        if self.config.tie_word_embeddings:
            head.weight = self.get_input_embeddings().weight
        self.cls.predictions.tie_bias()

    def tied_names(self) -> dict[str, str]:
        """Name of each tied copy -> name of the parameter that it shares."""
        first: dict[int, str] = {}
        tied = {}
        for name, parameter in self.named_parameters(remove_duplicate=False):
            kept = first.setdefault(id(parameter), name)
            if kept != name:
                tied[name] = kept
        return tied

    # -- changing the architecture ---------------------------------------------------------------------------------

    def prune_heads(self, heads_to_prune: Mapping[int, Any]) -> None:
        """Remove heads for good: `{layer: [heads]}`. The configuration remembers them, so they survive saving.

        Raises:
            ValueError: for a layer or a head that does not exist; nothing is pruned then.
        """
        layers = self.base_model.encoder.layer
        for number, heads in heads_to_prune.items():
            if not isinstance(number, int) or not 0 <= number < len(layers):
                raise ValueError(f"there is no layer {number!r} to prune; the model has layers 0 to {len(layers) - 1}")
            total = self.config.num_attention_heads
            unknown = [head for head in heads if not isinstance(head, int) or not 0 <= head < total]
            if unknown:
                raise ValueError(
                    f"there is no head {unknown[0]!r} in layer {number} to prune; heads are 0 to {total - 1}"
                )
        for number, heads in heads_to_prune.items():
            layers[number].attention.prune_heads(heads)
            self.config.pruned_heads[number] = sorted(set(self.config.pruned_heads.get(number, [])) | set(heads))

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None
    ) -> nn.Embedding:
        """Give the vocabulary another size: embeddings, decoder and its bias together. Old rows keep their values,
        new ones are drawn as at the start (biases zero). Returns the word embeddings."""
        old = self.get_input_embeddings()
        size = old.num_embeddings if new_num_tokens is None else new_num_tokens
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"the vocabulary cannot have {size!r} tokens; give a whole number of at least 1")
        if pad_to_multiple_of is not None:
            if not isinstance(pad_to_multiple_of, int) or pad_to_multiple_of < 1:
                raise ValueError(f"pad_to_multiple_of is {pad_to_multiple_of!r}; give a whole number of at least 1")
            size = math.ceil(size / pad_to_multiple_of) * pad_to_multiple_of
        if size == old.num_embeddings:
            return old
        padding = old.padding_idx if old.padding_idx is not None and old.padding_idx < size else None
        new = nn.Embedding(size, old.embedding_dim, padding, device=old.weight.device, dtype=old.weight.dtype)
        self._init_weights(new)
        _copy_rows(old.weight, new.weight)
        new.weight.requires_grad_(old.weight.requires_grad)
        self.set_input_embeddings(new)
        head = self.get_output_embeddings()
        if head is not None:
            decoder = nn.Linear(
                old.embedding_dim, size, bias=head.bias is not None, device=head.weight.device, dtype=head.weight.dtype
            )
            self._init_weights(decoder)
            _copy_rows(head.weight, decoder.weight)
            if head.bias is not None:
                _copy_rows(head.bias, decoder.bias)
            self.set_output_embeddings(decoder)
        self.config.vocab_size = size
        self.tie_weights()
        return new

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: dict | None = None) -> None:
        """Save memory in training: recompute each layer in the backward pass (Chen et al. 2016)."""
        self.base_model.encoder.gradient_checkpointing = True

    def gradient_checkpointing_disable(self) -> None:
        """Keep all activations again."""
        self.base_model.encoder.gradient_checkpointing = False

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether layers are recomputed in the backward pass."""
        return self.base_model.encoder.gradient_checkpointing

    # -- masks -----------------------------------------------------------------------------------------------------

    def get_head_mask(self, head_mask: torch.Tensor | None, num_hidden_layers: int) -> Any:
        """(heads,) or (layers, heads) -> (layers, 1, heads, 1, 1); None -> a list of None."""
        if head_mask is None:
            return [None] * num_hidden_layers
        if head_mask.dim() == 1:
            head_mask = head_mask.expand(num_hidden_layers, -1)
        if head_mask.dim() == 2:
            head_mask = head_mask[:, None, :, None, None]
        if head_mask.dim() != 5 or head_mask.shape[0] != num_hidden_layers:
            raise ValueError(
                f"head_mask has shape {tuple(head_mask.shape)}; give (heads,) or (layers, heads) "
                f"for {num_hidden_layers} layers"
            )
        return head_mask.to(dtype=self.dtype)

    def get_extended_attention_mask(
        self, attention_mask: torch.Tensor, input_shape: tuple[int, int], device: Any = None, dtype: Any = None
    ) -> torch.Tensor:
        """A mask of 1 (look) and 0 as what is added to the scores: 0 and the smallest number of the model's type.

        (batch, key) or (batch, query, key) -> (batch, 1, query or 1, key). On a decoder a 2-D mask is joined with
        the causal one: no query sees a later key. Not -inf, so that a row with nothing to see is uniform, not NaN.
        """
        dtype = dtype or self.dtype
        if attention_mask.dim() == 3:
            visible = attention_mask[:, None, :, :]
        elif attention_mask.dim() == 2:
            visible = attention_mask[:, None, None, :]
            if self.config.is_decoder:
                queries, keys = input_shape[1], attention_mask.shape[1]
                at = torch.arange(keys, device=attention_mask.device)
                causal = at[None, :] <= at[keys - queries :, None]  # (query, key)
                visible = visible * causal
        else:
            raise ValueError(
                f"attention_mask has shape {tuple(attention_mask.shape)}; give (batch, sequence) or (batch, query, key)"
            )
        return (1.0 - visible.to(dtype)) * torch.finfo(dtype).min

    def invert_attention_mask(self, encoder_attention_mask: torch.Tensor) -> torch.Tensor:
        """The same for the encoder's states: never causal."""
        if encoder_attention_mask.dim() not in (2, 3):
            raise ValueError(
                f"encoder_attention_mask has shape {tuple(encoder_attention_mask.shape)}; give (batch, key) or "
                "(batch, query, key)"
            )
        visible = encoder_attention_mask[:, None, None] if encoder_attention_mask.dim() == 2 else (
            encoder_attention_mask[:, None]
        )  # fmt: skip
        return (1.0 - visible.to(self.dtype)) * torch.finfo(self.dtype).min

    # -- files -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *model_args: Any,
        config: BertConfig | None = None,
        torch_dtype: torch.dtype | str | None = None,
        ignore_mismatched_sizes: bool = False,
        output_loading_info: bool = False,
        from_tf: bool = False,
        from_flax: bool = False,
        **kwargs: Any,
    ):
        """Load a model from a folder, the shipped model's name or a Hub name, ready for use (`eval()`).

        Weights are read in every format that PyTorch, TensorFlow (1 and 2) and Flax wrote.

        Args:
            config: use this configuration instead of the checkpoint's own.
            torch_dtype: the type of the parameters; float32 when None, as stored when "auto".
            ignore_mismatched_sizes: draw tensors of another shape afresh instead of raising.
            output_loading_info: return `(model, report)`; the report is `model.loading_report` in any case.
            from_tf, from_flax: take the weights that this framework wrote, where several stand. The path may be that
                of the file then, such as `model.ckpt-1000.index`.
            kwargs: what `resolve` knows (`revision`, `cache_dir`, `token`, `local_files_only`, ...) says where to
                look; all others override fields of the configuration.

        Raises:
            OSError: when nothing is found under that name.
            ValueError: for broken or foreign files, or tensors of another shape than the model's.
        """
        if from_tf and from_flax:
            raise ValueError("from_tf and from_flax are both set; the weights can be of one framework only")
        where = {**take_options(kwargs), "weights_of": "tf" if from_tf else "flax" if from_flax else None}
        torch_dtype = kwargs.pop("dtype", torch_dtype)
        path = Path(pretrained_model_name_or_path)
        one_file = (from_tf or from_flax) and path.is_file()
        if one_file:
            folder = path.parent
        else:
            needed = ("config", "weights") if config is None else ("weights",)
            folder = resolve(pretrained_model_name_or_path, files=needed, **where)
        if config is None:
            config, kwargs = BertConfig.from_pretrained(folder, return_unused_kwargs=True, **kwargs)
            config.name_or_path = str(pretrained_model_name_or_path)
        reading = {name: where.get(name) for name in ("use_safetensors", "variant", "weights_of")}
        state = read_weights(path) if one_file else read_state_dict(folder, **reading)
        dtype = resolve_dtype(torch_dtype, state, config.torch_dtype)

        with undrawn_weights():
            model = cls(config, *model_args, **kwargs).to(dtype)
        model.tie_weights()
        report = load_into(
            model, state, base_prefix=cls.base_model_prefix, tied=model.tied_names(),
            ignore_mismatched_sizes=ignore_mismatched_sizes,
        )  # fmt: skip
        if state.written_by != "pt":
            check_foreign(report, model, cls.base_model_prefix)
        model._init_fresh({*report.fresh, *(entry[0] for entry in report.mismatched)})
        model.loading_report = report
        model.eval()
        return (model, report) if output_loading_info else model

    def _init_fresh(self, names: set[str]) -> None:
        """Draw the parameters that no file gave, each as its module draws it."""
        for prefix, module in self.named_modules():
            own = {f"{prefix}.{name}" if prefix else name: p for name, p in module.named_parameters(recurse=False)}
            missing = names & set(own)
            if not missing:
                continue
            kept = {name: p.detach().clone() for name, p in own.items() if name not in missing}
            with torch.no_grad():
                for name in missing:  # a bare parameter, such as the bias of the vocabulary head, starts at zero
                    own[name].zero_()
            self._init_weights(module)
            with torch.no_grad():
                for name, value in kept.items():
                    own[name].copy_(value)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        *,
        state_dict: Mapping[str, torch.Tensor] | None = None,
        max_shard_size: int | str = "5GB",
        safe_serialization: bool = True,
        variant: str | None = None,
    ) -> None:
        """Write configuration and weights into a folder that `from_pretrained` (also transformers') reads."""
        folder = Path(save_directory)
        if folder.is_file():
            raise ValueError(f"{folder} is a file; give the folder to save into")
        config = BertConfig.from_dict(self.config.to_dict())
        config.architectures = [type(self).__name__]
        config.torch_dtype = self.dtype
        config.save_pretrained(folder)
        # Current transformers gives an untied decoder a bias of its own, so both names are written then.
        tied = self.tied_names() if self.config.tie_word_embeddings else {}
        write_state_dict(
            self.state_dict() if state_dict is None else state_dict, folder, tied=tied,
            safe_serialization=safe_serialization, max_shard_size=max_shard_size, variant=variant,
        )  # fmt: skip


class BertModel(BertPreTrainedModel):
    """The bare BERT: hidden states of every token, and the pooled [CLS].

    An encoder by default; a decoder with `config.is_decoder`, which attends to an encoder's states too with
    `config.add_cross_attention`.

    With `skip_padding = True` an encoder spends no time on padding; the rows of padding come back as zeros then,
    all others are the same. It takes effect when only the last hidden state is asked for and nobody listens.
    """

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True):
        super().__init__(config)
        self.embeddings = BertEmbeddings(config)
        self.encoder = BertEncoder(config)
        self.pooler = BertPooler(config) if add_pooling_layer else None
        self.skip_padding = False
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        past_key_values: tuple[LayerCache, ...] | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | BaseModelOutputWithPoolingAndCrossAttentions:
        """Run the model.

        Args:
            input_ids: (batch, sequence) piece numbers; or `inputs_embeds`: (batch, sequence, hidden) word vectors.
            attention_mask: 1 to look at, 0 for padding: (batch, keys), or (batch, query, key). Keys count the cache.
            token_type_ids: (batch, sequence), 0 for the first text and 1 for the second; zeros when None.
            position_ids: (batch, sequence) or (1, sequence); counted on from the cache when None.
            head_mask: (heads,) or (layers, heads) factors on each head's probabilities, 0 to silence one.
            encoder_hidden_states, encoder_attention_mask: (batch, keys, hidden) and its mask, for cross-attention.
            past_key_values: the cache of an earlier pass; give only the new tokens then.
            use_cache, output_attentions, output_hidden_states, return_dict: as in the configuration when None.

        Raises:
            ValueError: for shapes that do not fit, and for encoder states on a model without cross-attention.
            IndexError: naming the id, token type or position that is out of range, and where it stands.
        """
        config = self.config
        output_attentions = config.output_attentions if output_attentions is None else output_attentions
        output_hidden_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        return_dict = config.use_return_dict if return_dict is None else return_dict
        if not config.is_decoder:
            use_cache = False
        elif use_cache is None:
            use_cache = config.use_cache

        self._check_inputs(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds, encoder_hidden_states,
            encoder_attention_mask, past_key_values,
        )  # fmt: skip
        past = past_key_values[0][0].shape[2] if past_key_values is not None else 0
        given = input_ids if input_ids is not None else inputs_embeds
        batch, sequence = given.shape[:2]

        packing = None
        mask = attention_mask
        if mask is None and config.is_decoder:
            mask = torch.ones(batch, past + sequence, device=given.device)
        elif mask is not None and not config.is_decoder and bool((mask == 1).all()):
            mask = None  # nothing is hidden, so nothing need be added to the scores
        if mask is not None:
            if self.skip_padding and mask.dim() == 2 and not (
                config.is_decoder or output_attentions or output_hidden_states or anybody_listens(self)
            ):  # fmt: skip
                packing = Packing(mask.expand(batch, -1))
            mask = self.get_extended_attention_mask(mask, (batch, sequence))
        encoder_mask = None
        if encoder_hidden_states is not None:
            if encoder_attention_mask is None:
                encoder_attention_mask = torch.ones(encoder_hidden_states.shape[:2], device=given.device)
            encoder_mask = self.invert_attention_mask(encoder_attention_mask)

        hidden_states = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds, past)
        if packing is not None:
            hidden_states = packing.pack(hidden_states)
        outputs = self.encoder(
            hidden_states,
            mask,
            self.get_head_mask(head_mask, config.num_hidden_layers),
            encoder_hidden_states,
            encoder_mask,
            past_key_values,
            use_cache,
            output_attentions,
            output_hidden_states,
            return_dict,
            packing,
            fused=not (torch.is_grad_enabled() and (_has_blind_row(mask) or _has_blind_row(encoder_mask))),
        )
        last = outputs[0] if packing is None else packing.pad(outputs[0])
        pooled = self.pooler(last) if self.pooler is not None else None
        if not return_dict:
            return (last, pooled) + outputs[1:]
        return BaseModelOutputWithPoolingAndCrossAttentions(
            last_hidden_state=last,
            pooler_output=pooled,
            hidden_states=outputs.hidden_states,
            past_key_values=outputs.past_key_values,
            attentions=outputs.attentions,
            cross_attentions=outputs.cross_attentions,
        )

    def _check_inputs(
        self,
        input_ids,
        attention_mask,
        token_type_ids,
        position_ids,
        head_mask,
        inputs_embeds,
        encoder_states,
        encoder_mask,
        past_key_values,
    ) -> None:
        """Everything that would otherwise fail deep inside, or not at all, said beforehand."""
        config = self.config
        if input_ids is not None and inputs_embeds is not None:
            raise ValueError("both input_ids and inputs_embeds are given; give one of them")
        if input_ids is None and inputs_embeds is None:
            raise ValueError("neither input_ids nor inputs_embeds is given; give one of them")
        if input_ids is not None:
            if not isinstance(input_ids, torch.Tensor):
                raise TypeError(
                    f"input_ids is a {type(input_ids).__name__}; give a tensor, as the tokenizer does with "
                    "return_tensors='pt'"
                )
            if input_ids.dim() != 2:
                raise ValueError(f"input_ids has shape {tuple(input_ids.shape)}; give (batch, sequence)")
            if input_ids.dtype not in (torch.long, torch.int):
                raise TypeError(f"input_ids holds {input_ids.dtype}; piece numbers are whole (torch.long)")
            check_range("input_ids", input_ids, config.vocab_size, "vocab_size")
            self._warn_of_forgotten_mask(input_ids, attention_mask)
        elif inputs_embeds.dim() != 3 or inputs_embeds.shape[2] != config.hidden_size:
            raise ValueError(
                f"inputs_embeds has shape {tuple(inputs_embeds.shape)}; give (batch, sequence, {config.hidden_size})"
            )
        batch, sequence = (input_ids if input_ids is not None else inputs_embeds).shape[:2]
        if sequence == 0:
            raise ValueError("the input has no tokens; give at least one, such as [CLS]")

        past = 0
        if past_key_values is not None:
            self._check_cache(past_key_values, batch)
            past = past_key_values[0][0].shape[2]
        total = past + sequence
        if position_ids is not None:
            if position_ids.dim() != 2 or position_ids.shape[0] not in (1, batch) or position_ids.shape[1] != sequence:
                raise ValueError(
                    f"position_ids has shape {tuple(position_ids.shape)}; give ({batch}, {sequence}) or (1, {sequence})"
                )
            check_range("position_ids", position_ids, config.max_position_embeddings, "max_position_embeddings")
        elif total > config.max_position_embeddings:
            cached = f" ({past} of them in the cache)" if past else ""
            raise IndexError(
                f"the sequence has {total} positions{cached}, the model's table {config.max_position_embeddings} "
                "(max_position_embeddings); truncate the text or cut it into windows"
            )
        if token_type_ids is not None:
            if token_type_ids.dim() != 2 or token_type_ids.shape[1] != sequence or (
                token_type_ids.shape[0] not in (1, batch)
            ):  # fmt: skip
                raise ValueError(f"token_type_ids has shape {tuple(token_type_ids.shape)}; give ({batch}, {sequence})")
            check_range("token_type_ids", token_type_ids, config.type_vocab_size, "type_vocab_size")
        if attention_mask is not None:
            allowed = {(batch, total), (batch, sequence, total), (1, total), (1, sequence, total)}
            if tuple(attention_mask.shape) not in allowed:
                raise ValueError(
                    f"attention_mask has shape {tuple(attention_mask.shape)}; give ({batch}, {total}) or "
                    f"({batch}, {sequence}, {total}), counting what is in the cache"
                )
        if head_mask is not None:
            shapes = {(config.num_attention_heads,), (config.num_hidden_layers, config.num_attention_heads)}
            if tuple(head_mask.shape) not in shapes and head_mask.dim() != 5:
                raise ValueError(
                    f"head_mask has shape {tuple(head_mask.shape)}; give ({config.num_attention_heads},) or "
                    f"({config.num_hidden_layers}, {config.num_attention_heads})"
                )
        if encoder_states is not None:
            if not (config.is_decoder and config.add_cross_attention):
                raise ValueError(
                    "encoder_hidden_states is given, but the model has no cross-attention; build it with "
                    "is_decoder=True and add_cross_attention=True"
                )
            if encoder_states.dim() != 3 or encoder_states.shape[0] != batch or (
                encoder_states.shape[2] != config.hidden_size
            ):  # fmt: skip
                raise ValueError(
                    f"encoder_hidden_states has shape {tuple(encoder_states.shape)}; give "
                    f"({batch}, keys, {config.hidden_size})"
                )
            keys = encoder_states.shape[1]
            if encoder_mask is not None and tuple(encoder_mask.shape) not in {(batch, keys), (batch, sequence, keys)}:
                raise ValueError(
                    f"encoder_attention_mask has shape {tuple(encoder_mask.shape)}; give ({batch}, {keys})"
                )

    def _check_cache(self, past_key_values: tuple[LayerCache, ...], batch: int) -> None:
        """A tuple of layers, each of k and v (batch, heads, sequence, head size), of equal length everywhere."""
        if not self.config.is_decoder:
            raise ValueError("past_key_values is given, but only a decoder has a cache: set is_decoder=True")
        layers = self.encoder.layer
        if len(past_key_values) != len(layers):
            raise ValueError(f"past_key_values has {len(past_key_values)} layers, the model {len(layers)}")
        length = None
        for number, (cached, layer) in enumerate(zip(past_key_values, layers, strict=True)):
            is_pair = isinstance(cached, (tuple, list)) and len(cached) in (2, 4)
            if not is_pair or not all(isinstance(part, torch.Tensor) and part.dim() == 4 for part in cached):
                raise TypeError(
                    f"past_key_values[{number}] must be 2 or 4 tensors (batch, heads, sequence, head size), as the "
                    "model returned them"
                )
            length = cached[0].shape[2] if length is None else length
            attention = layer.attention.self
            wanted = (batch, attention.num_attention_heads, length, attention.attention_head_size)
            for part in cached[:2]:
                if tuple(part.shape) != wanted:
                    raise ValueError(
                        f"past_key_values[{number}] holds shape {tuple(part.shape)} where {wanted} is needed; give the "
                        "cache of this model for this batch"
                    )

    def _warn_of_forgotten_mask(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None) -> None:
        padding = self.config.pad_token_id
        if attention_mask is None and padding is not None and input_ids.numel():
            if bool((input_ids[:, [0, -1]] == padding).any()):
                warnings.warn(
                    "the input holds padding but no attention_mask is given, so padding is attended to and changes "
                    "all outputs; pass the tokenizer's attention_mask",
                    stacklevel=4,
                )


def check_range(name: str, ids: torch.Tensor, limit: int, limit_name: str, ignored: int | None = None) -> None:
    """Raise IndexError for the first id outside 0 ... limit - 1, saying where it stands."""
    if torch.compiler.is_compiling() or not ids.numel():
        return
    wrong = (ids < 0) | (ids >= limit)
    if ignored is not None:
        wrong &= ids != ignored
    if bool(wrong.any()):
        place = tuple(wrong.nonzero()[0].tolist())
        raise IndexError(
            f"{name}{list(place)} is {int(ids[place])}; allowed are 0 to {limit - 1} ({limit_name} = {limit})"
            + (f" and {ignored} for places without a label" if ignored is not None else "")
        )


def _runs_in_onednn(linear: nn.Linear, x: torch.Tensor) -> bool:
    """Whether to compute a layer by `_onednn_linear`: on the CPU, without gradients, where nothing adds to the layer
    (an adapter, a torch hook, autocast)."""
    if not _ONEDNN or torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return False
    if type(linear) is not nn.Linear or linear._forward_hooks or linear._forward_pre_hooks:
        return False
    fits = x.device.type == linear.weight.device.type == "cpu" and x.dtype == linear.weight.dtype and x.numel() > 0
    return fits and (x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and _ONEDNN_BFLOAT16))


def _onednn_linear(linear: nn.Linear, x: torch.Tensor, activation_name: str) -> torch.Tensor:
    """A linear layer and exact GELU ("gelu") or nothing ("none") after it, in one go: it saves two passes over the
    largest tensor of each layer. By torch's own library of CPU kernels, oneDNN; it has no gradient."""
    return torch.ops.mkldnn._linear_pointwise(x, linear.weight, linear.bias, activation_name, [], "none")


def _has_blind_row(mask: torch.Tensor | None) -> bool:
    """Whether some query may see no key at all. Its probabilities are uniform; the fused kernel gets that right, but
    not its gradient (the logarithm of the number of keys is lost beside the mask's huge number)."""
    return mask is not None and bool((mask == torch.finfo(mask.dtype).min).all(-1).any())


def _keep(linear: nn.Linear, places: torch.Tensor, dim: int) -> None:
    """Shrink a linear layer to some of its outputs (dim 0) or inputs (dim 1)."""
    places = places.to(linear.weight.device)
    trains = linear.weight.requires_grad
    linear.weight = nn.Parameter(linear.weight.detach().index_select(dim, places).clone(), requires_grad=trains)
    if dim == 0 and linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach().index_select(0, places).clone(), requires_grad=trains)
    linear.out_features, linear.in_features = linear.weight.shape


def _copy_rows(old: torch.Tensor, new: torch.Tensor) -> None:
    rows = min(len(old), len(new))
    with torch.no_grad():
        new[:rows] = old[:rows]
