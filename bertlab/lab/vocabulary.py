"""Tokens that were added to a lab's model: its tasks get the new rows too."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bertlab.adapters import EncoderDecoder


@torch.no_grad()
def follow_vocabulary(model: Any, base: Any) -> None:
    """Give a task's model the rows that were added to the word embeddings of the base.

    Where its other rows are the base's, it shares the base's table again; where it has rows of its own, as a model
    that was trained as a whole, they stay and the new ones are put behind them.
    """
    wanted = base.get_input_embeddings().weight  # (vocabulary, hidden)
    parts = [model.decoder] if isinstance(model, EncoderDecoder) else [model]
    for part in parts:
        own = part.get_input_embeddings().weight
        if own is wanted or own.shape[0] >= wanted.shape[0] or own.shape[1] != wanted.shape[1]:
            continue
        same = torch.equal(own, wanted[: own.shape[0]])
        table = wanted if same else nn.Parameter(torch.cat([own, wanted[own.shape[0] :]]), own.requires_grad)
        with torch.random.fork_rng(devices=[]):  # what is drawn for the new rows is not kept
            part.resize_token_embeddings(wanted.shape[0])
        part.get_input_embeddings().weight = table
        part.tie_weights()
