"""`SimilarityPanel`: why are two sentences alike, token by token, and at which layer?"""

from .panel import SimilarityPanel

__all__ = ["SimilarityPanel"]
