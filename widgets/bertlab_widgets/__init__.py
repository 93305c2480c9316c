"""Panels that show BERT at work in a notebook, linked by one `Workbench`.

    import bertlab
    from bertlab_widgets import HeadsPanel
    HeadsPanel(bertlab.load(), "The animal didn't cross the street because it was too tired.")
"""

from .heads import HeadsPanel
from .state import Workbench

__all__ = ["HeadsPanel", "Workbench"]
