"""Panels that show BERT at work in a notebook, linked by one `Workbench`.

import bertlab
from bertlab_widgets import HeadsPanel
HeadsPanel(bertlab.load(), "The animal didn't cross the street because it was too tired.")
"""

from .app import Application
from .base import Panel
from .heads import HeadsPanel
from .masks import MaskPanel
from .state import Workbench
from .tasks import TasksPanel
from .tokens import TokenizerPanel, TokensPanel
from .training import TrainPanel

__all__ = [
    "Application",
    "HeadsPanel",
    "MaskPanel",
    "Panel",
    "TasksPanel",
    "TokenizerPanel",
    "TokensPanel",
    "TrainPanel",
    "Workbench",
]
