"""Panels that show BERT at work in a notebook, linked by one `Workbench`.

    import bertlab
    from bertlab_widgets import HeadsPanel
    HeadsPanel(bertlab.load(), "The animal didn't cross the street because it was too tired.")

Rooms, each with a door (`__init__`): `workbench` (the state behind all panels), `panel` (what every panel is made of),
`kit` (JavaScript that all share), a folder for each panel, `app` (the panels as tabs).
"""

from .app import Application
from .heads import HeadsPanel
from .masks import MaskPanel
from .panel import Panel
from .tasks import TasksPanel
from .tokens import TokenizerPanel
from .train import TrainPanel
from .workbench import Workbench

__all__ = [
    "Application",
    "HeadsPanel",
    "MaskPanel",
    "Panel",
    "TasksPanel",
    "TokenizerPanel",
    "TrainPanel",
    "Workbench",
]
