"""`EmbeddingPanel`: what does the first layer get for each token, and where does the order of the words come in?"""

from .panel import EmbeddingPanel

__all__ = ["EmbeddingPanel"]
