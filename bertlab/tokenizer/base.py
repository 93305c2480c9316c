"""What the readable and the fast tokenizer share: special tokens, calling, padding, truncating, decoding, files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bertlab.files import write_whole
from bertlab.tokenizer.encoding import TENSOR_KINDS, BatchEncoding, EncodedText, Encoding, tensor_kind
from bertlab.tokenizer.files import SPECIAL_NAMES, checked_prefix, read_arguments, token_to_saved, write_json
from bertlab.tokenizer.wordpiece import AddedToken

NO_MAXIMUM = int(1e30)  # model_max_length of a tokenizer that knows of no limit
LARGE = int(1e20)
_PADDINGS = ("longest", "max_length", "do_not_pad")
_TRUNCATIONS = ("longest_first", "only_first", "only_second", "do_not_truncate")
_SIDES = ("right", "left")
_TOKEN_OPTIONS = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
_HUB_OPTIONS = (
    "revision",
    "cache_dir",
    "token",
    "local_files_only",
    "force_download",
    "proxies",
    "subfolder",
)
_IGNORED_OPTIONS = (
    "resume_download",
    "trust_remote_code",
    "use_fast",
    "tokenizer_type",
    "_from_auto",
    "config",
)
# What `decode` tidies, in this order.
_TIDYING = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


@dataclass(frozen=True)
class CallOptions:
    """The options of one call, checked, with the strategies spelled out."""

    add_special_tokens: bool
    padding: str
    truncation: str
    max_length: int | None
    stride: int
    is_split_into_words: bool
    pad_to_multiple_of: int | None
    padding_side: str
    return_tensors: str | None
    return_token_type_ids: bool
    return_attention_mask: bool
    return_overflowing_tokens: bool
    return_special_tokens_mask: bool
    return_offsets_mapping: bool
    return_length: bool
    split_special_tokens: bool
    verbose: bool


def _special_token(name: str) -> tuple[property, property]:
    """The properties `cls_token` and `cls_token_id` (or of another special token) of a tokenizer."""

    def get_token(self) -> str | None:
        value = self._special[name]
        return None if value is None else str(value)

    def set_token(self, value: str | AddedToken | None) -> None:
        self._special[name] = _checked_special_token(name, value)
        self._tokens_changed()

    def get_id(self) -> int | None:
        token = get_token(self)
        return None if token is None else self.convert_tokens_to_ids(token)

    def set_id(self, value: int | None) -> None:
        set_token(self, None if value is None else self.convert_ids_to_tokens(value))

    what = f"The {name.replace('_', ' ')}"
    token = property(get_token, set_token, doc=f"{what}; None if there is none.")
    return token, property(get_id, set_id, doc=f"{what}'s id; None if there is none.")


class TokenizerBase:
    """What both tokenizers share: special tokens, calling, padding, truncating, decoding, files."""

    is_fast: bool
    vocab_files_names = {"vocab_file": "vocab.txt"}
    model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    _wrong_text_error: type[Exception] = ValueError

    bos_token, bos_token_id = _special_token("bos_token")
    eos_token, eos_token_id = _special_token("eos_token")
    unk_token, unk_token_id = _special_token("unk_token")
    sep_token, sep_token_id = _special_token("sep_token")
    pad_token, pad_token_id = _special_token("pad_token")
    cls_token, cls_token_id = _special_token("cls_token")
    mask_token, mask_token_id = _special_token("mask_token")

    def __init__(
        self,
        *,
        special_tokens: dict[str, str | AddedToken | None],
        additional_special_tokens: Sequence[str | AddedToken] | None = None,
        name_or_path: str = "",
        model_max_length: int | None = None,
        max_len: int | None = None,
        padding_side: str = "right",
        truncation_side: str = "right",
        model_input_names: Sequence[str] | None = None,
        clean_up_tokenization_spaces: bool = True,
        split_special_tokens: bool = False,
        **further: Any,
    ):
        self.name_or_path = str(name_or_path)
        if model_max_length is None:
            model_max_length = max_len
        self.model_max_length = NO_MAXIMUM if model_max_length is None else model_max_length
        self.padding_side = _one_of("padding_side", padding_side, _SIDES)
        self.truncation_side = _one_of("truncation_side", truncation_side, _SIDES)
        if model_input_names is not None:
            self.model_input_names = list(model_input_names)
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self.split_special_tokens = split_special_tokens
        self._special = {name: _checked_special_token(name, special_tokens.get(name)) for name in SPECIAL_NAMES}
        self._additional = _checked_additional_tokens(additional_special_tokens or [])
        self._further = further  # options of other tools, kept for save_pretrained
        self._warned: set[str] = set()

    # ------------------------------------------------------------------------------------- what differs

    def _tokens_changed(self) -> None:
        """Called when a special token changed."""

    def _add_tokens(self, tokens: Sequence[str | AddedToken], special: bool) -> int:
        raise NotImplementedError

    def _encode(self, inputs: list[tuple], batched: bool, options: CallOptions) -> BatchEncoding:
        raise NotImplementedError

    # ------------------------------------------------------------------------------------ special tokens

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens beyond the seven with a name of their own."""
        return [str(token) for token in self._additional]

    @additional_special_tokens.setter
    def additional_special_tokens(self, value: Sequence[str | AddedToken] | None) -> None:
        self._additional = _checked_additional_tokens(value or [])
        self._tokens_changed()

    @property
    def additional_special_tokens_ids(self) -> list[int]:
        """The ids of the additional special tokens."""
        return self.convert_tokens_to_ids(self.additional_special_tokens)

    @property
    def special_tokens_map(self) -> dict[str, str | list[str]]:
        """The special tokens that are set, by name: {"cls_token": "[CLS]", ...}."""
        named = {name: str(token) for name, token in self._special.items() if token}
        return named | ({"additional_special_tokens": self.additional_special_tokens} if self._additional else {})

    @property
    def special_tokens_map_extended(self) -> dict[str, Any]:
        """As `special_tokens_map`, with an `AddedToken` where one was given."""
        named = {name: token for name, token in self._special.items() if token}
        return named | ({"additional_special_tokens": list(self._additional)} if self._additional else {})

    @property
    def all_special_tokens_extended(self) -> list[str | AddedToken]:
        """Every special token once, with an `AddedToken` where one was given."""
        tokens: dict[str, str | AddedToken] = {}
        for token in [*filter(None, self._special.values()), *self._additional]:
            tokens.setdefault(str(token), token)
        return list(tokens.values())

    @property
    def all_special_tokens(self) -> list[str]:
        """Every special token once, in the order bos, eos, unk, sep, pad, cls, mask, additional."""
        return [str(token) for token in self.all_special_tokens_extended]

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of all special tokens, in the order of `all_special_tokens`."""
        return self.convert_tokens_to_ids(self.all_special_tokens)

    @property
    def pad_token_type_id(self) -> int:
        """The token type of padding."""
        return 0

    def add_tokens(
        self,
        new_tokens: str | AddedToken | Sequence[str | AddedToken],
        special_tokens: bool = False,
    ) -> int:
        """Add tokens that the text is searched for before anything else; returns how many are new.

        New ones get the ids after the last; `model.resize_token_embeddings(len(tokenizer))` makes room.
        """
        if not new_tokens:
            return 0
        if isinstance(new_tokens, str) or not isinstance(new_tokens, Iterable):
            new_tokens = [new_tokens]
        tokens = [_checked_added_token(token) for token in new_tokens]
        return self._add_tokens(tokens, special_tokens)

    def add_special_tokens(
        self,
        special_tokens_dict: Mapping[str, Any],
        replace_additional_special_tokens: bool = True,
    ) -> int:
        """Set special tokens by name and add those the vocabulary lacks; returns how many are new.

        Names are bos_token ... mask_token and `additional_special_tokens` (a list).
        """
        added: list[str | AddedToken] = []
        for name, value in special_tokens_dict.items():
            if name == "additional_special_tokens":
                tokens = [
                    AddedToken(token, special=True) if isinstance(token, str) else token
                    for token in _checked_additional_tokens(value)
                ]
                if replace_additional_special_tokens and tokens:
                    self._additional = tokens
                else:
                    tokens = [token for token in tokens if str(token) not in self.additional_special_tokens]
                    self._additional = [*self._additional, *tokens]
                added += tokens
            else:
                _one_of("The name of a special token", name, (*SPECIAL_NAMES, "additional_special_tokens"))
                token = _checked_special_token(name, value)
                if token is None:
                    raise ValueError(f"{name} cannot be None here; give a string or an AddedToken.")
                self._special[name] = AddedToken(token, special=True) if isinstance(token, str) else token
                added.append(self._special[name])
        self._tokens_changed()
        return self.add_tokens(added, special_tokens=True)

    # ------------------------------------------------------------------------------------------ encoding

    def __call__(
        self,
        text: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_pair: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_target: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_pair_target: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **further: Any,
    ) -> BatchEncoding:
        """Encode a text, a pair of texts, or a list of either.

        `text` (and `text_pair`) is a string, a list of strings, or with `is_split_into_words` a list of words
        or a list of such lists. The result holds `input_ids`, `token_type_ids` (0 for the first text, 1 for the
        second) and `attention_mask` (0 for padding): lists of length (sequence) for one text, of (batch,
        sequence) for a list, tensors of shape (batch, sequence) with `return_tensors` "pt", "np", "tf" or "jax".

        padding: True or "longest" (to the longest of the batch), "max_length", False or "do_not_pad";
            `pad_to_multiple_of` rounds the length up, `padding_side` "left" or "right" overrides the tokenizer's.
        truncation: True or "longest_first", "only_first", "only_second", False or "do_not_truncate"; to
            `max_length`, by default `model_max_length`.
        stride, return_overflowing_tokens: also return what was cut off, overlapping by `stride` tokens:
            `overflowing_tokens` (readable) or further rows with `overflow_to_sample_mapping` (fast).
        return_offsets_mapping: (start, end) in the text for each token; also `return_special_tokens_mask` (1
            for [CLS], [SEP] and padding) and `return_length`.
        text_target: encoded in the same way into `labels`.

        Raises ValueError or TypeError for what is not text, for a missing padding token, and for lengths that
        cannot be met.
        """
        if text is None and text_target is None:
            raise ValueError("There is nothing to encode: give a text (or text_target).")
        options = self._options(
            add_special_tokens=add_special_tokens,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            is_split_into_words=is_split_into_words,
            pad_to_multiple_of=pad_to_multiple_of,
            return_tensors=return_tensors,
            return_token_type_ids=return_token_type_ids,
            return_attention_mask=return_attention_mask,
            return_overflowing_tokens=return_overflowing_tokens,
            return_special_tokens_mask=return_special_tokens_mask,
            return_offsets_mapping=return_offsets_mapping,
            return_length=return_length,
            verbose=verbose,
            **further,
        )
        batch = None
        if text is not None:
            batch = self._encode(*self._inputs(text, text_pair, options), options)
        if text_target is None:
            return batch
        target = self._encode(*self._inputs(text_target, text_pair_target, options), options)
        if batch is None:
            return target
        batch["labels"] = target["input_ids"]
        return batch

    def encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Encode one text or pair, with the options of calling the tokenizer.

        The readable tokenizer also takes a list of tokens or of ids in place of a text.
        """
        chosen = self._options(**options)
        item = self._checked_input(text, text_pair, chosen, "text")
        return self._encode([item], False, chosen)

    def encode(self, text: Any, text_pair: Any = None, **options: Any) -> list[int]:
        """The ids of one text or pair; options as in calling the tokenizer."""
        return self.encode_plus(text, text_pair, **options)["input_ids"]

    def batch_encode_plus(self, batch_text_or_text_pairs: Sequence[Any], **options: Any) -> BatchEncoding:
        """Encode a list of texts or of (text, text) pairs; options as in calling the tokenizer."""
        if not isinstance(batch_text_or_text_pairs, (list, tuple)):
            kind = type(batch_text_or_text_pairs).__name__
            raise TypeError(f"batch_encode_plus takes a list of texts or of pairs, not {kind}.")
        chosen = self._options(**options)
        inputs = []
        for position, item in enumerate(batch_text_or_text_pairs):
            first, second = item, None
            is_list = isinstance(item, (list, tuple)) and len(item) > 0
            if is_list and not isinstance(item[0], int):
                if not chosen.is_split_into_words or isinstance(item[0], (list, tuple)):
                    if len(item) != 2:
                        raise ValueError(f"Item {position} is a list of {len(item)}; a pair has two texts.")
                    first, second = item
            inputs.append(self._checked_input(first, second, chosen, f"item {position}"))
        return self._encode(_not_empty(inputs), True, chosen)

    def _options(
        self,
        *,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        split_special_tokens: bool | None = None,
        verbose: bool = True,
        truncation_strategy: str | None = None,
        pad_to_max_length: bool = False,
    ) -> CallOptions:
        """Check the options of a call and settle how to pad and truncate."""
        if pad_to_max_length and padding is False:  # the older names of two options
            padding = "longest" if max_length is None else "max_length"
        if truncation_strategy is not None and truncation is None:
            truncation = truncation_strategy
        _check_count("max_length", max_length, 1)
        _check_count("stride", stride, 0)
        _check_count("pad_to_multiple_of", pad_to_multiple_of, 1)
        padding, truncation, max_length = self._strategies(padding, truncation, max_length, pad_to_multiple_of, verbose)
        if return_token_type_ids is None:
            return_token_type_ids = "token_type_ids" in self.model_input_names
        elif return_token_type_ids and not add_special_tokens and not self.is_fast:
            raise ValueError(
                "token_type_ids are not defined without special tokens; leave return_token_type_ids out, or "
                "keep add_special_tokens=True."
            )
        if return_attention_mask is None:
            return_attention_mask = "attention_mask" in self.model_input_names
        if return_tensors is not None:
            return_tensors = _one_of("return_tensors", return_tensors, TENSOR_KINDS)
        return CallOptions(
            add_special_tokens=bool(add_special_tokens),
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            is_split_into_words=bool(is_split_into_words),
            pad_to_multiple_of=pad_to_multiple_of,
            padding_side=_one_of("padding_side", padding_side or self.padding_side, _SIDES),
            return_tensors=return_tensors,
            return_token_type_ids=bool(return_token_type_ids),
            return_attention_mask=bool(return_attention_mask),
            return_overflowing_tokens=bool(return_overflowing_tokens),
            return_special_tokens_mask=bool(return_special_tokens_mask),
            return_offsets_mapping=bool(return_offsets_mapping),
            return_length=bool(return_length),
            split_special_tokens=self.split_special_tokens if split_special_tokens is None else split_special_tokens,
            verbose=verbose,
        )

    def _strategies(
        self,
        padding: bool | str,
        truncation: bool | str | None,
        max_length: int | None,
        pad_to_multiple_of: int | None = None,
        verbose: bool = True,
    ) -> tuple[str, str, int | None]:
        """How to pad, how to truncate, and to which length."""
        if max_length is not None and padding is False and truncation is None:
            self._warn(
                "max_length without truncation",
                "max_length is given but truncation is not: texts are cut to max_length. "
                "Pass truncation=True to say so, or truncation=False to keep them whole.",
                verbose,
            )
            truncation = "longest_first"
        if truncation in (None, False):
            truncation = "do_not_truncate"
        elif truncation is True:
            truncation = "longest_first"
        truncation = _one_of("truncation", truncation, _TRUNCATIONS, "True or False")
        if padding is True:
            padding = "longest"
            if max_length is not None and truncation == "do_not_truncate":
                self._warn(
                    "max_length without effect",
                    'max_length has no effect with padding=True and no truncation; use padding="max_length" to '
                    "pad to it, truncation=True to cut to it.",
                    verbose,
                )
        elif padding in (None, False):
            padding = "do_not_pad"
        padding = _one_of("padding", padding, _PADDINGS, "True or False")
        if max_length is None and (padding == "max_length" or truncation != "do_not_truncate"):
            if self.model_max_length > LARGE:
                self._warn(
                    "no maximum",
                    "There is no max_length and the tokenizer knows of none (model_max_length), so nothing is "
                    "cut or padded to it; pass max_length.",
                    verbose,
                )
                truncation = "do_not_truncate"
                padding = "do_not_pad" if padding == "max_length" else padding
            else:
                max_length = self.model_max_length
        if padding != "do_not_pad" and (self.pad_token is None or self.pad_token_id is None):
            raise ValueError(
                "The tokenizer has no padding token; set one, such as tokenizer.pad_token = tokenizer.sep_token, "
                "or tokenizer.add_special_tokens({'pad_token': '[PAD]'}), or leave padding out."
            )
        if truncation != "do_not_truncate" and padding != "do_not_pad" and pad_to_multiple_of:
            if max_length is not None and max_length % pad_to_multiple_of:
                raise ValueError(
                    f"max_length is {max_length}, no multiple of pad_to_multiple_of ({pad_to_multiple_of}), so "
                    "what is cut to the one cannot be padded to the other; change one of the two."
                )
        return padding, truncation, max_length

    def _inputs(self, text: Any, text_pair: Any, options: CallOptions) -> tuple[list[tuple], bool]:
        """The texts of a call as a list of (text, text or None), and whether a list was given."""
        words = options.is_split_into_words
        what = (
            "a list of words, or a list of lists of words, as is_split_into_words=True says"
            if words
            else "a string or a list of strings (for a text split into words pass is_split_into_words=True)"
        )
        for name, value in (("text", text), ("text_pair", text_pair)):
            if value is None and name == "text_pair":
                continue
            if not isinstance(value, (list, tuple)) and (words or not isinstance(value, str)):
                if words and isinstance(value, str):
                    hint = f"; {name}.split() would do"
                else:
                    hint = "; decode it first" if isinstance(value, bytes) else ""
                raise ValueError(f"{name} must be {what}, not {type(value).__name__}{hint}.")
        batched = isinstance(text, (list, tuple))
        if words:
            batched = bool(text) and isinstance(text[0], (list, tuple))
        if not batched:
            return [self._checked_input(text, text_pair, options, "text")], False
        if text_pair is not None:
            if isinstance(text_pair, str):
                raise TypeError("text is a list, so text_pair must be a list of the same length, not a string.")
            if len(text_pair) != len(text):
                raise ValueError(f"text has {len(text)} items and text_pair {len(text_pair)}; pairs need as many.")
        pairs = [None] * len(text) if text_pair is None else text_pair
        inputs = [
            self._checked_input(first, second, options, f"item {position}", needs_pair=text_pair is not None)
            for position, (first, second) in enumerate(zip(text, pairs, strict=True))
        ]
        return _not_empty(inputs), True

    def _checked_input(
        self, first: Any, second: Any, options: CallOptions, where: str, needs_pair: bool = False
    ) -> tuple[Any, Any]:
        if type(first) is str and second is None and not needs_pair and not options.is_split_into_words:
            return first, None
        for name, value in (("text", first), ("text_pair", second)):
            if name == "text_pair" and value is None and not needs_pair:
                continue
            problem = self._problem_with(value, options)
            if problem:
                place = name if where == "text" else f"{where} of {name}"
                raise self._wrong_text_error(f"{place} {problem}")
        return first, second

    def _problem_with(self, value: Any, options: CallOptions) -> str | None:
        if not options.is_split_into_words:
            if isinstance(value, str):
                return None
            hint = "; decode the bytes first" if isinstance(value, bytes) else ""
            return f"is {type(value).__name__}, not a string{hint}."
        if not isinstance(value, (list, tuple)):
            return f"is {type(value).__name__}, not a list of words, as is_split_into_words=True says."
        for position, word in enumerate(value):
            if not isinstance(word, str):
                return f"holds {type(word).__name__} as word {position}; words are strings."
        return None

    # -------------------------------------------------------------------------- ids with special tokens

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """[CLS] A [SEP], or [CLS] A [SEP] B [SEP] for a pair."""
        cls, sep = self._cls_and_sep()
        first = [cls, *token_ids_0, sep]
        return first if token_ids_1 is None else [*first, *token_ids_1, sep]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """0 for [CLS] A [SEP], 1 for B [SEP]."""
        second = 0 if token_ids_1 is None else len(token_ids_1) + 1
        return [0] * (len(token_ids_0) + 2) + [1] * second

    def get_special_tokens_mask(
        self,
        token_ids_0: Sequence[int],
        token_ids_1: Sequence[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 for the special tokens that `build_inputs_with_special_tokens` adds, 0 for the rest.

        With `already_has_special_tokens` the ids are complete, and every special token in them (also [MASK]
        and [UNK]) gets a 1.
        """
        if already_has_special_tokens:
            if token_ids_1 is not None:
                raise ValueError("Ids that already have their special tokens come as one list; leave token_ids_1 out.")
            special = set(self.all_special_ids)
            return [int(token_id in special) for token_id in token_ids_0]
        second = [] if token_ids_1 is None else [0] * len(token_ids_1) + [1]
        return [1] + [0] * len(token_ids_0) + [1] + second

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens an encoded text (2) or pair (3) gets."""
        return len(self.build_inputs_with_special_tokens([], [] if pair else None))

    @property
    def max_len_single_sentence(self) -> int:
        """How many tokens of a text fit beside the special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=False)

    @property
    def max_len_sentences_pair(self) -> int:
        """How many tokens of a pair fit beside the special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    def _around(self, options: CallOptions) -> tuple[tuple[int, str], tuple[int, str]] | None:
        """[CLS] and [SEP] as `Encoding` takes them."""
        if not options.add_special_tokens:
            return None
        cls_id, sep_id = self._cls_and_sep()
        return (cls_id, self.cls_token), (sep_id, self.sep_token)

    def _cls_and_sep(self) -> tuple[int, int]:
        cls, sep = self.cls_token_id, self.sep_token_id
        if cls is None or sep is None:
            raise ValueError(
                "The tokenizer has no cls_token or no sep_token; set both, or pass add_special_tokens=False."
            )
        return cls, sep

    def prepare_for_model(
        self,
        ids: Sequence[int],
        pair_ids: Sequence[int] | None = None,
        prepend_batch_axis: bool = False,
        **options: Any,
    ) -> BatchEncoding:
        """From ids (of a text or pair) to the inputs of a model: truncate, add special tokens, pad.

        Options as in calling the tokenizer.
        """
        chosen = self._options(**options)
        first = EncodedText.without_text(list(ids), self.convert_ids_to_tokens(list(ids)))
        second = None
        if pair_ids is not None:
            second = EncodedText.without_text(list(pair_ids), self.convert_ids_to_tokens(list(pair_ids)))
        data, encoding = self._prepare(first, second, self._around(chosen), chosen)
        data = self._finish([(data, encoding)], False, chosen)
        return BatchEncoding(data, [encoding], chosen.return_tensors, prepend_batch_axis)

    def truncate_sequences(
        self,
        ids: list[int],
        pair_ids: list[int] | None = None,
        num_tokens_to_remove: int = 0,
        truncation_strategy: str = "longest_first",
        stride: int = 0,
    ) -> tuple[list[int], list[int] | None, list[int]]:
        """Remove tokens from a text or pair; returns both and what was cut off with `stride` tokens before it.

        "longest_first" shortens the longer text until both are equally long, then both in turn, and returns
        nothing of a pair's cut-off part.
        """
        if num_tokens_to_remove <= 0:
            return ids, pair_ids, []
        strategy = _one_of("truncation_strategy", truncation_strategy, _TRUNCATIONS)
        if strategy == "longest_first" and pair_ids is not None:
            longer_by = min(abs(len(pair_ids) - len(ids)), num_tokens_to_remove)
            rest = num_tokens_to_remove - longer_by
            if len(ids) > len(pair_ids):
                from_first, from_second = longer_by + rest // 2, rest - rest // 2
            else:
                from_first, from_second = rest // 2, longer_by + rest - rest // 2
            return self._shortened(ids, from_first), self._shortened(pair_ids, from_second), []
        if strategy == "do_not_truncate" or (strategy == "only_second" and pair_ids is None):
            return ids, pair_ids, []
        cut = pair_ids if strategy == "only_second" else ids
        if len(cut) <= num_tokens_to_remove:
            which = "second" if cut is pair_ids else "first"
            warnings.warn(
                f"{num_tokens_to_remove} tokens are to go, but the {which} text has only {len(cut)}, so it stays as "
                'it is and the input is too long; use a larger max_length or truncation="longest_first".',
                stacklevel=2,
            )
            return ids, pair_ids, []
        window = min(len(cut), stride + num_tokens_to_remove)
        overflowing = cut[:window] if self.truncation_side == "left" else cut[-window:]
        kept = self._shortened(cut, num_tokens_to_remove)
        return (ids, kept, overflowing) if cut is pair_ids else (kept, pair_ids, overflowing)

    def _shortened(self, ids: list[int], by: int) -> list[int]:
        if by == 0:
            return ids
        return ids[by:] if self.truncation_side == "left" else ids[: max(len(ids) - by, 0)]

    def _prepare(
        self,
        first: EncodedText,
        second: EncodedText | None,
        around: tuple[tuple[int, str], tuple[int, str]] | None,
        options: CallOptions,
    ) -> tuple[dict[str, Any], Encoding]:
        """Truncate and add special tokens: what was cut off, and the encoding without padding."""
        if options.return_overflowing_tokens and options.truncation == "longest_first" and second is not None:
            raise ValueError(
                'The overflowing tokens of a pair are not known with truncation "longest_first"; use "only_first" '
                'or "only_second".'
            )
        special = 0 if around is None else 2 if second is None else 3
        total = len(first.ids) + (0 if second is None else len(second.ids)) + special
        too_many = 0 if options.max_length is None else total - options.max_length
        overflowing: list[int] = []
        if options.truncation != "do_not_truncate" and too_many > 0:
            kept, pair_kept, cut = self.truncate_sequences(
                list(range(len(first.ids))),
                None if second is None else list(range(len(second.ids))),
                too_many,
                options.truncation,
                options.stride,
            )
            overflowing_from = second if options.truncation == "only_second" and second is not None else first
            overflowing = [overflowing_from.ids[position] for position in cut]
            first = first.at(kept)
            second = None if second is None else second.at(pair_kept)
        cut_off: dict[str, Any] = {}
        if options.return_overflowing_tokens:
            cut_off = {"overflowing_tokens": overflowing, "num_truncated_tokens": too_many}
        encoding = Encoding(first, second, around)
        if options.max_length is None and len(encoding) > self.model_max_length:
            self._warn(
                "too long",
                f"The input has {len(encoding)} tokens, more than the {self.model_max_length} the model can take; "
                "pass truncation=True.",
                options.verbose,
            )
        return cut_off, encoding

    def _finish(
        self, rows: list[tuple[dict[str, Any], Encoding]], batched: bool, options: CallOptions
    ) -> dict[str, Any]:
        """Pad the rows of the readable tokenizer and gather them by name."""
        encodings = [encoding for _, encoding in rows]
        lengths = [len(encoding) for encoding in encodings]
        if options.padding != "do_not_pad" and (batched or lengths[0]):  # one empty input stays empty
            length = max(lengths) if options.padding == "longest" else options.max_length
            length = _rounded_up(length, options.pad_to_multiple_of)
            for encoding in encodings:
                encoding.pad(
                    length,
                    direction=options.padding_side,
                    pad_id=self.pad_token_id,
                    pad_type_id=self.pad_token_type_id,
                    pad_token=self.pad_token,
                )
        data: dict[str, list] = {name: [row[name] for row, _ in rows] for name in rows[0][0]}
        data |= columns(encodings, options)
        if options.return_length:  # of the whole batch: before padding, of a single text: with it
            data["length"] = lengths if batched else [len(encoding) for encoding in encodings]
        return data if batched else {name: column[0] for name, column in data.items()}

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad what is already encoded: a mapping for one input or a batch, or a list of mappings (a collator).

        Pads `input_ids`, `token_type_ids`, `attention_mask` (added if missing) and `special_tokens_mask`; other
        entries stay as they are. Tensors in give tensors out unless `return_tensors` says otherwise.
        """
        if isinstance(encoded_inputs, (list, tuple)):
            if not encoded_inputs or not all(isinstance(item, Mapping) for item in encoded_inputs):
                raise ValueError("pad() takes a mapping or a list of mappings with input_ids, and not an empty list.")
            names = encoded_inputs[0].keys()
            for position, item in enumerate(encoded_inputs):
                if item.keys() != names:
                    raise ValueError(
                        f"Input {position} has {sorted(item)}, the first one {sorted(names)}; all need the same."
                    )
            encoded_inputs = {name: [item[name] for item in encoded_inputs] for name in names}
        main = self.model_input_names[0]
        if not isinstance(encoded_inputs, Mapping) or main not in encoded_inputs:
            given = list(encoded_inputs) if isinstance(encoded_inputs, Mapping) else type(encoded_inputs).__name__
            raise ValueError(f"pad() needs {main}; what it got is {given}.")
        data = dict(encoded_inputs)
        if return_attention_mask is None:
            return_attention_mask = "attention_mask" in self.model_input_names
        if data[main] is None or len(data[main]) == 0:
            return BatchEncoding(data | ({"attention_mask": []} if return_attention_mask else {}))
        if return_tensors is None:
            return_tensors = _tensor_kind(data[main])
        data = {name: as_lists(value) for name, value in data.items()}
        strategy, _, max_length = self._strategies(padding, False, max_length, pad_to_multiple_of, verbose)
        is_batch = isinstance(data[main][0], (list, tuple))
        if not is_batch:
            data = {name: [value] for name, value in data.items()}
        size = len(data[main])
        for name, value in data.items():
            if not isinstance(value, (list, tuple)) or len(value) != size:
                raise ValueError(f"{name} does not have the {size} rows that {main} has.")
        if return_attention_mask and "attention_mask" not in data:
            data["attention_mask"] = [[1] * len(row) for row in data[main]]
        if strategy != "do_not_pad":
            length = max(map(len, data[main])) if strategy == "longest" else max_length
            length = _rounded_up(length, pad_to_multiple_of)
            fillings = {
                main: self.pad_token_id,
                "token_type_ids": self.pad_token_type_id,
                "special_tokens_mask": 1,
            }
            if return_attention_mask:
                fillings["attention_mask"] = 0
            missing = [max(length - len(row), 0) for row in data[main]]
            for name, filling in fillings.items():
                if name in data:
                    data[name] = [
                        _filled(list(row), filling, count, self.padding_side)
                        for row, count in zip(data[name], missing, strict=True)
                    ]
        if not is_batch:
            data = {name: value[0] for name, value in data.items()}
        return BatchEncoding(data, tensor_type=return_tensors)

    # ------------------------------------------------------------------------------------------ decoding

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **further: Any,
    ) -> str:
        """The text of ids (an int, a list or a tensor of one axis); cleaned up, "do n't" becomes "don't"."""
        ids = as_lists(token_ids)
        ids = [ids] if isinstance(ids, int) else list(ids)
        for token_id in ids:
            if not isinstance(token_id, int):
                raise TypeError(
                    f"decode takes the ids of one text, not {type(token_id).__name__}; for a batch use batch_decode."
                )
        text = self._joined(ids, skip_special_tokens, **further)
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        return self.clean_up_tokenization(text) if clean_up_tokenization_spaces else text

    def batch_decode(self, sequences: Any, skip_special_tokens: bool = False, **further: Any) -> list[str]:
        """`decode` for each row of a batch."""
        return [self.decode(row, skip_special_tokens, **further) for row in sequences]

    def _joined(self, ids: list[int], skip_special_tokens: bool) -> str:
        raise NotImplementedError

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Take out the spaces before . , ? ! and English contractions."""
        for spaced, tidy in _TIDYING:
            out_string = out_string.replace(spaced, tidy)
        return out_string

    # --------------------------------------------------------------------------------------------- files

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, *inputs: Any, **options: Any):
        """Load a tokenizer from a folder, a vocabulary file, the shipped model's name or a name on the Hub.

        Reads vocab.txt or tokenizer.json, and tokenizer_config.json, special_tokens_map.json and
        added_tokens.json where they are. `options` override what the files say; `revision`, `cache_dir`,
        `token`, `local_files_only`, `force_download`, `proxies` and `subfolder` are for the Hub.
        Raises OSError when there is no such tokenizer, ValueError when a file is damaged.
        """
        from bertlab.files import resolve

        hub_options = {name: options.pop(name) for name in _HUB_OPTIONS if options.get(name) is not None}
        for name in (*_HUB_OPTIONS, *_IGNORED_OPTIONS):
            options.pop(name, None)
        if "use_auth_token" in options:
            hub_options.setdefault("token", options.pop("use_auth_token"))
        name = pretrained_model_name_or_path
        if isinstance(name, (str, os.PathLike)) and os.path.isfile(name):
            return cls(name, *inputs, **options)
        folder = resolve(name, files="tokenizer", **hub_options)
        return cls(*inputs, **read_arguments(folder, options, cls.is_fast), name_or_path=str(name))

    def save_pretrained(
        self,
        save_directory: str | os.PathLike,
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
        push_to_hub: bool = False,
    ) -> tuple[str, ...]:
        """Write the tokenizer's files into a folder (made if missing); returns their paths.

        Always tokenizer_config.json, special_tokens_map.json and vocab.txt, added_tokens.json if there are any;
        the fast tokenizer also writes tokenizer.json (unless `legacy_format`), and nothing but it with
        `legacy_format=False`. bertlab and transformers load what either writes.
        """
        if push_to_hub:
            raise ValueError("bertlab does not upload; save to a folder and upload that with huggingface_hub.")
        folder = Path(save_directory)
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{str(folder)!r} is a file; save_pretrained takes a folder.")
        prefix = checked_prefix(filename_prefix)
        folder.mkdir(parents=True, exist_ok=True)
        added = self.added_tokens_decoder
        config = dict(self._further) | self._saved_options() | self.special_tokens_map
        config |= {
            "model_max_length": self.model_max_length,
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
            "added_tokens_decoder": {str(token_id): asdict(token) for token_id, token in added.items()},
            "tokenizer_class": "BertTokenizer",
        }
        for name, value in (("padding_side", self.padding_side), ("truncation_side", self.truncation_side)):
            if value != "right":
                config[name] = value
        if self.split_special_tokens:
            config["split_special_tokens"] = True
        if self.model_input_names != type(self).model_input_names:
            config["model_input_names"] = self.model_input_names
        special = {name: token_to_saved(token) for name, token in self.special_tokens_map_extended.items()}
        files = [folder / f"{prefix}tokenizer_config.json", folder / f"{prefix}special_tokens_map.json"]
        write_json(files[0], config)
        write_json(files[1], special)
        files += self._save_tokens(folder, prefix, legacy_format)
        return tuple(map(str, files))

    def _saved_options(self) -> dict[str, Any]:
        raise NotImplementedError

    def _save_tokens(self, folder: Path, prefix: str, legacy_format: bool | None) -> list[Path]:
        """vocab.txt and added_tokens.json."""
        beyond = {str(token): token_id for token_id, token in self.added_tokens_decoder.items()}
        beyond = {token: token_id for token, token_id in beyond.items() if token_id >= self.vocab_size}
        files = [Path(self.save_vocabulary(str(folder), prefix.rstrip("-") or None)[0])]
        if beyond:
            files.append(folder / f"{prefix}added_tokens.json")
            write_json(files[-1], beyond)
        return files

    def save_vocabulary(self, save_directory: str | os.PathLike, filename_prefix: str | None = None) -> tuple[str]:
        """Write the vocabulary without added tokens, a token a line, to vocab.txt in a folder (or to a file)."""
        prefix = checked_prefix(filename_prefix)
        target = Path(save_directory)
        path = target / f"{prefix}vocab.txt" if target.is_dir() else target.with_name(prefix + target.name)
        tokens = sorted(self._base_vocabulary().items(), key=lambda item: item[1])
        for line, (token, token_id) in enumerate(tokens):
            if token_id != line or "\n" in token or "\r" in token:
                raise ValueError(
                    f"vocab.txt cannot hold the token {token!r} with id {token_id}: ids are line numbers without "
                    "gaps, and no token has a line end; BertTokenizerFast.save_pretrained(folder, "
                    "legacy_format=False) writes tokenizer.json alone."
                )
        write_whole(path, "".join(f"{token}\n" for token, _ in tokens))
        return (str(path),)

    def _base_vocabulary(self) -> dict[str, int]:
        raise NotImplementedError

    # --------------------------------------------------------------------------------------------- small

    def __repr__(self) -> str:
        limit = "none" if self.model_max_length > LARGE else self.model_max_length
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"added_tokens={len(self) - self.vocab_size}, model_max_length={limit}, is_fast={self.is_fast}, "
            f"padding_side={self.padding_side!r}, truncation_side={self.truncation_side!r}, "
            f"special_tokens={self.special_tokens_map})"
        )

    def _warn(self, kind: str, message: str, verbose: bool = True) -> None:
        """Warn once for each kind and tokenizer."""
        if verbose and kind not in self._warned:
            self._warned.add(kind)
            warnings.warn(message, stacklevel=4)


# ---------------------------------------------------------------------------------------------- small parts


def columns(encodings: list[Any], options: CallOptions) -> dict[str, list]:
    """The lists of all encodings by their documented names."""
    data = {"input_ids": [encoding.ids for encoding in encodings]}
    if options.return_token_type_ids:
        data["token_type_ids"] = [encoding.type_ids for encoding in encodings]
    if options.return_special_tokens_mask:
        data["special_tokens_mask"] = [encoding.special_tokens_mask for encoding in encodings]
    if options.return_attention_mask:
        if options.padding == "do_not_pad":  # quicker than asking
            data["attention_mask"] = [[1] * len(row) for row in data["input_ids"]]
        else:
            data["attention_mask"] = [encoding.attention_mask for encoding in encodings]
    if options.return_offsets_mapping:
        data["offset_mapping"] = [encoding.offsets for encoding in encodings]
    return data


def _one_of(what: str, value: Any, allowed: Sequence[str], also: str = "") -> str:
    """`value` (or the value of an enumeration's member) if it is allowed."""
    value = getattr(value, "value", value)
    if value in allowed:
        return value
    choices = ", ".join(map(repr, allowed)) + (f", {also}" if also else "")
    raise ValueError(f"{what} is one of {choices}, not {value!r}.")


def _check_count(name: str, value: Any, least: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} is a whole number, not {type(value).__name__}.")
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}.")


def checked_id(token_id: int) -> int:
    """An id that can be one; ValueError for a negative or huge one."""
    if not 0 <= token_id < 2**32:
        raise ValueError(
            f"{token_id} is no token id; ids are counted from 0 (replace ignored labels such as -100 before decoding)."
        )
    return token_id


def _checked_special_token(name: str, value: Any) -> str | AddedToken | None:
    if value is None or isinstance(value, str):
        return value
    return _checked_added_token(value, name)


def _checked_added_token(value: Any, what: str = "A token") -> Any:
    """A string, an AddedToken or that of the tokenizers library, unchanged; TypeError for anything else."""
    if isinstance(value, (str, AddedToken)) or all(hasattr(value, name) for name in _TOKEN_OPTIONS):
        return value
    raise TypeError(f"{what} is a string or an AddedToken, not {type(value).__name__}.")


def our_token(value: Any) -> AddedToken:
    """An AddedToken of the tokenizers library as ours."""
    return AddedToken(**{name: getattr(value, name) for name in _TOKEN_OPTIONS})


def _checked_additional_tokens(values: Any) -> list[str | AddedToken]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"additional_special_tokens is a list of tokens, not {type(values).__name__}.")
    return [_checked_added_token(value, "An additional special token") for value in values]


def _not_empty(inputs: list) -> list:
    if not inputs:
        raise ValueError("The list of texts is empty; there is nothing to encode.")
    return inputs


def _rounded_up(length: int, multiple: int | None) -> int:
    return length if not multiple else -(-length // multiple) * multiple


def _filled(row: list, filling: int, count: int, side: str) -> list:
    return row + [filling] * count if side == "right" else [filling] * count + row


def unusual_options(clean_text: bool, prefix: str) -> dict[str, Any]:
    """The two options that other tools do not know, saved only where they matter."""
    return ({} if clean_text else {"clean_text": False}) | ({} if prefix == "##" else {"wordpieces_prefix": prefix})


def as_lists(value: Any) -> Any:
    """Tensors, arrays and lists of them as lists of numbers; anything else as it is."""
    if tensor_kind(value) == "tf":
        value = value.numpy()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (list, tuple)) and value and (hasattr(value[0], "tolist") or tensor_kind(value[0])):
        return [as_lists(item) for item in value]
    return value


def _tensor_kind(value: Any) -> str | None:
    """The name for `return_tensors` if the value is a tensor, an array or a list of such."""
    sample = value[0] if isinstance(value, (list, tuple)) else value
    return tensor_kind(sample)
