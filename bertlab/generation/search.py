"""Greedy search and sampling: one token after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bertlab.generation.options import GenerationOptions
from bertlab.generation.scores import apply, check_choice, draw
from bertlab.generation.texts import Texts


@dataclass(frozen=True, eq=False)
class Step:
    """One more token for every text, from greedy search or sampling. Rows are prompts x `num_return_sequences`.

    `logits` are the model's scores, `scores` what the options made of them (-inf where a token is excluded); the
    token was chosen by the softmax of `scores`.
    """

    index: int  # 0 for the first new token
    input_ids: torch.Tensor  # (rows, length): the texts so far, this token included
    token_ids: torch.Tensor  # (rows,)
    logits: torch.Tensor  # (rows, vocabulary)
    scores: torch.Tensor  # (rows, vocabulary)
    finished: torch.Tensor  # (rows,): texts that have ended, now or before
    padded: torch.Tensor  # (rows,): texts that had ended before, whose token is only padding
    last: bool  # nothing follows

    @property
    def probabilities(self) -> torch.Tensor:
        """The probability with which each token was chosen, NaN for padding: (rows,)"""
        chosen = self.scores.softmax(-1).gather(1, self.token_ids[:, None]).squeeze(1)
        return chosen.masked_fill(self.padded, float("nan"))

    def top(self, k: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
        """The k most probable tokens of each row and their probabilities, best first: (rows, k), (rows, k)"""
        probabilities, token_ids = self.scores.softmax(-1).topk(min(k, self.scores.shape[-1]))
        return token_ids, probabilities


@torch.no_grad()
def search(texts: Texts, options: GenerationOptions, length: int) -> Iterator[Step]:
    """Greedy search or sampling: one token after the other, until all texts have ended or have `length` tokens."""
    texts.repeat(options.num_return_sequences)
    device = texts.input_ids.device
    ends = torch.tensor(options.ends, dtype=torch.long, device=device)
    finished = torch.zeros(len(texts.input_ids), dtype=torch.bool, device=device)
    for index in range(length - texts.length):
        logits = texts.next_logits()  # (rows, vocabulary)
        scores = apply(options, logits, texts.input_ids, index)
        check_choice(scores.max(-1).values[~finished])
        tokens = draw(scores, 1, options.generator).squeeze(1) if options.do_sample else scores.argmax(-1)  # (rows,)
        padded = finished
        if options.ends:
            tokens = tokens.masked_fill(padded, options.pad_token_id)
            finished = padded | torch.isin(tokens, ends)
        texts.append(tokens)
        last = bool(finished.all()) or texts.length == length
        yield Step(index, texts.input_ids, tokens, logits, scores, finished, padded, last)
        if last:
            return
