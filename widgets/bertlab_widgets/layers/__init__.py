"""`LayersPanel`: how does meaning form from layer to layer?"""

from .clouds import contexts_of, word_states
from .panel import LayersPanel

__all__ = ["LayersPanel", "contexts_of", "word_states"]
