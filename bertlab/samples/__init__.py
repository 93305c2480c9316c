"""Small labelled sets, written for bertlab, that need no network: enough to fine-tune a model in a lesson.

Each set is one JSON-lines file beside this module; `README.md` says who wrote them and under which licence.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

__all__ = ["SETS", "SPLITS", "samples"]

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
