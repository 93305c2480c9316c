"""`ModelPanel`: what is the model made of, down to each tensor, and where in it is the sentence?"""

from .panel import ModelPanel

__all__ = ["ModelPanel"]
