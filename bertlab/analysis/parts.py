"""A model cut in two between layers: what lies below a hidden state, and what lies above it.

Both halves share every parameter and hook point with the model they are cut from, so that edits and recorders of it
work in them too.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from bertlab.analysis.passes import Batch
from bertlab.model import BertModel, BertPreTrainedModel
from bertlab.outputs import BaseModelOutputWithPoolingAndCrossAttentions
from bertlab.recording import anybody_listens


def lower_layers(model: BertPreTrainedModel, count: int) -> BertModel:
    """The bare model up to hidden state `count`: its embeddings and first layers. Its `last_hidden_state` is that
    state; it has no pooler."""
    base = twin(model.base_model)
    base.encoder = twin(base.encoder)
    base.encoder.layer = nn.ModuleList(base.encoder.layer[:count])
    base.pooler = None
    return base


def upper_layers(model: BertPreTrainedModel, first: int) -> BertPreTrainedModel:
    """The same model from layer `first` on: it takes that layer's input as `inputs_embeds`."""
    base = twin(model.base_model)
    base.encoder = twin(base.encoder)
    base.encoder.layer = nn.ModuleList(base.encoder.layer[first:])
    base.embeddings = _Given(base.embeddings)
    if model.base_model is model:
        return base
    whole = twin(model)
    setattr(whole, model.base_model_prefix, base)
    return whole


def from_hidden(batch: Batch, hidden: torch.Tensor) -> Batch:
    """The batch for `upper_layers`: hidden states (texts, sequence, hidden) instead of ids."""
    given = batch["input_ids"] if "input_ids" in batch else batch["inputs_embeds"][..., 0]
    arguments = {"inputs_embeds": hidden.view(*given.shape, -1)}
    if "attention_mask" in batch:
        arguments["attention_mask"] = batch["attention_mask"]
    return arguments


def first_token_only(model: BertPreTrainedModel) -> BertPreTrainedModel:
    """The same model for a head that reads [CLS] alone: of the last layer only the first token is computed, a sixth of
    its work. The model itself where somebody listens in that layer, or where it is a decoder's."""
    base = model.base_model
    if model is base or base.pooler is None or not len(base.encoder.layer):
        return model
    last, config = base.encoder.layer[-1], model.config
    heard = anybody_listens(last) or any(part._forward_hooks or part._forward_pre_hooks for part in last.modules())
    if heard or config.is_decoder or config.chunk_size_feed_forward:
        return model
    whole = twin(model)
    setattr(whole, model.base_model_prefix, _FirstToken(base))
    return whole


class _FirstToken(nn.Module):
    """The bare model, whose last layer has one query: the first token."""

    def __init__(self, base: BertModel):
        super().__init__()
        self.lower = lower_layers(base, len(base.encoder.layer) - 1)
        self.layer, self.pooler = base.encoder.layer[-1], base.pooler

    def forward(
        self, input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds, **options
    ) -> BaseModelOutputWithPoolingAndCrossAttentions:
        arguments = (input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds)
        hidden = self.lower(*arguments, return_dict=True).last_hidden_state  # (batch, sequence, hidden)
        if attention_mask is not None:
            attention_mask = attention_mask[:, :1] if attention_mask.dim() == 3 else attention_mask
            attention_mask = self.lower.invert_attention_mask(attention_mask)  # (batch, 1, 1, key)
        first, attention = hidden[:, :1], self.layer.attention
        # One query and all keys, as in cross-attention.
        context = attention.self(first, encoder_hidden_states=hidden, encoder_attention_mask=attention_mask)[0]
        state = self.layer.feed_forward(attention.output(context, first))  # (batch, 1, hidden)
        return BaseModelOutputWithPoolingAndCrossAttentions(state, self.pooler(state))


class _Given(nn.Module):
    """Stands where the embeddings are, and passes on what it is given. It keeps them all the same: without layers and
    pooler nothing else would tell the model's device and type."""

    def __init__(self, embeddings: nn.Module):
        super().__init__()
        self.replaced = embeddings

    def forward(self, input_ids, token_type_ids, position_ids, inputs_embeds, past_key_values_length=0):
        return inputs_embeds


def twin(module: nn.Module) -> Any:
    """A second module with the same parameters and parts, some of which can be replaced without changing the first."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin
