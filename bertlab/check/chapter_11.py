"""11 Heads: what attention brings, rollout, and the best fixed offset."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, compare, exercise, shipped_lab
from bertlab.language import say

SENTENCE = "The animal didn't cross the street because it was too tired."


@functools.cache
def head_parts() -> list[tuple[Any, Any, Any, Any]]:
    """For each layer (probs, v, w, lengths): (heads, query, key), (heads, key, size), (heads, size, hidden), and what
    the library says that attention brings."""
    from bertlab.analysis import norms

    lab = shipped_lab()
    recording, batch = lab.record(SENTENCE), lab.encode(SENTENCE)
    lengths, parts = norms.norm_weighted(lab.model, batch), []
    for number, layer in enumerate(lab.model.bert.encoder.layer):
        v = recording[f"encoder.layer.{number}.attention.self.v"][0]
        weight = layer.attention.output.dense.weight.detach()  # (hidden, heads x size)
        w = weight.T.reshape(v.shape[0], v.shape[-1], -1)
        parts.append((recording.attention(number)[0], v, w, lengths[number][0]))
    return parts


@exercise("11.1")
def brought(answer: Any) -> str:
    """Asked for: `brought(probs, v, w)`: probs times the length of v w: (heads, query, key)."""
    for layer, (probs, v, w, right) in enumerate(head_parts()):
        given = call(answer, probs.clone(), v.clone(), w.clone(), shown=say("the parts of layer {layer}", layer=layer))
        length = (v @ w).norm(dim=-1)
        hints = [
            (probs * v.norm(dim=-1)[:, None, :], say("The value goes through w before it is measured.")),
            (length[:, None, :].expand_as(probs), say("The weights are missing.")),
            (
                probs * length[:, :, None],
                say("The length belongs to the key, the one that is looked at: the last axis."),
            ),
            (probs * length[:, None, :] ** 2, say("This is the square of the length.")),
            (
                probs * (v @ w).sum(-1)[:, None, :],
                say("The length of a vector is the root of its squares, not its sum."),
            ),
            (probs @ length[..., None], say("One number for each query and key; nothing is summed here.")),
            (probs, say("These are the weights themselves.")),
        ]
        compare(given, right, say("what layer {layer} brings", layer=layer), 1e-4, hints)
    return say("equal to the library's in all {layers} layers.", layers=len(head_parts()))


@exercise("11.2")
def rollout(answer: Any) -> str:
    """Asked for: `rollout(layers)`: means of the heads, half identity, multiplied from the first layer up."""
    import torch

    from bertlab.analysis import paths

    layers = [probs for probs, *_ in head_parts()]
    for count in (len(layers), 2, 1):
        some = layers[:count]
        right = paths.rollout(some)[-1, 0]
        given = call(answer, [probs.clone() for probs in some], shown=say("{count} layers", count=count))
        eye, plain, turned = torch.eye(right.shape[0]), torch.eye(right.shape[0]), torch.eye(right.shape[0])
        for probs in some:
            plain = probs.mean(0) @ plain
            turned = turned @ (0.5 * probs.mean(0) + 0.5 * eye)
        added = functools.reduce(lambda so_far, probs: (probs.mean(0) + eye) @ so_far, some, eye)
        hints = [
            (plain, say("The residual sum is missing: half of every layer is the identity.")),
            (turned, say("The order is the wrong way round: each layer stands on the left of those below.")),
            (added, say("The rows add up to more than 1: half of the mean, and half of the identity.")),
            (paths.rollout(some[-1:])[-1, 0], say("This is the last layer alone.")),
            (paths.rollout(some)[:, 0], say("All layers are here; the last one was asked for.")),
        ]
        hints = [
            pair for pair in hints if pair[0].shape != right.shape or not torch.allclose(pair[0], right, atol=1e-5)
        ]
        compare(given, right, say("the rollout of {count} layers", count=count), 1e-5, hints)
    return say("equal to the library's for six, two and one layers.")


_PLACES = [
    ([0, 2, 3, 7], [1, 3, 6, 8]),
    ([5, 6, 9], [4, 3, 6]),
    ([1], [4]),
    ([4, 4, 4, 9, 0], [2, 2, 8, 7, 3]),
]


@exercise("11.3")
def best_offset(answer: Any) -> str:
    """Asked for: `best_offset(words, governors)` -> (offset, share) of the most frequent distance."""
    for words, governors in _PLACES:
        counts = Counter(governor - word for word, governor in zip(words, governors))
        offset, count = counts.most_common(1)[0]
        given = call(
            answer, list(words), list(governors), shown=say("{words} and {governors}", words=words, governors=governors)
        )
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise Differs(
                say("a pair (offset, share) was expected, but the answer is of type {kind}.", kind=type(given).__name__)
            )
        found, share = (
            float(as_tensor(part, name)) for part, name in zip(given, (say("the offset"), say("the share")))
        )
        if found != offset:
            hint = say("The offset is governor - word, not the other way round.") if found == -offset else ""
            sizes = Counter(abs(governor - word) for word, governor in zip(words, governors))
            if not hint and found == sizes.most_common(1)[0][0]:
                hint = say("To the left and to the right are different offsets: keep the sign.")
            raise Differs(
                say(
                    "the offset for {words} and {governors} is {found:g}, but expected is {offset}.",
                    words=words,
                    governors=governors,
                    found=found,
                    offset=offset,
                ),
                hint,
            )
        hints = [
            (count, say("This is how many; divide by the number of pairs.")),
            (100 * count / len(words), say("This is in percent; give a share between 0 and 1.")),
            (count / len(counts), say("Divide by the number of pairs, not by that of different offsets.")),
        ]
        hints = [pair for pair in hints if pair[0] != count / len(words)]
        what = say("the share for {words} and {governors}", words=words, governors=governors)
        compare(share, count / len(words), what, 1e-6, hints, share=0.5)  # the offset is right
    return say("the most frequent distance, for {count} lists.", count=len(_PLACES))
