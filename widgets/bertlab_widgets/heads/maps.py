"""The weights of a `HeadsPanel`: of each layer and head in the mode of the moment, compared, and as bytes."""

from __future__ import annotations

import contextlib
import difflib
from typing import Any

import torch

from bertlab.language import mark, say

from ..workbench import SelectionError

MODES = {
    "attention": mark("attention"),  # the weights themselves, before dropout
    "norm": mark("norm-weighted"),  # norm of what each weight brings, ‖αf(x)‖ (Kobayashi et al. 2020)
    "rollout": mark("rollout"),  # attention multiplied through the layers (Abnar & Zuidema 2020)
    "gradient": mark("× gradient"),  # attention × the gradient of the most likely prediction
}
TILE = 36  # most cells along one side of a tile of the grid
WHOLE_LAYER = 300_000  # bytes: a layer's heads travel together up to this size, one by one above it


class Maps:
    """What a panel's heads look at. Heads have the numbers of the unpruned model; one that is gone looks at nothing."""

    def __init__(self, panel: Any):
        self.panel = panel
        self.pinned: dict | None = None  # the weights that were pinned, and what they were seen of

    @property
    def workbench(self):
        """The state that all panels share."""
        return self.panel.workbench

    # --- one layer

    def layer(self, layer: int, *, heads_on: bool = False) -> torch.Tensor:
        """(heads, query, key) of one layer in the mode of the moment; rollout has one head, the layer itself. By words
        where they are shown: the mean over the pieces that look, the sum over those that are looked at.

        With `heads_on` as if no head were switched off.
        """
        weights = self.of_tokens(layer, heads_on=heads_on)
        if not self.panel.words:
            return weights
        from bertlab.analysis import words

        return words.merge(weights, self.workbench.encoding.word_numbers)

    def of_tokens(self, layer: int, *, heads_on: bool = False) -> torch.Tensor:
        """The same by tokens, whatever is shown."""
        workbench, panel = self.workbench, self.panel
        if panel.mode == "attention":
            result = workbench.baseline if heads_on else workbench.result
            return self._numbered(layer, result.recording.attention(layer)[0].float().cpu())
        state = (*workbench.key[:-1], ()) if heads_on else workbench.key
        key = (panel.mode, panel.norm_residual, self._gradient_place(), *state)
        weights = workbench.cached(key, lambda: self._derived(heads_on))[layer]
        return weights if self.per_layer else self._numbered(layer, weights)

    def gone(self) -> list[tuple[int, int]]:
        """The heads that were pruned from the model."""
        from bertlab.analysis.heads import remaining_heads

        left = remaining_heads(self.workbench.model)
        count = self.workbench.head_count
        return [(layer, head) for layer in left for head in range(count) if head not in left[layer]]

    def _numbered(self, layer: int, weights: torch.Tensor) -> torch.Tensor:
        """The heads of a layer at the places of their numbers; where one was pruned there is nothing."""
        count = self.workbench.head_count
        if weights.shape[0] == count:
            return weights
        gone = {head for at, head in self.gone() if at == layer}
        whole = weights.new_zeros(count, *weights.shape[1:])
        whole[[head for head in range(count) if head not in gone]] = weights
        return whole

    def _derived(self, heads_on: bool) -> list[torch.Tensor]:
        """(heads, query, key) for each layer, in a mode that is computed from the recording."""
        from bertlab.analysis import attention

        workbench, panel = self.workbench, self.panel
        if panel.mode == "rollout":
            recording = (workbench.baseline if heads_on else workbench.result).recording
            return [weights.float().cpu() for weights in attention.rollout(recording)]  # each (1, query, key)
        with workbench.lock, contextlib.nullcontext() if heads_on else workbench.ablating():
            if panel.mode == "gradient":
                return self._gradient()
            with torch.no_grad():
                maps = attention.norm_weighted(workbench.model, workbench.batch(), residual=panel.norm_residual)
        return [weights[0].float().cpu() for weights in maps]

    @property
    def per_layer(self) -> bool:
        """True in the modes that have one map a layer, not one a head."""
        return self.panel.mode == "rollout" or (self.panel.mode == "norm" and self.panel.norm_residual)

    def _gradient(self) -> list[torch.Tensor]:
        """Attention x gradient of the log-probability of the most likely token at the place in question."""
        from bertlab.recording import record

        workbench = self.workbench
        with torch.enable_grad():
            with record(workbench.model, "encoder.layer.*.attention.self.probs", retain_grad=True) as recording:
                output = workbench.model(**workbench.batch())
            chosen = output.prediction_logits[0, self._gradient_place()].log_softmax(-1).max()
            weights = [recording.attention(layer) for layer in range(workbench.layer_count)]
            gradients = torch.autograd.grad(chosen, weights)
        return [
            (weight * gradient)[0].detach().float().cpu() for weight, gradient in zip(weights, gradients, strict=True)
        ]

    def _gradient_place(self) -> int:
        """The place whose most likely prediction is differentiated."""
        place = self.panel.target_place()
        return self.panel.default_token if place is None else place

    # --- as on the screen

    @property
    def units(self) -> list[dict]:
        """What looks and is looked at: the tokens, or the words that they are pieces of."""
        workbench, words = self.workbench, self.panel.words
        return workbench.cached(
            ("units", words, *workbench.key), lambda: workbench.words if words else workbench.tokens
        )

    def unit(self, position: int) -> int:
        """The number of the unit that a token of the strip belongs to."""
        return self.workbench.encoding.word_numbers[position] if self.panel.words else position

    @property
    def chosen(self) -> list[int]:
        """The units of the selected tokens."""
        return sorted({self.unit(position) for position in self.workbench.selected})

    @property
    def visible(self) -> list[int]:
        """The units that are shown: all, or those that are no special tokens."""
        hide = self.panel.hide_special
        return [i for i, token in enumerate(self.units) if not (hide and token["special"])]

    def tile(self, layer: int) -> torch.Tensor:
        """(heads, query, key) as in the grid: hidden tokens out, rows refilled, the pinned text subtracted."""
        weights, visible = self.compared(layer), self.visible
        if len(visible) < weights.shape[-1]:
            weights = weights[:, visible][:, :, visible]
        return self._refilled(weights)

    def shown(self) -> torch.Tensor:
        """(query, key): the mean of the heads that are looked at, hidden tokens at 0."""
        maps = []
        for layer, head in self.panel.heads_shown():
            weights = self.compared(layer).clone()
            hidden = sorted(set(range(weights.shape[-1])) - set(self.visible))
            weights[:, hidden] = 0
            weights[:, :, hidden] = 0
            maps.append(self._refilled(weights)[0 if self.per_layer else head])
        return torch.stack(maps).mean(0)

    def _refilled(self, weights: torch.Tensor) -> torch.Tensor:
        if not self.panel.renormalise or self.signed:
            return weights
        return weights / weights.sum(-1, keepdim=True).clamp_min(1e-12)

    # --- against the pinned text, or the model with every head on

    @property
    def comparing(self) -> bool:
        """Whether a difference is shown."""
        return self.panel.difference and (self.pinned is not None or bool(self.workbench.ablated))

    @property
    def signed(self) -> bool:
        """Whether the weights may be below zero."""
        return self.panel.mode == "gradient" or self.comparing

    def compared(self, layer: int) -> torch.Tensor:
        """(heads, query, key): the weights, or in a comparison their difference.

        That is to the pinned ones, on the tokens that both share in order; without a pin to the model with all on.
        """
        weights, pinned, panel = self.layer(layer), self.pinned, self.panel
        if not self.comparing:
            return weights
        if pinned is None:
            return weights - self.layer(layer, heads_on=True)
        if pinned["mode"] != panel.mode:
            raise SelectionError(
                say("the pinned weights are {pinned}: pin again under {mode}", pinned=pinned["mode"], mode=panel.mode)
            )
        if len(pinned["weights"]) != self.workbench.layer_count or len(pinned["weights"][layer]) != len(weights):
            raise SelectionError(say("the pinned weights are those of a model with other layers or heads: pin again"))
        if pinned["words"] != panel.words:
            by_words = say("the pinned weights are by words: pin again")
            raise SelectionError(by_words if pinned["words"] else say("the pinned weights are by pieces: pin again"))
        here = [token["original"] for token in self.units]
        return aligned_difference(weights, here, pinned["weights"][layer], pinned["tokens"])

    def pin(self, seen: dict) -> dict:
        """The weights of the moment, to be held against others; `seen` says what they are of."""
        self.pinned = {
            "mode": self.panel.mode,
            "tokens": [token["original"] for token in self.units],
            "words": self.panel.words,
            "weights": [self.layer(layer).clone() for layer in range(self.workbench.layer_count)],
            "seen": seen,
        }
        return self.pinned

    def _switched(self) -> set[tuple[int, int]]:
        """The heads that are off on one side of a comparison: their own change is known, and would drown the others."""
        return set(self.workbench.ablated) ^ set(self.pinned["seen"]["ablated"] if self.pinned else ())

    def top(self) -> float:
        """The largest weight there may be: 1 for attention and rollout, the largest there is otherwise.

        In a comparison that of the heads that were left alone, so that what follows from a switched-off head is seen.
        """
        layers = range(self.workbench.layer_count)
        if not self.comparing:
            if self.panel.mode in ("attention", "rollout"):
                return 1.0
            return max(max(float(self.layer(layer).abs().max()) for layer in layers), 1e-12)
        changes = [self.compared(layer).abs().amax((1, 2)) for layer in layers]
        switched = set() if self.per_layer else self._switched()
        left = [
            float(change)
            for layer, heads in enumerate(changes)
            for head, change in enumerate(heads)
            if (layer, head) not in switched
        ]
        return max(left, default=0.0) or max(max(float(heads.max()) for heads in changes), 1e-12)

    def _beyond(self, top: float) -> list[tuple[int, int]]:
        """The switched heads whose own change is larger than the scale."""
        if not self.comparing or self.per_layer:
            return []
        own = {at: self.compared(at[0])[at[1]].abs().max() for at in self._switched()}
        return sorted(at for at, change in own.items() if change > top)

    # --- what goes to the browser

    def tiles(self) -> dict:
        """The grid: every head's map as bytes, and what the browser needs to draw it."""
        workbench, panel, top = self.workbench, self.panel, self.top()
        base = str(hash(workbench.key) & 0xFFFFFFFF)
        key = f"{workbench.version}.{base}.{panel.mode}.{panel.norm_residual}.{self.comparing}"
        tiles = [
            encode(pooled(self.tile(layer) / top, self.signed), self.signed) for layer in range(workbench.layer_count)
        ]
        return {
            "key": key + f".{panel.hide_special}.{panel.renormalise}.{panel.words}",
            "base": f"{workbench.version}.{base}",
            "size": tiles[0].shape[-1],
            "tokens": len(self.units),
            "layers": workbench.layer_count,
            "heads": tiles[0].shape[0],
            "per_layer": self.per_layer,
            "whole": self.whole_layers,
            "signed": self.signed,
            "top": "1" if top == 1 else f"{top:.2g}",
            "unit": self._unit(),
            "beyond": self._beyond(top),
            "gone": [] if self.per_layer else self.gone(),
            "bytes": torch.stack(tiles).numpy().tobytes(),
        }

    def _unit(self) -> str:
        if self.comparing:
            return say("this text minus the pinned one") if self.pinned else say("with the heads off minus all on")
        return {
            "attention": say("of a token's attention"),
            "rollout": say("of a token, through all layers below"),
            "norm": say("norm of what is brought"),
            "gradient": say("attention × gradient"),
        }[self.panel.mode]

    @property
    def whole_layers(self) -> bool:
        """Whether a layer's heads travel together."""
        return self.layer(0).numel() <= WHOLE_LAYER

    def block(self, layer: int, head: int) -> tuple[dict, list[bytes]]:
        """One layer's weights as a byte each, round(255 sqrt(w / top)); for long texts one head's."""
        weights = self.compared(layer)
        heads = list(range(weights.shape[0]))
        if not self.whole_layers:
            heads = [min(head, len(heads) - 1)]
        weights = weights[heads]
        data = encode(weights / self.top(), self.signed)
        described = {"key": self.panel.tiles["key"], "layer": layer, "heads": heads, "size": weights.shape[-1]}
        return described, [data.numpy().tobytes()]


def aligned_difference(
    weights: torch.Tensor, tokens: list[str], others: torch.Tensor, other_tokens: list[str]
) -> torch.Tensor:
    """`weights` minus `others`, both (..., query, key), on the tokens that two texts share in order; elsewhere 0."""
    mine, theirs = [], []
    for run in difflib.SequenceMatcher(None, tokens, other_tokens, autojunk=False).get_matching_blocks():
        mine += range(run.a, run.a + run.size)
        theirs += range(run.b, run.b + run.size)
    change = torch.zeros_like(weights)
    rows, columns = torch.tensor(mine)[:, None], torch.tensor(mine)[None]
    change[..., rows, columns] = weights[..., rows, columns] - others[..., theirs, :][..., theirs]
    return change


def encode(weights: torch.Tensor, signed: bool) -> torch.Tensor:
    """Weights of 0 to 1 as a byte each, by their square root, so that small ones keep digits; signed ones round 128."""
    if signed:
        return (128 + 127 * weights.sign() * weights.abs().clamp(max=1).sqrt()).round().to(torch.uint8)
    return (255 * weights.clamp(0, 1).sqrt()).round().to(torch.uint8)


def pooled(weights: torch.Tensor, signed: bool, size: int = TILE) -> torch.Tensor:
    """(heads, n, n) -> (heads, m, m), m <= size: the largest weight of each block, so that thin diagonals stay."""
    if weights.shape[-1] <= size:
        return weights
    up = torch.nn.functional.adaptive_max_pool2d(weights, size)
    if not signed:
        return up
    down = -torch.nn.functional.adaptive_max_pool2d(-weights, size)
    return torch.where(up >= -down, up, down)
