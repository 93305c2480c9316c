"""Panels that show BERT at work in a notebook, linked by one `Workbench`.

import bertlab
from bertlab_widgets import HeadsPanel
HeadsPanel(bertlab.load(), "The animal didn't cross the street because it was too tired.")
"""

from .base import Panel
from .heads import HeadsPanel
from .masks import MaskPanel
from .state import Workbench
from .tasks import TasksPanel
from .tokens import TokenizerPanel, TokensPanel

__all__ = ["HeadsPanel", "MaskPanel", "Panel", "TasksPanel", "TokenizerPanel", "TokensPanel", "Workbench"]
