"""A question and a text that may hold its answer."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bertlab import metrics
from bertlab.rows import DataError, column_of, listed, place_of
from bertlab.tasks.features import Feature, assemble, pieces_of
from bertlab.tasks.kinds.kind import Asked, Batch, Kind
from bertlab.tasks.labels import is_missing, whole_number
from bertlab.tasks.spans import LONGEST, Window, best_span, no_answer_score

POSITIONS = ("start_positions", "end_positions")
OUTPUTS = {0: "LABEL_0", 1: "LABEL_1"}  # start and end, whatever the base was trained for; transformers' names


def _encode(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    """[CLS] question [SEP] part of the context [SEP], in windows that overlap by `stride` tokens.

    A window that does not hold the whole answer, or a question without one, points at [CLS] (position 0).
    Of several answers the most frequent one is taught. `offsets` are characters in the context.
    """
    asked = [column_of(row, "question", str).lstrip() for row in rows]
    questions = pieces_of(tokenizer, asked, most=task.max_length)
    contexts = pieces_of(tokenizer, [column_of(row, "context", str) for row in rows], offsets=True)
    features: list[Feature] = []
    held_by_none: list[Mapping[str, Any]] = []
    for number, (row, question, (context, offsets)) in enumerate(zip(rows, questions, contexts, strict=True)):
        question = question[: task.max_length // 2]
        room = task.max_length - len(question) - 3
        known = _has_answers(row, task)
        span = _answer_span(row, answers_of(row)) if known else None
        held = False
        for start in _starts(len(context), room, max(1, room - task.stride)):
            part, part_offsets = context[start : start + room], offsets[start : start + room]
            feature = assemble(tokenizer, question, part, task.max_length)
            feature["example"] = number
            feature["context_start"] = len(question) + 2
            feature["offsets"] = [tuple(pair) for pair in part_offsets]
            if known:
                first, last = _positions(span, part_offsets)
                shift = feature["context_start"] if last >= 0 else 0
                feature["start_positions"] = first + shift if last >= 0 else 0
                feature["end_positions"] = last + shift if last >= 0 else 0
                held = held or last >= 0
            features.append(feature)
        if span is not None and not held:
            held_by_none.append(row)
    if held_by_none:
        warnings.warn(
            f"{len(held_by_none)} of {len(rows)} answers fit into no window of {task.max_length} tokens and count as "
            f"none, the first of them {place_of(held_by_none[0])}; give a larger max_length", UserWarning, stacklevel=4,
        )  # fmt: skip
    return features


def _starts(length: int, room: int, step: int) -> Iterator[int]:
    """Where the windows over a context begin."""
    start = 0
    while True:
        yield start
        if start + room >= length:
            return
        start += step


def _has_answers(row: Mapping[str, Any], task: Asked) -> bool:
    """Whether the answers of a question are known; [] is known to be none."""
    return not is_missing(column_of(row, "answers", required=False))


def answers_of(row: Mapping[str, Any]) -> list[tuple[int, str]]:
    """(first character, text) of all the answers of a question.

    They are a list as in SQuAD's files, the lists in a dictionary that `datasets` makes of it, or one answer alone.

    Raises:
        DataError: another shape; an answer that is empty, or does not stand where it should.
    """
    answers = column_of(row, "answers")
    if isinstance(answers, Mapping):
        answers = _from_columns(row, {name: listed(column) for name, column in answers.items()})
    if not isinstance(answers, (list, tuple)):
        raise _wrong(row, f"{answers!r:.60} is of the type {type(answers).__name__}")
    found = []
    for answer in answers:
        if not isinstance(answer, Mapping) or not isinstance(answer.get("text"), str):
            raise _wrong(row, f"{answer!r:.60} has no text")
        start, text = whole_number(answer.get("answer_start")), answer["text"]
        if start is None:
            raise _wrong(row, f"answer_start is {answer.get('answer_start')!r:.40}")
        if not text.strip():
            raise _wrong(row, f"the answer {text!r} is empty; a question without an answer has []")
        context = column_of(row, "context", str)
        if start < 0 or context[start : start + len(text)] != text:
            raise DataError(
                f"{place_of(row)}, column 'answers': {text!r:.60} is not at character {start} of the context"
                + (f", but at {context.index(text)}" if text in context else "")
            )
        found.append((start, text))
    return found


def _from_columns(row: Mapping[str, Any], answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    texts, starts = answers.get("text"), answers.get("answer_start")
    if isinstance(texts, str):  # one answer
        return [dict(answers)]
    if not isinstance(texts, (list, tuple)) or not isinstance(starts, (list, tuple)):
        raise _wrong(row, f"{dict(answers)!r:.60} holds no lists of both")
    if len(texts) != len(starts):
        raise _wrong(row, f"there are {len(texts)} texts for {len(starts)} starts")
    return [{"text": text, "answer_start": start} for text, start in zip(texts, starts)]


def _wrong(row: Mapping[str, Any], problem: str) -> DataError:
    return DataError(f"{place_of(row)}, column 'answers': each needs 'text' and a number 'answer_start', but {problem}")


def _answer_span(row: Mapping[str, Any], answers: list[tuple[int, str]]) -> tuple[int, int] | None:
    """(first character, behind the last one) of the most frequent answer, None if there is no answer."""
    if not answers:
        return None
    (start, text), _ = Counter(answers).most_common(1)[0]
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
    start, end = (F.cross_entropy(logits.float(), places, reduction="sum") for logits, places in sides)
    return (start + end) / 2


def _outputs(output: Any, place: int) -> tuple[np.ndarray, np.ndarray]:
    return tuple(logits[place].float().numpy(force=True) for logits in (output.start_logits, output.end_logits))


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
        starts, ends = (_likeliest(logits, inside, candidates) for logits in (start_logits, end_logits))
        after = [None] * (len(start_logits) - inside.stop)
        windows[feature["example"]].append(Window(starts, ends, [*[None] * shift, *offsets, *after]))
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
    expected = [[text for _, text in answers_of(row)] for row in rows]
    if not any(expected):
        warnings.warn(
            "no question of the set has an answer: if the answers are only hidden, the scores mean nothing",
            UserWarning, stacklevel=4,
        )  # fmt: skip
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
    asked, context = column_of(row, "question"), column_of(row, "context")
    if not _has_answers(row, task):
        return asked, context, None
    found = answers_of(row)
    return asked, context, found[0][1] if found else "(no answer)"


QUESTIONS = Kind(
    "qa", "BertForQuestionAnswering", "answers",
    encode=_encode, stack=_stack, loss=_loss, outputs=_outputs, score=_score, predict=_predict,
    metric=lambda task: "f1", described=_described,
    typed=lambda text, pair: {"question": text, "context": pair} if pair else None,
    shown=lambda row, answer, task: answer or "(no answer)", guessing=lambda rows, task: ({}, {}),
    targets=POSITIONS, answered=_has_answers,
    config=lambda task: {"id2label": OUTPUTS, "label2id": {name: number for number, name in OUTPUTS.items()}},
)  # fmt: skip
