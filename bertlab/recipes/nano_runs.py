"""Train the nano settings under several seeds and write down their curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bertlab.nano import SETTINGS, RecordedRun, write_runs


def record_runs(
    folder: str | Path,
    seeds: Iterable[int] = (0, 1, 2),
    names: Iterable[str] = tuple(SETTINGS),
    settings: Mapping[str, Any] | None = None,
    report: Callable[[str, int, int], None] = lambda name, seed, step: None,
) -> list[Path]:
    """Train each setting once for each seed; returns the files that were written.

    Args:
        settings: training settings that differ from the setting's own.
        report: called with (name, seed, step) after each step.
    """
    written = []
    seeds = tuple(seeds)
    for name in names:
        runs = []
        for seed in seeds:
            nano = SETTINGS[name](seed=seed)
            losses, norms, evaluations = [], [], {0: nano.measure()}
            for record in nano.train(seed=seed, **(settings or {})):
                losses.append(record.loss)
                norms.append(record.gradient_norm)
                if record.evaluation is not None:
                    evaluations[record.step] = record.evaluation
                report(name, seed, record.step)
            runs.append(
                RecordedRun(name, seed, nano.metric, dict(nano.chance), dict(nano.lines), losses, norms, evaluations)
            )
        written.append(write_runs(runs, folder))
    return written
