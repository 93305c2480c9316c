"""05 Masked words: 80/10/10 over 100,000 draws, pseudo-log-likelihood, recall among the five best."""

from __future__ import annotations

import functools
import math
from typing import Any

from bertlab.check.verdict import Differs, as_tensor, call, close, compare, exercise, shipped_lab
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


@exercise("05.1")
def masking(answer: Any) -> str:
    """Asked for: `mask_tokens(ids, special, generator)` -> (hidden ids, labels), 15 % chosen, 80/10/10."""
    import torch

    tokenizer = shipped_lab().tokenizer
    ids, special = masking_case()
    generator = torch.Generator().manual_seed(0)
    arguments = ids.clone(), special.clone()
    given = call(answer, *arguments, generator, shown=f"{ids.numel():,} ids")
    for name, own, handed in zip(("ids", "special"), (ids, special), arguments):
        if not torch.equal(own, handed):
            raise Differs(
                f"the function changed its argument `{name}`.",
                "Whoever calls it still needs its tensors: work on a copy (ids.clone()), or use torch.where.",
            )
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise Differs(f"a pair (hidden ids, labels) was expected, but the answer is of type {type(given).__name__}.")
    hidden, labels = (as_tensor(part, name) for part, name in zip(given, ("the hidden ids", "labels")))
    for part, name in ((hidden, "the hidden ids"), (labels, "labels")):
        if part.shape != ids.shape:
            raise Differs(f"{name} have shape {tuple(part.shape)}, but expected is {tuple(ids.shape)}.")
    chosen = labels != IGNORED
    if bool((chosen & special).any()):
        raise Differs("some of [CLS], [SEP] and [PAD] have a label.", "Nothing is asked at special tokens.")
    if not bool((labels[chosen] == ids[chosen]).all()):
        raise Differs(
            "a label is not the token that stood there.",
            "Take the labels from the ids before you change them; -100 where nothing is asked.",
        )
    if not bool((hidden[~chosen] == ids[~chosen]).all()):
        raise Differs("a token changed that has no label.", "Only chosen places change.")
    words = ~special
    masked = chosen & (hidden == tokenizer.mask_token_id)
    kept = chosen & (hidden == ids)
    drawn = chosen & ~masked & ~kept
    count = int(chosen.sum())
    shares = {
        "chosen": (count / int(words.sum()), 0.15),
        "[MASK]": (int(masked.sum()) / max(count, 1), 0.8),
        "a random token": (int(drawn.sum()) / max(count, 1), 0.1),
        "left as they are": (int(kept.sum()) / max(count, 1), 0.1),
    }
    measured = {name: share for name, (share, _) in shares.items()}
    for name, (share, expected) in shares.items():
        if abs(share - expected) > 0.005:
            of = "of the words" if name == "chosen" else f"of the {count:,} chosen ones become"
            message = f"{share:.1%} {of} {name}, but expected are {expected:.0%}, to half a point."
            raise Differs(message, _masking_hint(measured))
    if len(torch.unique(hidden[drawn])) < len(tokenizer) // 10:
        raise Differs(
            f"the random tokens are only {len(torch.unique(hidden[drawn]))} different ones.",
            "A new random id for each place, out of the whole vocabulary.",
        )
    spread = chosen.double().sum(0)[1:-21]
    if float(spread.max()) > 2 * ROWS * 0.15:
        raise Differs("some positions are chosen far more often than others.", "Draw for each token by itself.")
    return (
        "15 % are chosen; of these "
        + ", ".join(f"{share:.1%} {name}" for name, share in list(measured.items())[1:])
        + "."
    )


def _masking_hint(share: dict[str, float]) -> str:
    if share["chosen"] > 0.16:
        return "15 % are asked for in all, those that become random or stay as they are included."
    if share["[MASK]"] > 0.99:
        return "All chosen ones became [MASK]. Ten in a hundred should become a random token, ten stay as they are."
    if abs(share["[MASK]"] - 0.9) < 0.02 and share["a random token"] < 0.02:
        return "The random tokens are missing."
    if abs(share["chosen"] - 0.12) < 0.005:
        return "15 % are chosen in all, and 80 % of them masked; it looks as if only the masked ones got a label."
    if share["chosen"] < 0.15 and abs(share["chosen"] - 0.15) < 0.03:
        return "15 % of the words: do not count special tokens among those you draw from."
    if abs(share["a random token"] - 0.02) < 0.01 or abs(share["a random token"] - 0.18) < 0.01:
        return "Half of what is left after the 80 % becomes random: a second draw needs 0.5, not 0.1 or 0.9."
    return "One draw in 0..1 a chosen token is enough: below 0.8 [MASK], from 0.8 to 0.9 random, above that as it is."


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
    "unmasked": "The token is visible while it is predicted. Mask it first.",
    "together": "All the tokens are masked at once. Mask one at a time, and show all the others.",
    "special": "[CLS] and [SEP] are scored too; leave them out.",
    "mean": "This is the mean; the sum was asked for.",
    "bits": "This is in bits; use natural logarithms.",
    "tens": "These are logarithms to the base 10; use natural ones.",
    "negative": "The sign: a logarithm of a probability is negative.",
    "probability": "This is the product of the probabilities; its logarithm was asked for.",
}


@exercise("05.2")
def pseudo_log_likelihood(answer: Any) -> str:
    """Asked for: `score(sentence)` -> sum of log-probabilities, each token masked in turn."""
    for sentence in SENTENCES:
        values = likelihoods(sentence)
        given = call(answer, sentence, shown=repr(sentence))
        hints = [(values[name], hint) for name, hint in _LIKELIHOOD_HINTS.items()]
        compare(given, values["right"], f"the score of {sentence!r}", 1e-3, hints)
    return f"equal to lab.score on {len(SENTENCES)} sentences."


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
    given, gaps = as_tensor(answer, "the recall"), len(samples("cloze", "dev"))
    hints = []
    if not close(given, as_tensor(right, "the recall"), 1e-4):  # only then the train items have to be gone through
        train, train_gaps = recalls("train")[0], len(samples("cloze", "train"))
        hints = [
            (right * 100, "This is in percent; give a share between 0 and 1."),
            (right * gaps, f"This is how many; divide by the number of gaps, {gaps}."),
            (right * gaps / 100, f"This divides by 100; divide by the number of gaps, {gaps}."),
            (1 - right, "This is the share of the gaps that are missed."),
            (first, "Only the first word counts here; look among the five best."),
            (train, "These are the train items; the question is about dev."),
            (train * train_gaps / gaps, "These are the train items; the question is about dev."),
        ]
    compare(given, right, "the recall", 1e-4, hints, reveal=False)
    return f"equal to the library's count over {gaps} gaps."
