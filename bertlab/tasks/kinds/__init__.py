"""The kinds of tasks, by name."""

from __future__ import annotations

from bertlab.tasks.kinds.causal import CAUSAL
from bertlab.tasks.kinds.choice import CHOICE
from bertlab.tasks.kinds.kind import Kind
from bertlab.tasks.kinds.questions import QUESTIONS
from bertlab.tasks.kinds.tagging import TAGGING
from bertlab.tasks.kinds.texts import CLASSIFICATION, MULTILABEL, NEXT_SENTENCE, REGRESSION

__all__ = ["KINDS", "Kind"]

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (CLASSIFICATION, REGRESSION, MULTILABEL, TAGGING, CHOICE, QUESTIONS, NEXT_SENTENCE, CAUSAL)
}
