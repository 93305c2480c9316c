"""Recorded runs of the nano settings, several seeds each: curves for a lesson that has no time to train.

    for run in recorded_runs("agreement"):
        plt.plot(run.losses)

Each file beside this module is what `python -m bertlab.recipes nano --out FOLDER` writes; the same seed trains to the
same curve again, up to rounding on another machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from bertlab.files import write_whole

__all__ = ["RUNS", "RecordedRun", "recorded_runs", "write_runs"]

RUNS = ("agreement", "reversal", "text")


@dataclass(frozen=True)
class RecordedRun:
    """One run of a nano setting, as it was trained.

    Args:
        name, seed: the setting and its seed.
        metric: the figure to watch in `evaluations`.
        chance: what guessing gives, by figure.
        lines: reference values of the loss in nats, by name.
        losses, gradient_norms: of every step, beginning with step 1; the norm is that before clipping.
        evaluations: step -> figures on held-out data, in percent beside losses in nats.
    """

    name: str
    seed: int
    metric: str
    chance: dict[str, float]
    lines: dict[str, float]
    losses: list[float]
    gradient_norms: list[float]
    evaluations: dict[int, dict[str, float]]

    @property
    def curve(self) -> tuple[list[int], list[float]]:
        """Steps and values of the metric."""
        return list(self.evaluations), [figures[self.metric] for figures in self.evaluations.values()]


def recorded_runs(name: str) -> list[RecordedRun]:
    """The recorded runs of a nano setting, one for each seed.

    Raises:
        LookupError: no runs of such a setting were recorded.
    """
    if name not in RUNS:
        raise LookupError(f"there are no recorded runs of {name!r}; there are some of {', '.join(RUNS)}")
    content = json.loads((files(__name__) / f"{name}.json").read_text(encoding="utf-8"))
    shared = {key: content[key] for key in ("name", "metric", "chance", "lines")}
    return [
        RecordedRun(**{**shared, **run, "evaluations": {int(step): v for step, v in run["evaluations"].items()}})
        for run in content["runs"]
    ]


def write_runs(runs: Iterable[RecordedRun], folder: str | Path) -> Path:
    """Write runs of one setting to `folder/NAME.json`, with four significant digits."""
    runs = list(runs)
    first = runs[0]
    content: dict[str, Any] = {
        "name": first.name, "metric": first.metric, "chance": first.chance, "lines": first.lines,
        "runs": [
            {"seed": run.seed, "losses": _short(run.losses), "gradient_norms": _short(run.gradient_norms),
             "evaluations": {step: dict(zip(found, _short(found.values()))) for step, found in run.evaluations.items()}}
            for run in runs
        ],
    }  # fmt: skip
    path = Path(folder) / f"{first.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, separators=(",", ":")) + "\n")
    return path


def _short(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
