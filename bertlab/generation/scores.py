"""What the options do to the scores of the next token, before one is chosen."""

from __future__ import annotations

import torch

from bertlab.generation.options import GenerationOptions

EXCLUDED = float("-inf")


def penalise_repetition(scores: torch.Tensor, input_ids: torch.Tensor, penalty: float) -> torch.Tensor:
    """Scores of tokens that the text holds are divided by `penalty`, negative ones multiplied (Keskar et al. 2019).

    (rows, vocabulary), (rows, length) -> (rows, vocabulary). Padding counts as part of the text.
    """
    seen = scores.gather(1, input_ids)  # (rows, length)
    return scores.scatter(1, input_ids, torch.where(seen < 0, seen * penalty, seen / penalty))


def forbid_repeated_ngrams(scores: torch.Tensor, input_ids: torch.Tensor, size: int) -> torch.Tensor:
    """-inf for every token that would complete a run of `size` tokens which the text already holds.

    (rows, vocabulary), (rows, length) -> (rows, vocabulary)
    """
    length = input_ids.shape[1]
    if length < size:
        return scores
    runs = input_ids.unfold(1, size, 1)  # (rows, runs, size)
    tail = input_ids[:, length - size + 1 :]  # (rows, size - 1)
    rows, places = (runs[..., :-1] == tail[:, None]).all(-1).nonzero(as_tuple=True)
    scores = scores.clone()
    scores[rows, runs[rows, places, -1]] = EXCLUDED
    return scores


def keep_top_k(scores: torch.Tensor, k: int) -> torch.Tensor:
    """-inf for all but the k highest scores of each row (and those equal to the k-th): (rows, vocabulary)"""
    least = scores.topk(min(k, scores.shape[-1])).values[:, -1:]  # (rows, 1)
    return scores.masked_fill(scores < least, EXCLUDED)


def keep_top_p(scores: torch.Tensor, p: float, at_least: int = 1) -> torch.Tensor:
    """-inf for all but the fewest tokens of each row whose probabilities reach p: (rows, vocabulary)"""
    ascending, order = scores.sort()
    unneeded = ascending.softmax(-1).cumsum(-1) <= 1 - p  # (rows, vocabulary), in ascending order
    unneeded[:, -at_least:] = False
    return scores.masked_fill(unneeded.scatter(1, order, unneeded), EXCLUDED)


def apply(options: GenerationOptions, scores: torch.Tensor, input_ids: torch.Tensor, new: int) -> torch.Tensor:
    """All that the options do to the scores of the next token, after `new` tokens have been added."""
    if options.repetition_penalty != 1:
        scores = penalise_repetition(scores, input_ids, options.repetition_penalty)
    if options.no_repeat_ngram_size:
        scores = forbid_repeated_ngrams(scores, input_ids, options.no_repeat_ngram_size)
    if options.ends and (new < options.min_new_tokens or input_ids.shape[1] < options.min_length):
        scores = scores.index_fill(1, torch.tensor(options.ends, device=scores.device), EXCLUDED)
    if options.do_sample:
        at_least = 1 if options.num_beams == 1 else max(2, 1 + len(options.ends))  # so that a beam can go on
        if options.temperature != 1:
            scores = scores / options.temperature
        if options.top_k:
            scores = keep_top_k(scores, max(options.top_k, at_least))
        if options.top_p < 1:
            scores = keep_top_p(scores, options.top_p, at_least)
    return scores


def check_choice(best: torch.Tensor) -> None:
    """Refuse rows whose best score (rows,) is -inf or NaN."""
    if not bool((best > EXCLUDED).all()):
        raise ValueError(
            "no token is left to choose from: the model's scores are NaN, or the options (no_repeat_ngram_size, "
            "min_new_tokens, min_length) exclude the whole vocabulary"
        )


def draw(scores: torch.Tensor, count: int, generator: torch.Generator | None) -> torch.Tensor:
    """Draw `count` different places of each row by the softmax of its scores: (rows, places) -> (rows, count)"""
    return torch.multinomial(scores.softmax(-1), count, generator=generator)
