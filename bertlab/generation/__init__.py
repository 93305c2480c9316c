"""Writing with a model that reads from the left: greedy, sampling, beams.

Read `generate` first, then `search`; `beams` keeps several texts at once. `options` say how, `scores` what they do to
the scores of the next token; `prompts` are checked before the first step.
"""

from __future__ import annotations

from bertlab.generation.beams import BeamStep, Hypothesis
from bertlab.generation.generate import GenerationOutput, generate, stream
from bertlab.generation.options import GenerationOptions
from bertlab.generation.search import Step
from bertlab.generation.texts import reorder_cache

__all__ = [
    "BeamStep",
    "GenerationOptions",
    "GenerationOutput",
    "Hypothesis",
    "Step",
    "generate",
    "reorder_cache",
    "stream",
]
