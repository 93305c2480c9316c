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
    """Share of equal items."""
    _same_length(predicted, expected)
    return 100.0 * float(np.mean(np.asarray(predicted) == np.asarray(expected)))


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


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """The entities of one sentence of BIO tags: (type, first word, behind the last word).

    As the CoNLL script counts: B- begins an entity, and so does an I- that does not continue one of its type.
    """
    found: list[tuple[str, int, int]] = []
    start, kind = 0, None
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, name = tag.partition("-")
        if kind is not None and not (prefix == "I" and name == kind):
            found.append((kind, start, place))
            kind = None
        if kind is None and prefix in ("B", "I"):
            start, kind = place, name
    return found


def span_f1(predicted: Sequence[Sequence[str]], expected: Sequence[Sequence[str]]) -> dict[str, float]:
    """Precision, recall, F1 of whole entities in sentences of BIO tags (Tjong Kim Sang & De Meulder 2003)."""
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
