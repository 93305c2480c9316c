"""Tokens beside the pieces: added tokens, and the special ones with a name of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SPECIAL_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")

_TOKEN_OPTIONS = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


@dataclass(frozen=True)
class AddedToken:
    """A token beside the vocabulary's pieces, matched in the text before anything else.

    `single_word`: only between spaces; `lstrip`, `rstrip`: swallow white space on that side; `normalized`:
    a lowercasing tokenizer lowercases it and matches it in the lowercased text (default: `not special`);
    `special`: left out by `decode(skip_special_tokens=True)`.
    """

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool | None = None
    special: bool = False

    def __post_init__(self):
        if not isinstance(self.content, str):
            raise TypeError(f"the content of an added token is a string, not {type(self.content).__name__}")
        if self.normalized is None:
            object.__setattr__(self, "normalized", not self.special)

    def __str__(self) -> str:
        return self.content


def special_token(name: str) -> tuple[property, property]:
    """The properties `cls_token` and `cls_token_id` (or of another special token) of a tokenizer."""

    def get_token(self) -> str | None:
        value = self._special[name]
        return None if value is None else str(value)

    def set_token(self, value: str | AddedToken | None) -> None:
        self._special[name] = checked_special_token(name, value)
        self._tokens_changed()

    def get_id(self) -> int | None:
        token = get_token(self)
        return None if token is None else self.convert_tokens_to_ids(token)

    def set_id(self, value: int | None) -> None:
        set_token(self, None if value is None else self.convert_ids_to_tokens(value))

    what = f"The {name.replace('_', ' ')}"
    token = property(get_token, set_token, doc=f"{what}; None if there is none.")
    return token, property(get_id, set_id, doc=f"{what}'s id; None if there is none.")


def special_tokens_of(tokens: Mapping[str, Any]) -> dict[str, Any]:
    """The argument of `add_special_tokens`, checked, with an `AddedToken` for every string."""
    checked: dict[str, Any] = {}
    for name, value in tokens.items():
        if name == "additional_special_tokens":
            checked[name] = [_as_special(token) for token in checked_additional_tokens(value)]
        elif name not in SPECIAL_NAMES:
            choices = ", ".join(map(repr, (*SPECIAL_NAMES, "additional_special_tokens")))
            raise ValueError(f"the name of a special token is one of {choices}, not {name!r}")
        elif value is None:
            raise ValueError(f"{name} cannot be None here; give a string or an AddedToken")
        else:
            checked[name] = _as_special(checked_special_token(name, value))
    return checked


def _as_special(token: Any) -> Any:
    return AddedToken(token, special=True) if isinstance(token, str) else token


def checked_special_token(name: str, value: Any) -> str | AddedToken | None:
    """A special token as it was given, or None; TypeError for anything that is no token."""
    if value is None or isinstance(value, str):
        return value
    return checked_added_token(value, name)


def checked_added_token(value: Any, what: str = "A token") -> Any:
    """A string, an AddedToken or that of the tokenizers library, unchanged; TypeError for anything else."""
    if isinstance(value, (str, AddedToken)) or all(hasattr(value, name) for name in _TOKEN_OPTIONS):
        return value
    raise TypeError(f"{what} is a string or an AddedToken, not {type(value).__name__}")


def checked_additional_tokens(values: Any) -> list[str | AddedToken]:
    """A list of special tokens as they were given; TypeError for anything else."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"additional_special_tokens is a list of tokens, not {type(values).__name__}")
    return [checked_added_token(value, "An additional special token") for value in values]


def our_token(value: Any) -> AddedToken:
    """An AddedToken of the tokenizers library as ours."""
    return AddedToken(**{name: getattr(value, name) for name in _TOKEN_OPTIONS})


def checked_id(token_id: int) -> int:
    """An id that can be one; ValueError for a negative or huge one."""
    if not 0 <= token_id < 2**32:
        raise ValueError(
            f"{token_id} is no token id; ids are counted from 0 (replace ignored labels such as -100 before decoding)"
        )
    return token_id
