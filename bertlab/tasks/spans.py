"""Which spans of a text can answer a question, and how good each is (Devlin et al. 2019, sections 4.2 and 4.3).

A span begins and ends in the context, does not end before it begins, and has at most `longest` tokens. Its score is
the start logit of its first token plus the end logit of its last one. Of several windows over a long context, a span
counts with the best of its scores, and "no answer" with the lowest score of [CLS].
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

LONGEST = 30  # tokens of an answer


class Window(NamedTuple):
    """What a model said about one window: logits (sequence,), and for each token its characters of the context, None
    outside it. Token 0 is [CLS]."""

    start_logits: np.ndarray
    end_logits: np.ndarray
    offsets: Sequence[tuple[int, int] | None]


def span_scores(window: Window, longest: int = LONGEST) -> np.ndarray:
    """(start, end): the score of every span, minus infinity where there can be none."""
    inside = np.array([offset is not None for offset in window.offsets], dtype=bool)
    places = np.arange(len(inside))
    distance = places[None, :] - places[:, None]  # (start, end)
    legal = inside[:, None] & inside[None, :] & (distance >= 0) & (distance < longest)
    return np.where(legal, window.start_logits[:, None] + window.end_logits[None, :], -np.inf)


def no_answer_score(windows: Iterable[Window]) -> float:
    """The score of "no answer": the lowest one of [CLS] over the windows."""
    return min((float(window.start_logits[0] + window.end_logits[0]) for window in windows), default=np.inf)


def best_span(windows: Iterable[Window], longest: int = LONGEST) -> tuple[float, int, int]:
    """(score, first character, behind the last one) of the best span; minus infinity where there is none."""
    best = (-np.inf, 0, 0)
    for window in windows:
        scores = span_scores(window, longest)
        if scores.size and scores.max() > best[0]:
            start, end = divmod(int(scores.argmax()), scores.shape[1])
            best = (float(scores[start, end]), window.offsets[start][0], window.offsets[end][1])
    return best


def all_spans(windows: Iterable[Window], longest: int = LONGEST) -> dict[tuple[int, int], float]:
    """The best score of every span, by its first character and the one behind its last."""
    found: dict[tuple[int, int], float] = {}
    for window in windows:
        scores = span_scores(window, longest)
        for start, end in np.argwhere(scores > -np.inf).tolist():
            place = (window.offsets[start][0], window.offsets[end][1])
            found[place] = max(found.get(place, -np.inf), float(scores[start, end]))
    return found
