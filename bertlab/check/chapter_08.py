"""08 Classify: the baseline, frozen features, the loss of several labels at once, the baseline of regression."""

from __future__ import annotations

import functools
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, compare, exercise, shipped_lab
from bertlab.language import say
from bertlab.samples import samples

TEXTS = ("A warm, funny film with wonderful actors.", "Never again.", "The soup was cold and so was the waiter.")


@exercise("08.1")
def majority(answer: Any) -> str:
    """Asked for: `majority(labels)` -> the accuracy of always giving the most frequent label."""
    for name in ("sentiment", "topics", "pairs"):
        labels = [row["label"] for row in samples(name, "train")] + ["other"] * 3
        counts = {label: labels.count(label) for label in set(labels)}
        expected = max(counts.values()) / len(labels)
        given = call(answer, list(labels), shown=say("the {count} labels of {name}", count=len(labels), name=name))
        hints = [
            (1 / len(counts), say("One over the number of labels is right only where all are equally frequent.")),
            (expected * 100, say("This is in percent; give a share between 0 and 1.")),
            (max(counts.values()), say("This is the count; divide by the number of labels given.")),
        ]
        compare(as_tensor(given, say("the share")), expected, say("the share for {name}", name=name), 1e-9, hints)
    return say("the share of the most frequent label, in three sets.")


@functools.cache
def text_features() -> dict[str, Any]:
    """(texts, hidden) each: the mean over the real tokens, and what common mistakes give instead."""
    import torch

    lab = shipped_lab()
    one_by_one = [lab.record(text, names=["*hidden", "pooler.*"]) for text in TEXTS]
    states = [recording.hidden(-1)[0] for recording in one_by_one]  # each (sequence, hidden)
    batch = lab.tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    with torch.no_grad():
        padded = lab.model.bert(**batch).last_hidden_state  # (texts, sequence, hidden)
    return {
        "right": torch.stack([state.mean(0) for state in states]),
        "padded": padded.mean(1),
        "first": torch.stack([state[0] for state in states]),
        "inner": torch.stack([state[1:-1].mean(0) for state in states]),
        "sum": torch.stack([state.sum(0) for state in states]),
        "embeddings": torch.stack([recording.hidden(0)[0].mean(0) for recording in one_by_one]),
        "pooled": torch.cat([recording["pooler.pooled"] for recording in one_by_one]),
    }


@exercise("08.2")
def frozen_features(answer: Any) -> str:
    """Asked for: `features(texts)` -> (texts, hidden), the mean of the last hidden state over real tokens."""
    values = text_features()
    given = call(answer, list(TEXTS), shown=say("{count} texts", count=len(TEXTS)))
    hints = [
        (
            values["padded"],
            say("[PAD] is averaged too: use the attention mask, and divide by the number of real tokens."),
        ),
        (values["first"], say("This is the vector of [CLS]; the mean over all the tokens was asked for.")),
        (values["inner"], say("[CLS] and [SEP] count here too; leave out only [PAD].")),
        (values["sum"], say("This is the sum; divide by the number of real tokens.")),
        (values["embeddings"], say("These are the embeddings; take the last hidden state.")),
        (values["pooled"], say("This is the pooler's output; take last_hidden_state.")),
    ]
    compare(given, values["right"], say("the features"), 1e-4, hints)
    return say("each text gives the same numbers in a padded batch as alone.")


@exercise("08.3")
def multi_label_loss(answer: Any) -> str:
    """Asked for: `loss(logits, targets)` for labels that may hold together, a mean over all."""
    import torch
    from torch.nn import functional

    generator = torch.Generator().manual_seed(3)
    for shape in ((4, 3), (1, 5), (7, 2)):
        logits = torch.randn(shape, generator=generator) * 4
        targets = (torch.rand(shape, generator=generator) < 0.4).float()
        given = call(answer, logits.clone(), targets.clone(), shown=say("logits of shape {shape}", shape=shape))
        expected = functional.binary_cross_entropy_with_logits(logits, targets)
        soft = -(targets * logits.log_softmax(-1))
        each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        hints = [
            (
                soft.sum(-1).mean(),
                say("The softmax makes labels compete: two that hold cannot both be near 1. Use the sigmoid."),
            ),
            (
                functional.binary_cross_entropy(logits.softmax(-1), targets),
                say("The softmax makes labels compete; each is a question of its own: use the sigmoid."),
            ),
            (
                -(targets * functional.logsigmoid(logits)).mean(),
                say("Only the labels that hold are counted; saying yes to everything would cost nothing."),
            ),
            (each.sum(), say("This is the sum; the mean over texts and labels was asked for.")),
            (each.sum(-1).mean(), say("The labels are summed; take the mean over them too.")),
        ]
        compare(
            as_tensor(given, say("the loss")),
            expected,
            say("the loss for logits of shape {shape}", shape=shape),
            1e-5,
            hints,
        )
    huge = call(
        answer, torch.tensor([[200.0, -200.0]]), torch.tensor([[0.0, 1.0]]), shown=say("logits of 200 and -200")
    )
    if not bool(as_tensor(huge, say("the loss")).isfinite().all()):
        raise Differs(
            say("for logits of 200 and -200 the loss is not finite."),
            say("log(sigmoid(x)) underflows: use logsigmoid, or torch's ready function."),
        )
    return say("equal to the loss that the library trains with, for large logits too.")


@exercise("08.4")
def constant(answer: Any) -> str:
    """Asked for: `constant(scores)` -> the constant with the least mean squared error, and that error."""
    import torch

    scores = torch.tensor([row["score"] for row in samples("similarity", "train")], dtype=torch.float64)
    for name, values in (("similarity", scores), (say("another set"), scores[:31] ** 2)):
        given = call(answer, values.tolist(), shown=say("the {count} scores of {name}", count=len(values), name=name))
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise Differs(say("a pair (constant, mean squared error) was expected."))
        middle = values.median()
        hints = [(middle, say("The median makes the absolute error least; for squares it is another number."))]
        compare(given[0], values.mean(), say("the constant for {name}", name=name), 1e-6, hints)
        error = (values - values.mean()).square()
        hints = [
            (error.sum(), say("This is the sum; the mean was asked for.")),
            (error.mean().sqrt(), say("This is the root of it.")),
            (values.var(), say("Divide by the number of scores, not by one less.")),
        ]
        compare(given[1], error.mean(), say("the error for {name}", name=name), 1e-6, hints)
    return say("the mean, and the variance is its error.")
