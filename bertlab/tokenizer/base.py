"""What the readable and the fast tokenizer share: special tokens, calling, decoding, files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertlab.files import resolve, take_options
from bertlab.tokenizer import padding as padding_
from bertlab.tokenizer.batch import BatchEncoding
from bertlab.tokenizer.decoding import ids_of_one_text, tidied
from bertlab.tokenizer.encoding import EncodedText
from bertlab.tokenizer.files import arguments_of_file, read_arguments
from bertlab.tokenizer.framing import around, cls_and_sep, special_tokens_mask
from bertlab.tokenizer.options import (
    LARGE,
    NO_MAXIMUM,
    SIDES,
    CallOptions,
    call_options,
    checked_text,
    one_of,
    problem_with,
    texts_of_batch,
    texts_of_call,
)
from bertlab.tokenizer.saving import save_tokenizer, saved_tokens, write_vocabulary
from bertlab.tokenizer.tokens import (
    SPECIAL_NAMES,
    AddedToken,
    checked_added_token,
    checked_additional_tokens,
    checked_special_token,
    special_token,
    special_tokens_of,
)

# What tools pass to `from_pretrained` that makes no difference here.
_WITHOUT_EFFECT = ("trust_remote_code", "use_fast", "tokenizer_type", "_from_auto", "config")


class TokenizerBase:
    """What both tokenizers share: special tokens, calling, padding, truncating, decoding, files."""

    is_fast: bool
    vocab_files_names = {"vocab_file": "vocab.txt"}
    model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    _wrong_text_error: type[Exception] = ValueError

    bos_token, bos_token_id = special_token("bos_token")
    eos_token, eos_token_id = special_token("eos_token")
    unk_token, unk_token_id = special_token("unk_token")
    sep_token, sep_token_id = special_token("sep_token")
    pad_token, pad_token_id = special_token("pad_token")
    cls_token, cls_token_id = special_token("cls_token")
    mask_token, mask_token_id = special_token("mask_token")

    if TYPE_CHECKING:  # what each of the two does in its own way

        @property
        def vocab_size(self) -> int: ...
        def __len__(self) -> int: ...
        def convert_tokens_to_ids(self, tokens: str | Sequence[str] | None) -> Any: ...
        def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any: ...
        def _add_tokens(self, tokens: Sequence[str | AddedToken], special: bool) -> int: ...
        def _encode(self, inputs: list[tuple], batched: bool, options: CallOptions) -> BatchEncoding: ...
        def _joined(self, ids: list[int], skip_special_tokens: bool) -> str: ...
        def _saved_options(self) -> dict[str, Any]: ...
        def _base_vocabulary(self) -> dict[str, int]: ...

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
        self.padding_side = one_of("padding_side", padding_side, SIDES)
        self.truncation_side = one_of("truncation_side", truncation_side, SIDES)
        if model_input_names is not None:
            self.model_input_names = list(model_input_names)
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self.split_special_tokens = split_special_tokens
        self._special = {name: checked_special_token(name, special_tokens.get(name)) for name in SPECIAL_NAMES}
        self._additional = checked_additional_tokens(additional_special_tokens or [])
        self._further = further  # options of other tools, kept for save_pretrained
        self._warned: set[str] = set()

    def _tokens_changed(self) -> None:
        """Called when a special token changed."""

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens beyond the seven with a name of their own."""
        return [str(token) for token in self._additional]

    @additional_special_tokens.setter
    def additional_special_tokens(self, value: Sequence[str | AddedToken] | None) -> None:
        self._additional = checked_additional_tokens(value or [])
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
        tokens = [checked_added_token(token) for token in new_tokens]
        return self._add_tokens(tokens, special_tokens)

    def add_special_tokens(
        self, special_tokens_dict: Mapping[str, Any], replace_additional_special_tokens: bool = True
    ) -> int:
        """Set special tokens by name and add those the vocabulary lacks; returns how many are new.

        Names are bos_token ... mask_token and `additional_special_tokens` (a list).
        """
        added: list[str | AddedToken] = []
        for name, value in special_tokens_of(special_tokens_dict).items():
            if name in SPECIAL_NAMES:
                self._special[name] = value
                added.append(value)
                continue
            if replace_additional_special_tokens and value:
                self._additional = value
            else:
                value = [token for token in value if str(token) not in self.additional_special_tokens]
                self._additional = [*self._additional, *value]
            added += value
        self._tokens_changed()
        return self.add_tokens(added, special_tokens=True)

    def __call__(
        self,
        text: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_pair: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_target: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        text_pair_target: str | Sequence[str] | Sequence[Sequence[str]] | None = None,
        add_special_tokens: bool = True, padding: bool | str = False, truncation: bool | str | None = None,
        max_length: int | None = None, stride: int = 0, is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None, return_tensors: str | None = None,
        return_token_type_ids: bool | None = None, return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False, return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False, return_length: bool = False, verbose: bool = True, **further: Any,
    ) -> BatchEncoding:  # fmt: skip
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
            raise ValueError("there is nothing to encode: give a text (or text_target)")
        options = call_options(
            self, add_special_tokens=add_special_tokens, padding=padding, truncation=truncation, max_length=max_length,
            stride=stride, is_split_into_words=is_split_into_words, pad_to_multiple_of=pad_to_multiple_of,
            return_tensors=return_tensors, return_token_type_ids=return_token_type_ids,
            return_attention_mask=return_attention_mask, return_overflowing_tokens=return_overflowing_tokens,
            return_special_tokens_mask=return_special_tokens_mask, return_offsets_mapping=return_offsets_mapping,
            return_length=return_length, verbose=verbose, **further,
        )  # fmt: skip
        batch = None
        if text is not None:
            batch = self._encode(*texts_of_call(self, text, text_pair, options), options)
        if text_target is None:
            return batch
        target = self._encode(*texts_of_call(self, text_target, text_pair_target, options), options)
        if batch is None:
            return target
        batch["labels"] = target["input_ids"]
        return batch

    def encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Encode one text or pair, with the options of calling the tokenizer.

        The readable tokenizer also takes a list of tokens or of ids in place of a text.
        """
        chosen = call_options(self, **options)
        item = checked_text(self, text, text_pair, chosen, "text")
        return self._encode([item], False, chosen)

    def encode(self, text: Any, text_pair: Any = None, **options: Any) -> list[int]:
        """The ids of one text or pair; options as in calling the tokenizer."""
        return self.encode_plus(text, text_pair, **options)["input_ids"]

    def batch_encode_plus(self, batch_text_or_text_pairs: Sequence[Any], **options: Any) -> BatchEncoding:
        """Encode a list of texts or of (text, text) pairs; options as in calling the tokenizer."""
        chosen = call_options(self, **options)
        return self._encode(texts_of_batch(self, batch_text_or_text_pairs, chosen), True, chosen)

    def _problem_with(self, value: Any, options: CallOptions) -> str | None:
        """Why a value cannot be encoded as a text; None if it can."""
        return problem_with(value, options)

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """[CLS] A [SEP], or [CLS] A [SEP] B [SEP] for a pair."""
        cls, sep = cls_and_sep(self)
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
        known = set(self.all_special_ids) if already_has_special_tokens else None
        return special_tokens_mask(token_ids_0, token_ids_1, known)

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
        chosen = call_options(self, **options)
        first = EncodedText.without_text(list(ids), self.convert_ids_to_tokens(list(ids)))
        second = None
        if pair_ids is not None:
            second = EncodedText.without_text(list(pair_ids), self.convert_ids_to_tokens(list(pair_ids)))
        data, encoding = padding_.prepare(self, first, second, around(self, chosen), chosen)
        data = padding_.finish(self, [(data, encoding)], False, chosen)
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
        return padding_.truncate(self, ids, pair_ids, num_tokens_to_remove, truncation_strategy, stride)

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
        return padding_.pad_batch(
            self, encoded_inputs, padding, max_length, pad_to_multiple_of, return_attention_mask, return_tensors,
            verbose,
        )  # fmt: skip

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **further: Any,
    ) -> str:
        """The text of ids (an int, a list or a tensor of one axis); cleaned up, "do n't" becomes "don't"."""
        text = self._joined(ids_of_one_text(token_ids), skip_special_tokens, **further)
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        return tidied(text) if clean_up_tokenization_spaces else text

    def batch_decode(self, sequences: Any, skip_special_tokens: bool = False, **further: Any) -> list[str]:
        """`decode` for each row of a batch."""
        return [self.decode(row, skip_special_tokens, **further) for row in sequences]

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Take out the spaces before . , ? ! and English contractions."""
        return tidied(out_string)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike, *inputs: Any, **options: Any):
        """Load a tokenizer from a folder, a vocabulary file, the shipped model's name or a name on the Hub.

        Reads vocab.txt or tokenizer.json, and tokenizer_config.json, special_tokens_map.json and
        added_tokens.json where they are. `options` override what the files say; `revision`, `cache_dir`,
        `token`, `local_files_only`, `force_download`, `proxies` and `subfolder` are for the Hub.
        Raises OSError when there is no such tokenizer, ValueError when a file is damaged.
        """
        where = {name: value for name, value in take_options(options).items() if value is not None}
        for option in _WITHOUT_EFFECT:
            options.pop(option, None)
        name = pretrained_model_name_or_path
        if isinstance(name, (str, os.PathLike)) and os.path.isfile(name):
            return cls(*inputs, **arguments_of_file(Path(name), options, cls.is_fast))
        folder = resolve(name, files="tokenizer", **where)
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
            raise ValueError("bertlab does not upload; save to a folder and upload that with huggingface_hub")
        return save_tokenizer(self, Path(save_directory), filename_prefix, legacy_format)

    def _save_tokens(self, folder: Path, prefix: str, legacy_format: bool | None) -> list[Path]:
        """vocab.txt and added_tokens.json."""
        return saved_tokens(self, folder, prefix)

    def save_vocabulary(self, save_directory: str | os.PathLike, filename_prefix: str | None = None) -> tuple[str]:
        """Write the vocabulary without added tokens, a token a line, to vocab.txt in a folder (or to a file)."""
        return (str(write_vocabulary(self._base_vocabulary(), Path(save_directory), filename_prefix)),)

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
