"""`MaskPanel`: which words does BERT expect at the places that are hidden from it?"""

from .panel import MaskPanel

__all__ = ["MaskPanel"]
