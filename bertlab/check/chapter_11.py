"""11 Heads: what attention brings, rollout, and the best fixed offset."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, compare, exercise, shipped_lab

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
        given = call(answer, probs.clone(), v.clone(), w.clone(), shown=f"the parts of layer {layer}")
        length = (v @ w).norm(dim=-1)
        hints = [
            (probs * v.norm(dim=-1)[:, None, :], "The value goes through w before it is measured."),
            (length[:, None, :].expand_as(probs), "The weights are missing."),
            (probs * length[:, :, None], "The length belongs to the key, the one that is looked at: the last axis."),
            (probs * length[:, None, :] ** 2, "This is the square of the length."),
            (probs * (v @ w).sum(-1)[:, None, :], "The length of a vector is the root of its squares, not its sum."),
            (probs @ length[..., None], "One number for each query and key; nothing is summed here."),
            (probs, "These are the weights themselves."),
        ]
        compare(given, right, f"what layer {layer} brings", 1e-4, hints)
    return f"equal to the library's in all {len(head_parts())} layers."


@exercise("11.2")
def rollout(answer: Any) -> str:
    """Asked for: `rollout(layers)`: means of the heads, half identity, multiplied from the first layer up."""
    import torch

    from bertlab.analysis import paths

    layers = [probs for probs, *_ in head_parts()]
    for count in (len(layers), 2, 1):
        some = layers[:count]
        right = paths.rollout(some)[-1, 0]
        given = call(answer, [probs.clone() for probs in some], shown=f"{count} layers")
        eye, plain, turned = torch.eye(right.shape[0]), torch.eye(right.shape[0]), torch.eye(right.shape[0])
        for probs in some:
            plain = probs.mean(0) @ plain
            turned = turned @ (0.5 * probs.mean(0) + 0.5 * eye)
        added = functools.reduce(lambda so_far, probs: (probs.mean(0) + eye) @ so_far, some, eye)
        hints = [
            (plain, "The residual sum is missing: half of every layer is the identity."),
            (turned, "The order is the wrong way round: each layer stands on the left of those below."),
            (added, "The rows add up to more than 1: half of the mean, and half of the identity."),
            (paths.rollout(some[-1:])[-1, 0], "This is the last layer alone."),
            (paths.rollout(some)[:, 0], "All layers are here; the last one was asked for."),
        ]
        hints = [
            pair for pair in hints if pair[0].shape != right.shape or not torch.allclose(pair[0], right, atol=1e-5)
        ]
        compare(given, right, f"the rollout of {count} layers", 1e-5, hints)
    return "equal to the library's for six, two and one layers."


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
        given = call(answer, list(words), list(governors), shown=f"{words} and {governors}")
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise Differs(f"a pair (offset, share) was expected, but the answer is of type {type(given).__name__}.")
        found, share = (float(as_tensor(part, name)) for part, name in zip(given, ("the offset", "the share")))
        shown = f"for {words} and {governors}"
        if found != offset:
            hint = "The offset is governor - word, not the other way round." if found == -offset else ""
            sizes = Counter(abs(governor - word) for word, governor in zip(words, governors))
            if not hint and found == sizes.most_common(1)[0][0]:
                hint = "To the left and to the right are different offsets: keep the sign."
            raise Differs(f"the offset {shown} is {found:g}, but expected is {offset}.", hint)
        hints = [
            (count, "This is how many; divide by the number of pairs."),
            (100 * count / len(words), "This is in percent; give a share between 0 and 1."),
            (count / len(counts), "Divide by the number of pairs, not by that of different offsets."),
        ]
        hints = [pair for pair in hints if pair[0] != count / len(words)]
        compare(share, count / len(words), f"the share {shown}", 1e-6, hints, share=0.5)  # the offset is right
    return f"the most frequent distance, for {len(_PLACES)} lists."
