"""The panel that holds two models, or two texts, against each other.

Read `sides` first (what is computed on either side, and which tokens belong together), then `panel`.
"""

from .both import untrained
from .panel import ComparePanel
from .sides import aligned, distances, seen

__all__ = ["ComparePanel", "aligned", "distances", "seen", "untrained"]
