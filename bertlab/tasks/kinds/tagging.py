"""A label for every word of a sentence."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from bertlab import metrics
from bertlab.rows import DataError, column_name, column_of, place_of
from bertlab.tasks.features import IGNORED, Feature, pieces_of, stack
from bertlab.tasks.kinds.kind import Asked, Batch, Kind, Rows, label_config, logits_of
from bertlab.tasks.labels import Found, is_missing, label_id, no_label


def _encode(rows: list, task: Asked, tokenizer: Any) -> list[Feature]:
    """The first piece of each word carries its tag, every other position -100.

    Sentences that are too long are cut between words into several features; `words` are the numbers of
    the words whose first pieces stand at the labelled positions.
    """
    sentences = [column_of(row, "tokens", (list, tuple)) for row in rows]
    words = [word for sentence in sentences for word in sentence]
    pieces = iter(pieces_of(tokenizer, [str(word) for word in words], most=task.max_length))
    features = []
    for number, (row, sentence) in enumerate(zip(rows, sentences, strict=True)):
        tags = column_of(row, "tags", (list, tuple), required=False)
        if tags is not None and len(tags) != len(sentence):
            raise DataError(f"{place_of(row)}: {len(sentence)} tokens but {len(tags)} tags")
        word_pieces = [next(pieces) or [tokenizer.unk_token_id] for _ in sentence]
        ids = None if tags is None else [_tag_id(row, word, tag, task) for word, tag in zip(sentence, tags)]
        for window in windows(word_pieces, task.max_length - 2):
            features.append({**_feature(window, word_pieces, ids, tokenizer, task.max_length - 2), "example": number})
    return features


def windows(pieces: Sequence[Sequence[int]], room: int) -> list[range]:
    """The words of a sentence in runs that fit: ranges of their numbers, one at least.

    Args:
        pieces: the ids of each word; a word that does not fit alone is cut.
        room: most ids of a run.
    """
    runs, start, used = [], 0, 0
    for word, ids in enumerate(pieces):
        size = min(len(ids), room)
        if used + size > room:
            runs.append(range(start, word))
            start, used = word, 0
        used += size
    return [*runs, range(start, len(pieces))]


def _feature(
    window: range, pieces: Sequence[list[int]], tags: Sequence[int] | None, tokenizer: Any, room: int
) -> Feature:
    ids, labels, starts = [tokenizer.cls_token_id], [IGNORED], []
    for word in window:
        starts.append(len(ids))
        ids += pieces[word][:room]
        labels += [IGNORED if tags is None else tags[word]] + [IGNORED] * (len(ids) - len(labels) - 1)
    ids, labels = [*ids, tokenizer.sep_token_id], [*labels, IGNORED]
    feature: Feature = {
        "input_ids": ids, "token_type_ids": [0] * len(ids), "words": list(window), "word_starts": starts,
    }  # fmt: skip
    return feature if tags is None else {**feature, "labels": labels}


def _has_tags(row: Mapping[str, Any], task: Asked) -> bool:
    return column_of(row, "tags", required=False) is not None


def _tag_id(row: Mapping[str, Any], word: Any, tag: Any, task: Asked) -> int:
    if no_label(tag, task.labels):
        raise DataError(f"{place_of(row)}, column 'tags': the word {word!r:.40} has no tag ({tag!r})")
    return label_id(row, "tags", tag, task.labels)


def _names(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    found, known = Found(), None
    for row in rows:
        tags, column = column_of(row, "tags", (list, tuple)), column_name(row, "tags")
        for place, tag in enumerate(tags, start=1):
            if is_missing(tag):
                raise DataError(f"{place_of(row)}, column {column!r}: word {place} has no tag ({tag!r})")
            found.add(row, column, tag)
        found.rows += not tags
        known = known or getattr(row, "names", {}).get(column)
    return found.names({}, known)


def _stack(features: Sequence[Feature], width: int, task: Asked) -> dict[str, Tensor]:
    return {"labels": stack([feature["labels"] for feature in features], width, IGNORED)}


def _loss(output: Any, batch: Batch) -> Tensor:
    logits, labels = output.logits.float(), batch["labels"]  # (batch, sequence, labels), (batch, sequence)
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED, reduction="sum")


def _terms(batch: Batch) -> int:
    return int((batch["labels"] != IGNORED).sum())


def _metric(task: Asked) -> str:
    return "span_f1" if metrics.has_entities(task.labels) else "accuracy"


def _tags_by_word(outputs, features, rows, task, no_answer=True) -> list[list[str]]:
    """The tag of every word of every row, from logits (sequence, labels) of the features."""
    tags = [[task.labels[0]] * len(column_of(row, "tokens", (list, tuple))) for row in rows]
    for logits, feature in zip(outputs, features, strict=True):
        best = np.argmax(logits[feature["word_starts"]], axis=-1) if feature["words"] else []
        for word, tag in zip(feature["words"], best, strict=True):
            tags[feature["example"]][word] = task.labels[int(tag)]
    return tags


def _score(outputs, features, rows, task, threshold, loss) -> dict[str, float]:
    predicted = _tags_by_word(outputs, features, rows, task)
    expected = []
    for row in rows:
        tags = column_of(row, "tags", (list, tuple))
        expected.append([task.labels[label_id(row, "tags", tag, task.labels)] for tag in tags])
    flat = [[tag for sentence in tags for tag in sentence] for tags in (predicted, expected)]
    scores = {"accuracy": metrics.accuracy(*flat)}
    if _metric(task) == "span_f1":
        scores.update(metrics.span_f1(predicted, expected))
    return scores


def _in_words(words: Sequence[Any], tags: Sequence[Any]) -> str:
    return " ".join(f"{word} [{tag}]" if str(tag) != "O" else str(word) for word, tag in zip(words, tags))


def _described(row: Mapping[str, Any], task: Asked) -> tuple[str, str, str | None]:
    words, tags = column_of(row, "tokens"), column_of(row, "tags", required=False)
    if tags is not None and task.labels:
        tags = [task.labels[label_id(row, "tags", tag, task.labels)] for tag in tags]
    return " ".join(map(str, words)), "", None if tags is None else _in_words(words, tags)


def _typed(text: str, pair: str) -> dict[str, Any]:
    return {"tokens": re.findall(r"\w+|[^\w\s]", text) or [text]}


def _guessing(rows: Rows, task: Asked) -> tuple[dict[str, float], dict[str, float]]:
    tags = Counter(str(tag) for row in rows if _has_tags(row, task) for tag in column_of(row, "tags"))
    majority = (
        {} if _metric(task) == "span_f1" else {"majority": 100 * max(tags.values(), default=0) / max(1, tags.total())}
    )
    return {f"ln {len(task.labels)}": math.log(len(task.labels))}, majority


TAGGING = Kind(
    "tagging", "BertForTokenClassification", "tags",
    encode=_encode, stack=_stack, loss=_loss, terms=_terms, outputs=logits_of, score=_score, predict=_tags_by_word,
    metric=_metric, described=_described, typed=_typed,
    shown=lambda row, answer, task: _in_words(column_of(row, "tokens"), answer), guessing=_guessing,
    answered=_has_tags, names=_names, model_labels=lambda task: len(task.labels), config=label_config,
)  # fmt: skip
