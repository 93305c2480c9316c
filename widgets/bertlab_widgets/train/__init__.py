"""`TrainPanel`: what does a model learn while one watches, and what did it know before?

Read `plan` (what is to be trained), `run` (one run that can be gone back in), `view` (what is shown of it), `panel`.
"""

from .panel import TrainPanel
from .plan import SETS, Plan
from .run import LiveRun, TrainedLab, fresh_model, pasted_rows, split_rows, trained_lab

__all__ = [
    "LiveRun",
    "Plan",
    "SETS",
    "TrainPanel",
    "TrainedLab",
    "fresh_model",
    "pasted_rows",
    "split_rows",
    "trained_lab",
]
