"""06 Next sentence: the two logits, a pair as ids and token types, accuracy over two kinds of pairs."""

from __future__ import annotations

from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, compare, exercise, shipped_lab
from bertlab.language import mark, say

PAIRS = (
    ("She put the kettle on the stove.", "After a few minutes the water began to boil."),
    ("Antidisestablishmentarianism?", "No."),
    ("One short text", "and a rather longer one, which has a comma and unaffable pieces."),
)


@exercise("06.1")
def is_next(answer: Any) -> str:
    """Asked for: `is_next(logits)`: (pairs, 2) -> (pairs,), the probability of column 0."""
    import torch

    logits = torch.tensor([[2.0, -1.0], [0.5, 0.25], [-3.0, 4.0], [0.0, 0.0], [60.0, -60.0]])
    given = call(answer, logits.clone(), shown=say("five pairs of logits"))
    probabilities = logits.softmax(-1)
    hints = [
        (probabilities[:, 1], say("This is column 1, which means “random”. Column 0 is “is next”.")),
        (logits.sigmoid()[:, 0], say("The two logits compete: a softmax over both, not a sigmoid of one.")),
        (logits.sigmoid()[:, 1], say("Column 0 is “is next”; and a softmax over both, not a sigmoid of one.")),
        (logits[:, 0], say("This is the logit; the probability was asked for.")),
        (probabilities, say("Both columns are here; keep the first one.")),
        (1.0 * (logits[:, 0] > logits[:, 1]), say("This is the decision; the probability was asked for.")),
        (1.0 * logits.argmax(-1), say("This is the likelier label; the probability of label 0 was asked for.")),
    ]
    compare(given, probabilities[:, 0], say("the probability"), 1e-5, hints)
    return say("the softmax over both, column 0, for five pairs.")


def _pair_parts(first: str, second: str) -> dict[str, Any]:
    """(ids, types) as the tokenizer makes them, and what common mistakes give."""
    tokenizer = shipped_lab().tokenizer
    batch = tokenizer(first, second)
    ids, types = list(batch["input_ids"]), list(batch["token_type_ids"])
    sep, middle = tokenizer.sep_token_id, types.index(1)
    return {
        "right": (ids, types),
        "sep first": (ids, types[: middle - 1] + [1] * (len(ids) - middle + 1)),
        "zeros": (ids, [0] * len(ids)),
        "from one": (ids, [kind + 1 for kind in types]),
        "no middle": (ids[: middle - 1] + ids[middle:], None),
        "no end": (ids[:-1], None),
        "no cls": (ids[1:], None),
        "bare": ([i for i in ids if i not in (sep, tokenizer.cls_token_id)], None),
    }


_PAIR_HINTS = {
    "sep first": mark("The first [SEP] closes the first text: its type is 0."),
    "zeros": mark("All types are 0; those of the second text are 1."),
    "from one": mark("Token types count from 0."),
    "no middle": mark("Between the texts there is a [SEP]."),
    "no end": mark("A [SEP] closes the second text too."),
    "no cls": mark("The pair begins with [CLS]."),
    "bare": mark("[CLS] and the two [SEP] are missing."),
}


@exercise("06.2")
def pair_ids(answer: Any) -> str:
    """Asked for: `pair_ids(first, second)` -> (ids, types) of [CLS] first [SEP] second [SEP]."""
    for first, second in PAIRS:
        given = call(answer, first, second, shown=say("{first!r} and {second!r}", first=first, second=second))
        if not isinstance(given, (tuple, list)) or len(given) != 2:
            raise Differs(
                say("a pair (ids, types) was expected, but the answer is of type {kind}.", kind=type(given).__name__)
            )
        ids, types = (as_tensor(part, name).tolist() for part, name in zip(given, (say("the ids"), say("the types"))))
        parts = _pair_parts(first, second)
        right_ids, right_types = parts["right"]
        if ids == right_ids and types == right_types:
            continue
        hint = next(
            (
                say(_PAIR_HINTS[name])
                for name, (wrong, kinds) in parts.items()
                if name in _PAIR_HINTS and ids == wrong and kinds in (None, types)
            ),
            "",
        )
        if ids != right_ids:
            raise Differs(
                say("the ids of {first!r} and {second!r} are not those of the tokenizer.", first=first, second=second),
                hint,
            )
        raise Differs(
            say("the types are {types}, but expected are {right_types}.", types=types, right_types=right_types),
            hint,
            share=0.5,  # the ids are right
        )
    return say("as the tokenizer makes them, for {count} pairs.", count=len(PAIRS))


@exercise("06.3")
def balanced_accuracy(answer: Any) -> str:
    """Asked for: `accuracy(positives, negatives)`: the mean of both shares that are right."""
    cases = [
        ([True, True, True, False], [False, False]),
        ([True], [True, False, False, False, False]),
        ([False, False, True], [True]),
    ]
    for positives, negatives in cases:
        kept, rejected = sum(positives) / len(positives), 1 - sum(negatives) / len(negatives)
        right = (kept + rejected) / 2
        count = len(positives) + len(negatives)
        pooled = (sum(positives) + len(negatives) - sum(negatives)) / count
        given = call(
            answer,
            list(positives),
            list(negatives),
            shown=say("{positives} and {negatives}", positives=positives, negatives=negatives),
        )
        hints = [
            (pooled, say("Each list counts one half, however long it is: take the mean of two shares.")),
            ((kept + 1 - rejected) / 2, say("For pairs that do not follow, False is the right answer.")),
            (kept, say("The pairs that do not follow are left out.")),
            (right * 100, say("This is in percent; give a share between 0 and 1.")),
            (kept + rejected, say("This is the sum of both shares; take their mean.")),
        ]
        compare(given, right, say("the accuracy"), 1e-6, hints)
    return say("the mean of both shares, whatever the lengths.")
