"""`BertTokenizerFast`: the same interface on the `tokenizers` library."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bertlab.files import write_whole
from bertlab.tokenizer.backend import (
    backend_token,
    loaded_backend,
    new_backend,
    pipeline_of,
    without_gaps,
    without_surrogates,
)
from bertlab.tokenizer.base import TokenizerBase
from bertlab.tokenizer.batch import BatchEncoding
from bertlab.tokenizer.enough import LONG, check_words, enough_of
from bertlab.tokenizer.options import LARGE, CallOptions, check_stride
from bertlab.tokenizer.padding import columns
from bertlab.tokenizer.pieces import MAX_CHARACTERS_PER_WORD
from bertlab.tokenizer.pipeline import lowercases, normalizer_options, unusual_steps
from bertlab.tokenizer.readable import BertTokenizer
from bertlab.tokenizer.saving import unusual_options
from bertlab.tokenizer.tensors import as_lists
from bertlab.tokenizer.tokens import AddedToken, checked_id, our_token
from bertlab.tokenizer.vocabulary import read_vocabulary

# The backend keeps padding and truncation as its own state, so setting them and encoding must not interleave.
_backend_lock = threading.Lock()


class BertTokenizerFast(TokenizerBase):
    """The fast tokenizer: the same interface on the `tokenizers` library (`backend_tokenizer`).

    vocab_file: a path to vocab.txt or a mapping from tokens to ids; tokenizer_file: a path to tokenizer.json.
    The other options are those of `BertTokenizer`, without do_basic_tokenize and never_split; do_lower_case,
    tokenize_chinese_chars, strip_accents and clean_text are by default what tokenizer.json says.
    """

    is_fast = True
    vocab_files_names = {"vocab_file": "vocab.txt", "tokenizer_file": "tokenizer.json"}
    _wrong_text_error = TypeError

    def __init__(
        self,
        vocab_file: str | os.PathLike | Mapping[str, int] | None = None,
        tokenizer_file: str | os.PathLike | None = None,
        do_lower_case: bool | None = None,
        unk_token: str | AddedToken = "[UNK]",
        sep_token: str | AddedToken = "[SEP]",
        pad_token: str | AddedToken | None = "[PAD]",
        cls_token: str | AddedToken = "[CLS]",
        mask_token: str | AddedToken | None = "[MASK]",
        tokenize_chinese_chars: bool | None = None,
        strip_accents: bool | None = None,
        clean_text: bool | None = None,
        wordpieces_prefix: str = "##",
        bos_token: str | AddedToken | None = None,
        eos_token: str | AddedToken | None = None,
        added_tokens_decoder: Mapping[int, AddedToken] | None = None,
        tokenizer_object: Any = None,
        max_input_chars_per_word: int = MAX_CHARACTERS_PER_WORD,
        **further: Any,
    ):
        asked = {
            "do_lower_case": do_lower_case,
            "tokenize_chinese_chars": tokenize_chinese_chars,
            "strip_accents": strip_accents,
            "clean_text": clean_text,
        }
        asked = {name: value for name, value in asked.items() if value is not None}
        if tokenizer_object is not None or tokenizer_file is not None:
            self._backend = loaded_backend(tokenizer_object, tokenizer_file, asked)
            if self._backend.truncation is not None:
                further.setdefault("truncation_side", self._backend.truncation["direction"])
            if self._backend.padding is not None:
                further.setdefault("padding_side", self._backend.padding["direction"])
            wordpieces_prefix = getattr(self._backend.model, "continuing_subword_prefix", wordpieces_prefix)
        elif vocab_file is not None:
            vocabulary = read_vocabulary(vocab_file, str(unk_token))
            self._backend = new_backend(vocabulary, str(unk_token), wordpieces_prefix, asked, max_input_chars_per_word)
        else:
            raise ValueError("A tokenizer is made from a vocab_file or a tokenizer_file; give one of them")
        pipeline = pipeline_of(self._backend)
        options = normalizer_options(pipeline)
        self._unusual = unusual_steps(pipeline)
        self._prefix = wordpieces_prefix
        self._clean_text = options.get("clean_text", True)
        self._basic = {
            "do_lower_case": lowercases(pipeline),
            "tokenize_chinese_chars": options.get("tokenize_chinese_chars", False),
            "strip_accents": options.get("strip_accents"),
        }
        self.do_lower_case = self._basic["do_lower_case"]
        super().__init__(
            special_tokens={
                "bos_token": bos_token,
                "eos_token": eos_token,
                "unk_token": unk_token,
                "sep_token": sep_token,
                "pad_token": pad_token,
                "cls_token": cls_token,
                "mask_token": mask_token,
            },
            **further,
        )
        self._add_missing(added_tokens_decoder or {})
        if tokenizer_object is None and tokenizer_file is None:
            self._backend.post_processor = self._special_token_template()

    def _add_missing(self, added: Mapping[int, AddedToken]) -> None:
        """Add the saved tokens in the order of their ids, then the special tokens that the backend lacks."""
        tokens: list[str | AddedToken] = [token for _, token in sorted(added.items())]
        present = set(self.added_tokens_encoder) | {str(token) for token in tokens}
        tokens += [token for token in self.all_special_tokens_extended if str(token) not in present]
        specials = set(self.all_special_tokens)
        for token in tokens:
            is_special = str(token) in specials or getattr(token, "special", False)
            self._add_tokens([token], is_special)

    def _special_token_template(self):
        from tokenizers import processors

        if self.cls_token is None or self.sep_token is None:
            return None
        cls, sep = self.cls_token, self.sep_token
        first = [f"{cls}:0", "$A:0", f"{sep}:0"]
        return processors.TemplateProcessing(
            single=first,
            pair=[*first, "$B:1", f"{sep}:1"],
            special_tokens=[(cls, self.cls_token_id), (sep, self.sep_token_id)],
        )

    # ------------------------------------------------------------------------------------- vocabulary

    @property
    def backend_tokenizer(self):
        """The `tokenizers.Tokenizer` underneath."""
        return self._backend

    @property
    def vocab_size(self) -> int:
        """The size of the vocabulary without added tokens; `len(tokenizer)` counts these too."""
        return self._backend.get_vocab_size(with_added_tokens=False)

    def __len__(self) -> int:
        return self._backend.get_vocab_size(with_added_tokens=True)

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id, added ones included."""
        return self._backend.get_vocab(with_added_tokens=True)

    @property
    def vocab(self) -> dict[str, int]:
        """Every token with its id, added ones included."""
        return self.get_vocab()

    def _base_vocabulary(self) -> dict[str, int]:
        return self._backend.get_vocab(with_added_tokens=False)

    def get_added_vocab(self) -> dict[str, int]:
        """The added tokens (special ones included) with their ids."""
        return self.added_tokens_encoder

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """The ids of the added tokens, in their order."""
        return {token.content: token_id for token_id, token in self.added_tokens_decoder.items()}

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id, with their options."""
        added = self._backend.get_added_tokens_decoder()
        return {token_id: our_token(token) for token_id, token in sorted(added.items())}

    def _add_tokens(self, tokens: Sequence[str | AddedToken], special: bool) -> int:
        new = [token for token in tokens if self._backend.token_to_id(getattr(token, "content", token)) is None]
        if new:
            self._backend = without_gaps(self._backend)
        add = self._backend.add_special_tokens if special else self._backend.add_tokens
        return add([backend_token(token) for token in tokens])

    def readable(self) -> BertTokenizer:
        """The readable tokenizer with the same vocabulary, options and added tokens.

        Raises:
            ValueError: where this tokenizer cuts texts in another way than BERT's, which the readable one cannot.
        """
        if self._unusual:
            raise ValueError(
                f"the readable tokenizer cannot follow this one, for {' and '.join(self._unusual)}, and would make "
                "other pieces of the same text"
            )
        return BertTokenizer(
            self._base_vocabulary(),
            **self._basic,
            clean_text=self._clean_text,
            wordpieces_prefix=self._prefix,
            max_input_chars_per_word=self._backend.model.max_input_chars_per_word,
            **self.special_tokens_map_extended,
            added_tokens_decoder=self.added_tokens_decoder,
            name_or_path=self.name_or_path,
            model_max_length=self.model_max_length,
            padding_side=self.padding_side,
            truncation_side=self.truncation_side,
            model_input_names=self.model_input_names,
            clean_up_tokenization_spaces=self.clean_up_tokenization_spaces,
        )

    # --------------------------------------------------------------------------------------- encoding

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens an encoded text (2) or pair (3) gets."""
        return self._backend.num_special_tokens_to_add(pair)

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """The tokens of a text (and of a second one)."""
        return self.encode_plus(text, pair, add_special_tokens=add_special_tokens, **options).tokens()

    def convert_tokens_to_ids(self, tokens: str | Sequence[str] | None) -> Any:
        """The id of a token or the ids of a list; the unknown token's for a token not in the vocabulary."""
        if tokens is None:
            return None
        if isinstance(tokens, str):
            return self._id_of(tokens)
        return [self._id_of(token) for token in tokens]

    def _id_of(self, token: str) -> int:
        if not isinstance(token, str):
            raise TypeError(f"A token is a string, not {type(token).__name__}")
        token_id = self._backend.token_to_id(token)
        return self._backend.token_to_id(self.unk_token) if token_id is None else token_id

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id or the tokens of a list; None for an id that is none."""
        ids = as_lists(ids)
        if isinstance(ids, int):
            return self._token_of(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self._token_of(int(token_id)) for token_id in ids if int(token_id) not in skipped]

    def _token_of(self, token_id: int) -> str | None:
        return self._backend.id_to_token(checked_id(token_id))

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Tokens joined to a text, pieces put together to words."""
        return self._backend.decoder.decode(list(tokens))

    def _joined(self, ids: list[int], skip_special_tokens: bool, **further: Any) -> str:
        ids = [checked_id(token_id) for token_id in ids]
        return self._backend.decode(ids, skip_special_tokens=skip_special_tokens)

    def _encode(self, inputs: list[tuple], batched: bool, options: CallOptions) -> BatchEncoding:
        pairs = any(second is not None for _, second in inputs)
        if not batched and pairs and not inputs[0][1]:
            pairs = False  # a single text with an empty second one counts as a single text
        check_stride(self, options, pairs)
        if any(len(text) > LONG for texts in inputs for text in texts if text is not None):
            for texts in inputs:
                for text in texts:
                    check_words(text)
            inputs = [self._enough(first, second if pairs else None, options) for first, second in inputs]
        items = [tuple(map(without_surrogates, texts)) if pairs else without_surrogates(texts[0]) for texts in inputs]
        with _backend_lock:
            self._set_backend(options)
            try:
                encodings = self._backend.encode_batch(
                    items,
                    add_special_tokens=options.add_special_tokens,
                    is_pretokenized=options.is_split_into_words,
                )
            except BaseException as error:
                if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                    raise self._explained(error, options) from error
                raise
        sources = None
        if options.return_overflowing_tokens:
            parts = [[encoding, *encoding.overflowing] for encoding in encodings]
            sources = [number for number, group in enumerate(parts) for _ in group]
            encodings = [encoding for group in parts for encoding in group]
        data = columns(encodings, options)
        if options.return_length:
            data["length"] = [len(row) for row in data["input_ids"]]
        if sources is not None:
            data["overflow_to_sample_mapping"] = sources
        self._warn_of_long_rows(data["input_ids"], options)
        if not batched and options.return_tensors is None and sources is None:
            data = {name: rows[0] if isinstance(rows[0], list) else rows for name, rows in data.items()}
        return BatchEncoding(data, encodings, options.return_tensors)

    def _enough(self, first: Any, second: Any, options: CallOptions) -> tuple[Any, Any]:
        """The texts without what truncation on the right cuts off; of an unusual pipeline all, as it may look ahead."""
        if max(len(first), len(second or "")) <= LONG or options.truncation == "do_not_truncate":
            return first, second
        if self.truncation_side != "right" or self._unusual:
            return first, second
        special = self.num_special_tokens_to_add(second is not None) if options.add_special_tokens else 0
        longest = max(map(len, self.added_tokens_encoder), default=0)

        def locate(text: str) -> tuple[list[tuple[int, int]], list[int | None]]:
            encoding = self._backend.encode(without_surrogates(text), add_special_tokens=False)
            return encoding.offsets, encoding.word_ids

        with _backend_lock:
            self._backend.no_truncation()
            self._backend.no_padding()
            return enough_of(first, second, options, special, longest, locate)

    def _set_backend(self, options: CallOptions) -> None:
        if options.truncation == "do_not_truncate":
            if self._backend.truncation is not None:
                self._backend.no_truncation()
        else:
            wanted = {
                "max_length": options.max_length,
                "stride": options.stride,
                "strategy": options.truncation,
                "direction": self.truncation_side,
            }
            current = self._backend.truncation or {}
            if any(current.get(name) != value for name, value in wanted.items()):
                self._backend.enable_truncation(**wanted)
        if options.padding == "do_not_pad":
            if self._backend.padding is not None:
                self._backend.no_padding()
        else:
            wanted = {
                "length": options.max_length if options.padding == "max_length" else None,
                "direction": options.padding_side,
                "pad_id": self.pad_token_id,
                "pad_token": self.pad_token,
                "pad_type_id": self.pad_token_type_id,
                "pad_to_multiple_of": options.pad_to_multiple_of,
            }
            if self._backend.padding != wanted:
                self._backend.enable_padding(**wanted)

    def _explained(self, error: BaseException, options: CallOptions) -> Exception:
        if options.truncation != "do_not_truncate":
            return ValueError(
                f'The input cannot be cut to {options.max_length} tokens with truncation "{options.truncation}" '
                f'({error}); use a larger max_length or "longest_first".'
            )
        return ValueError(f"The text cannot be encoded: {error}.")

    def _warn_of_long_rows(self, rows: list[list[int]], options: CallOptions) -> None:
        if options.max_length is None and self.model_max_length < LARGE:
            longest = max(map(len, rows))
            if longest > self.model_max_length:
                self._warn(
                    "too long",
                    f"The input has {longest} tokens, more than the {self.model_max_length} the model can take; "
                    "pass truncation=True.",
                    options.verbose,
                )

    def _saved_options(self) -> dict[str, Any]:
        if self._unusual:  # then BERT's class would not do, neither here nor in transformers
            return {"tokenizer_class": "PreTrainedTokenizerFast"}
        most = self._backend.model.max_input_chars_per_word
        return dict(self._basic) | unusual_options(self._clean_text, self._prefix, most)

    def _save_tokens(self, folder: Path, prefix: str, legacy_format: bool | None) -> list[Path]:
        if self._unusual and legacy_format:
            raise ValueError(
                f"vocab.txt cannot say how this tokenizer cuts texts, for {' and '.join(self._unusual)}; leave "
                "legacy_format out"
            )
        files = [] if legacy_format is False or self._unusual else super()._save_tokens(folder, prefix, legacy_format)
        if legacy_format is not True:
            files.append(folder / f"{prefix}tokenizer.json")
            with _backend_lock:
                self._backend.no_truncation()
                self._backend.no_padding()
                write_whole(files[-1], self._backend.to_str(pretty=True))
        return files
