"""`BertTokenizer`: plain Python, every step visible.

It and its fast twin disagree on some unusual texts (other Unicode tables, no NFC in the fast one), and in how they
return what truncation cuts off; each equals its documented counterpart. The algorithm itself is in `wordpiece`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bertlab.tokenizer.base import TokenizerBase
from bertlab.tokenizer.batch import BatchEncoding
from bertlab.tokenizer.encoding import EncodedText
from bertlab.tokenizer.enough import LONG, check_words, enough_of
from bertlab.tokenizer.framing import around
from bertlab.tokenizer.options import CallOptions, check_stride
from bertlab.tokenizer.padding import finish, prepare
from bertlab.tokenizer.parts import BasicTokenizer, WordpieceTokenizer
from bertlab.tokenizer.pieces import MAX_CHARACTERS_PER_WORD
from bertlab.tokenizer.saving import unusual_options
from bertlab.tokenizer.steps import Span
from bertlab.tokenizer.tensors import as_lists
from bertlab.tokenizer.tokens import AddedToken, our_token
from bertlab.tokenizer.vocabulary import read_vocabulary
from bertlab.tokenizer.wordpiece import Trace, WordPiece


class BertTokenizer(TokenizerBase):
    """The readable tokenizer: plain Python, every step visible through `trace`, offsets included.

    vocab_file: a path to vocab.txt (a token a line, UTF-8), or a mapping from tokens to ids.
    do_lower_case: lowercase the text (and strip accents unless `strip_accents` says otherwise).
    do_basic_tokenize: clean, normalize and split at punctuation before the search for pieces.
    never_split: words that stay whole (lowercase ones in a lowercasing tokenizer).
    unk_token ... mask_token: the special tokens; those the vocabulary lacks get new ids beyond it.
    tokenize_chinese_chars: make every Chinese character a word.
    strip_accents: None means as `do_lower_case`.
    clean_text: drop control characters and unify white space.
    wordpieces_prefix: what marks a piece that goes on with a word.
    max_input_chars_per_word: longer words are unknown.
    Further options: model_max_length, padding_side, truncation_side, additional_special_tokens,
    clean_up_tokenization_spaces, split_special_tokens, model_input_names.

    Raises ValueError for a vocabulary that is not UTF-8, repeats a token or lacks the unknown token.
    """

    is_fast = False

    def __init__(
        self,
        vocab_file: str | os.PathLike | Mapping[str, int],
        do_lower_case: bool = True,
        do_basic_tokenize: bool = True,
        never_split: Iterable[str] | None = None,
        unk_token: str | AddedToken = "[UNK]",
        sep_token: str | AddedToken = "[SEP]",
        pad_token: str | AddedToken | None = "[PAD]",
        cls_token: str | AddedToken = "[CLS]",
        mask_token: str | AddedToken | None = "[MASK]",
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        clean_text: bool = True,
        wordpieces_prefix: str = "##",
        max_input_chars_per_word: int = MAX_CHARACTERS_PER_WORD,
        bos_token: str | AddedToken | None = None,
        eos_token: str | AddedToken | None = None,
        added_tokens_decoder: Mapping[int, AddedToken] | None = None,
        **further: Any,
    ):
        self.vocab = read_vocabulary(vocab_file, str(unk_token))
        self.ids_to_tokens = {token_id: token for token, token_id in self.vocab.items()}
        if isinstance(never_split, str):
            raise TypeError("never_split is a collection of words, not a string")
        self._basic: dict[str, Any] = {
            "do_lower_case": do_lower_case,
            "do_basic_tokenize": do_basic_tokenize,
            "never_split": None if never_split is None else list(never_split),
            "tokenize_chinese_chars": tokenize_chinese_chars,
            "strip_accents": strip_accents,
        }
        self._clean_text = clean_text
        self._prefix = wordpieces_prefix
        self._most_characters = max_input_chars_per_word
        self._added = {token_id: our_token(token) for token_id, token in (added_tokens_decoder or {}).items()}
        self._added_ids = {token.content: token_id for token_id, token in self._added.items()}
        self._wordpiece: WordPiece | None = None  # made when needed
        self._ids: dict[str, int] | None = None  # all ids, likewise
        further.pop("tokenizer_file", None)
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
        missing = [token for token in self.all_special_tokens_extended if str(token) not in self._added_ids]
        self._add_tokens(missing, special=True)

    # ------------------------------------------------------------------------------------- vocabulary

    @property
    def do_lower_case(self) -> bool:
        return self._basic["do_lower_case"]

    @property
    def vocab_size(self) -> int:
        """The size of the vocabulary without added tokens; `len(tokenizer)` counts these too."""
        return len(self.vocab)

    def __len__(self) -> int:
        return len(self.vocab.keys() | self._added_ids.keys())

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id, added ones included."""
        return self.vocab | self._added_ids

    def get_added_vocab(self) -> dict[str, int]:
        """The added tokens (special ones included) with their ids."""
        return dict(self._added_ids)

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """The ids of the added tokens, in their order."""
        return {token.content: token_id for token_id, token in sorted(self._added.items())}

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id, with their options."""
        return dict(sorted(self._added.items()))

    def _base_vocabulary(self) -> dict[str, int]:
        return self.vocab

    def _add_tokens(self, tokens: Sequence[str | AddedToken], special: bool) -> int:
        known = self.get_vocab()
        next_id, count = max(known.values(), default=-1) + 1, 0
        specials = set(self.all_special_tokens)
        for token in tokens:
            if isinstance(token, str):
                if token in self._added_ids or not token:
                    continue
                token = AddedToken(token, special=special or token in specials)
            else:
                token = our_token(token)
                if special:
                    token = replace(token, special=True)
            if not token.content:
                continue
            lowercases = self._basic["do_lower_case"] and self._basic["do_basic_tokenize"]
            if token.normalized and not token.special and lowercases:
                token = replace(token, content=token.content.lower())
            if token.content not in known:
                known[token.content] = next_id + count
                count += 1
            token_id = known[token.content]
            if token.special and token.content not in specials:
                self._additional = [*self._additional, token]
                specials.add(token.content)
            self._added[token_id] = token
            self._added_ids[token.content] = token_id
        self._tokens_changed()
        return count

    def _tokens_changed(self) -> None:
        self._wordpiece = None
        self._ids = None

    @property
    def wordpiece(self) -> WordPiece:
        """The algorithm as this tokenizer runs it."""
        if self._wordpiece is None:
            self._wordpiece = WordPiece(
                self.vocab,
                unk_token=self.unk_token,
                do_lower_case=self._basic["do_lower_case"],
                do_basic_tokenize=self._basic["do_basic_tokenize"],
                never_split=self._basic["never_split"] or (),
                tokenize_chinese_chars=self._basic["tokenize_chinese_chars"],
                strip_accents=self._basic["strip_accents"],
                clean_text=self._clean_text,
                prefix=self._prefix,
                max_characters_per_word=self._most_characters,
                added_tokens=tuple(self._added.values()),
                special_tokens=self.all_special_tokens,
            )
        return self._wordpiece

    @property
    def basic_tokenizer(self) -> BasicTokenizer:
        """The first half: from a text to words; there is none without `do_basic_tokenize`."""
        if not self._basic["do_basic_tokenize"]:
            raise AttributeError("there is no basic_tokenizer with do_basic_tokenize=False")
        return BasicTokenizer(
            do_lower_case=self._basic["do_lower_case"],
            never_split=(*(self._basic["never_split"] or ()), *self.all_special_tokens),
            tokenize_chinese_chars=self._basic["tokenize_chinese_chars"],
            strip_accents=self._basic["strip_accents"],
            clean_text=self._clean_text,
        )

    @property
    def wordpiece_tokenizer(self) -> WordpieceTokenizer:
        """The second half: from words to pieces."""
        return WordpieceTokenizer(self.vocab, self.unk_token, self._most_characters, self._prefix)

    # --------------------------------------------------------------------------------------- encoding

    def trace(self, text: str) -> Trace:
        """Every step from a text to its pieces (see `wordpiece`); print it to read it."""
        if not isinstance(text, str):
            raise TypeError(f"trace takes a string, not {type(text).__name__}")
        return self.wordpiece.trace(text, self.split_special_tokens)

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """The tokens of a text (and of a second one)."""
        if pair is None and not add_special_tokens and not options and isinstance(text, str):
            return self.wordpiece.tokens(text, self.split_special_tokens)
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
        token_id = self._added_ids.get(token)
        if token_id is None:
            token_id = self.vocab.get(token)
        return self._unknown_id() if token_id is None else token_id

    def _unknown_id(self) -> int:
        unknown = self._added_ids.get(self.unk_token, self.vocab.get(self.unk_token))
        if unknown is None:
            raise ValueError(
                f"the unknown token {self.unk_token!r} is not in the vocabulary; set unk_token to one that is"
            )
        return unknown

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id or the tokens of a list; the unknown token for an id that is none."""
        ids = as_lists(ids)
        if isinstance(ids, int):
            return self._token_of(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self._token_of(int(token_id)) for token_id in ids if int(token_id) not in skipped]

    def _token_of(self, token_id: int) -> str:
        if token_id in self._added:
            return self._added[token_id].content
        return self.ids_to_tokens.get(token_id, self.unk_token)

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Tokens joined to a text, pieces put together to words."""
        return " ".join(tokens).replace(f" {self._prefix}", "").strip()

    def _joined(self, ids: list[int], skip_special_tokens: bool, spaces_between_special_tokens: bool = True) -> str:
        apart = set(self._added_ids) - set(self.all_special_tokens)
        apart |= {token for token in self.additional_special_tokens if self._id_of(token) >= self.vocab_size}
        parts: list[str] = []
        run: list[str] = []  # tokens since the last added one
        for token in self.convert_ids_to_tokens(ids, skip_special_tokens):
            if token not in apart:
                run.append(token)
                continue
            if run:
                parts.append(self.convert_tokens_to_string(run))
            parts.append(token)
            run = []
        if run:
            parts.append(self.convert_tokens_to_string(run))
        return (" " if spaces_between_special_tokens else "").join(part for part in parts if part)

    def _problem_with(self, value: Any, options: CallOptions) -> str | None:
        if isinstance(value, (list, tuple)) and not options.is_split_into_words:
            if value and (all(type(item) is int for item in value) or all(isinstance(item, str) for item in value)):
                return "gives no offsets: ids and tokens have none." if options.return_offsets_mapping else None
        return super()._problem_with(value, options)

    def _encode(self, inputs: list[tuple], batched: bool, options: CallOptions) -> BatchEncoding:
        frame = around(self, options)
        rows = []
        for first, second in inputs:
            if options.stride:
                check_stride(self, options, second is not None)
            first, second = self._enough(first, second, options)
            texts = self._encoded(first, options), None if second is None else self._encoded(second, options)
            rows.append(prepare(self, *texts, frame, options))
        data = finish(self, rows, batched, options)
        return BatchEncoding(
            data,
            [encoding for _, encoding in rows],
            options.return_tensors,
            prepend_batch_axis=not batched,
        )

    def _enough(self, first: Any, second: Any, options: CallOptions) -> tuple[Any, Any]:
        """The texts without what truncation on the right cuts off."""
        if max(len(first), len(second or "")) <= LONG:
            return first, second
        for text in (first, second):
            if isinstance(text, str) and not text.isascii():  # in ASCII the places of characters are not kept
                check_words(text)
        if self.truncation_side != "right":
            return first, second
        special = 0 if not options.add_special_tokens else 2 if second is None else 3
        longest = max(map(len, self._added_ids), default=0)
        return enough_of(
            first, second, options, special, longest,
            lambda text: self.wordpiece.locate(text, options.split_special_tokens),
        )  # fmt: skip

    def _encoded(self, text: Any, options: CallOptions) -> EncodedText:
        """A text (or words, tokens, ids) as ids and tokens."""
        wordpiece, split_special = self.wordpiece, options.split_special_tokens
        if isinstance(text, str):
            tokens = wordpiece.tokens(text, split_special)
            return EncodedText(self._ids_of(tokens), tokens, partial(wordpiece.locate, text, split_special))
        if options.is_split_into_words:
            pieces = [wordpiece.tokens(word, split_special) for word in text]
            tokens = [token for word in pieces for token in word]

            def locate() -> tuple[list[Span], list[int | None]]:
                places = [place for word in text for place in wordpiece.locate(word, split_special)[0]]
                return places, [number for number, word in enumerate(pieces) for _ in word]

            return EncodedText(self._ids_of(tokens), tokens, locate)
        if text and isinstance(text[0], int):
            return EncodedText.without_text(list(text), self.convert_ids_to_tokens(text))
        return EncodedText.without_text(self._ids_of(text), list(text))

    def _ids_of(self, tokens: Sequence[str]) -> list[int]:
        if self._ids is None:
            self._ids = self.get_vocab()
        ids, unknown = self._ids, self._unknown_id()
        return [ids.get(token, unknown) for token in tokens]

    def _saved_options(self) -> dict[str, Any]:
        return dict(self._basic) | unusual_options(self._clean_text, self._prefix, self._most_characters)
