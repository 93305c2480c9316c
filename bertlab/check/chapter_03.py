"""03 Attention: heads split, scaled dot-product attention in every head, padding with and without the mask."""

from __future__ import annotations

import functools
import math
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, compare, exercise, shipped_lab
from bertlab.language import say

TEXTS = ("The cat slept.", "The animal didn't cross the street because it was too tired.")


@functools.cache
def recorded() -> Any:
    """(recording of all values, attention mask (batch, sequence)) of both texts in one padded batch."""
    import torch

    from bertlab.recording import record

    lab = shipped_lab()
    batch = lab.tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    with torch.no_grad(), record(lab.model, "encoder.*") as recording:
        lab.model(**batch)
    return recording, batch["attention_mask"]


@exercise("03.1")
def split_heads(answer: Any) -> str:
    """Asked for: `split_heads(x, heads)`: (batch, sequence, hidden) -> (batch, heads, sequence, head size)."""
    recording, _ = recorded()
    heads = shipped_lab().model.config.num_attention_heads
    for layer in recording.layers:
        q = recording[f"encoder.layer.{layer}.attention.self.q"]  # (batch, heads, sequence, head size)
        batch, _, sequence, size = q.shape
        joined = q.transpose(1, 2).reshape(batch, sequence, heads * size)
        given = call(
            answer,
            joined.clone(),
            heads,
            shown=say("a tensor of shape {shape} and {heads} heads", shape=tuple(joined.shape), heads=heads),
        )
        viewed = joined.reshape(batch, heads, sequence, size)
        interleaved = joined.reshape(batch, sequence, size, heads).permute(0, 3, 1, 2)
        hints = [
            (q.transpose(1, 2), say("The axes are (batch, sequence, heads, head size) now; swap two of them.")),
            (viewed, say("Tokens and heads are mixed: split the last axis first, then swap two axes.")),
            (
                interleaved,
                say("A head owns neighbouring numbers: split into (heads, head size), not the other way round."),
            ),
        ]
        compare(given, q, say("q of layer {layer}", layer=layer), hints=hints)
    return say("equal to the recorded q in all {layers} layers.", layers=len(recording.layers))


@exercise("03.2")
def attention(answer: Any) -> str:
    """Asked for: `attention(q, k, v, blocked)` -> (probs, context); `blocked` is added to the scores."""
    recording, mask = recorded()
    blocked = (1.0 - mask[:, None, None, :].float()) * -1e9  # (batch, 1, 1, key)
    for layer in recording.layers:
        name = f"encoder.layer.{layer}.attention.self."
        q, k, v, probs, context = (recording[name + part] for part in ("q", "k", "v", "probs", "context"))
        shown = say("q, k, v of layer {layer}", layer=layer)
        given = call(answer, q.clone(), k.clone(), v.clone(), blocked.clone(), shown=shown)
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise Differs(
                say(
                    "a pair (probs, context) was expected, but the answer is of type {kind}.", kind=type(given).__name__
                )
            )
        scores = q @ k.transpose(-1, -2)
        scaled = scores / math.sqrt(q.shape[-1])
        hidden = q.shape[1] * q.shape[-1]
        hints = [
            ((scores + blocked).softmax(-1), say("The products are not scaled: divide by the root of the head size.")),
            (
                (scores / q.shape[-1] + blocked).softmax(-1),
                say("Divide by the root of the head size, not by the size."),
            ),
            (
                (scores / math.sqrt(hidden) + blocked).softmax(-1),
                say(
                    "Scale by the size of a head, {size}, not by that of all heads, {hidden}.",
                    size=q.shape[-1],
                    hidden=hidden,
                ),
            ),
            ((scaled + blocked).softmax(-2), say("A row adds up to 1: the softmax goes over the keys, the last axis.")),
            (scaled.softmax(-1), say("The mask is not used: add it to the scores before the softmax.")),
            (
                scaled.softmax(-1) * (blocked == 0),
                say("Masked after the softmax: the rows do not add up to 1 any more."),
            ),
            (probs.transpose(-1, -2), say("Queries and keys are swapped: rows are queries, columns are keys.")),
        ]
        compare(given[0], probs, say("probs of layer {layer}", layer=layer), hints=hints)
        swapped = probs.transpose(-1, -2) @ v
        compare(
            given[1],
            context,
            say("context of layer {layer}", layer=layer),
            hints=[
                (swapped, say("probs is (query, key), v is (key, head size): no transpose.")),
                (context.transpose(1, 2), say("Leave the heads where they are: (batch, heads, query, head size).")),
            ],
            share=0.5,  # probs are right
        )
    heads = len(recording.layers) * probs.shape[1]
    return say("equal to the recorded attention in all {heads} heads, to 1e-5.", heads=heads)


@functools.cache
def on_padding() -> tuple[Any, Any, Any]:
    """(layers, heads) each: attention that tokens of the short text give [PAD] without the mask, the same averaged
    over the [PAD] queries too, and the sum instead of the mean over queries."""
    import torch

    from bertlab.recording import record

    lab = shipped_lab()
    batch = lab.tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    real = batch["attention_mask"][0].bool()  # (sequence,)
    batch["attention_mask"] = torch.ones_like(batch["attention_mask"])
    with torch.no_grad(), record(lab.model, "*.attention.self.probs") as recording:
        lab.model(**batch)
    probs = torch.stack([recording.attention(layer)[0] for layer in recording.layers])  # (layers, heads, query, key)
    mass = probs[..., ~real].sum(-1)  # (layers, heads, query)
    return mass[..., real].mean(-1), mass.mean(-1), mass[..., real].sum(-1)


@exercise("03.3")
def padding(answer: Any) -> str:
    """Asked for: (layers, heads), the mean share of attention that [PAD] gets from real tokens without the mask."""
    import torch

    expected, with_padding, summed = on_padding()
    hints = [
        (with_padding, say("The rows of [PAD] itself are averaged too; leave them out.")),
        (summed, say("This is the sum over the tokens; the mean was asked for.")),
        (torch.zeros_like(expected), say("All zero: the mask was still on. Give the model an attention_mask of ones.")),
        (expected.mean(), say("One number for all heads; keep one for each layer and head.")),
        (1 - expected, say("This is what the real tokens get; asked for is what [PAD] gets.")),
    ]
    compare(as_tensor(answer, say("the share")), expected, say("the share"), 1e-4, hints)
    return say("equal to the recorded share in all {heads} heads, to 1e-4.", heads=expected.numel())
