"""The panel that acts: values put from one run into another, edges cut, heads and neurons switched off, heads removed.

Read `panel` first, then one look: `prunes` is a short one.
"""

from .panel import IntervenePanel

__all__ = ["IntervenePanel"]
