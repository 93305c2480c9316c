"""The Flax family of the documentation, in plain JAX: `FlaxBertModel` and its eight heads.

Read `layers` first, beside `bertlab/model`: the forward pass as pure functions; then `models`, the documented classes
around them. Left out on purpose is what belongs to Flax and not to BERT: `.module` and the rest of `flax.linen`,
`generate`, `push_to_hub`. Where the numbers of Flax are odd (its documentation of them is `docs/families.md`), so are
these.
"""

from __future__ import annotations

try:
    import jax  # noqa: F401
except ImportError as error:
    raise ImportError('the Flax family needs JAX; install it with pip install "bertlab[jax]"') from error

from bertlab.jax.models import (
    FlaxBertForCausalLM,
    FlaxBertForMaskedLM,
    FlaxBertForMultipleChoice,
    FlaxBertForNextSentencePrediction,
    FlaxBertForPreTraining,
    FlaxBertForQuestionAnswering,
    FlaxBertForSequenceClassification,
    FlaxBertForTokenClassification,
    FlaxBertModel,
    FlaxBertPreTrainedModel,
)
from bertlab.jax.outputs import (
    FlaxBaseModelOutputWithPoolingAndCrossAttentions,
    FlaxBertForPreTrainingOutput,
    FlaxCausalLMOutputWithCrossAttentions,
    FlaxMaskedLMOutput,
    FlaxMultipleChoiceModelOutput,
    FlaxNextSentencePredictorOutput,
    FlaxQuestionAnsweringModelOutput,
    FlaxSequenceClassifierOutput,
    FlaxTokenClassifierOutput,
)

__all__ = [
    "FlaxBaseModelOutputWithPoolingAndCrossAttentions",
    "FlaxBertForCausalLM",
    "FlaxBertForMaskedLM",
    "FlaxBertForMultipleChoice",
    "FlaxBertForNextSentencePrediction",
    "FlaxBertForPreTraining",
    "FlaxBertForPreTrainingOutput",
    "FlaxBertForQuestionAnswering",
    "FlaxBertForSequenceClassification",
    "FlaxBertForTokenClassification",
    "FlaxBertModel",
    "FlaxBertPreTrainedModel",
    "FlaxCausalLMOutputWithCrossAttentions",
    "FlaxMaskedLMOutput",
    "FlaxMultipleChoiceModelOutput",
    "FlaxNextSentencePredictorOutput",
    "FlaxQuestionAnsweringModelOutput",
    "FlaxSequenceClassifierOutput",
    "FlaxTokenClassifierOutput",
]
