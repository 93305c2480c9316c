"""The layers of the heads: from hidden states to scores of words, and of "B follows A" (section 3.1)."""

from __future__ import annotations

import torch
from torch import nn

from bertlab.model.activations import activation
from bertlab.model.config import BertConfig
from bertlab.recording import HookPoint


class BertPredictionHeadTransform(nn.Module):
    """The layer between the last hidden state and the vocabulary: dense, activation, norm."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.transform_act_fn = activation(config.hidden_act)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.activated, self.normed = HookPoint(), HookPoint()

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(..., hidden) -> (..., hidden)"""
        return self.normed(self.LayerNorm(self.activated(self.transform_act_fn(self.dense(hidden_states)))))


class BertLMPredictionHead(nn.Module):
    """Scores every vocabulary item: the transform, then the word embeddings again, then a bias (section 3.1)."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.transform = BertPredictionHeadTransform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.logits = HookPoint()
        self.tie_bias()

    def tie_bias(self) -> None:
        """The decoder's bias is the head's own: one parameter with two names, as in the published checkpoints."""
        self.decoder.bias = self.bias

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(..., hidden) -> (..., vocabulary)"""
        return self.logits(self.decoder(self.transform(hidden_states)))


class BertOnlyMLMHead(nn.Module):
    """The vocabulary head alone."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.predictions = BertLMPredictionHead(config)

    def forward(self, sequence_output: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, hidden) -> (batch, sequence, vocabulary)"""
        return self.predictions(sequence_output)


class BertOnlyNSPHead(nn.Module):
    """The next-sentence head alone."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.seq_relationship = nn.Linear(config.hidden_size, 2)
        self.next_sentence_logits = HookPoint()

    def forward(self, pooled_output: torch.Tensor) -> torch.Tensor:
        """(batch, hidden) -> (batch, 2): column 0 is "B follows A", column 1 "B is random" """
        return self.next_sentence(pooled_output)

    def next_sentence(self, pooled_output: torch.Tensor) -> torch.Tensor:
        """(batch, hidden) -> (batch, 2), heard by recorders and edits"""
        return self.next_sentence_logits(self.seq_relationship(pooled_output))


class BertPreTrainingHeads(nn.Module):
    """Both heads of pre-training."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.predictions = BertLMPredictionHead(config)
        self.seq_relationship = nn.Linear(config.hidden_size, 2)
        self.next_sentence_logits = HookPoint()

    def forward(self, sequence_output: torch.Tensor, pooled_output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, sequence, hidden), (batch, hidden) -> (batch, sequence, vocabulary), (batch, 2)"""
        scores = self.predictions(sequence_output)
        return scores, self.next_sentence(pooled_output)

    def next_sentence(self, pooled_output: torch.Tensor) -> torch.Tensor:
        """(batch, hidden) -> (batch, 2): column 0 is "B follows A", column 1 "B is random" """
        return self.next_sentence_logits(self.seq_relationship(pooled_output))
