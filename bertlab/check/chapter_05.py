"""05 Masked words: 80/10/10 over 100,000 draws, pseudo-log-likelihood, recall among the five best."""

from __future__ import annotations

import functools
import math
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, close, compare, exercise, shipped_lab
from bertlab.language import mark, say
from bertlab.samples import samples

IGNORED = -100
ROWS, LENGTH = 2800, 250  # 700,000 tokens, of which some 100,000 are drawn
SENTENCES = ("The cat sat on the mat.", "He drank a glass of water.", "Keys are rusty.")


@functools.cache
def masking_case() -> tuple[Any, Any]:
    """(ids, special), both (batch, sequence): random ids between [CLS] and [SEP], some rows padded."""
    import torch

    tokenizer = shipped_lab().tokenizer
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1000, len(tokenizer), (ROWS, LENGTH), generator=generator)
    ids[:, 0], ids[:, -1] = tokenizer.cls_token_id, tokenizer.sep_token_id
    ids[::2, -20:] = tokenizer.pad_token_id
    special = (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id) | (ids == tokenizer.pad_token_id)
    return ids, special


_EXPECTED = {  # the share that is right, and what is said of another one
    "chosen": (
        0.15,
        mark("{share:.1%} of the words chosen, but expected are {expected:.0%}, to half a point."),
    ),
    "masked": (
        0.8,
        mark(
            "{share:.1%} of the {count:,} chosen ones become [MASK], but expected are {expected:.0%}, to half a point."
        ),
    ),
    "drawn": (
        0.1,
        mark(
            "{share:.1%} of the {count:,} chosen ones become a random token, but expected are {expected:.0%}, "
            "to half a point."
        ),
    ),
    "kept": (
        0.1,
        mark(
            "{share:.1%} of the {count:,} chosen ones become left as they are, but expected are {expected:.0%}, "
            "to half a point."
        ),
    ),
}


@exercise("05.1")
def masking(answer: Any) -> str:
    """Asked for: `mask_tokens(ids, special, generator)` -> (hidden ids, labels), 15 % chosen, 80/10/10."""
    import torch

    tokenizer = shipped_lab().tokenizer
    ids, special = masking_case()
    generator = torch.Generator().manual_seed(0)
    arguments = ids.clone(), special.clone()
    given = call(answer, *arguments, generator, shown=say("{count:,} ids", count=ids.numel()))
    for name, own, handed in zip(("ids", "special"), (ids, special), arguments):
        if not torch.equal(own, handed):
            raise Differs(
                say("the function changed its argument `{name}`.", name=name),
                say("Whoever calls it still needs its tensors: work on a copy (ids.clone()), or use torch.where."),
            )
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise Differs(
            say(
                "a pair (hidden ids, labels) was expected, but the answer is of type {kind}.", kind=type(given).__name__
            )
        )
    hidden, labels = (as_tensor(part, name) for part, name in zip(given, (say("the hidden ids"), say("labels"))))
    for part, name in ((hidden, say("the hidden ids")), (labels, say("labels"))):
        if part.shape != ids.shape:
            raise Differs(
                say(
                    "{name} have shape {shape}, but expected is {expected}.",
                    name=name,
                    shape=tuple(part.shape),
                    expected=tuple(ids.shape),
                )
            )
    chosen = labels != IGNORED
    if bool((chosen & special).any()):
        raise Differs(say("some of [CLS], [SEP] and [PAD] have a label."), say("Nothing is asked at special tokens."))
    if not bool((labels[chosen] == ids[chosen]).all()):
        raise Differs(
            say("a label is not the token that stood there."),
            say("Take the labels from the ids before you change them; -100 where nothing is asked."),
        )
    if not bool((hidden[~chosen] == ids[~chosen]).all()):
        raise Differs(say("a token changed that has no label."), say("Only chosen places change."))
    words = ~special
    masked = chosen & (hidden == tokenizer.mask_token_id)
    kept = chosen & (hidden == ids)
    drawn = chosen & ~masked & ~kept
    count = int(chosen.sum())
    shares = {
        "chosen": count / int(words.sum()),
        "masked": int(masked.sum()) / max(count, 1),
        "drawn": int(drawn.sum()) / max(count, 1),
        "kept": int(kept.sum()) / max(count, 1),
    }
    for name, (expected, message) in _EXPECTED.items():
        if abs(shares[name] - expected) > 0.005:
            message = say(message, share=shares[name], expected=expected, count=count)
            raise Differs(message, _masking_hint(shares))
    if len(torch.unique(hidden[drawn])) < len(tokenizer) // 10:
        raise Differs(
            say("the random tokens are only {count} different ones.", count=len(torch.unique(hidden[drawn]))),
            say("A new random id for each place, out of the whole vocabulary."),
        )
    spread = chosen.double().sum(0)[1:-21]
    if float(spread.max()) > 2 * ROWS * 0.15:
        raise Differs(
            say("some positions are chosen far more often than others."), say("Draw for each token by itself.")
        )
    return say(
        "15 % are chosen; of these {masked:.1%} [MASK], {drawn:.1%} a random token, {kept:.1%} left as they are.",
        **shares,
    )


def _masking_hint(share: dict[str, float]) -> str:
    if share["chosen"] > 0.16:
        return say("15 % are asked for in all, those that become random or stay as they are included.")
    if share["masked"] > 0.99:
        return say(
            "All chosen ones became [MASK]. Ten in a hundred should become a random token, ten stay as they are."
        )
    if abs(share["masked"] - 0.9) < 0.02 and share["drawn"] < 0.02:
        return say("The random tokens are missing.")
    if abs(share["chosen"] - 0.12) < 0.005:
        return say("15 % are chosen in all, and 80 % of them masked; it looks as if only the masked ones got a label.")
    if share["chosen"] < 0.15 and abs(share["chosen"] - 0.15) < 0.03:
        return say("15 % of the words: do not count special tokens among those you draw from.")
    if abs(share["drawn"] - 0.02) < 0.01 or abs(share["drawn"] - 0.18) < 0.01:
        return say("Half of what is left after the 80 % becomes random: a second draw needs 0.5, not 0.1 or 0.9.")
    return say(
        "One draw in 0..1 a chosen token is enough: below 0.8 [MASK], from 0.8 to 0.9 random, above that as it is."
    )


@functools.cache
def likelihoods(sentence: str) -> dict[str, float]:
    """The pseudo-log-likelihood, and what common mistakes give instead."""
    import torch

    lab = shipped_lab()
    score = lab.score(sentence)
    ids = lab.tokenizer(sentence, return_tensors="pt")["input_ids"]
    truth = ids[0, 1:-1]

    def log_probabilities(shown: Any) -> Any:
        with torch.no_grad():
            return lab.model(shown).prediction_logits[0].log_softmax(-1)  # (sequence, vocabulary)

    all_masked = ids.clone()
    all_masked[0, 1:-1] = lab.tokenizer.mask_token_id
    places = torch.arange(1, ids.shape[1] - 1)
    with_special = score.total
    for place in (0, ids.shape[1] - 1):
        masked = ids.clone()
        masked[0, place] = lab.tokenizer.mask_token_id
        with_special += float(log_probabilities(masked)[place, ids[0, place]])
    return {
        "right": score.total,
        "unmasked": float(log_probabilities(ids)[places, truth].sum()),
        "together": float(log_probabilities(all_masked)[places, truth].sum()),
        "special": with_special,
        "mean": score.total / len(truth),
        "bits": score.total / math.log(2),
        "tens": score.total / math.log(10),
        "negative": -score.total,
        "probability": math.exp(score.total),
    }


_LIKELIHOOD_HINTS = {
    "unmasked": mark("The token is visible while it is predicted. Mask it first."),
    "together": mark("All the tokens are masked at once. Mask one at a time, and show all the others."),
    "special": mark("[CLS] and [SEP] are scored too; leave them out."),
    "mean": mark("This is the mean; the sum was asked for."),
    "bits": mark("This is in bits; use natural logarithms."),
    "tens": mark("These are logarithms to the base 10; use natural ones."),
    "negative": mark("The sign: a logarithm of a probability is negative."),
    "probability": mark("This is the product of the probabilities; its logarithm was asked for."),
}


@exercise("05.2")
def pseudo_log_likelihood(answer: Any) -> str:
    """Asked for: `score(sentence)` -> sum of log-probabilities, each token masked in turn."""
    for sentence in SENTENCES:
        values = likelihoods(sentence)
        given = call(answer, sentence, shown=repr(sentence))
        hints = [(values[name], say(hint)) for name, hint in _LIKELIHOOD_HINTS.items()]
        compare(given, values["right"], say("the score of {sentence!r}", sentence=sentence), 1e-3, hints)
    return say("equal to lab.score on {count} sentences.", count=len(SENTENCES))


@functools.cache
def recalls(split: str = "dev") -> tuple[float, float]:
    """The share of a split's gaps with an accepted answer among the five best, and as the very best."""
    lab, rows = shipped_lab(), samples("cloze", split)
    five = first = 0
    for row in rows:
        tokens = [candidate.token for candidate in lab.fill_mask(row["text"], top_k=5)[0]]
        five += bool(set(tokens) & set(row["answers"]))
        first += tokens[0] in row["answers"]
    return five / len(rows), first / len(rows)


@exercise("05.3")
def top_five_recall(answer: Any) -> str:
    """Asked for: the share of the cloze dev items with an accepted answer among the five best."""
    right, first = recalls()
    given, gaps = as_tensor(answer, say("the recall")), len(samples("cloze", "dev"))
    hints = []
    if not close(given, as_tensor(right, say("the recall")), 1e-4):  # only then the train items have to be gone through
        train, train_gaps = recalls("train")[0], len(samples("cloze", "train"))
        hints = [
            (right * 100, say("This is in percent; give a share between 0 and 1.")),
            (right * gaps, say("This is how many; divide by the number of gaps, {gaps}.", gaps=gaps)),
            (right * gaps / 100, say("This divides by 100; divide by the number of gaps, {gaps}.", gaps=gaps)),
            (1 - right, say("This is the share of the gaps that are missed.")),
            (first, say("Only the first word counts here; look among the five best.")),
            (train, say("These are the train items; the question is about dev.")),
            (train * train_gaps / gaps, say("These are the train items; the question is about dev.")),
        ]
    compare(given, right, say("the recall"), 1e-4, hints, reveal=False)
    return say("equal to the library's count over {gaps} gaps.", gaps=gaps)
