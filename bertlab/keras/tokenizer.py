"""TFBertTokenizer: a Keras layer from texts to the inputs of a model, which cuts and pads as TensorFlow's did.

The work is that of `bertlab.tokenizer.GraphTokenizer`. It is done on texts, before a model's graph: the layer is not
traced into one.
"""

from __future__ import annotations

import os
from typing import Any

from bertlab.keras.backend import keras
from bertlab.tokenizer import GRAPH_OPTIONS, AutoTokenizer, GraphTokenizer


@keras.saving.register_keras_serializable("bertlab")
class TFBertTokenizer(keras.layers.Layer):
    """Cuts texts for a BERT as TensorFlow's tokenizer in the graph did; special tokens in a text are text to it.

    Args:
        vocab_list: the pieces, in the order of their ids.
        do_lower_case: whether to fold cases and drop accents.
        cls_token_id, sep_token_id, pad_token_id: ids; those of [CLS], [SEP] and [PAD] when None (or 0).
        padding: "longest", to the longest text, or "max_length".
        truncation: whether to cut off what goes beyond `max_length`.
        max_length: in tokens, with the special ones.
        pad_to_multiple_of: rounds the length up where the padding is "longest".
        return_token_type_ids, return_attention_mask: whether to return these.
        use_fast_bert_tokenizer: which of TensorFlow's two layers to follow; they differ in rare characters.
        tokenizer_kwargs: `suffix_indicator`, `max_bytes_per_word`, `unknown_token`.

    Raises:
        ValueError: for a vocabulary with a repeated piece, or without a special token that is needed.
        TypeError: for an option that the layer does not have.
    """

    def __init__(
        self,
        vocab_list: list[str],
        do_lower_case: bool,
        cls_token_id: int | None = None,
        sep_token_id: int | None = None,
        pad_token_id: int | None = None,
        padding: str = "longest",
        truncation: bool = True,
        max_length: int = 512,
        pad_to_multiple_of: int | None = None,
        return_token_type_ids: bool = True,
        return_attention_mask: bool = True,
        use_fast_bert_tokenizer: bool = True,
        **tokenizer_kwargs: Any,
    ):
        super().__init__()
        self.graph_tokenizer = GraphTokenizer(
            vocab_list, do_lower_case, cls_token_id, sep_token_id, pad_token_id, padding, truncation, max_length,
            pad_to_multiple_of, return_token_type_ids, return_attention_mask, use_fast_bert_tokenizer,
            **tokenizer_kwargs,
        )  # fmt: skip
        for name, value in self.graph_tokenizer.options.items():
            setattr(self, name, value)
        self.built = True

    @classmethod
    def from_tokenizer(cls, tokenizer: Any, **kwargs: Any) -> TFBertTokenizer:
        """One with the vocabulary and the special tokens of a BertTokenizer or BertTokenizerFast; added tokens become
        pieces like others, and its `model_max_length` is not looked at."""
        return cls(**GraphTokenizer.options_of(tokenizer, **kwargs))

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike, *init_inputs: Any, **kwargs: Any
    ) -> TFBertTokenizer:
        """One for the tokenizer of a folder, the shipped model or a name on the Hub.

        Keyword arguments are those of this class; all others (`revision`, `cache_dir`, ...) go to the tokenizer.
        """
        own = {name: kwargs.pop(name) for name in list(kwargs) if name in GRAPH_OPTIONS}
        if own.get("do_lower_case") is not None:
            kwargs["do_lower_case"] = own["do_lower_case"]
        tokenizer = AutoTokenizer.from_pretrained(pretrained_model_name_or_path, *init_inputs, **kwargs)
        return cls.from_tokenizer(tokenizer, **own)

    def get_config(self) -> dict[str, Any]:
        """What is saved: vocabulary, case and special tokens. Padding, lengths and the rest are not, as there."""
        names = ("vocab_list", "do_lower_case", "cls_token_id", "sep_token_id", "pad_token_id")
        return {name: self.graph_tokenizer.options[name] for name in names}

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As `call`: there is nothing to build, and texts are no tensors."""
        return self.call(*args, **kwargs)

    def call(
        self,
        text: Any,
        text_pair: Any = None,
        padding: str | None = None,
        truncation: bool | None = None,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
    ) -> dict[str, Any]:
        """Cut texts, alone or in pairs; see `bertlab.tokenizer.GraphTokenizer`.

        `return_tensors` "np" gives numpy's arrays, None the tensors of Keras's backend.

        Raises:
            ValueError: for another padding, a length for pairs, one bare text, or lists of different lengths.
            TypeError: for what is no text, such as the input of a model that is drawn up.
        """
        if isinstance(text, keras.KerasTensor):
            raise TypeError(
                "TFBertTokenizer is not traced into a graph; call it on the texts, and the model on what it returns"
            )
        if return_tensors not in (None, "np"):
            raise ValueError(f"return_tensors is {return_tensors!r}; it can be 'np', or None for the backend's own")
        inputs = self.graph_tokenizer(
            text, text_pair, padding=padding, truncation=truncation, max_length=max_length,
            pad_to_multiple_of=pad_to_multiple_of, return_token_type_ids=return_token_type_ids,
            return_attention_mask=return_attention_mask,
        )  # fmt: skip
        if return_tensors == "np":
            return inputs
        return {name: keras.ops.convert_to_tensor(value) for name, value in inputs.items()}
