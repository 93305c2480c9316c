"""`HeadsPanel`: which tokens does each head look at, by how much, by what arithmetic, and does it matter?"""

from .panel import HeadsPanel, aligned_difference

__all__ = ["HeadsPanel", "aligned_difference"]
