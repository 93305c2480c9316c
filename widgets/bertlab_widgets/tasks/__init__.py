"""`TasksPanel`: what does BERT answer, when a head asks something of a text?

`asked.py` has the tasks as they are put to an audience, `panel.py` the panel. How an answer is read off the model,
drawn, tabulated, coded and graded stands in one module for each kind of answer: `labels.py` (labels, numbers and the
next sentence), `gaps.py`, `tags.py`, `spans.py` (questions), `choices.py`, `writing.py` (generation),
`rewriting.py` (sequence to sequence); what they share in `reading.py`. `reasons.py` finds out what the answer rests on.
"""

from .panel import TasksPanel

__all__ = ["TasksPanel"]
