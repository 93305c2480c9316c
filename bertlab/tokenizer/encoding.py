"""One encoded input of the readable tokenizer: ids, tokens, and where in the text each came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


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
            self._places = ([place and place[0] for place in places], [place and place[1] for place in places])
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
