"""BERT itself: configuration, layers, encoder, heads.

Read `bert` first, beside section 3 of the paper.
"""

from __future__ import annotations

from bertlab.model.bert import BertModel, BertPreTrainedModel, undrawn_weights
from bertlab.model.config import BertConfig
from bertlab.model.heads import (
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertLMHeadModel,
)

__all__ = [
    "BertConfig",
    "BertForMaskedLM",
    "BertForMultipleChoice",
    "BertForNextSentencePrediction",
    "BertForPreTraining",
    "BertForQuestionAnswering",
    "BertForSequenceClassification",
    "BertForTokenClassification",
    "BertLMHeadModel",
    "BertModel",
    "BertPreTrainedModel",
    "undrawn_weights",
]
