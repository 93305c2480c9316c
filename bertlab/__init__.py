"""bertlab: see inside BERT.

    import bertlab
    lab = bertlab.load()                                   # the model that ships; no network
    lab.fill_mask("The capital of France is [MASK].")

The documented classes (`BertModel`, `BertTokenizer`, ...) are importable from here too. Everything is imported when
it is first used, so that `import bertlab` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "lab": ["load", "Lab"],
    "tokenizer": ["BertTokenizer", "BertTokenizerFast", "AutoTokenizer", "BatchEncoding"],
    "model": [
        "BertConfig",
        "BertModel",
        "BertPreTrainedModel",
        "BertForPreTraining",
        "BertLMHeadModel",
        "BertForMaskedLM",
        "BertForNextSentencePrediction",
        "BertForSequenceClassification",
        "BertForMultipleChoice",
        "BertForTokenClassification",
        "BertForQuestionAnswering",
        "functional",
        "BertTextModel",
    ],
    "outputs": [
        "BaseModelOutput",
        "BaseModelOutputWithPastAndCrossAttentions",
        "BaseModelOutputWithPoolingAndCrossAttentions",
        "BertForPreTrainingOutput",
        "CausalLMOutputWithCrossAttentions",
        "MaskedLMOutput",
        "NextSentencePredictorOutput",
        "SequenceClassifierOutput",
        "MultipleChoiceModelOutput",
        "TokenClassifierOutput",
        "QuestionAnsweringModelOutput",
    ],
    "recording": ["HookPoint", "Recording", "record", "edit", "hook_names"],
    "generation": ["generate", "stream"],
    "files": ["shipped_models"],
}
# Families that need an extra: offered, but not by `from bertlab import *`.
_HOME_OF_EXTRAS = {
    "jax": [
        "FlaxBertModel",
        "FlaxBertForPreTraining",
        "FlaxBertForCausalLM",
        "FlaxBertForMaskedLM",
        "FlaxBertForNextSentencePrediction",
        "FlaxBertForSequenceClassification",
        "FlaxBertForMultipleChoice",
        "FlaxBertForTokenClassification",
        "FlaxBertForQuestionAnswering",
        "FlaxBertForPreTrainingOutput",
    ],
    "keras": [
        "TFBertModel",
        "TFBertForPreTraining",
        "TFBertLMHeadModel",
        "TFBertForMaskedLM",
        "TFBertForNextSentencePrediction",
        "TFBertForSequenceClassification",
        "TFBertForMultipleChoice",
        "TFBertForTokenClassification",
        "TFBertForQuestionAnswering",
        "TFBertForPreTrainingOutput",
        "TFBertTokenizer",
    ],
}
_MODULE_OF = {name: module for home in (_HOME, _HOME_OF_EXTRAS) for module, names in home.items() for name in names}

__all__ = sorted(name for names in _HOME.values() for name in names)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"bertlab has no {name!r}; see dir(bertlab)")
    value = getattr(importlib.import_module(f"bertlab.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
