"""GraphTokenizer: texts to the inputs of a model, cut and padded as TensorFlow's TFBertTokenizer did.

`bertlab.keras.TFBertTokenizer` is the same as a Keras layer.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from bertlab.tokenizer.graph import GraphPieces

PADDINGS = ("longest", "max_length")


class GraphTokenizer:
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
        vocab_list: Sequence[str],
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
        vocab_list = list(vocab_list)
        self.pieces = GraphPieces(vocab_list, do_lower_case, use_fast_bert_tokenizer, **tokenizer_kwargs)
        self.options = {
            "vocab_list": vocab_list,
            "do_lower_case": do_lower_case,
            "cls_token_id": cls_token_id or _id_of("[CLS]", vocab_list),
            "sep_token_id": sep_token_id or _id_of("[SEP]", vocab_list),
            "pad_token_id": pad_token_id or _id_of("[PAD]", vocab_list),
            "padding": padding,
            "truncation": truncation,
            "max_length": max_length,
            "pad_to_multiple_of": pad_to_multiple_of,
            "return_token_type_ids": return_token_type_ids,
            "return_attention_mask": return_attention_mask,
            "use_fast_bert_tokenizer": use_fast_bert_tokenizer,
            **tokenizer_kwargs,
        }

    @classmethod
    def options_of(cls, tokenizer: Any, **kwargs: Any) -> dict[str, Any]:
        """The arguments for the vocabulary and the special tokens of a BertTokenizer or BertTokenizerFast; added tokens
        become pieces like others, and its `model_max_length` is not looked at."""
        for name in ("do_lower_case", "cls_token_id", "sep_token_id", "pad_token_id"):
            if kwargs.get(name) is None:
                kwargs[name] = getattr(tokenizer, name)
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
        return {"vocab_list": [piece for piece, _ in vocabulary], **kwargs}

    def __call__(self, text: Any, text_pair: Any = None, **call_options: Any) -> dict[str, np.ndarray]:
        """Cut texts, alone or in pairs.

        Args:
            text: a list or an array of texts; with two axes, one of pairs.
            text_pair: the second texts.
            call_options: `padding`, `truncation`, `max_length`, `pad_to_multiple_of`, `return_token_type_ids`,
                `return_attention_mask`, those of the constructor where None; `max_length` cannot be given for pairs.

        Returns:
            `input_ids`, `attention_mask`, `token_type_ids` (padded with the id of [PAD], as there): (batch, sequence).

        Raises:
            ValueError: for another padding, a length for pairs, one bare text, or lists of different lengths.
            TypeError: for what is no text.
        """
        unknown = [name for name in call_options if name not in CALL_OPTIONS]
        if unknown:
            raise TypeError(f"{unknown[0]!r} is no option of a call; there are {', '.join(CALL_OPTIONS)}")
        if call_options.get("max_length") is not None and text_pair is not None:
            raise ValueError("max_length is given for pairs; set it in the constructor, for pairs are cut to that one")
        chosen = {**self.options, **{name: value for name, value in call_options.items() if value is not None}}
        if chosen["padding"] not in PADDINGS:
            raise ValueError(f"padding is {chosen['padding']!r}; it can be 'longest' or 'max_length'")

        rows = [self._framed(first, second, chosen) for first, second in _pairs(text, text_pair)]
        length, multiple, pad = chosen["max_length"], chosen["pad_to_multiple_of"], chosen["pad_token_id"]
        if chosen["padding"] == "longest":
            length = max(len(ids) for ids, _ in rows)
            length = length if multiple is None else -(-length // multiple) * multiple
        inputs = {"input_ids": _padded([ids for ids, _ in rows], length, pad)}
        if chosen["return_attention_mask"]:
            inputs["attention_mask"] = _padded([[1] * len(ids) for ids, _ in rows], length, 0)
        if chosen["return_token_type_ids"]:
            inputs["token_type_ids"] = _padded([types for _, types in rows], length, pad)
        return inputs

    def _framed(self, first: str, second: str | None, chosen: dict[str, Any]) -> tuple[list[int], list[int]]:
        """Ids and token types of one text or pair, with [CLS] and [SEP], cut to size."""
        cls, sep, truncation = chosen["cls_token_id"], chosen["sep_token_id"], chosen["truncation"]
        ids = self.pieces(first)
        if second is None:
            ids = ids[: chosen["max_length"] - 2] if truncation else ids
            return [cls, *ids, sep], [0] * (len(ids) + 2)
        others = self.pieces(second)
        while truncation and len(ids) + len(others) > self.options["max_length"] - 3 and (ids or others):
            longer = ids if len(ids) >= len(others) else others
            longer.pop()
        return [cls, *ids, sep, *others, sep], [0] * (len(ids) + 2) + [1] * (len(others) + 1)


def _id_of(token: str, vocabulary: list[str]) -> int:
    if token not in vocabulary:
        raise ValueError(f"the vocabulary has no {token}; add it, or give its id to the constructor")
    return vocabulary.index(token)


def _pairs(text: Any, text_pair: Any) -> list[tuple[str, str | None]]:
    """Texts in the ways in which they may come, as (first, second or None)."""
    texts, others = _texts("text", text), None if text_pair is None else _texts("text_pair", text_pair)
    if others is not None:
        if texts.ndim != 1 or others.ndim != 1:
            raise ValueError("text and text_pair are both given, so each must be a plain list of texts")
        if len(texts) != len(others):
            raise ValueError(f"text holds {len(texts)} texts and text_pair {len(others)}; pairs want as many of both")
        return [(_text(a), _text(b)) for a, b in zip(texts, others, strict=True)]
    if texts.ndim == 1:
        return [(_text(a), None) for a in texts]
    if texts.ndim != 2 or texts.shape[1] < 2:
        raise ValueError(f"text has shape {texts.shape}; give a list of texts, or one of pairs of texts")
    return [(_text(row[0]), _text(row[1])) for row in texts]


def _texts(name: str, value: Any) -> np.ndarray:
    if isinstance(value, (str, bytes)):
        raise ValueError(f"{name} is one text; give a list of texts, [{name}]")
    if hasattr(value, "numpy") and not isinstance(value, np.ndarray):  # a tensor of TensorFlow
        value = value.numpy()
    if not isinstance(value, (list, tuple, np.ndarray)):
        raise TypeError(f"{name} is a {type(value).__name__}; give a list of texts")
    texts = np.array(value, dtype=object)
    if not texts.size:
        raise ValueError(f"{name} holds no texts; give at least one")
    return texts


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if not isinstance(value, str):
        raise ValueError(f"texts are wanted, and one of them is a {type(value).__name__}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"a text holds half of a character ({error.object[error.start]!r}); leave it out") from None
    return value


def _padded(rows: Sequence[list[int]], length: int, value: int) -> np.ndarray:
    """Rows of one length, cut or filled at their ends."""
    table = np.full((len(rows), length), value, dtype=np.int64)
    for row, numbers in zip(table, rows, strict=True):
        kept = numbers[:length]
        row[: len(kept)] = kept
    return table


CALL_OPTIONS = (
    "padding", "truncation", "max_length", "pad_to_multiple_of", "return_token_type_ids", "return_attention_mask",
)  # fmt: skip
GRAPH_OPTIONS = [name for name in inspect.signature(GraphTokenizer).parameters if name != "tokenizer_kwargs"]
GRAPH_OPTIONS += ["suffix_indicator", "max_bytes_per_word", "unknown_token"]
