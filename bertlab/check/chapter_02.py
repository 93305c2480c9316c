"""02 Embeddings: LayerNorm by hand, the input rebuilt from three tables, and the model without positions."""

from __future__ import annotations

import functools
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, compare, exercise, shipped_lab
from bertlab.language import say

PAIRS = (("The bank by the river is not a bank.", "It is a bench."), ("Keys rust.", "Locks do not, they say."))
SENTENCES = ("The dog chased the old cat.", "Keys rust.")


@exercise("02.1")
def layer_norm(answer: Any) -> str:
    """Asked for: `layer_norm(x, weight, bias, eps)`: each token's numbers to mean 0 and variance 1, scaled, moved."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for batch, sequence, hidden, eps in ((2, 5, 7, 1e-12), (3, 3, 3, 1e-5), (1, 4, 6, 0.5)):
        x = torch.randn(batch, sequence, hidden, generator=generator) * 3 + 1
        weight, bias = torch.randn(hidden, generator=generator), torch.randn(hidden, generator=generator)
        right = torch.nn.functional.layer_norm(x, (hidden,), weight, bias, eps)
        shown = say("x of shape {shape} and eps {eps}", shape=tuple(x.shape), eps=eps)
        given = call(answer, x.clone(), weight.clone(), bias.clone(), eps, shown=shown)
        centred, spread = x - x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        over_tokens = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, unbiased=False) + eps).sqrt()
        bare = centred / (spread + eps).sqrt()
        hints = [
            (bare, say("The numbers are neither scaled by weight nor moved by bias.")),
            (bare * weight, say("The bias is missing.")),
            (
                centred / (x.var(-1, keepdim=True) + eps).sqrt() * weight + bias,
                say("The variance divides by the number of values, not by one less: var(-1, unbiased=False)."),
            ),
            (centred / (spread.sqrt() + eps) * weight + bias, say("eps belongs under the root.")),
            (centred / (spread + eps) * weight + bias, say("Divide by the root of the variance.")),
            (centred * weight + bias, say("The mean is gone; divide by the root of the variance too.")),
            (
                over_tokens * weight + bias,
                say("This goes over the tokens; go over the numbers of each token, the last axis."),
            ),
        ]
        compare(given, right, say("the result"), 1e-4, hints)
    return say("equal to torch's layer_norm on three tensors.")


@functools.cache
def input_parts(pair: tuple[str, str]) -> dict[str, Any]:
    """Of a pair of texts: ids, types (1, sequence), what the first layer gets, and the recorded parts of the sum."""
    lab = shipped_lab()
    batch = lab.tokenizer(*pair, return_tensors="pt")
    recording = lab.record(*pair, names="embeddings.*")
    parts = {name: recording[f"embeddings.{name}"] for name in ("word", "position", "token_type", "hidden")}
    return {"ids": batch["input_ids"], "types": batch["token_type_ids"], **parts}


@exercise("02.2")
def rebuilt_input(answer: Any) -> str:
    """Asked for: `embed(ids, types)` -> (batch, sequence, hidden): LayerNorm of the sum of three rows."""
    embeddings = shipped_lab().model.bert.embeddings
    norm = embeddings.LayerNorm
    for pair in PAIRS:
        parts = input_parts(pair)
        ids, types = parts["ids"], parts["types"]
        word, position, kind = parts["word"], parts["position"], parts["token_type"]
        given = call(answer, ids.clone(), types.clone(), shown=say("the ids of {text!r}", text=pair[0]))
        first = embeddings.token_type_embeddings.weight[0]
        hints = [
            (word + position + kind, say("The sum is right; LayerNorm is missing.")),
            (norm(word + kind), say("The positions are missing.")),
            (norm(word + position), say("The token types are missing.")),
            (norm(word), say("Positions and token types are missing.")),
            (norm(word + position + first), say("Every token has the row of text 0; use `types`.")),
            (
                norm(word + kind + embeddings.position_embeddings.weight[1 : ids.shape[1] + 1]),
                say("Positions count from 0."),
            ),
            (norm(word) + position + kind, say("LayerNorm goes over the sum, not over the piece's row alone.")),
        ]
        compare(given, parts["hidden"], say("the input"), 1e-6, hints)
    return say("equal to what the first layer gets, to 1e-6, for {count} pairs of texts.", count=len(PAIRS))


@exercise("02.3")
def without_order(answer: Any) -> str:
    """Asked for: `without_order(ids)` -> the last hidden state with every token at position 0."""
    import torch

    lab = shipped_lab()
    for sentence in SENTENCES:
        ids = lab.tokenizer(sentence, return_tensors="pt")["input_ids"]
        given = as_tensor(
            call(answer, ids.clone(), shown=say("the ids of {sentence!r}", sentence=sentence)),
            say("the last hidden state"),
        )
        with torch.no_grad():
            right = lab.model.bert(ids, position_ids=torch.zeros_like(ids)).last_hidden_state
            usual = lab.model.bert(ids).last_hidden_state
            ones = lab.model.bert(ids, position_ids=torch.ones_like(ids)).last_hidden_state
        hints = [
            (usual, say("The positions are the usual ones: give `position_ids` of zeros.")),
            (ones, say("Every token stands at place 1; the first place is 0.")),
            (right[0], say("Keep the batch axis: (1, sequence, 384).")),
        ]
        compare(given, right, say("the last hidden state"), 1e-4, hints)
        order = torch.arange(ids.shape[1]).flip(0)
        shuffled = as_tensor(
            call(answer, ids[:, order].clone(), shown=say("shuffled ids")), say("the last hidden state")
        )
        if not torch.allclose(shuffled, given[:, order], atol=1e-4):
            raise Differs(
                say("shuffled ids do not give shuffled outputs."),
                say("Does something beside the ids depend on the place?"),
            )
    return say("as the model without positions; and shuffled ids give shuffled outputs.")
