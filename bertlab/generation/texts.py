"""The texts so far, and the cache that spares the model what it has seen."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def reorder_cache(
    past_key_values: tuple[tuple[torch.Tensor, ...], ...], beam_idx: torch.Tensor
) -> tuple[tuple[torch.Tensor, ...], ...]:
    """The cache of the rows `beam_idx` (rows,), in that order: a row may vanish, or come more than once."""
    return tuple(tuple(x.index_select(0, beam_idx.to(x.device)) for x in layer) for layer in past_key_values)


class Texts:
    """The texts so far, and all that the model needs to score their next tokens."""

    def __init__(
        self,
        model: nn.Module,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None,
        encoder: dict[str, torch.Tensor],
        use_cache: bool,
        count_padding: bool,
    ):
        self.model = model
        self.input_ids = input_ids  # (rows, length)
        self.attention_mask = attention_mask  # (rows, length)
        self.token_type_ids = token_type_ids  # (rows, length)
        self.encoder = encoder  # the encoder's states and their mask
        self.use_cache = use_cache
        self.positions_follow_mask = not count_padding and not bool((attention_mask == 1).all())
        self.cache: Any = None

    @property
    def length(self) -> int:
        """Tokens of each text, padding included."""
        return self.input_ids.shape[1]

    def next_logits(self) -> torch.Tensor:
        """Run the model on what the cache does not hold: (rows, vocabulary)"""
        known = self.length - 1 if self.cache is not None else 0
        inputs = {
            "input_ids": self.input_ids[:, known:],
            "attention_mask": self.attention_mask,
            **self.encoder,
        }
        if self.token_type_ids is not None:
            inputs["token_type_ids"] = self.token_type_ids[:, known:]
        if self.positions_follow_mask:
            inputs["position_ids"] = (self.attention_mask.cumsum(1) - 1).clamp(min=0)[:, known:]
        outputs = self.model(**inputs, past_key_values=self.cache, use_cache=self.use_cache, return_dict=True)
        if self.use_cache:
            self.cache = outputs.past_key_values
        return outputs.logits[:, -1]

    def append(self, token_ids: torch.Tensor) -> None:
        """Add one token to each text: (rows,)"""
        self.input_ids = torch.cat([self.input_ids, token_ids[:, None]], dim=1)
        self.attention_mask = torch.cat([self.attention_mask, torch.ones_like(token_ids)[:, None]], dim=1)
        if self.token_type_ids is not None:
            self.token_type_ids = torch.cat([self.token_type_ids, self.token_type_ids[:, -1:]], dim=1)

    def repeat(self, times: int) -> None:
        """Each text `times` times, side by side."""
        if times == 1:
            return
        self.input_ids = self.input_ids.repeat_interleave(times, dim=0)
        self.attention_mask = self.attention_mask.repeat_interleave(times, dim=0)
        self.encoder = {name: value.repeat_interleave(times, dim=0) for name, value in self.encoder.items()}
        if self.token_type_ids is not None:
            self.token_type_ids = self.token_type_ids.repeat_interleave(times, dim=0)

    def reorder(self, rows: torch.Tensor) -> None:
        """Go on with these rows (rows,), each from the same prompt as the row that it replaces."""
        self.input_ids = self.input_ids[rows]
        if self.cache is not None:
            self.cache = reorder_cache(self.cache, rows)
