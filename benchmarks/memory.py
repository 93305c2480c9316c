"""How much memory a kernel holds: opened, looked with, and after one training in the panel, when it looks again.

    python benchmarks/memory.py [--model bertlab-mini] [--dataset sentiment] [--steps 30] [--tasks sentiment ...]

Prints resident megabytes after each stage, and the highest. At most 500 MB after a training are wanted, so that a
machine of 24 GiB holds thirty kernels of a class.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "widgets")]


def megabytes(name: str) -> int:
    """A figure of this process from /proc: VmRSS now, VmHWM the highest so far."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) // 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bertlab-mini")
    parser.add_argument("--dataset", default="sentiment")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--epochs", type=float, default=0, help="in place of steps")
    parser.add_argument("--tasks", nargs="*", default=[], help="tasks that are looked at too, each a model of its own")
    options = parser.parse_args()

    def say(stage: str) -> None:
        print(f"{stage:32} {megabytes('VmRSS'):6d} MB   highest {megabytes('VmHWM'):6d} MB", flush=True)

    say("python")
    from bertlab_widgets import HeadsPanel, MaskPanel, TasksPanel, TrainPanel, Workbench

    import bertlab

    say("imported")
    lab = bertlab.load(options.model)
    say("opened")
    workbench = Workbench(lab, "The animal didn't cross the street because it was too tired.")
    heads, mask = HeadsPanel(workbench=workbench), MaskPanel(workbench=workbench)
    for task in options.tasks:
        TasksPanel(workbench=workbench, task=task)
    say("looked")
    length = {"epochs": options.epochs} if options.epochs else {"steps": options.steps}
    train = TrainPanel(workbench=workbench, dataset=options.dataset, seconds=0, **length)
    train.start()
    train.wait(3600)
    say(f"trained, {train.run.step} steps")
    workbench.set_text("A warm, funny film with wonderful actors.")
    heads.layer, heads.look, mask.look = 3, "kinds", "layers"
    say("looks again")
    train.reset()
    say("reset")
    return 0


if __name__ == "__main__":
    sys.exit(main())
