"""`TokenizerPanel`: how does the text become tokens, and why these?"""

from .panel import TokenizerPanel

__all__ = ["TokenizerPanel"]
