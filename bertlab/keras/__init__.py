"""The TensorFlow family in Keras 3: `TFBertModel`, its eight heads and `TFBertTokenizer`, on torch, JAX or TensorFlow.

Read `layers` first, then `main_layer` and `models`. The backend is torch unless the environment variable
KERAS_BACKEND says otherwise before Keras is first imported. TensorFlow itself is not needed.
"""

from __future__ import annotations

import importlib
from typing import Any

from bertlab.keras.backend import BACKEND
from bertlab.keras.outputs import OUTPUTS, register_as_trees

register_as_trees(BACKEND)

_HOME = {
    "models": [
        "TFBertModel",
        "TFBertForPreTraining",
        "TFBertLMHeadModel",
        "TFBertForMaskedLM",
        "TFBertForNextSentencePrediction",
        "TFBertForSequenceClassification",
        "TFBertForMultipleChoice",
        "TFBertForTokenClassification",
        "TFBertForQuestionAnswering",
    ],
    "pretrained": ["TFBertPreTrainedModel"],
    "main_layer": ["TFBertMainLayer"],
    "tokenizer": ["TFBertTokenizer"],
    "text_model": ["BertTextModel"],
    "outputs": sorted(OUTPUTS),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"bertlab.keras has no {name!r}; see dir(bertlab.keras)")
    value = getattr(importlib.import_module(f"bertlab.keras.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
