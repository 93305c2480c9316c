"""What BERT is asked in pre-training: masked words and sentence pairs (Devlin et al. 2019, 3.1 and A.1).

Pure functions: ids in, ids out. Nothing here knows a tokenizer, a model or a file; every random choice comes
from the generator that the caller hands over.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bertlab.tasks import IGNORED, truncate_pair

IS_NEXT, NOT_NEXT = 0, 1


class MaskedTokens(NamedTuple):
    """Masked ids and what they hide, both (batch, sequence); labels are -100 wherever nothing is asked."""

    input_ids: Tensor
    labels: Tensor


class SentencePair(NamedTuple):
    """Two segments of token ids; label 0: the second follows the first, 1: it does not, -100: not asked."""

    first: list[int]
    second: list[int]
    label: int


def mask_tokens(
    input_ids: Tensor,
    *,
    mask_token_id: int,
    vocab_size: int,
    special: Tensor,
    rate: float = 0.15,
    masked: float = 0.8,
    randomized: float = 0.1,
    words: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> MaskedTokens:
    """Choose positions to be predicted and hide most of them (section 3.1, "Masked LM").

    Of the chosen positions a share `masked` becomes [MASK], a share `randomized` becomes any id of the
    vocabulary, and the rest stays as it is.

    Args:
        input_ids: (batch, sequence) ids.
        special: (batch, sequence) bool, True where nothing may be masked ([CLS], [SEP], [PAD]).
        rate: share of the other positions that is chosen, each by its own draw.
        words: (batch, sequence) number of the word that each piece belongs to, from `word_numbers`;
            if given, all the pieces of a word are chosen together (whole-word masking).
        generator: source of the draws; torch's global one if None.

    Raises:
        ValueError: shapes differ, or shares outside 0..1.
    """
    for name, share in (("rate", rate), ("masked", masked), ("randomized", randomized)):
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"{name} is {share}, but a share lies between 0 and 1")
    if masked + randomized > 1.0 + 1e-9:
        raise ValueError(f"masked + randomized is {masked + randomized}, but together they are at most 1")
    for name, tensor in (("special", special), ("words", words)):
        if tensor is not None and tensor.shape != input_ids.shape:
            expected = tuple(input_ids.shape)
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, but input_ids have shape {expected}")
    source: dict[str, Any] = {"generator": generator, "device": generator.device if generator else input_ids.device}
    draw = torch.rand(input_ids.shape, **source).to(input_ids.device)
    if words is not None:
        draw = draw.gather(1, words)  # (batch, sequence): the draw of a word serves all its pieces
    chosen = (draw < rate) & ~special.bool()  # (batch, sequence)

    fate = torch.rand(input_ids.shape, **source).to(input_ids.device)
    any_id = torch.randint(vocab_size, input_ids.shape, **source).to(input_ids)
    labels = torch.where(chosen, input_ids, IGNORED)
    hidden = torch.where(chosen & (fate < masked), mask_token_id, input_ids)
    hidden = torch.where(chosen & (fate >= masked) & (fate < masked + randomized), any_id, hidden)
    return MaskedTokens(hidden, labels)


def word_numbers(input_ids: Tensor, continues: Tensor) -> Tensor:
    """Number the words of each row from 0: (batch, sequence) ids -> (batch, sequence) word numbers.

    `continues` is (vocabulary,) bool: True for pieces that continue a word ("##ing").
    """
    starts = ~continues[input_ids]  # (batch, sequence)
    starts[:, 0] = True
    return starts.long().cumsum(dim=1) - 1


def sentence_pairs(
    documents: Sequence[Sequence[Sequence[int]]],
    max_tokens: int,
    *,
    generator: random.Random,
    order: Sequence[int] | None = None,
    random_share: float = 0.5,
    short_share: float = 0.1,
) -> Iterator[SentencePair]:
    """Cut documents into pairs of segments for next-sentence prediction (section A.1).

    A segment is a run of whole sentences. The second one continues the first (label 0) or, with probability
    `random_share`, comes from another document (label 1); sentences that were not used because of that come
    again. A document of one sentence cannot be continued: it is yielded alone, with label -100.

    Args:
        documents: documents of sentences of token ids, without special tokens.
        max_tokens: most tokens of both segments together (the sequence length minus 3).
        order: the documents to go through, by number; all of them in their order if None.
        short_share: share of the pairs that aim at a random shorter length, as the model will meet such.

    Raises:
        ValueError: max_tokens below 2, or random pairs wanted from fewer than two documents.
    """
    if max_tokens < 2:
        raise ValueError(f"max_tokens is {max_tokens}, but a pair needs room for at least 2 tokens")
    if random_share > 0 and len(documents) < 2:
        raise ValueError(
            f"{len(documents)} document(s) given, but a random second segment comes from another document: "
            "give at least 2, or random_share=0"
        )
    for number in range(len(documents)) if order is None else order:
        document = [sentence for sentence in documents[number] if len(sentence)]
        if len(document) == 1:
            yield SentencePair(list(document[0][:max_tokens]), [], IGNORED)
            continue
        start = 0
        while start < len(document):
            target = max_tokens
            if generator.random() < short_share:
                target = generator.randint(2, max_tokens)
            stop, tokens = start, 0
            while stop < len(document) and tokens < target:
                tokens += len(document[stop])
                stop += 1
            left_over = stop == len(document) and stop - start == 1
            if left_over:  # pair the last sentence with the one before it
                start -= 1
            elif stop - start == 1:  # one long sentence
                stop += 1
            middle = generator.randint(start + 1, stop - 1)
            first = [token for sentence in document[start:middle] for token in sentence]
            if generator.random() < random_share:
                second = _random_segment(documents, number, max(1, target - len(first)), generator)
                label, start = NOT_NEXT, len(document) if left_over else middle
            else:
                second = [token for sentence in document[middle:stop] for token in sentence]
                label, start = IS_NEXT, stop
            # the first segment loses its beginning, so that what follows it stays beside it
            first, second = truncate_pair(first[::-1], second, max_tokens)
            yield SentencePair(first[::-1], second, label)


def _random_segment(documents, number: int, target: int, generator: random.Random) -> list[int]:
    """Sentences from a random place of a document other than `number`, up to about `target` tokens."""
    segment: list[int] = []
    for _ in range(1000):
        other = generator.randrange(len(documents) - 1)
        document = documents[other + (other >= number)]
        for sentence in document[generator.randrange(len(document)) :] if len(document) else []:
            segment.extend(sentence)
            if len(segment) >= target:
                return segment
        if segment:
            return segment
    raise ValueError("the documents hold hardly any tokens: leave out the empty ones")


def pack(
    documents: Sequence[Sequence[Sequence[int]]],
    max_tokens: int,
    *,
    order: Sequence[int] | None = None,
    cross_documents: bool = False,
    separator: int | None = None,
) -> Iterator[list[int]]:
    """Fill sequences of at most `max_tokens` ids with whole sentences, document by document.

    A sequence ends where its document ends, unless `cross_documents`: then the next document follows in the
    same sequence, behind `separator` if one is given (Liu et al. 2019, section 4.2, DOC- and FULL-SENTENCES).
    A sentence longer than a whole sequence is cut; every token comes exactly once.

    Raises:
        ValueError: max_tokens below 1.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens is {max_tokens}, but a sequence needs room for at least 1 token")
    packed: list[int] = []
    for number in range(len(documents)) if order is None else order:
        if cross_documents and packed and separator is not None:
            if len(packed) + 1 < max_tokens:
                packed.append(separator)
            else:
                yield packed
                packed = []
        for sentence in documents[number]:
            pieces = list(sentence)
            while pieces:
                if packed and len(packed) + len(pieces) > max_tokens:
                    yield packed
                    packed = []
                packed.extend(pieces[:max_tokens])
                pieces = pieces[max_tokens:]
        if packed and not cross_documents:
            yield packed
            packed = []
    if packed:
        yield packed
