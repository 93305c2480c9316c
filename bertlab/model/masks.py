"""Masks: from 1 (look) and 0 (do not) to what is added to scores or multiplied with probabilities; and padding."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.model.kernels import values_known


class Packing:
    """Drops the padding at the ends of a batch's rows, and puts it back as zeros.

    Built from a mask (batch, sequence) in which 1 marks real tokens. What is hidden before a row's last real token, and
    a row without any, is no padding of this kind: it is computed, as it would be without packing.
    """

    def __init__(self, mask: torch.Tensor):
        real = mask != 0
        to_come = real.flip(1).cumsum(1).flip(1)  # (batch, sequence): real tokens from here on
        kept = (to_come > 0) | ~real.any(1, keepdim=True)
        self.shape = mask.shape
        self.places = kept.flatten().nonzero().squeeze(1)  # (tokens,)

    def pack(self, padded: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, features) -> (tokens, features)"""
        return padded.flatten(0, 1).index_select(0, self.places)

    def pad(self, packed: torch.Tensor) -> torch.Tensor:
        """(tokens, features) -> (batch, sequence, features)"""
        padded = packed.new_zeros(self.shape.numel(), packed.shape[-1])
        return padded.index_copy(0, self.places, packed).view(*self.shape, -1)


def additive(visible: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """1 (look) and 0 as what is added to the scores: 0 and the smallest number of the type.

    Not -inf, so that a row with nothing to see is uniform, not NaN.
    """
    return (1.0 - visible.to(dtype)) * torch.finfo(dtype).min


def extended(mask: torch.Tensor, queries: int, causal: bool, dtype: torch.dtype) -> torch.Tensor:
    """(batch, key) or (batch, query, key) of 1 and 0 -> additive (batch, 1, query or 1, key).

    Where `causal`, a mask (batch, key) is joined with the causal one: no query sees a later key. A mask with a row for
    each query replaces it.

    Raises:
        ValueError: for a mask with other axes.
    """
    if mask.dim() == 3:
        visible = mask[:, None, :, :]
    elif mask.dim() == 2:
        visible = mask[:, None, None, :]
        if causal:
            keys = mask.shape[1]
            at = torch.arange(keys, device=mask.device)
            visible = visible * (at[None, :] <= at[keys - queries :, None])  # (batch, 1, query, key)
    else:
        raise ValueError(f"attention_mask has shape {tuple(mask.shape)}; give (batch, sequence) or (batch, query, key)")
    return additive(visible, dtype)


def inverted(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The same for the states of an encoder: never causal.

    Raises:
        ValueError: for a mask with other axes.
    """
    if mask.dim() not in (2, 3):
        raise ValueError(
            f"encoder_attention_mask has shape {tuple(mask.shape)}; give (batch, key) or (batch, query, key)"
        )
    return additive(mask[:, None, None] if mask.dim() == 2 else mask[:, None], dtype)


def of_heads(mask: torch.Tensor | None, layers: int, dtype: torch.dtype) -> Any:
    """(heads,) or (layers, heads) -> (layers, 1, heads, 1, 1); None -> a list of None.

    Raises:
        ValueError: for a mask of another shape.
    """
    if mask is None:
        return [None] * layers
    if mask.dim() == 1:
        mask = mask.expand(layers, -1)
    if mask.dim() == 2:
        mask = mask[:, None, :, None, None]
    if mask.dim() != 5 or mask.shape[0] != layers:
        raise ValueError(
            f"head_mask has shape {tuple(mask.shape)}; give (heads,) or (layers, heads) for {layers} layers"
        )
    return mask.to(dtype=dtype)


def hides_nothing(mask: torch.Tensor) -> bool:
    """Whether every key may be seen, so that nothing need be added to the scores; False where that is unknown."""
    return values_known(mask) and bool((mask == 1).all())


def may_blind(mask: torch.Tensor | None) -> bool:
    """Whether some query may see no key at all, for all that is known. Its probabilities are uniform; the fused kernel
    gets that right, but not its gradient (the logarithm of the number of keys is lost beside the mask's huge number).
    """
    if mask is None:
        return False
    return not values_known(mask) or bool((mask == torch.finfo(mask.dtype).min).all(-1).any())
