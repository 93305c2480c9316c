"""How good predictions are, counted as the tasks count them. Lists in, numbers between 0 and 100 out.

All scores are percentages, as in the papers' tables; correlations are multiplied by 100 for the same reason.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np


def accuracy(predicted: Sequence, expected: Sequence) -> float:
    """Share of equal items.

    Raises:
        ValueError: the two differ in length, or there are none.
    """
    _same_length(predicted, expected)
    if not len(expected):
        raise ValueError("there are 0 predictions, but a share needs 1 or more")
    return 100.0 * (sum(bool(one == two) for one, two in zip(predicted, expected)) / len(expected))


def macro_f1(predicted: Sequence[int], expected: Sequence[int], labels: int) -> float:
    """F1 of each label, averaged over the labels that occur (scikit-learn's f1_score, average="macro")."""
    from sklearn.metrics import f1_score

    _same_length(predicted, expected)
    present = sorted(set(predicted) | set(expected)) or list(range(labels))
    return 100.0 * float(f1_score(expected, predicted, labels=present, average="macro", zero_division=0.0))


def multilabel_f1(predicted: np.ndarray, expected: np.ndarray) -> dict[str, float]:
    """Macro and micro F1 of (examples, labels) arrays of 0 and 1, over all labels (Demszky et al. 2020)."""
    from sklearn.metrics import f1_score

    return {
        f"{average}_f1": 100.0 * float(f1_score(expected, predicted, average=average, zero_division=0.0))
        for average in ("macro", "micro")
    }


def matthews(predicted: Sequence[int], expected: Sequence[int]) -> float:
    """Matthews correlation (CoLA's metric)."""
    from sklearn.metrics import matthews_corrcoef

    _same_length(predicted, expected)
    return 100.0 * float(matthews_corrcoef(expected, predicted))


def correlations(predicted: Sequence[float], expected: Sequence[float]) -> dict[str, float]:
    """Spearman's and Pearson's correlation (STS-B's metrics); 0 where one side is constant."""
    from scipy.stats import pearsonr, spearmanr

    _same_length(predicted, expected)
    if len(predicted) < 2 or np.ptp(predicted) == 0 or np.ptp(expected) == 0:
        return {"spearman": 0.0, "pearson": 0.0}
    return {
        "spearman": 100.0 * float(spearmanr(predicted, expected)[0]),
        "pearson": 100.0 * float(pearsonr(predicted, expected)[0]),
    }


# What a tag says of its word's place in an entity: IOB1, IOB2 and BIO have B and I; BIOES has E (the last word) and S
# (the only one) too, which BILOU calls L and U, BMEWO calls E and W, with M for I.
_PLACES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}


def split_tag(tag: str) -> tuple[str, str]:
    """(place in the entity, type): "B-PER" -> ("B", "PER"), "U-LOC" -> ("S", "LOC"), "I" -> ("I", ""); any other tag
    is outside of entities, ("O", "")."""
    place = _PLACES.get(tag[:1])
    if place is None or (len(tag) > 1 and (tag[1] not in "-_" or len(tag) == 2)):
        return "O", ""
    return place, tag[2:]


def has_entities(labels: Sequence[str]) -> bool:
    """Whether tags with these labels mark entities of several words: some scheme of B and I, with types or plain."""
    if any(label.startswith(("B-", "I-")) and len(label) > 2 for label in labels):
        return True
    others = [label for label in labels if label != "O"]
    return len(others) not in (0, len(labels)) and all(split_tag(label)[0] != "O" for label in others)


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """The entities of one sentence of tags: (type, first word, behind the last word), in their order.

    As conlleval and seqeval count: every scheme is read alike, and what breaks its rules still begins or ends an
    entity. B and S begin one, and so does any other tag after a word outside, after E or S, or of another type; E and
    S end one. So IOB1, in which B stands between neighbours of one type only, is read rightly too.
    """
    found: list[tuple[str, int, int]] = []
    start, before, kind = 0, "O", ""
    for place, tag in enumerate([*tags, "O"]):
        now, name = split_tag(tag)
        goes_on = now in ("I", "E") and before in ("B", "I") and name == kind
        if before != "O" and not goes_on:
            found.append((kind, start, place))
        if now != "O" and not goes_on:
            start = place
        before, kind = now, name
    return found


def span_f1(predicted: Sequence[Sequence[str]], expected: Sequence[Sequence[str]]) -> dict[str, float]:
    """Precision, recall, F1 of whole entities in sentences of tags (Tjong Kim Sang & De Meulder 2003).

    The scheme of the tags does not matter (see `spans`), and need not be the same on both sides.
    """
    _same_length(predicted, expected)
    right = given = wanted = 0
    for tags, gold in zip(predicted, expected, strict=True):
        _same_length(tags, gold)
        one, two = set(spans(tags)), set(spans(gold))
        right, given, wanted = right + len(one & two), given + len(one), wanted + len(two)
    precision = right / given if given else 0.0
    recall = right / wanted if wanted else 0.0
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"span_f1": 100.0 * f1, "precision": 100.0 * precision, "recall": 100.0 * recall}


def normalize_answer(text: str) -> str:
    """Lower case, without punctuation, articles and extra blanks: how SQuAD compares answers."""
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def squad_scores(predicted: Sequence[str], expected: Sequence[Sequence[str]]) -> dict[str, float]:
    """Exact match and F1 as SQuAD counts them: the best over the given answers; no answer is "".

    Raises:
        ValueError: the two lists differ in length.
    """
    _same_length(predicted, expected)
    exact = overlap = 0.0
    for guess, answers in zip(predicted, expected, strict=True):
        answers = [answer for answer in answers if normalize_answer(answer)] or [""]
        exact += max(float(normalize_answer(guess) == normalize_answer(answer)) for answer in answers)
        overlap += max(_word_f1(guess, answer) for answer in answers)
    count = max(1, len(predicted))
    return {"exact_match": 100.0 * exact / count, "f1": 100.0 * overlap / count}


def _word_f1(guess: str, answer: str) -> float:
    one, two = normalize_answer(guess).split(), normalize_answer(answer).split()
    if not one or not two:
        return float(one == two)
    common = sum((Counter(one) & Counter(two)).values())
    return 2 * common / (len(one) + len(two)) if common else 0.0


def perplexity(loss: float) -> float:
    """exp of a mean negative log-likelihood in nats."""
    return math.exp(min(loss, 700.0))


def _same_length(predicted: Sequence, expected: Sequence) -> None:
    if len(predicted) != len(expected):
        raise ValueError(f"{len(predicted)} predictions for {len(expected)} examples: there must be one for each")
