"""A little real text, the prose of `bertlab.samples`, and what its single words explain."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from bertlab.nano.grammar import agreement_sentences  # where earlier notebooks look for it
from bertlab.samples import samples

__all__ = ["agreement_sentences", "unigram_entropy", "written_texts"]

_PROSE = {
    "questions": ("context",),
    "topics": ("text",),
    "sentiment": ("text",),
    "pairs": ("text_a", "text_b"),
    "similarity": ("text_a", "text_b"),
    "minimal_pairs": ("good",),
}


def written_texts(split: str | None = None) -> list[str]:
    """Passages and sentences of the sample sets, each once: a small slice of real English.

    About 17,500 words; the passages come first, in their order, then single sentences.

    Args:
        split: "train" or "dev"; None gives both. No text is in both.
    """
    texts = [row[column] for task, columns in _PROSE.items() for row in samples(task, split) for column in columns]
    texts += [f"{row['prompt']} {row['choices'][row['label']]}" for row in samples("choices", split)]
    return list(dict.fromkeys(texts))


def unigram_entropy(ids: Any, *, ignore: Iterable[Any] = ()) -> float:
    """Entropy in nats of the distribution of single tokens: -sum p ln p.

    No model that ignores the context has a lower cross-entropy on these ids, so a language model whose loss
    (natural logarithm) falls below it uses the context. Measure it on the text that the loss is measured on.

    Args:
        ids: tokens or their ids, in a list, in lists of lists, or in a tensor or array of any shape.
        ignore: ids not to count, such as that of [PAD].

    Raises:
        ValueError: nothing is left to count.
    """
    ignored = frozenset(ignore)
    counts = Counter(leaf for leaf in _leaves(ids) if leaf not in ignored)
    total = sum(counts.values())
    if not total:
        raise ValueError("there are no ids to count; give one or more that are not in `ignore`")
    return math.log(total) - sum(count * math.log(count) for count in counts.values()) / total


def _leaves(ids: Any) -> Iterator[Any]:
    """The single ids in nested lists, tensors and arrays (whose `tolist` gives plain numbers)."""
    if hasattr(ids, "tolist"):
        ids = ids.tolist()
    if isinstance(ids, Iterable) and not isinstance(ids, str):
        for part in ids:
            yield from _leaves(part)
    else:
        yield ids


# ----------------------------------------------------------------------------------------------- vocabulary
