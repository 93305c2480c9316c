"""Where in a labelled set does the head go wrong? Read `sets` first (whence rows come), `judged`, then `panel`."""

from .panel import DataPanel

__all__ = ["DataPanel"]
