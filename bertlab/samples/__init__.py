"""Small labelled sets, written for bertlab, that need no network: enough to fine-tune a model in a lesson.

Each set is one JSON-lines file beside this module; `README.md` says who wrote them and under which licence.
"""

from __future__ import annotations

import json
import random
import re
from importlib.resources import files
from typing import Any

__all__ = ["SETS", "SPLITS", "samples", "sentence_pairs"]

SETS: dict[str, str] = {
    "sentiment": "text, label: reviews of anything, positive or negative",
    "topics": "text, label: one sentence about one of eight subjects",
    "entities": "tokens, tags: persons, places and organisations as B-/I-/O tags (PER, LOC, ORG)",
    "questions": "question, context, answers: short passages; some questions have no answer in theirs",
    "choices": "prompt, choices, label: which of four endings fits; label is its index",
    "pairs": "text_a, text_b, label: does the second follow (entailment, neutral, contradiction)?",
    "similarity": "text_a, text_b, score: how alike two sentences are in meaning, 0 to 5",
    "minimal_pairs": "good, bad, phenomenon: two sentences that differ in one place, only one grammatical",
    "cloze": "text, answers, kind: one [MASK]; every answer is one piece of BERT's uncased vocabulary",
}
SPLITS = ("train", "dev")


def samples(task: str, split: str | None = None) -> list[dict[str, Any]]:
    """The rows of one set, as new dictionaries: those of the train split first, then those of dev.

    Args:
        task: a name in `SETS`, which also lists the columns of each set.
        split: "train" or "dev"; None gives both. Every row names its own under the key "split".

    Raises:
        LookupError: there is no such set.
        ValueError: there is no such split.
    """
    if task not in SETS:
        raise LookupError(f"there is no sample set {task!r}; the sets are {', '.join(SETS)}")
    if split is not None and split not in SPLITS:
        raise ValueError(f"split is {split!r}, but it must be 'train', 'dev' or None for both")
    text = (files(__name__) / f"{task}.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return [row for row in rows if split is None or row["split"] == split]


def sentence_pairs(seed: int = 0) -> list[dict[str, Any]]:
    """Pairs that show what next-sentence prediction measures, four for each passage of "questions": rows of text, pair,
    label (next or random), kind and the passage's number.

    Kinds: "next", two sentences as they stand; "random", the first beside one of another passage, as in pre-training;
    "same topic", the first beside one of its own passage that does not follow; "swapped", the two in the wrong order. A
    head that judges whether a text goes on tells all of these apart; one that compares topics fails at the last two.

    Args:
        seed: of the choice of sentences.
    """
    passages = dict.fromkeys(row["context"] for row in samples("questions"))
    texts = [re.split(r"(?<=[.!?])\s+(?=\S)", passage) for passage in passages]
    chosen, draw = [], random.Random(seed)
    for number, sentences in enumerate(texts):
        if len(sentences) < 4:
            continue
        at = draw.randrange(len(sentences) - 1)
        away = [place for place in range(len(sentences)) if abs(place - at) > 1] or [len(sentences) - 1]
        other = draw.choice([text for place, text in enumerate(texts) if place != number])
        first, second = sentences[at], sentences[at + 1]
        for kind, one, two in (
            ("next", first, second),
            ("random", first, draw.choice(other)),
            ("same topic", first, sentences[draw.choice(away)]),
            ("swapped", second, first),
        ):
            label = "next" if kind == "next" else "random"
            chosen.append({"text": one, "pair": two, "label": label, "kind": kind, "passage": number})
    return chosen
