"""A question and a text that may hold its answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bertlab import metrics
from bertlab.rows import DataError, column_of, place_of
from bertlab.tasks.features import Feature, assemble, pieces_of
from bertlab.tasks.kinds.kind import Asked, Batch, Kind
from bertlab.tasks.spans import LONGEST, Window, best_span, no_answer_score

POSITIONS = ("start_positions", "end_positions")


def _encode(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    """[CLS] question [SEP] part of the context [SEP], in windows that overlap by `stride` tokens.

    A window that does not hold the whole answer, or a question without one, points at [CLS] (position 0).
    Of several answers the most frequent one is taught. `offsets` are characters in the context.
    """
    questions = pieces_of(tokenizer, [column_of(row, "question", str).lstrip() for row in rows])
    contexts = pieces_of(tokenizer, [column_of(row, "context", str) for row in rows], offsets=True)
    features = []
    for number, (row, question, (context, offsets)) in enumerate(zip(rows, questions, contexts, strict=True)):
        question = question[: task.max_length // 2]
        room = task.max_length - len(question) - 3
        step = max(1, room - task.stride)
        answers = column_of(row, "answers", required=False)
        span = None if answers is None else _answer_span(row, _answer_list(answers))
        start = 0
        while True:
            part, part_offsets = context[start : start + room], offsets[start : start + room]
            feature = assemble(tokenizer, question, part, task.max_length)
            feature["example"] = number
            feature["context_start"] = len(question) + 2
            feature["offsets"] = [tuple(pair) for pair in part_offsets]
            if answers is not None:
                first, last = _positions(span, part_offsets)
                shift = feature["context_start"] if last >= 0 else 0
                feature["start_positions"] = first + shift if last >= 0 else 0
                feature["end_positions"] = last + shift if last >= 0 else 0
            features.append(feature)
            if start + room >= len(context):
                break
            start += step
    return features


def _answer_list(answers: Any) -> list[dict]:
    """SQuAD's list of answers, or the dictionary of lists that `datasets` makes of it."""
    if isinstance(answers, Mapping):
        pairs = zip(answers["text"], answers["answer_start"], strict=True)
        return [{"text": text, "answer_start": start} for text, start in pairs]
    return list(answers)


def _answer_span(row: Mapping[str, Any], answers: list[dict]) -> tuple[int, int] | None:
    """(first character, behind the last one) of the most frequent answer, None if there is no answer."""
    if not answers:
        return None
    try:
        spans = Counter((int(answer["answer_start"]), str(answer["text"])) for answer in answers)
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{place_of(row)}, column 'answers': each needs 'text' and a number 'answer_start'") from None
    (start, text), _ = spans.most_common(1)[0]
    if row["context"][start : start + len(text)] != text:
        raise DataError(f"{place_of(row)}, column 'answers': {text!r:.60} is not at character {start} of the context")
    return start, start + len(text)


def _positions(span: tuple[int, int] | None, offsets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """First and last token of the characters `span`, (-1, -1) unless the window holds all of it."""
    if span is None or not offsets or span[0] < offsets[0][0] or span[1] > offsets[-1][1]:
        return -1, -1
    inside = [place for place, (start, end) in enumerate(offsets) if start < span[1] and end > span[0]]
    return (inside[0], inside[-1]) if inside else (-1, -1)


def _stack(features: Sequence[Feature], width: int, task: Asked) -> dict[str, Tensor]:
    return {name: torch.tensor([feature[name] for feature in features]) for name in POSITIONS}


def _loss(output: Any, batch: Batch) -> Tensor:
    sides = ((output.start_logits, batch["start_positions"]), (output.end_logits, batch["end_positions"]))
    return sum(F.cross_entropy(logits.float(), places, reduction="sum") for logits, places in sides) / 2


def _outputs(output: Any, place: int) -> tuple[np.ndarray, np.ndarray]:
    return tuple(logits[place].float().numpy(force=True) for logits in (output.start_logits, output.end_logits))


def answer_texts(row: Mapping[str, Any]) -> list[str]:
    """The texts of all the answers of a question."""
    return [str(answer["text"]) for answer in _answer_list(column_of(row, "answers"))]


def qa_answers(
    outputs: Sequence[tuple[np.ndarray, np.ndarray]],
    features: Sequence[Feature],
    rows: Sequence[Mapping[str, Any]],
    *,
    no_answer: bool = True,
    longest: int = LONGEST,
    candidates: int | None = None,
    margin: float = 0.0,
) -> list[str]:
    """The best span of each question over all its windows (see `bertlab.tasks.spans`).

    With `no_answer` the answer is "" where the score of [CLS], the lowest over the windows, beats the best span by
    more than `margin`.

    Args:
        outputs: (start logits, end logits) of each feature, each (sequence,).
        longest: most tokens of an answer.
        candidates: of each window only so many of the likeliest starts and ends are tried; all if None.
    """
    windows: list[list[Window]] = [[] for _ in rows]
    for (start_logits, end_logits), feature in zip(outputs, features, strict=True):
        shift, offsets = feature["context_start"], feature["offsets"]
        inside = slice(shift, shift + len(offsets))
        sides = [_likeliest(logits, inside, candidates) for logits in (start_logits, end_logits)]
        after = [None] * (len(start_logits) - inside.stop)
        windows[feature["example"]].append(Window(*sides, [*[None] * shift, *offsets, *after]))
    answers = []
    for row, own in zip(rows, windows, strict=True):
        score, first, last = best_span(own, longest)
        refused = score == -np.inf or (no_answer and no_answer_score(own) > score + margin)
        answers.append("" if refused else column_of(row, "context", str)[first:last])
    return answers


def _likeliest(logits: np.ndarray, inside: slice, candidates: int | None) -> np.ndarray:
    """Logits in which, of the places `inside`, all but the `candidates` highest are minus infinity."""
    if candidates is None or candidates >= inside.stop - inside.start:
        return logits
    lowest = inside.start + np.argsort(-logits[inside], kind="stable")[candidates:]
    logits = logits.copy()
    logits[lowest] = -np.inf
    return logits


def _score(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    expected = [answer_texts(row) for row in rows]
    some_unanswerable = any(not answers for answers in expected)
    predicted = qa_answers(outputs, features, rows, no_answer=some_unanswerable)
    scores = metrics.squad_scores(predicted, expected)
    if some_unanswerable:
        scores["no_answer_accuracy"] = metrics.accuracy(
            [answer == "" for answer in predicted], [not answers for answers in expected]
        )
    return scores


def _predict(outputs, features, rows, task, no_answer) -> list[str]:
    return qa_answers(outputs, features, rows, no_answer=no_answer)


def _described(row: Mapping[str, Any], task: Asked) -> tuple[str, str, str | None]:
    found = answer_texts(row) if column_of(row, "answers", required=False) is not None else []
    return column_of(row, "question"), column_of(row, "context"), found[0] if found else "(no answer)"


QUESTIONS = Kind(
    "qa", "BertForQuestionAnswering", "answers",
    encode=_encode, stack=_stack, loss=_loss, outputs=_outputs, score=_score, predict=_predict,
    metric=lambda task: "f1", described=_described,
    typed=lambda text, pair: {"question": text, "context": pair} if pair else None,
    shown=lambda row, answer, task: answer or "(no answer)", guessing=lambda rows, task: ({}, {}),
    targets=POSITIONS,
)  # fmt: skip
