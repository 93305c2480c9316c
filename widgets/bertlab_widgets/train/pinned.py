"""A finished run kept beside the next one, as A beside B."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import pictures, said
from .run import LiveRun
from .view import curves, metric_of


@dataclass(frozen=True)
class PinnedRun:
    """What is kept of a run: its settings, its curves for a picture, its rows for a table."""

    plan: Any
    curves: dict[str, Any]
    rows: list[dict]

    @classmethod
    def of(cls, run: LiveRun) -> PinnedRun:
        """A run as it is now."""
        return cls(run.plan, curves(run), pictures.table_of(run))

    def is_of(self, run: LiveRun) -> bool:
        """Whether this is kept of that very run: then nothing stands beside it yet."""
        return self.plan is run.plan

    def beside(self, run: LiveRun) -> dict[str, Any]:
        """The pinned curves for the stage, and what sets the two runs apart."""
        kept = dict(self.curves, name=said.apart(self.plan, run.plan))
        if kept["metric"] != metric_of(run):
            kept["figures"] = []
        return {"pinned": kept, "name": said.apart(run.plan, self.plan)}
