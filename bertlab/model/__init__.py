"""BERT itself: configuration, layers, encoder, heads.

Read `layers` beside section 3 of the paper, then `bert`, which puts them together; `for_pretraining` and `for_tasks`
set heads on it. Masks, checks, faster kernels, starting weights, pruning and files stand in modules of their own.
"""

from __future__ import annotations

from bertlab.model.bert import BertModel
from bertlab.model.config import BertConfig
from bertlab.model.functional import functional
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
from bertlab.model.pretrained import BertPreTrainedModel
from bertlab.model.text_model import (
    BertTextModel,
    class_of,
    inputs_of_texts,
    load_text_tokenizer,
    save_text_model,
)
from bertlab.model.weights import undrawn_weights

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
    "BertTextModel",
    "class_of",
    "functional",
    "inputs_of_texts",
    "load_text_tokenizer",
    "save_text_model",
    "undrawn_weights",
]
