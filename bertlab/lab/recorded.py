"""The one way from ids to a recording: labs and panels take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from bertlab.recording import Recording, record


@torch.no_grad()
def run_recorded(
    model: torch.nn.Module, batch: Mapping[str, Any], *, names: Any = "*", tokens: Any = None, **options: Any
) -> Recording:
    """Run a model on a batch and keep every value that `names` choose; the model's output is its `.output`.

    Args:
        tokens: the pieces of the sequence, a list for one text or a list of lists for several.
        options: as in `bertlab.record`.
    """
    with record(model, names, tokens=tokens, **options) as recording:
        recording.output = model(**batch)
    return recording
