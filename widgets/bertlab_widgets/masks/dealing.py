"""Masking as in pre-training, dealt like cards: 15 % of the tokens, of these 80 % masked, 10 % random, 10 % kept."""

from __future__ import annotations

import torch

from bertlab.language import say

from ..workbench import SelectionError, Workbench, mask_id

MOST_DEALS = 2000  # at once


class Dealer:
    """Deals masks to the workbench's text, again and again, and counts what became of its tokens."""

    def __init__(self, workbench: Workbench):
        self.workbench = workbench
        self.cards, self.dealt = torch.Generator(), 0
        self.tally = {"mask": 0, "random": 0, "kept": 0, "untouched": 0}

    def begin(self) -> None:
        """Shuffle, and count from 0."""
        self.dealt, self.tally = 0, dict.fromkeys(self.tally, 0)

    def deal(self, times: int, seed: int) -> dict:
        """{"tokens", "fates", "tally"}: the last of so many deals, and the counts of all since the beginning."""
        from bertlab.data import mask_tokens

        workbench, mask = self.workbench, mask_id(self.workbench)
        if mask is None:
            raise SelectionError(say("this vocabulary has no [MASK] to deal: load a model that has one"))
        ids = workbench.encoding.input_ids
        special = torch.tensor([[token["special"] for token in workbench.encoding.tokens]])
        if not self.dealt:
            self.cards.manual_seed(seed)
        times, dealt = max(1, min(int(times), MOST_DEALS)), None
        self.dealt += times
        for _ in range(times):
            dealt = mask_tokens(
                ids,
                special=special,
                mask_token_id=mask,
                vocab_size=workbench.config.vocab_size,
                generator=self.cards,
            )
            chosen = dealt.labels != -100
            masked = chosen & (dealt.input_ids == mask)
            kept = chosen & (dealt.input_ids == ids)
            self.tally["mask"] += int(masked.sum())
            self.tally["kept"] += int(kept.sum())
            self.tally["random"] += int((chosen & ~masked & ~kept).sum())
            self.tally["untouched"] += int((~chosen & ~special).sum())
        names = workbench.lab.tokenizer.convert_ids_to_tokens(dealt.input_ids[0].tolist())
        fates = [
            "special" if s else "mask" if m else "kept" if k else "random" if c else "untouched"
            for s, m, k, c in zip(
                special[0].tolist(), masked[0].tolist(), kept[0].tolist(), chosen[0].tolist(), strict=True
            )
        ]
        return {"tokens": names, "fates": fates, "tally": dict(self.tally)}
