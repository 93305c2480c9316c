"""A text, or a pair, as the model takes it: what the token strip of every panel shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Encoding:
    """One text (or pair) as the model takes it, before masking: what the token strip shows.

    `tokens` holds a dict for each position: text, id, type, special, unknown, word (index of the word in its segment,
    None for special tokens), start, end (characters of its segment's string), segment (0 or 1).
    `cut` holds the characters that did not fit, one string for each segment.
    """

    input_ids: torch.Tensor  # (1, sequence)
    token_type_ids: torch.Tensor  # (1, sequence)
    tokens: list[dict]
    cut: tuple[str, ...] = ()

    @property
    def word_numbers(self) -> list[int]:
        """The word of each token, counted through both segments; as `bertlab.analysis.words.of` counts them."""
        return word_numbers(self.tokens)

    @property
    def length(self) -> int:
        """How many tokens there are, special ones included."""
        return len(self.tokens)


def word_numbers(tokens: list[dict]) -> list[int]:
    """The word of each token of the strip, from 0 upwards; every special token is a word of its own."""
    numbers, last, number = [], None, -1
    for position, token in enumerate(tokens):
        key = position if token["word"] is None else (token["segment"], token["word"])
        if key != last:
            number, last = number + 1, key
        numbers.append(number)
    return numbers


def joined_words(tokens: list[dict], tokenizer) -> list[dict]:
    """The tokens of the strip joined to words, each with the `positions` of its pieces; special where all are."""
    from bertlab.analysis import words

    numbers = word_numbers(tokens)
    texts, originals = (
        words.names([token[name] for token in tokens], numbers, tokenizer) for name in ("text", "original")
    )
    found: list[dict] = []
    for token, number in zip(tokens, numbers, strict=True):
        if number == len(found):
            names = {"text": texts[number], "original": originals[number]}
            found.append({**token, **names, "positions": [], "special": True})
        found[number]["positions"].append(token["position"])
        found[number]["special"] &= token["special"]
    return found


def token_names(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The tokens of ids; "[id 131]" for a row of the model that stands for no token, where it has more than words."""
    names = tokenizer.convert_ids_to_tokens(list(ids))
    return [f"[id {number}]" if name is None else name for name, number in zip(names, ids, strict=True)]


def encode(tokenizer, text: str, text_pair: str = "", limit: int = 512) -> Encoding:
    """Text -> `Encoding`, cut to `limit` tokens where it is longer (the longer sentence gives way first)."""
    arguments = (text, text_pair) if text_pair else (text,)
    options = {"return_offsets_mapping": True, "return_special_tokens_mask": True}
    encoded = tokenizer(*arguments, truncation=True, max_length=limit, **options)
    ids = encoded["input_ids"]
    types = encoded.get("token_type_ids") or [0] * len(ids)
    names = tokenizer.convert_ids_to_tokens(ids)
    words, segments = encoded.word_ids(), encoded.sequence_ids()
    tokens = []
    for i, name in enumerate(names):
        start, end = encoded["offset_mapping"][i]
        special = segments[i] is None or ids[i] in (tokenizer.mask_token_id,)
        tokens.append(
            {
                "text": name,
                "id": ids[i],
                "type": types[i],
                "special": special,
                "unknown": ids[i] == tokenizer.unk_token_id,
                "word": words[i],
                "start": start,
                "end": end,
                "segment": segments[i] if segments[i] is not None else types[i],
            }
        )
    ends = {
        segment: max((t["end"] for t in tokens if t["word"] is not None and t["segment"] == segment), default=0)
        for segment in range(len(arguments))
    }
    cut = tuple(whole[ends[segment] :].strip() for segment, whole in enumerate(arguments))
    return Encoding(torch.tensor([ids]), torch.tensor([types]), tokens, cut if len(ids) >= limit else ())
