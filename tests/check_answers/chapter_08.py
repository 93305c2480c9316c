"""08 Classification: right answers, and the typical wrong ones with a word of the hint or message."""

import torch
from torch.nn import functional

from bertlab.check.verdict import shipped_lab


def features(texts, weigh=True):
    batch = shipped_lab().tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = shipped_lab().model.bert(**batch).last_hidden_state
    real = batch["attention_mask"].unsqueeze(-1)
    return (hidden * real).sum(1) / real.sum(1) if weigh else hidden.mean(1)


def first_tokens(texts):
    batch = shipped_lab().tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        return shipped_lab().model.bert(**batch).last_hidden_state[:, 0]


def softmax_loss(logits, targets):
    return -(targets * logits.log_softmax(-1)).sum(-1).mean()


def fragile_loss(logits, targets):
    p = logits.sigmoid()
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()


def best_constant(scores):
    mean = sum(scores) / len(scores)
    return mean, sum((score - mean) ** 2 for score in scores) / len(scores)


def majority(labels):
    return max(labels.count(label) for label in set(labels)) / len(labels)


RIGHT = {
    "08.1": lambda: majority,
    "08.2": lambda: features,
    "08.3": lambda: functional.binary_cross_entropy_with_logits,
    "08.4": lambda: best_constant,
}

WRONG = [
    ("08.1", "one over the labels", lambda: lambda labels: 1 / len(set(labels)), "equally frequent"),
    ("08.1", "per cent", lambda: lambda labels: 100 * majority(labels), "percent"),
    ("08.2", "padding averaged", lambda: lambda texts: features(texts, weigh=False), "[PAD]"),
    ("08.2", "[CLS]", lambda: first_tokens, "mean over all"),
    ("08.3", "softmax", lambda: softmax_loss, "compete"),
    ("08.3", "the sum", lambda: lambda a, b: functional.binary_cross_entropy_with_logits(a, b, reduction="sum"), "sum"),
    ("08.3", "log of a sigmoid", lambda: fragile_loss, "logsigmoid"),
    ("08.4", "the median", lambda: lambda s: (sorted(s)[(len(s) - 1) // 2], best_constant(s)[1]), "median"),
    ("08.4", "the root", lambda: lambda s: (best_constant(s)[0], best_constant(s)[1] ** 0.5), "root"),
]
