"""12 Probes and lenses: right answers, and the typical wrong ones with a word of the hint or message."""

import random

import torch

from bertlab.analysis import probing
from bertlab.check.verdict import shipped_lab


def through_head(state):
    with torch.no_grad():
        return shipped_lab().model.cls.predictions(state)


def table_alone(state):
    return state @ shipped_lab().model.bert.embeddings.word_embeddings.weight.detach().T


def without_bias(state):
    return through_head(state) - shipped_lab().model.cls.predictions.bias.detach()


def a_draw_for_each_place(words, classes, seed):
    draw = random.Random(seed)
    return [draw.randrange(classes) for _ in words]


def without_seed(words, classes, seed):
    labels = {word: random.randrange(classes) for word in words}
    return [labels[word] for word in words]


def in_turn(words, classes, seed):
    order = {word: number for number, word in enumerate(dict.fromkeys(words))}
    return [(order[word] + seed) % classes for word in words]


def selectivity(predicted, labels, control_predicted, control_labels):
    shares = [
        sum(x == y for x, y in zip(a, b)) / len(b)
        for a, b in ((predicted, labels), (control_predicted, control_labels))
    ]
    return shares[0] - shares[1]


RIGHT = {
    "12.1": lambda: through_head,
    "12.2": lambda: probing.control_labels,
    "12.3": lambda: selectivity,
}

WRONG = [
    ("12.1", "the table alone", lambda: table_alone, "own layer"),
    ("12.1", "no bias", lambda: without_bias, "bias"),
    ("12.1", "probabilities", lambda: lambda state: through_head(state).softmax(-1), "probabilities"),
    ("12.1", "no batch", lambda: lambda state: through_head(state)[0], "batch axis"),
    ("12.2", "a draw for each place", lambda: a_draw_for_each_place, "several labels"),
    ("12.2", "no seed", lambda: without_seed, "from the seed"),
    ("12.2", "in turn", lambda: in_turn, "At random"),
    ("12.2", "the seed is not used", lambda: lambda w, c, s: probing.control_labels(w, c, 7), "seed decides"),
    (
        "12.2",
        "one for each type",
        lambda: lambda w, c, s: probing.control_labels(sorted(set(w)), c, s),
        "repeated ones",
    ),
    ("12.2", "from 1", lambda: lambda w, c, s: [x + 1 for x in probing.control_labels(w, c, s)], "From 0"),
    ("12.3", "turned round", lambda: lambda *a: -selectivity(*a), "other way round"),
    ("12.3", "accuracy", lambda: lambda a, b, c, d: sum(x == y for x, y in zip(a, b)) / len(b), "not taken off"),
    ("12.3", "per cent", lambda: lambda *a: 100 * selectivity(*a), "percent"),
]
