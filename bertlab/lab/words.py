"""A label for every word: of a text, joined to spans where the labels are those of entities, or of given words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bertlab import metrics
from bertlab.lab.results import Span, WordTag

Word = tuple[str, float, int, int]  # label, probability, first character, behind the last one


def spans_of(text: str, words: Sequence[Word], labels: Sequence[str], trained: bool = True) -> list[Span]:
    """Words with labels -> spans.

    Labels of entities, of whatever scheme (see `bertlab.metrics.spans`), join to entities; their probability is the
    mean over the words. Other labels give one span a word; a word labelled "O" gives none.
    """
    if not metrics.has_entities(labels):
        return [Span(text[start:end], label, start, end, p, trained) for label, p, start, end in words if label != "O"]
    spans = []
    for kind, first, behind in metrics.spans([label for label, *_ in words]):
        inside = words[first:behind]
        start, end = inside[0][2], inside[-1][3]
        mean = sum(p for _, p, *_ in inside) / len(inside)
        spans.append(Span(text[start:end], kind or "entity", start, end, mean, trained))
    return spans


def tag_text(lab: Any, model: Any, labels: Sequence[str], text: str, trained: bool) -> list[Span]:
    """The spans of a text; the first piece of each word decides for it."""
    encoding = lab.encode(text, return_offsets_mapping=True)
    offsets = encoding.pop("offset_mapping")[0].tolist()
    places = _places(encoding.word_ids(0))
    best, chosen = _probabilities(lab, model, encoding)
    words = [
        (labels[chosen[first]], best[first], offsets[first][0], offsets[last][1]) for first, last in places.values()
    ]
    return spans_of(text, words, labels, trained)


def tag_words(lab: Any, model: Any, labels: Sequence[str], words: Sequence[str], trained: bool) -> list[WordTag]:
    """One label for each word. A word without pieces, such as "", is read as [UNK], as in training."""
    places = _places(lab.encode(words, is_split_into_words=True).word_ids(0))
    unknown = lab.tokenizer.unk_token
    if len(places) < len(words) and unknown is None:
        empty = next(place for place in range(len(words)) if place not in places)
        raise ValueError(f"word {empty} is {words[empty]!r}, which has no pieces, and the vocabulary has no [UNK]")
    readable = [word if place in places else unknown for place, word in enumerate(words)]
    encoding = lab.encode(readable, is_split_into_words=True)
    places = _places(encoding.word_ids(0))
    best, chosen = _probabilities(lab, model, encoding)
    return [
        WordTag(word, labels[chosen[places[place][0]]], best[places[place][0]], trained)
        for place, word in enumerate(words)
    ]


def _places(word_ids: Sequence[int | None]) -> dict[int, tuple[int, int]]:
    """The first and the last piece of each word."""
    places: dict[int, tuple[int, int]] = {}
    for place, word in enumerate(word_ids):
        if word is not None:
            places[word] = (places.get(word, (place, place))[0], place)
    return places


def _probabilities(lab: Any, model: Any, encoding: Any) -> tuple[list[float], list[int]]:
    probabilities = lab.sound(model(**encoding).logits[0].float()).softmax(-1)  # (sequence, labels)
    best, chosen = (values.tolist() for values in probabilities.max(-1))
    return best, chosen
