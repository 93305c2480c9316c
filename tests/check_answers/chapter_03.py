"""03 Attention: right answers, and the typical wrong ones with a word of the hint or message."""

import math

import torch

from bertlab.check.chapter_03 import on_padding


def split(x, heads):
    batch, sequence, hidden = x.shape
    return x.view(batch, sequence, heads, hidden // heads).transpose(1, 2)


def attend(q, k, v, blocked, scale=None, axis=-1):
    scores = q @ k.transpose(-1, -2) / (scale or math.sqrt(q.shape[-1]))
    probs = (scores + blocked).softmax(axis)
    return probs, probs @ v


def attend_unmasked(q, k, v, blocked):
    return attend(q, k, v, 0)


RIGHT = {
    "03.1": lambda: split,
    "03.2": lambda: attend,
    "03.3": lambda: on_padding()[0],
}

WRONG = [
    ("03.1", "view alone", lambda: lambda x, n: x.reshape(x.shape[0], n, x.shape[1], -1), "split the last axis"),
    ("03.1", "axes not swapped", lambda: lambda x, n: x.view(*x.shape[:2], n, -1), "swap two"),
    ("03.2", "not scaled", lambda: lambda q, k, v, b: attend(q, k, v, b, scale=1), "not scaled"),
    ("03.2", "scaled by the size", lambda: lambda q, k, v, b: attend(q, k, v, b, scale=32), "root"),
    ("03.2", "softmax over queries", lambda: lambda q, k, v, b: attend(q, k, v, b, axis=-2), "over the keys"),
    ("03.2", "no mask", lambda: attend_unmasked, "mask is not used"),
    ("03.2", "the weights alone", lambda: lambda q, k, v, b: attend(q, k, v, b)[0], "pair"),
    ("03.3", "mask still on", lambda: torch.zeros(6, 12), "mask was still on"),
    ("03.3", "[PAD] queries too", lambda: on_padding()[1], "leave them out"),
    ("03.3", "one number", lambda: float(on_padding()[0].mean()), "each layer"),
    ("03.3", "words", lambda: "half", "numbers"),
]
