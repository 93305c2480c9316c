"""Masked words and the words that may stand there."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.lab.results import Candidate, MaskFills


def mask_id(lab: Any) -> int:
    """The id of [MASK]: see `Lab.mask_id`."""
    token, number = lab.tokenizer.mask_token, lab.tokenizer.mask_token_id
    if token is None or number is None:
        raise ValueError(f"the tokenizer of {lab.name} has no mask token, so no word can be masked")
    if number >= lab.model.config.vocab_size:
        raise ValueError(
            f"the vocabulary of {lab.name} lacks the mask token {token!r}, and the model has no row for it, so no word "
            "can be masked"
        )
    return number


def fill(lab: Any, text: str, count: int, text_pair: str | None) -> MaskFills:
    """The `count` most probable words for each mask, among the tokens that exist."""
    mask = mask_id(lab)
    encoding: Any = lab.encode(text, text_pair)
    places = (encoding["input_ids"][0] == mask).nonzero().squeeze(1)
    if not len(places):
        name = lab.tokenizer.mask_token
        raise ValueError(f"the text has no {name}; put {name} where a word is to be guessed")
    hidden = lab.model.bert(**encoding).last_hidden_state[0, places]  # (masks, hidden)
    probabilities = lab.sound(lab.model.cls.predictions(hidden).float()).softmax(-1)  # (masks, vocabulary)
    known = _token_ids(lab)
    best = probabilities[:, known].topk(min(count, len(known)))
    trained = lab.is_trained("fill_mask")
    fills = [
        [
            Candidate(token, number, p, trained)
            for token, number, p in zip(lab.tokenizer.convert_ids_to_tokens(ids), ids, values)
        ]
        for ids, values in zip(known[best.indices].tolist(), best.values.tolist())
    ]
    return MaskFills(fills, trained)


def _token_ids(lab: Any) -> torch.Tensor:
    """The ids that are tokens, (tokens,): a model may have more rows than its vocabulary."""
    size = lab.model.config.vocab_size
    tokens = lab.tokenizer.convert_ids_to_tokens(list(range(size)))
    return torch.tensor([number for number, token in enumerate(tokens) if token is not None], device=lab.device)
