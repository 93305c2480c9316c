"""`HeadsPanel`: which tokens does each head look at, by how much, by what arithmetic, and does it matter?"""

from .maps import aligned_difference
from .panel import HeadsPanel

__all__ = ["HeadsPanel", "aligned_difference"]
