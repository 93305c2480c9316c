"""BertTextModel in Keras: a tokenizer and a model as one layer, from texts to outputs, and one folder of files."""

from __future__ import annotations

import os
from typing import Any

from bertlab.keras import models
from bertlab.keras.backend import keras
from bertlab.model import class_of, inputs_of_texts, load_text_tokenizer, save_text_model


@keras.saving.register_keras_serializable("bertlab")
class BertTextModel(keras.Model):
    """From texts to the outputs of a model of the TensorFlow family; `bertlab.BertTextModel` is the same for torch.

    It is not traced into a graph: the tokenizer works on texts, before the graph begins.

    Args:
        model: any of the TensorFlow family's models.
        tokenizer: a BertTokenizer, BertTokenizerFast or TFBertTokenizer.
        options: for every call of the tokenizer; padding and truncation are on by default.
    """

    def __init__(self, model: Any, tokenizer: Any, **options: Any):
        super().__init__()
        if not isinstance(model, keras.Model) and isinstance(tokenizer, keras.Model):
            model, tokenizer = tokenizer, model
        if not isinstance(model, keras.Model) or not callable(tokenizer):
            raise TypeError(
                f"a BertTextModel is made of a model and a tokenizer, not of a {type(model).__name__} and a "
                f"{type(tokenizer).__name__}; see BertTextModel.from_pretrained(name_or_folder)"
            )
        self.model, self.tokenizer, self.options = model, tokenizer, options
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `call`: texts are no tensors."""
        return self.call(*args, **kwargs)

    def call(self, text: Any, text_pair: Any = None, **model_options: Any) -> Any:
        """Run the model on texts: one, a list of them, or for multiple choice a list of lists.

        Raises:
            TypeError: for what is no text, such as the input of a model that is drawn up.
        """
        if isinstance(text, keras.KerasTensor):
            raise TypeError("a BertTextModel is not traced into a graph; call it on texts, or draw up its .model")
        inputs = inputs_of_texts(self.tokenizer, text, text_pair, self.options)
        inputs = {name: keras.ops.convert_to_tensor(array) for name, array in inputs.items()}
        return self.model(inputs, **model_options)

    def save_pretrained(self, save_directory: str | os.PathLike, **options: Any) -> None:
        """Write model, tokenizer and the tokenizer's options into one folder, which is a model's folder too."""
        save_text_model(self, save_directory, options)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike, model_class: type | None = None, **options: Any
    ) -> BertTextModel:
        """Load what `save_pretrained` wrote, or any folder or name that has a model and a tokenizer.

        Args:
            pretrained_model_name_or_path: a folder, the shipped model's name or one on the Hub.
            model_class: the model's class; the one that its configuration names (`architectures`) when None.
            options: for the calls of the tokenizer, beside those that were saved.
        """
        if model_class is None:
            model_class = models.MODELS[f"TF{class_of(pretrained_model_name_or_path).__name__}"]
        model = model_class.from_pretrained(pretrained_model_name_or_path)
        tokenizer, saved = load_text_tokenizer(pretrained_model_name_or_path)
        return cls(model, tokenizer, **{**saved, **options})
