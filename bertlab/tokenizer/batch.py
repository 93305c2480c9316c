"""What a tokenizer returns: `BatchEncoding`, a dictionary of inputs that also knows words and characters."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterable
from typing import Any, NamedTuple

from bertlab.tokenizer.encoding import Encoding
from bertlab.tokenizer.tensors import TENSOR_KINDS, as_tensor, numpy_array


class CharSpan(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text, or of a word when the input came split into words."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens `start` to `end` (exclusive) of an encoded input."""

    start: int
    end: int


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
            "comes from a tokenizer"
        )

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("data", {})
        if name in values:
            return values[name]
        raise AttributeError(f"the batch has no {name!r}; it has {', '.join(values) or 'nothing'}")

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
                "call it on the result of tokenizer(...), not on one put together or padded later"
            )
        if not -len(self._encodings) <= batch_index < len(self._encodings):
            raise IndexError(f"there is no input {batch_index}; the batch has {len(self._encodings)}")
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
            raise ValueError(f"return_tensors is one of {allowed}, not {tensor_type!r}")
        for name, value in self.data.items():
            if prepend_batch_axis:
                value = [value]
            self.data[name] = numpy_array(value) if kind == "np" else as_tensor(kind, name, value)
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """Move every tensor to a device ("cpu", "cuda", 0, torch.device ...) and return the same batch."""
        import torch

        tensors = {name: value for name, value in self.data.items() if isinstance(value, torch.Tensor)}
        if not tensors:
            raise TypeError('the batch holds no torch tensors to move; tokenize with return_tensors="pt"')
        if isinstance(device, torch.dtype):
            raise TypeError(f"to() takes a device, not the type {device}; ids and masks stay integers")
        moved = {name: value.to(device, non_blocking=non_blocking) for name, value in tensors.items()}
        self.data.update(moved)
        return self


def _natural(index: int) -> int:
    if index < 0:
        raise IndexError(f"words and characters are counted from 0; {index} is no such number")
    return index


def _named(kind: type, span: Iterable[int] | None):
    return None if span is None else kind(*span)
