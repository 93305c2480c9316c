"""Writing with a model that reads from the left: greedy, sampling, beams."""

from __future__ import annotations

from bertlab.generation.search import BeamStep, generate, stream

__all__ = [
    "BeamStep",
    "generate",
    "stream",
]
