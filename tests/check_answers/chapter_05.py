"""05 Masked words: right answers, and the typical wrong ones with a word of the hint or message."""

import torch

from bertlab.check.chapter_05 import likelihoods, recalls
from bertlab.data import mask_tokens


def mask(ids, special, generator, **shares):
    options = {"mask_token_id": 103, "vocab_size": 30522, "generator": generator, **shares}
    return tuple(mask_tokens(ids, special=special, **options))


def mask_special_too(ids, special, generator):
    return mask(ids, torch.zeros_like(special), generator)


def label_everything(ids, special, generator):
    return mask(ids, special, generator)[0], torch.where(special, -100, ids)


def label_what_is_hidden(ids, special, generator):
    hidden, labels = mask(ids, special, generator)
    return hidden, torch.where(labels != -100, hidden, -100)


def mask_in_place(ids, special, generator):
    hidden, labels = mask(ids, special, generator)
    ids.copy_(hidden)
    return ids, labels


RIGHT = {
    "05.1": lambda: mask,
    "05.2": lambda: lambda sentence: likelihoods(sentence)["right"],
    "05.3": lambda: recalls()[0],
}

WRONG = [
    ("05.1", "all of them [MASK]", lambda: lambda *a: mask(*a, masked=1.0, randomized=0.0), "random token"),
    ("05.1", "twice as many", lambda: lambda *a: mask(*a, rate=0.3), "15 % are asked for"),
    ("05.1", "special tokens too", lambda: mask_special_too, "special"),
    ("05.1", "labels everywhere", lambda: label_everything, "chosen"),
    ("05.1", "labels from the hidden ids", lambda: label_what_is_hidden, "before you change"),
    ("05.1", "its arguments changed", lambda: mask_in_place, "changed its argument"),
    ("05.1", "ids alone", lambda: lambda *a: mask(*a)[0], "pair"),
    *[
        ("05.2", name, lambda name=name: lambda sentence: likelihoods(sentence)[name], word)
        for name, word in [
            ("unmasked", "visible"),
            ("together", "one at a time"),
            ("special", "[CLS]"),
            ("mean", "mean"),
            ("bits", "bits"),
            ("negative", "sign"),
        ]
    ],
    ("05.3", "per cent", lambda: recalls()[0] * 100, "percent"),
    ("05.3", "the train items", lambda: recalls("train")[0], "train"),
    ("05.3", "how many", lambda: recalls()[0] * 70, "divide by the number of gaps"),
    ("05.3", "divided by 100", lambda: recalls()[0] * 70 / 100, "divide by the number of gaps"),
    ("05.3", "the gaps that are missed", lambda: 1 - recalls()[0], "missed"),
    ("05.3", "far off", lambda: 2.0, "not the library's"),
]
