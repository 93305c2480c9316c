"""`TrainPanel`: what does a model learn while one watches, and what did it know before?

Read `plan` (what is to be trained), `rows` and `weights` (on what, and which), `preparing`, `run` (one run that can be
gone back in), `runner` (its thread), `view` (what is shown of it), `said` (and in words), `panel`.
"""

from .panel import TrainPanel
from .plan import SETS, Plan
from .rows import pasted_rows, split_rows
from .run import LiveRun
from .said import blind_share
from .trained import TrainedLab, trained_lab
from .weights import fresh_model

__all__ = [
    "LiveRun",
    "Plan",
    "SETS",
    "TrainPanel",
    "TrainedLab",
    "blind_share",
    "fresh_model",
    "pasted_rows",
    "split_rows",
    "trained_lab",
]
