"""Both sides of a comparison: what a model computes on its text, and which tokens of two texts belong together."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Seen:
    """What one model computes on one text.

    `hidden` (layers + 1, tokens, hidden), `attention` (layers, heads, query, key) with NaN where a head is gone,
    `logits` (tokens, vocabulary), `tokens` as the model gets them.
    """

    tokens: list[str]
    hidden: torch.Tensor
    attention: torch.Tensor
    logits: torch.Tensor


@torch.no_grad()
def seen(lab: Any, batch: Mapping[str, torch.Tensor]) -> Seen:
    """Run a lab's model, without dropout, on a batch of one text."""
    from bertlab.analysis import evaluating
    from bertlab.analysis.heads import remaining_heads
    from bertlab.recording import names, record

    model = lab.model
    batch = {name: value.to(lab.device) for name, value in batch.items()}
    with evaluating(model), record(model, [*names.all_hidden(), names.probs()]) as recording:
        output = model(**batch)
    remaining, count = remaining_heads(model), model.config.num_attention_heads
    length, layers = batch["input_ids"].shape[1], len(remaining)
    attention = torch.full((layers, count, length, length), torch.nan)
    for layer, numbers in remaining.items():
        if numbers:
            attention[layer, numbers] = recording.attention(layer)[0].float().cpu()
    hidden = torch.stack([recording.hidden(state)[0].float().cpu() for state in range(layers + 1)])
    tokens = lab.tokenizer.convert_ids_to_tokens(batch["input_ids"][0].tolist())
    return Seen(tokens, hidden, attention, output.prediction_logits[0].float().cpu())


def aligned(tokens: list[str], others: list[str]) -> list[tuple[int, int]]:
    """Which places of two texts belong together: equal tokens in order, and runs of exchanged ones of equal length."""
    pairs: list[tuple[int, int]] = []
    matcher = difflib.SequenceMatcher(None, tokens, others, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind == "equal" or (kind == "replace" and end - start == other_end - other_start):
            pairs += zip(range(start, end), range(other_start, other_end), strict=True)
    return pairs


def distances(a: Seen, b: Seen, pairs: list[tuple[int, int]]) -> torch.Tensor:
    """(layers, heads, pairs): half the sum of |difference| of the weights of each token that looks, 0 to 1.

    Keys that the other text does not have count with all their weight.
    """
    mine, theirs = map(list, zip(*pairs, strict=True))
    one, other = a.attention[:, :, mine], b.attention[:, :, theirs]  # (layers, heads, pairs, keys of its own text)
    common = (one[..., mine] - other[..., theirs]).abs().sum(-1)
    rest = sorted(set(range(one.shape[-1])) - set(mine)), sorted(set(range(other.shape[-1])) - set(theirs))
    alone = one[..., rest[0]].sum(-1) + other[..., rest[1]].sum(-1)
    return ((common + alone) / 2).clamp(0, 1)


def cosines(a: Seen, b: Seen, pairs: list[tuple[int, int]]) -> torch.Tensor:
    """(layers + 1, pairs): the cosine of each token's states on both sides; NaN for models of unequal width."""
    mine, theirs = map(list, zip(*pairs, strict=True))
    if a.hidden.shape[-1] != b.hidden.shape[-1]:
        return torch.full((len(a.hidden), len(pairs)), torch.nan)
    return torch.cosine_similarity(a.hidden[:, mine], b.hidden[:, theirs], dim=-1)
