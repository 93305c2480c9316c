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
    base.embeddings = _Given()
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


class _Given(nn.Module):
    """Stands where the embeddings are, and passes on what it is given."""

    def forward(self, input_ids, token_type_ids, position_ids, inputs_embeds, past_key_values_length=0):
        return inputs_embeds


def twin(module: nn.Module) -> Any:
    """A second module with the same parameters and parts, some of which can be replaced without changing the first."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin
