"""What can be asked of a text: kinds of tasks, the tasks known by name, and a task with its labels.

Read `kinds/kind` first (what parts one kind from another), then one kind (`kinds/texts`), then `task`.
"""

from __future__ import annotations

from bertlab.tasks.features import IGNORED, LONG, Feature, assemble, length, pad, parts, pieces_of, truncate_pair
from bertlab.tasks.kinds import KINDS, Kind
from bertlab.tasks.kinds.questions import qa_answers
from bertlab.tasks.kinds.texts import FOLLOWS
from bertlab.tasks.known import TASKS, KnownTask
from bertlab.tasks.spans import Window, all_spans, no_answer_score
from bertlab.tasks.task import Task, answered, collate, encode, infer_task

__all__ = [
    "FOLLOWS", "Feature", "IGNORED", "KINDS", "Kind", "KnownTask", "LONG", "TASKS", "Task", "Window", "all_spans",
    "answered", "assemble", "collate", "encode", "infer_task", "length", "no_answer_score", "pad", "parts", "pieces_of",
    "qa_answers", "truncate_pair",
]  # fmt: skip
