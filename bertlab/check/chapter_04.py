"""04 The forward pass: a layer's second half, a whole layer, and the logits from ids."""

from __future__ import annotations

import functools
from typing import Any

from bertlab.check.verdict import call, compare, exercise, shipped_lab
from bertlab.language import say

SENTENCES = (
    "The capital of France is [MASK].",
    "Keys rust.",
    "The animal didn't cross the street because it was tired.",
)


@functools.cache
def recorded() -> list[tuple[Any, Any, Any, Any]]:
    """For each layer and the first sentence: (the layer, what it gets, what its second half gets, what it gives)."""
    lab = shipped_lab()
    recording = lab.record(SENTENCES[0])
    before, found = recording["embeddings.hidden"], []
    for number, layer in enumerate(lab.model.bert.encoder.layer):
        name = f"encoder.layer.{number}."
        after = recording[name + "hidden"]
        found.append((layer, before, recording[name + "attention.output.normed"], after))
        before = after
    return found


@exercise("04.1")
def feed_forward(answer: Any) -> str:
    """Asked for: `feed_forward(x, layer)`: LayerNorm(x + W2 gelu(W1 x))."""
    import torch
    from torch.nn.functional import gelu

    for number, (layer, _, x, right) in enumerate(recorded()):
        with torch.no_grad():
            given = call(
                answer, x.clone(), layer, shown=say("the input of layer {number}'s second half", number=number)
            )
            inner, out, norm = layer.intermediate.dense(x), layer.output.dense, layer.output.LayerNorm
            hints = [
                (norm(out(gelu(inner))), say("What came in is not added: x + ... inside of the LayerNorm.")),
                (x + out(gelu(inner)), say("The LayerNorm is missing.")),
                (x + norm(out(gelu(inner))), say("Add x first, then normalise the sum.")),
                (norm(x + out(inner.relu())), say("The activation is GELU, not ReLU.")),
                (norm(x + out(inner)), say("The activation is missing.")),
                (
                    x + out(gelu(layer.intermediate.dense(norm(x)))),
                    say("Normalised before, as GPT does it; BERT does after."),
                ),
                (out(gelu(inner)), say("What came in is not added, and the LayerNorm is missing.")),
            ]
            compare(given, right, say("the output of layer {number}", number=number), 1e-4, hints)
    return say("equal to the recorded output of all {layers} layers.", layers=len(recorded()))


def library_block(x: Any, layer: Any, pre_norm: bool = False, scaled: bool = True) -> Any:
    """A layer of BERT; with `pre_norm` as GPT arranges it, without `scaled` without the root."""
    from torch.nn.functional import gelu

    own, out = layer.attention.self, layer.attention.output
    heads, size = own.num_attention_heads, own.attention_head_size

    def attend(states: Any) -> Any:
        q, k, v = (
            part(states).unflatten(-1, (heads, size)).transpose(1, 2) for part in (own.query, own.key, own.value)
        )
        scores = q @ k.transpose(-1, -2) / (size**0.5 if scaled else 1)
        return out.dense((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    def network(states: Any) -> Any:
        return layer.output.dense(gelu(layer.intermediate.dense(states)))

    if pre_norm:
        x = x + attend(out.LayerNorm(x))
        return x + network(layer.output.LayerNorm(x))
    x = out.LayerNorm(x + attend(x))
    return layer.output.LayerNorm(x + network(x))


@exercise("04.2")
def block(answer: Any) -> str:
    """Asked for: `block(x, layer)`: attention and feed-forward network, each with its sum and LayerNorm behind it."""
    import torch

    for number, (layer, x, middle, right) in enumerate(recorded()):
        with torch.no_grad():
            given = call(answer, x.clone(), layer, shown=say("the input of layer {number}", number=number))
            hints = [
                (
                    library_block(x, layer, pre_norm=True),
                    say(
                        "The LayerNorms stand before the halves (pre-LayerNorm, as in GPT); BERT has them "
                        "behind the sums."
                    ),
                ),
                (
                    library_block(x, layer, scaled=False),
                    say("The scores are not divided by the root of the head size."),
                ),
                (middle, say("This is the first half; the feed-forward network comes after it.")),
                (x, say("The layer does nothing.")),
            ]
            compare(given, right, say("the output of layer {number}", number=number), 1e-4, hints)
    return say("equal to the recorded output of all {layers} layers.", layers=len(recorded()))


def library_logits(ids: Any, pre_norm: bool = False, transform: bool = True, bias: bool = True, layers: int = 6) -> Any:
    """The forward pass from ids to logits, and what common mistakes make of it."""
    import torch
    from torch.nn.functional import gelu

    bert, head = shipped_lab().model.bert, shipped_lab().model.cls.predictions
    with torch.no_grad():
        x = bert.embeddings(ids)
        for layer in bert.encoder.layer[:layers]:
            x = library_block(x, layer, pre_norm=pre_norm)
        if transform:
            x = head.transform.LayerNorm(gelu(head.transform.dense(x)))
        x = x @ bert.embeddings.word_embeddings.weight.T
        return x + head.bias if bias else x


@exercise("04.3")
def forward(answer: Any) -> str:
    """Asked for: `logits(ids)`: (batch, sequence) -> (batch, sequence, vocabulary), to 1e-4."""
    import torch

    lab = shipped_lab()
    for sentence in SENTENCES:
        ids = lab.tokenizer(sentence, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            given = call(answer, ids.clone(), shown=say("the ids of {sentence!r}", sentence=sentence))
            right = lab.model(ids).prediction_logits
        hints = [
            (library_logits(ids, transform=False), say("The head's own layer (`head.transform`) is missing.")),
            (
                library_logits(ids, bias=False),
                say("The bias of the head is missing: `head.bias`, one number for each piece."),
            ),
            (
                library_logits(ids, pre_norm=True),
                say("The LayerNorms stand before the halves of a layer; BERT has them behind."),
            ),
            (library_logits(ids, layers=5), say("There are six layers; one is missing.")),
            (right.softmax(-1), say("These are probabilities; logits are asked for.")),
            (right[0], say("Keep the batch axis: (batch, sequence, vocabulary).")),
        ]
        compare(given, right, say("the logits"), 1e-4, hints)
    return say("equal to the model's logits for {count} sentences, to 1e-4.", count=len(SENTENCES))
