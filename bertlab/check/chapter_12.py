"""12 Probes and lenses: a state through the vocabulary head, control labels, selectivity."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bertlab.check.verdict import Differs, call, compare, exercise, shipped_lab
from bertlab.language import say

SENTENCE = "The capital of France is [MASK]."


@exercise("12.1")
def through_head(answer: Any) -> str:
    """Asked for: `through_head(state)`: (batch, sequence, hidden) -> (batch, sequence, vocabulary)."""
    import torch

    from bertlab.analysis import lens

    lab = shipped_lab()
    recording, batch = lab.record(SENTENCE), lab.encode(SENTENCE)
    names = ["embeddings.hidden", *(f"encoder.layer.{number}.hidden" for number in recording.layers)]
    expected = lens.layer_logits(lab.model, batch, head="token")  # (layers + 1, batch, sequence, vocabulary)
    table, head = lab.model.bert.embeddings.word_embeddings.weight.detach(), lab.model.cls.predictions
    for number, name in enumerate(names):
        state, right = recording[name], expected[number]
        given = call(answer, state.clone(), shown=say("hidden state {number}", number=number))
        hints = [
            (
                state @ table.T,
                say("The head's own layer and its bias are missing: use `lab.model.cls.predictions` whole."),
            ),
            (right - head.bias.detach(), say("The bias of the head is missing.")),
            (right.softmax(-1), say("These are probabilities; logits were asked for.")),
            (right[0], say("Keep the batch axis.")),
            (expected[-1], say("This is the last layer's, whatever state is given.")),
        ]
        hints = [
            pair for pair in hints if pair[0].shape != right.shape or not torch.allclose(pair[0], right, atol=1e-3)
        ]
        compare(given, right, say("the logits of state {number}", number=number), 1e-3, hints)
    return say("equal to the library's lens on {count} hidden states; the last is the model.", count=len(names))


_WORDS = [f"w{number % 60}" for number in range(240)]


@exercise("12.2")
def control(answer: Any) -> str:
    """Asked for: `control(words, classes, seed)`: one random class for each word type, by the seed alone."""
    for classes in (2, 5):
        labels = _drawn(answer, classes, 0)
        types: dict[str, set] = {}
        for word, label in zip(_WORDS, labels):
            types.setdefault(word, set()).add(label)
        if any(len(found) > 1 for found in types.values()):
            raise Differs(
                say("one word has several labels."), say("Draw once for each different word, and remember it.")
            )
        if labels != _drawn(answer, classes, 0):
            raise Differs(
                say("the same seed gives other labels the second time."),
                say("Make a generator of your own from the seed."),
            )
        if labels == _drawn(answer, classes, 1):
            raise Differs(say("another seed gives the same labels."), say("The seed decides the draw."))
        counts = Counter(next(iter(found)) for found in types.values())
        if len(counts) < classes or max(counts.values()) > 60 / classes + 24:
            raise Differs(
                say("of 60 words the classes get {counts}.", counts=[counts[label] for label in range(classes)]),
                say("Every class is equally likely, whatever the word."),
            )
        firsts = [next(iter(types[f"w{number}"])) for number in range(60)]
        if firsts == [number % classes for number in range(60)]:
            raise Differs(
                say("the classes go round in order."), say("At random: the order of the words must not tell.")
            )
    return say("one random class for each word type, decided by the seed alone.")


def _drawn(answer: Any, classes: int, seed: int) -> list[int]:
    """The labels that the answer gives, as numbers."""
    given = call(
        answer,
        list(_WORDS),
        classes,
        seed,
        shown=say("240 words, {classes} classes and seed {seed}", classes=classes, seed=seed),
    )
    try:
        labels = [int(label) for label in given]
    except (TypeError, ValueError):
        raise Differs(
            say("the answer is no list of whole numbers."), say("A number for each word, in their order.")
        ) from None
    if len(labels) != len(_WORDS):
        raise Differs(
            say("there are {count} labels for {words} words.", count=len(labels), words=len(_WORDS)),
            say("A label for each word, repeated ones too."),
        )
    if min(labels) < 0 or max(labels) >= classes:
        raise Differs(
            say("the labels go from {least} to {greatest}.", least=min(labels), greatest=max(labels)),
            say("From 0 to {last}.", last=classes - 1),
        )
    return labels


@exercise("12.3")
def selectivity(answer: Any) -> str:
    """Asked for: `selectivity(predicted, labels, control_predicted, control_labels)`: accuracy minus accuracy."""
    cases = [
        ("NNVN", "NNVV", [0, 1, 1, 0], [1, 1, 0, 1]),
        ("NVNVN", "NVNVN", [2, 0, 0, 1, 1], [2, 0, 0, 1, 0]),
        ("VVV", "NNV", [1, 0, 1], [1, 0, 1]),
    ]
    for predicted, labels, control_predicted, control_labels in cases:
        shares = [
            sum(a == b for a, b in zip(ours, theirs)) / len(theirs)
            for ours, theirs in ((predicted, labels), (control_predicted, control_labels))
        ]
        right = shares[0] - shares[1]
        arguments = list(predicted), list(labels), list(control_predicted), list(control_labels)
        given = call(answer, *arguments, shown=f"{arguments}")
        hints = [
            (-right, say("The task minus the control task, not the other way round.")),
            (shares[0], say("The accuracy on the control task is not taken off.")),
            (shares[0] / max(shares[1], 1e-9), say("The difference of the two, not their ratio.")),
            (100 * right, say("This is in percent; give a difference of shares.")),
            (right * len(labels), say("This is a difference of counts; divide by the number of rows.")),
        ]
        compare(given, right, say("the selectivity"), 1e-6, [pair for pair in hints if abs(pair[0] - right) > 1e-6])
    return say("accuracy minus control accuracy, for {count} cases.", count=len(cases))
