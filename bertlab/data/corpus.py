"""Running text for pre-training: tokenised once into flat arrays, then cut into sequences epoch by epoch."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from bertlab.data.batches import shuffled_batches
from bertlab.data.masking import pack, sentence_pairs
from bertlab.files import read_json, replacing_all
from bertlab.rows import DataError, chunks, documents
from bertlab.tasks import IGNORED, Feature, assemble, length, pad, pieces_of

Document = list[list[int]]  # sentences of ids


class _Documents(Sequence[Document]):
    """Documents by their numbers, from the end too, and in slices."""

    @overload
    def __getitem__(self, number: int) -> Document: ...
    @overload
    def __getitem__(self, number: slice) -> list[Document]: ...
    def __getitem__(self, number):
        if isinstance(number, slice):
            return [self._document(one) for one in range(len(self))[number]]
        if not -len(self) <= number < len(self):
            raise IndexError(f"there is no document {number} among {len(self)}")
        return self._document(number % len(self))

    def _document(self, number: int) -> Document:
        raise NotImplementedError


class Corpus(_Documents):
    """Tokenised documents in three flat arrays: `corpus[3]` is document 3, a list of sentences of ids.

    `ids` holds all tokens, `sentence_ends` where each sentence ends in it, `document_ends` where each
    document ends among the sentences. The arrays may be files mapped into memory, and larger than it.
    """

    def __init__(self, ids: np.ndarray, sentence_ends: np.ndarray, document_ends: np.ndarray):
        if len(document_ends) and (document_ends[-1] != len(sentence_ends) or sentence_ends[-1] != len(ids)):
            raise DataError("the arrays of this corpus do not belong together: build it again")
        self.ids, self.sentence_ends, self.document_ends = ids, sentence_ends, document_ends

    def __len__(self) -> int:
        return len(self.document_ends)

    def _document(self, number: int) -> Document:
        first = int(self.document_ends[number - 1]) if number else 0
        last = int(self.document_ends[number])
        bounds = [
            int(self.sentence_ends[first - 1]) if first else 0,
            *self.sentence_ends[first:last].tolist(),
        ]
        tokens = self.ids[bounds[0] : bounds[-1]].tolist()
        shift = bounds[0]
        return [tokens[start - shift : end - shift] for start, end in zip(bounds, bounds[1:], strict=False)]

    @property
    def tokens(self) -> int:
        """Number of tokens of all documents."""
        return len(self.ids)

    @classmethod
    def build(cls, source: Any, tokenizer: Any, folder: str | Path | None = None, chunk: int = 2000) -> Corpus:
        """Tokenise `documents(source)` (or an iterable of lists of sentences).

        With a `folder` the arrays are written there piece by piece and mapped, so memory holds only a chunk.
        """
        texts = source if _is_documents(source) else documents(source)
        width = np.uint16 if len(tokenizer) <= 2**16 else np.int32
        if folder is None:
            stores: list[Any] = [io.BytesIO() for _ in _CORPUS_ARRAYS]
            _tokenise(texts, tokenizer, stores, width, chunk)
            types = (width, np.int64, np.int64)
            return cls(*(np.frombuffer(store.getvalue(), kind) for store, kind in zip(stores, types, strict=True)))
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with replacing_all(folder) as files:  # what stands there stays until all of the new one is on the disk
            with ExitStack() as stack:
                stores = [stack.enter_context(open(files.new(f"{name}.bin"), "wb")) for name in _CORPUS_ARRAYS]
                tokens, sentences = _tokenise(texts, tokenizer, stores, width, chunk)
            about = {"ids": np.dtype(width).name, "tokens": tokens, "sentences": sentences}
            files.remove("corpus.json")  # between the two no reader takes new arrays for the old ones
            files.new("corpus.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Corpus:
        """Map a corpus that `build` wrote.

        Raises:
            FileNotFoundError: no corpus there, or one whose building was interrupted.
            DataError: what lies there is not what `build` wrote.
        """
        folder = Path(folder)
        if not (folder / "corpus.json").is_file():
            raise FileNotFoundError(f"{folder} holds no finished corpus: build it with Corpus.build")
        try:
            about = read_json(folder / "corpus.json")
            kinds = (np.dtype(about["ids"]), np.dtype(np.int64), np.dtype(np.int64))
            arrays = [
                np.memmap(folder / f"{name}.bin", dtype=kind, mode="r")
                for name, kind in zip(_CORPUS_ARRAYS, kinds, strict=True)
            ]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(f"the corpus in {folder} is damaged ({error}): build it again with Corpus.build") from None
        if [len(arrays[0]), len(arrays[1])] != [about.get("tokens"), about.get("sentences")]:
            raise DataError(f"the corpus in {folder} is damaged: its arrays are not as long as its corpus.json says")
        return cls(*arrays)


_CORPUS_ARRAYS = ("ids", "sentence_ends", "document_ends")


def _tokenise(texts: Iterable, tokenizer: Any, stores: Sequence[Any], width: Any, chunk: int) -> tuple[int, int]:
    """Write the ids of documents and where sentences and documents end; returns how many tokens and sentences."""
    tokens = sentences = 0
    for part in chunks(iter(texts), chunk):
        pieces = iter(pieces_of(tokenizer, [sentence for document in part for sentence in document]))
        for document in part:
            before = sentences
            for _ in document:
                ids = next(pieces)
                if ids:
                    tokens, sentences = tokens + len(ids), sentences + 1
                    stores[0].write(np.array(ids, dtype=width).tobytes())
                    stores[1].write(np.int64(tokens).tobytes())
            if sentences > before:
                stores[2].write(np.int64(sentences).tobytes())
    if not sentences:
        raise DataError("the pre-training text is empty")
    return tokens, sentences


class Mixture(_Documents):
    """Corpora that training draws its sequences from, each in its share, for as long as it lasts.

    Both segments of a pair come from one corpus: a random one from another kind of text would be told by its
    style. A corpus of single sentences, which has no pairs, gives packed text.

    Args:
        parts: the corpora by name.
        shares: how much of the sequences each of them gives; any positive numbers, the same names.

    Raises:
        ValueError: the names differ, or a share is not above 0.
    """

    def __init__(self, parts: Mapping[str, Sequence[Document]], shares: Mapping[str, float]):
        if set(parts) != set(shares):
            raise ValueError(f"corpora are given for {sorted(parts)}, but shares for {sorted(shares)}")
        if not parts or min(shares.values()) <= 0:
            raise ValueError(f"the shares are {dict(shares)}, but a mixture needs some, all above 0")
        self.parts, self.shares = dict(parts), dict(shares)

    def __len__(self) -> int:
        return sum(map(len, self.parts.values()))

    def _document(self, number: int) -> Document:
        for part in self.parts.values():
            if number < len(part):
                return part[number]
            number -= len(part)
        raise AssertionError("the lengths of the parts add up")


def _is_documents(source: Any) -> bool:
    return isinstance(source, list) and bool(source) and isinstance(source[0], (list, tuple))


def pretraining_features(
    corpus: Sequence, tokenizer: Any, max_length: int, *, seed: int | str = 0, epoch: int = 0, pairs: bool = True,
    single_sentences: bool = False,
) -> Iterator[Feature]:  # fmt: skip
    """The sequences of one epoch: pairs with next_sentence_label, or packed text with label -100.

    Documents that are all single sentences are packed in either case, across their ends. With `single_sentences`
    every sentence is a sequence of its own, as prompts and minimal pairs are.
    """
    order = random.Random(f"{seed}/{epoch}")
    numbers = list(range(len(corpus)))
    order.shuffle(numbers)
    if single_sentences:
        for number in numbers:
            for sentence in corpus[number]:
                yield {**assemble(tokenizer, list(sentence), None, max_length), "next_sentence_label": IGNORED}
        return
    lone = _only_lone_sentences(corpus)
    if pairs and not lone:
        for first, second, label in sentence_pairs(corpus, max_length - 3, generator=order, order=numbers):
            feature = assemble(tokenizer, first[: max_length - 2], second or None, max_length)
            yield {**feature, "next_sentence_label": label}
    else:
        for ids in pack(corpus, max_length - 2, order=numbers, cross_documents=lone):
            yield {**assemble(tokenizer, ids, None, max_length), "next_sentence_label": IGNORED}


def _only_lone_sentences(corpus: Sequence) -> bool:
    """Whether every document is a single sentence."""
    if isinstance(corpus, Corpus):
        return len(corpus.document_ends) == len(corpus.sentence_ends)
    return all(len(document) == 1 for document in corpus)


def endless_features(corpus: Sequence, tokenizer: Any, max_length: int, *, seed: int | str = 0, **arrangement: bool
) -> Iterator[Feature]:  # fmt: skip
    """The sequences of epoch after epoch; those of a `Mixture` from its parts, drawn by their shares.

    `arrangement`: pairs, single_sentences, as for `pretraining_features`.
    """
    if isinstance(corpus, Mixture):
        streams = [
            endless_features(part, tokenizer, max_length, seed=f"{seed}/{name}", **arrangement)
            for name, part in corpus.parts.items()
        ]
        shares = [corpus.shares[name] for name in corpus.parts]
        draw = random.Random(f"{seed}/mixture")
        while True:
            yield next(draw.choices(streams, shares)[0])
    epoch = 0
    while True:
        yield from pretraining_features(corpus, tokenizer, max_length, seed=seed, epoch=epoch, **arrangement)
        epoch += 1


def pretraining_batches(
    corpus: Sequence,
    tokenizer: Any,
    batch_size: int,
    max_length: int,
    *,
    seed: int = 0,
    window: int = 50,
    **arrangement: bool,
) -> Iterator[list[Feature]]:
    """Endless batches for pre-training, epoch after epoch, sorted by length within windows of batches.

    `arrangement`: pairs, single_sentences, as for `pretraining_features`.
    """
    order = random.Random(f"{seed}/order")
    features = endless_features(corpus, tokenizer, max_length, seed=seed, **arrangement)
    for chunk in chunks(features, batch_size * window):
        yield from shuffled_batches(chunk, batch_size, order)


def collate_pretraining(features: Sequence[Feature], pad_token_id: int = 0, multiple: int = 1) -> dict[str, Tensor]:
    """input_ids, attention_mask, token_type_ids (batch, sequence), next_sentence_label (batch,)."""
    width = -(-max(map(length, features)) // multiple) * multiple
    batch = pad(features, width, pad_token_id)
    batch["next_sentence_label"] = torch.tensor([feature["next_sentence_label"] for feature in features])
    return batch
