"""07 Pre-training live: right answers, and the typical wrong ones with a word of the hint or message."""

import math

import torch

from bertlab.check.chapter_07 import stays_above
from bertlab.nano import unigram_entropy


def agrees(logits, right, wrong):
    rows = torch.arange(len(logits))
    return (logits[rows, right] > logits[rows, wrong]).float().mean()


def likeliest(logits, right, wrong):
    return (logits.argmax(-1) == right).float().mean()


def leaves(steps, values, level):
    step = stays_above(steps, values, level)
    return -1 if step is None else step


def first_above(steps, values, level):
    return next((step for step, value in zip(steps, values) if value > level), -1)


def place_instead_of_step(steps, values, level):
    return steps.index(leaves(steps, values, level))


def never_none(steps, values, level):
    return leaves(steps, values, level) if leaves(steps, values, level) != -1 else steps[-1]


RIGHT = {
    "07.1": lambda: agrees,
    "07.2": lambda: leaves,
    "07.3": lambda: unigram_entropy,
}

WRONG = [
    ("07.1", "the likeliest word", lambda: likeliest, "Only the two forms"),
    ("07.1", "the wrong form wins", lambda: lambda x, r, w: 1 - agrees(x, r, w), "wrong form wins"),
    ("07.1", "per cent", lambda: lambda x, r, w: 100 * agrees(x, r, w), "percent"),
    ("07.1", "how many", lambda: lambda x, r, w: len(x) * agrees(x, r, w), "how many"),
    ("07.2", "a lucky point", lambda: first_above, "lucky"),
    ("07.2", "the place in the list", lambda: place_instead_of_step, "the step that stands there"),
    ("07.2", "a step for a curve that never leaves", lambda: never_none, "-1"),
    ("07.3", "bits", lambda: lambda ids: unigram_entropy(ids) / math.log(2), "bits"),
    ("07.3", "no minus", lambda: lambda ids: -unigram_entropy(ids), "sign"),
    ("07.3", "all alike", lambda: lambda ids: math.log(len(set(ids))), "frequent ones"),
    ("07.3", "perplexity", lambda: lambda ids: math.exp(unigram_entropy(ids)), "perplexity"),
]
