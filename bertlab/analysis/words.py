"""Words instead of pieces: which word a token belongs to, and attention, scores and names by words.

numbers = words.of(lab.encode(text))                       # [0, 1, 2, 2, 2, 3]: [CLS], a word, a word of 3 pieces
words.merge(recording.attention(3)[0], numbers)            # (heads, words, words)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import torch


def of(encoding: Any, row: int = 0) -> list[int]:
    """The number of each token's word, from 0 upwards in the order of the text.

    Every special token (padding too) is a word of its own, and a second text counts on. `encoding.word_ids(row)`
    starts again at the second text, so that it would mix the words of the two.

    Args:
        encoding: what a tokenizer returned, not a dictionary made of it: it knows the words.
        row: which of its texts.

    Raises:
        TypeError: when it knows no words. LookupError: when there is no such row.
    """
    if not hasattr(encoding, "word_ids") or not hasattr(encoding, "sequence_ids"):
        raise TypeError(
            f"a {type(encoding).__name__} does not know its words; give what the tokenizer returns, as lab.encode does"
        )
    numbers, last, number = [], None, -1
    for token, (sequence, word) in enumerate(zip(encoding.sequence_ids(row), encoding.word_ids(row))):
        special = sequence is None or word is None  # no other token is of its word
        key = token if special else (sequence, word)
        if key != last:
            number, last = number + 1, key
        numbers.append(number)
    return numbers


def merge(
    weights: torch.Tensor, query_words: Sequence[Hashable], key_words: Sequence[Hashable] | None = None
) -> torch.Tensor:
    """Attention by words: the sum over the pieces that are looked at, the mean over those that look (Clark et al.
    2019, section 4.1). Rows that sum to 1 still do.

    (..., query, key) -> (..., words, words), words in the order of their first token.

    Args:
        query_words: the word of each token that looks, as `of` gives them; `key_words` of each that is looked at, the
            same when None.

    Raises:
        ValueError: when there is not one word for each token.
    """
    key_words = query_words if key_words is None else key_words
    looks = members(query_words, weights.shape[-2], "query_words").to(weights)
    seen = members(key_words, weights.shape[-1], "key_words").to(weights)
    return (looks / looks.sum(1, keepdim=True)) @ weights @ seen.T


def total(scores: torch.Tensor, words: Sequence[Hashable]) -> torch.Tensor:
    """Scores of tokens added up by words, such as attributions: (..., tokens) -> (..., words)."""
    return scores @ members(words, scores.shape[-1], "words").to(scores).T


def names(tokens: Sequence[str], words: Sequence[Hashable], tokenizer: Any) -> list[str]:
    """What each word is called: its pieces joined, as the tokenizer joins them."""
    if len(tokens) != len(words):
        raise ValueError(f"{len(words)} words were given for {len(tokens)} tokens; give one a token")
    pieces: dict[Hashable, list[str]] = {}
    for token, word in zip(tokens, words):
        pieces.setdefault(word, []).append(token)
    joined = [part[0] if len(part) == 1 else tokenizer.convert_tokens_to_string(part) for part in pieces.values()]
    return [name.replace(" ", "") for name in joined]


def members(words: Sequence[Hashable], tokens: int, name: str = "words") -> torch.Tensor:
    """(words, tokens) of booleans: which tokens are of which word, words in the order of their first token.

    Raises:
        TypeError: for a token without a word. ValueError: when there is not one word for each token.
    """
    words = words.tolist() if isinstance(words, torch.Tensor) else list(words)
    if len(words) != tokens:
        raise ValueError(f"{name} has {len(words)} words for {tokens} tokens; give one a token")
    if any(word is None for word in words):
        raise TypeError(f"{name} holds None, which is no word; give what words.of returns, not word_ids")
    order: dict[Hashable, int] = {}
    numbers = [order.setdefault(word, len(order)) for word in words]
    of_token = torch.tensor(numbers, dtype=torch.long)
    return of_token[None, :] == torch.arange(len(order))[:, None]
