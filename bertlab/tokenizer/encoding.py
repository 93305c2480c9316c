"""What a tokenizer returns: `BatchEncoding`, a dictionary of inputs that also knows words and characters."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

# What `return_tensors` may be, and whose tensors these are.
TENSOR_KINDS = {"pt": "torch", "np": "numpy", "tf": "TensorFlow", "jax": "JAX"}


class CharSpan(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text, or of a word when the input came split into words."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens `start` to `end` (exclusive) of an encoded input."""

    start: int
    end: int


class EncodedText(NamedTuple):
    """One text as ids and tokens; `locate` gives each token's (start, end) in the text and number of its word."""

    ids: list[int]
    tokens: list[str]
    locate: Callable[[], tuple[list[tuple[int, int]], list[int | None]]]

    @classmethod
    def without_text(cls, ids: list[int], tokens: list[str]) -> EncodedText:
        """Ids and tokens that come from no text: no offsets, no words."""
        return cls(ids, tokens, lambda: ([(0, 0)] * len(ids), [None] * len(ids)))

    def at(self, positions: Sequence[int]) -> EncodedText:
        """The tokens that truncation left."""

        def locate() -> tuple[list[tuple[int, int]], list[int | None]]:
            offsets, words = self.locate()
            return [offsets[position] for position in positions], [words[position] for position in positions]

        ids, tokens = self.ids, self.tokens
        return EncodedText([ids[at] for at in positions], [tokens[at] for at in positions], locate)


class Encoding:
    """One encoded input of the readable tokenizer, with the attributes and methods of `tokenizers.Encoding`.

    Parallel lists, one item a token: `ids`, `tokens`, `type_ids`, `attention_mask`, `special_tokens_mask`,
    `offsets` ((0, 0) for special tokens), `word_ids` and `sequence_ids` (None for special tokens).
    `overflowing` is always empty: the readable tokenizer returns what it cut off as plain ids.

    Made of one or two texts, and of the [CLS] and [SEP] around them, each an (id, token), or None for neither.
    """

    __slots__ = ("ids", "type_ids", "attention_mask", "_texts", "_around", "_padding", "_pad_token", "_places")

    def __init__(
        self,
        first: EncodedText,
        second: EncodedText | None = None,
        around: tuple[tuple[int, str], tuple[int, str]] | None = None,
    ):
        self._texts = (first, second)
        self._around = around
        self._padding = (0, 0)  # tokens added on the left and on the right
        self._pad_token = ""
        self._places: tuple[list, list] | None = None  # offsets and words, found when they are first wanted
        if around is None:
            self.ids = first.ids if second is None else first.ids + second.ids
            self.type_ids = [0] * len(self.ids)
        else:
            cls, sep = around[0][0], around[1][0]
            self.ids = [cls, *first.ids, sep]
            self.type_ids = [0] * len(self.ids)
            if second is not None:
                self.ids += [*second.ids, sep]
                self.type_ids += [1] * (len(second.ids) + 1)
        self.attention_mask = [1] * len(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Encoding(num_tokens={len(self)}, tokens={self.tokens})"

    def __getstate__(self) -> dict[str, Any]:
        """The offsets are found first, for the way to find them cannot be pickled."""
        state = {name: getattr(self, name) for name in self.__slots__} | {"_places": self._located()}
        state["_texts"] = tuple(text and EncodedText(text.ids, text.tokens, None) for text in self._texts)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    @property
    def n_sequences(self) -> int:
        """1 for a text, 2 for a pair."""
        return 1 if self._texts[1] is None else 2

    @property
    def overflowing(self) -> list[Encoding]:
        return []

    @property
    def tokens(self) -> list[str]:
        cls, sep = (None, None) if self._around is None else (self._around[0][1], self._around[1][1])
        return self._joined([text and text.tokens for text in self._texts], cls, sep, self._pad_token)

    @property
    def special_tokens_mask(self) -> list[int]:
        return self._joined([text and [0] * len(text.ids) for text in self._texts], 1, 1, 1)

    @property
    def sequence_ids(self) -> list[int | None]:
        numbers = [text and [number] * len(text.ids) for number, text in enumerate(self._texts)]
        return self._joined(numbers, None, None, None)

    @property
    def offsets(self) -> list[tuple[int, int]]:
        return self._joined(self._located()[0], (0, 0), (0, 0), (0, 0))

    @property
    def word_ids(self) -> list[int | None]:
        return self._joined(self._located()[1], None, None, None)

    def _located(self) -> tuple[list, list]:
        if self._places is None:
            places = [text and text.locate() for text in self._texts]
            self._places = tuple([place and place[kind] for place in places] for kind in (0, 1))
        return self._places

    def _joined(self, parts: Sequence[list | None], cls: Any, sep: Any, padding: Any) -> list:
        """What belongs to the tokens of the texts, to those around them, and to the padding, in order."""
        first, second = parts
        joined = list(first) if self._around is None else [cls, *first, sep]
        if second is not None:
            joined += second if self._around is None else [*second, sep]
        left, right = self._padding
        return [padding] * left + joined + [padding] * right

    def pad(self, length: int, *, direction: str, pad_id: int, pad_type_id: int, pad_token: str) -> None:
        """Fill up to `length` tokens on the "right" or "left"; a longer encoding stays as it is."""
        missing = length - len(self)
        if missing <= 0:
            return
        for name, value in (("ids", pad_id), ("type_ids", pad_type_id), ("attention_mask", 0)):
            present, filling = getattr(self, name), [value] * missing
            setattr(self, name, present + filling if direction == "right" else filling + present)
        self._padding = (0, missing) if direction == "right" else (missing, 0)
        self._pad_token = pad_token

    def token_to_sequence(self, token_index: int) -> int | None:
        """0 or 1, the text that a token comes from; None for special tokens."""
        return self.sequence_ids[token_index] if 0 <= token_index < len(self) else None

    def token_to_word(self, token_index: int) -> int | None:
        """The number of a token's word; None for special tokens."""
        return self.word_ids[token_index] if 0 <= token_index < len(self) else None

    def token_to_chars(self, token_index: int) -> tuple[int, int] | None:
        """The (start, end) of the characters a token stands for; None for special tokens."""
        if self.token_to_sequence(token_index) is None:
            return None
        return self.offsets[token_index]

    def word_to_tokens(self, word_index: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """The (start, end) of a word's tokens; None if there is no such word."""
        positions = [position for position in self._positions(sequence_index) if self.word_ids[position] == word_index]
        return (positions[0], positions[-1] + 1) if positions else None

    def word_to_chars(self, word_index: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """The (start, end) of a word's characters; None if there is no such word."""
        tokens = self.word_to_tokens(word_index, sequence_index)
        if tokens is None:
            return None
        offsets = self.offsets
        return offsets[tokens[0]][0], offsets[tokens[1] - 1][1]

    def char_to_token(self, char_index: int, sequence_index: int = 0) -> int | None:
        """The token that a character went into; None for blanks."""
        offsets = self.offsets
        for position in self._positions(sequence_index):
            start, end = offsets[position]
            if start <= char_index < end:
                return position
        return None

    def char_to_word(self, char_index: int, sequence_index: int = 0) -> int | None:
        """The word that a character went into; None for blanks."""
        token = self.char_to_token(char_index, sequence_index)
        return None if token is None else self.word_ids[token]

    def _positions(self, sequence_index: int) -> Iterator[int]:
        return (position for position, number in enumerate(self.sequence_ids) if number == sequence_index)


class BatchEncoding(UserDict):
    """The inputs of a model, by name, with the way back to words and characters.

    A dictionary (`batch["input_ids"]`, `model(**batch)`) whose values are also attributes (`batch.input_ids`):
    lists, or tensors of shape (batch, sequence) after `return_tensors` "pt", "np", "tf" or "jax". `batch[0]` is
    the encoding of the first input, `batch["input_ids"]` all ids, `batch.tokens(0)` the tokens of the first input.

    The methods that take a batch index and a second index may be called with the second alone when the batch
    has one input: `batch.token_to_word(3)` is `batch.token_to_word(0, 3)`.
    """

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        encoding: Any = None,
        tensor_type: str | None = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
    ):
        super().__init__(data)
        if encoding is not None and not isinstance(encoding, (list, tuple)):
            encoding = [encoding]
        self._encodings = encoding
        if n_sequences is None and encoding:
            n_sequences = encoding[0].n_sequences
        self._n_sequences = n_sequences
        self.convert_to_tensors(tensor_type, prepend_batch_axis)

    # -------------------------------------------------------------------------------------- as a dictionary

    def __getitem__(self, item: str | int | slice) -> Any:
        """A name gives its values, a number the encoding of that input, a slice a part of all values."""
        if isinstance(item, str):
            return self.data[item]
        if isinstance(item, slice) and not self.is_fast:
            return {name: values[item] for name, values in self.data.items()}
        if self._encodings is not None and isinstance(item, (int, slice)):
            return self._encodings[item]
        raise KeyError(
            f"{item!r} is no key; use a name ({', '.join(self.data)}), or the number of an input if the batch "
            "comes from a tokenizer."
        )

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("data", {})
        if name in values:
            return values[name]
        raise AttributeError(f"The batch has no {name!r}; it has {', '.join(values) or 'nothing'}.")

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "encodings": self._encodings, "n_sequences": self._n_sequences}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.data = state["data"]
        self._encodings = state["encodings"]
        self._n_sequences = state["n_sequences"]

    def keys(self):
        return self.data.keys()

    def values(self):
        return self.data.values()

    def items(self):
        return self.data.items()

    # --------------------------------------------------------------------------- tokens, words, characters

    @property
    def encodings(self) -> list | None:
        """One encoding an input: `tokenizers.Encoding`, or `Encoding` from the readable tokenizer."""
        return self._encodings

    @property
    def is_fast(self) -> bool:
        """Whether the batch comes from the fast tokenizer."""
        return bool(self._encodings) and not isinstance(self._encodings[0], Encoding)

    @property
    def n_sequences(self) -> int | None:
        """1 for texts, 2 for pairs, None if unknown."""
        return self._n_sequences

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of one input."""
        return self._encoding(batch_index, "tokens").tokens

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token 0 or 1, the text of the pair it comes from; None for special tokens."""
        return self._encoding(batch_index, "sequence_ids").sequence_ids

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """For each token the number of its word; None for special tokens."""
        return self._encoding(batch_index, "word_ids").word_ids

    def words(self, batch_index: int = 0) -> list[int | None]:
        """The older name of `word_ids`."""
        return self.word_ids(batch_index)

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """0 or 1, the text that a token comes from; None for special tokens."""
        encoding, token_index = self._token(batch_or_token_index, token_index, "token_to_sequence")
        return encoding.token_to_sequence(token_index)

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The number of a token's word; None for special tokens."""
        encoding, token_index = self._token(batch_or_token_index, token_index, "token_to_word")
        return encoding.token_to_word(token_index)

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """The characters a token stands for; None for special tokens."""
        encoding, token_index = self._token(batch_or_token_index, token_index, "token_to_chars")
        return _named(CharSpan, encoding.token_to_chars(token_index))

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """The tokens of a word; None if there is no such word (or it was cut off)."""
        encoding, word_index = self._indexed(batch_or_word_index, word_index, "word_to_tokens")
        return _named(TokenSpan, encoding.word_to_tokens(_natural(word_index), sequence_index))

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """The characters of a word; None if there is no such word (or it was cut off)."""
        encoding, word_index = self._indexed(batch_or_word_index, word_index, "word_to_chars")
        return _named(CharSpan, encoding.word_to_chars(_natural(word_index), sequence_index))

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token that a character went into; None for blanks and what was cut off."""
        encoding, char_index = self._indexed(batch_or_char_index, char_index, "char_to_token")
        return encoding.char_to_token(_natural(char_index), sequence_index)

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word that a character went into; None for blanks and what was cut off."""
        encoding, char_index = self._indexed(batch_or_char_index, char_index, "char_to_word")
        return encoding.char_to_word(_natural(char_index), sequence_index)

    def _encoding(self, batch_index: int, asked: str):
        if not self._encodings:
            raise ValueError(
                f"{asked}() needs the tokens and words of the texts, which this batch does not carry; "
                "call it on the result of tokenizer(...), not on one put together or padded later."
            )
        if not -len(self._encodings) <= batch_index < len(self._encodings):
            raise IndexError(f"There is no input {batch_index}; the batch has {len(self._encodings)}.")
        return self._encodings[batch_index]

    def _indexed(self, first: int, second: int | None, asked: str) -> tuple[Any, int]:
        if second is None:
            return self._encoding(0, asked), first
        return self._encoding(first, asked), second

    def _token(self, first: int, second: int | None, asked: str) -> tuple[Any, int]:
        encoding, index = self._indexed(first, second, asked)
        return encoding, index if index >= 0 else len(encoding.ids) + index

    # ---------------------------------------------------------------------------------------------- tensors

    def convert_to_tensors(self, tensor_type: str | None = None, prepend_batch_axis: bool = False) -> BatchEncoding:
        """Turn every value into a tensor, in place: "pt" (torch), "np" (numpy), "tf" (TensorFlow) or "jax".

        Whole numbers become int64 in torch and numpy, int32 in TensorFlow and JAX. `prepend_batch_axis` makes one
        input a batch of one.

        Raises:
            ValueError: for another type of tensors, and when rows differ in length.
            ImportError: where the framework is not installed.
        """
        if tensor_type is None:
            return self
        kind = getattr(tensor_type, "value", tensor_type)
        if kind not in TENSOR_KINDS:
            allowed = ", ".join(f'"{name}" ({framework})' for name, framework in TENSOR_KINDS.items())
            raise ValueError(f"return_tensors is one of {allowed}, not {tensor_type!r}.")
        for name, value in self.data.items():
            if prepend_batch_axis:
                value = [value]
            self.data[name] = _numpy_array(value) if kind == "np" else _tensor(kind, name, value)
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """Move every tensor to a device ("cpu", "cuda", 0, torch.device ...) and return the same batch."""
        import torch

        tensors = {name: value for name, value in self.data.items() if isinstance(value, torch.Tensor)}
        if not tensors:
            raise TypeError('The batch holds no torch tensors to move; tokenize with return_tensors="pt".')
        if isinstance(device, torch.dtype):
            raise TypeError(f"to() takes a device, not the type {device}; ids and masks stay integers.")
        moved = {name: value.to(device, non_blocking=non_blocking) for name, value in tensors.items()}
        self.data.update(moved)
        return self


def _natural(index: int) -> int:
    if index < 0:
        raise IndexError(f"Words and characters are counted from 0; {index} is no such number.")
    return index


def _named(kind: type, span: Iterable[int] | None):
    return None if span is None else kind(*span)


def tensor_kind(value: Any) -> str | None:
    """The name in `TENSOR_KINDS` of what a value is; None for lists and numbers."""
    module = type(value).__module__.partition(".")[0]
    return {"torch": "pt", "numpy": "np", "tensorflow": "tf", "jax": "jax", "jaxlib": "jax"}.get(module)


def _tensor(kind: str, name: str, value: Any):
    if tensor_kind(value) == kind:
        return value
    array = _rectangle(name, value)
    if kind == "pt":
        import torch

        return torch.from_numpy(array)
    try:
        if kind == "tf":
            from tensorflow import constant
        else:
            from jax.numpy import asarray as constant
    except ImportError:
        install = {"tf": "pip install tensorflow", "jax": 'pip install "bertlab[jax]"'}[kind]
        raise ImportError(
            f'return_tensors="{kind}" needs {TENSOR_KINDS[kind]}, which is not installed: {install}, or take "pt" '
            'or "np"'
        ) from None
    return constant(array.astype(np.int32) if array.dtype == np.int64 else array)


def _rectangle(name: str, value: Any) -> np.ndarray:
    """Rows of one length as an array."""
    try:
        array = np.asarray(value)
        if array.dtype == object:
            raise ValueError("rows of different lengths")
    except ValueError:
        if name == "overflowing_tokens":
            raise ValueError(
                "The overflowing tokens differ in number, so they make no tensor; leave return_tensors out, or "
                "use BertTokenizerFast, which returns them as further rows."
            ) from None
        raise ValueError(
            f"The rows of {name!r} differ in length, so they make no tensor; pass padding=True, and "
            "truncation=True if there is a longest length."
        ) from None
    return array if array.size else array.astype(np.int64)


def _numpy_array(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    rows = value if isinstance(value, Sequence) else ()
    lengths = {len(row) for row in rows if isinstance(row, (list, tuple))}
    if len(lengths) > 1:  # as documented: an array of arrays
        array = np.empty(len(rows), dtype=object)
        array[:] = [np.asarray(row) for row in rows]
        return array
    return np.asarray(value)
