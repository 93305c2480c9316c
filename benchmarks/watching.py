"""What watching costs: the same fine-tuning bare and inside the training panel, interleaved; and how fast Stop is.

    python benchmarks/watching.py [--model bertlab-mini] [--dataset sentiment] [--steps 30] [--rounds 3] [--stops 8]

Prints the median seconds a step, bare and watched, their ratio (at most 1.05 is wanted), and the milliseconds from
`stop()` to the end of the training thread (at most 300 wanted). The evaluations on held-out data are part of both runs.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "widgets")]

from bertlab_widgets.train import SETS, TrainPanel, fresh_model, split_rows  # noqa: E402  # noqa: E402

import bertlab  # noqa: E402
from bertlab.data import infer_task, samples  # noqa: E402
from bertlab.training import finetune  # noqa: E402


def bare_seconds(lab, dataset: str, steps: int) -> float:
    """Seconds a step of the engine alone, with the settings that the panel would take."""
    panel = TrainPanel(lab, dataset=dataset, steps=steps)
    rows = samples(dataset)
    task = infer_task(SETS[dataset], rows, max_length=128)
    train, held_out = split_rows(rows)
    model = fresh_model(lab, task, rank=panel.rank)
    options = panel.plan.options()
    every = -(-len(train) // options["batch_size"])
    records = finetune(model, lab.tokenizer, train, task, evaluation=held_out, steps=steps, evaluate_every=every,
                       keep_best=False, **options)  # fmt: skip
    next(records)  # the first step warms up
    started = time.perf_counter()
    for _ in records:
        pass
    return (time.perf_counter() - started) / (steps - 1)


def watched_seconds(lab, dataset: str, steps: int) -> float:
    """Seconds a step in the panel, everything included from the first step to the last."""
    panel = TrainPanel(lab, dataset=dataset, steps=steps, seconds=0)
    ends = []
    pull = panel.runner._pull

    def timed(run):
        run.records = itertools.chain(ends.append(time.perf_counter()) or item for item in run.records)
        run.records = _Closing(run.records)
        return pull(run)

    panel.runner._pull = timed
    panel.start()
    panel.wait(600)
    return (ends[-1] - ends[0]) / (steps - 1)


class _Closing:
    """An iterator with the `close` of a generator."""

    def __init__(self, items):
        self.items = items

    def __next__(self):
        return next(self.items)

    def close(self) -> None:
        pass


def stop_milliseconds(lab, dataset: str, seed: int) -> float:
    """From `stop()` at a random moment until training has ended."""
    panel = TrainPanel(lab, dataset=dataset, steps=10_000, seconds=0)
    stopped = []
    panel.runner._finish = lambda ending: stopped.append(time.perf_counter())
    panel.start()
    panel.wait_for_step(2, 120)
    time.sleep(random.Random(seed).random())
    started = time.perf_counter()
    panel.stop()
    panel.wait(60)
    return 1000 * (stopped[0] - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="bertlab-mini")
    parser.add_argument("--dataset", default="sentiment", choices=list(SETS))
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stops", type=int, default=8)
    arguments = parser.parse_args()
    lab = bertlab.load(arguments.model)
    bare, watched = [], []
    for _ in range(arguments.rounds):
        bare.append(bare_seconds(lab, arguments.dataset, arguments.steps))
        watched.append(watched_seconds(lab, arguments.dataset, arguments.steps))
    ratio = statistics.median(b / a for a, b in zip(bare, watched))
    medians = statistics.median(bare), statistics.median(watched)
    print(f"seconds a step: bare {medians[0]:.4f}, watched {medians[1]:.4f}, ratio {ratio:.3f}")
    stops = [stop_milliseconds(lab, arguments.dataset, seed) for seed in range(arguments.stops)]
    print(f"stop: median {statistics.median(stops):.0f} ms, longest {max(stops):.0f} ms of {len(stops)}")


if __name__ == "__main__":
    main()
