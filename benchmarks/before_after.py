"""This checkout beside an earlier commit, in one run: `python benchmarks/before_after.py COMMIT`.

Each tree works in a process of its own; the two take turns, run by run, so that a busy machine disturbs both alike.
Imports are measured in fresh processes, in turn too. What is printed is after / before: the median over the rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from timing import options, processor

HERE = Path(__file__).resolve().parents[1]
TEXT = "The quick brown fox jumps over the lazy dog, and naïve café owners don't mind 3.14 or 北京. " * 10
IMPORT = "import time, torch; began = time.perf_counter(); import bertlab; print(time.perf_counter() - began)"
LOAD = IMPORT.replace("; print", "; bertlab.load(); print")
SIZES = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, vocab_size=200)


def candidates(small: bool) -> dict[str, Callable[[], object]]:
    """What each tree does, by name; the same lines for both, by documented names."""
    import bertlab_widgets
    import torch

    import bertlab

    torch.manual_seed(0)
    model = bertlab.BertModel(bertlab.BertConfig(**(SIZES if small else {}))).eval()
    ids = torch.randint(1, model.config.vocab_size, (8, 128))
    mask = torch.ones_like(ids)
    padded = torch.arange(128)[None] < torch.linspace(20, 128, 8).round()[:, None]
    lab = bertlab.load(device="cpu")
    readable = bertlab.BertTokenizer(lab.tokenizer.get_vocab())
    panel = bertlab_widgets.HeadsPanel(lab, "The cat sat on the mat because it was tired.")
    layers = iter(range(10**9))

    def run(**options: object) -> object:
        with torch.inference_mode():
            return model(input_ids=ids, **{"attention_mask": mask, **options})

    def recorded() -> object:
        with bertlab.record(model) as recording:
            run()
        return recording

    def change_of_layer() -> None:
        panel.layer = next(layers) % lab.model.config.num_hidden_layers

    return {
        "forward": run,
        "forward, padded": lambda: run(attention_mask=padded.long()),
        "forward, all outputs": lambda: run(output_attentions=True, output_hidden_states=True),
        "recording": recorded,
        "tokenization, readable": lambda: readable(TEXT),
        "tokenization, fast": lambda: [lab.tokenizer(TEXT) for _ in range(20)],
        "heads_panel, change of layer": change_of_layer,
    }


def work(small: bool, threads: int | None) -> None:
    """Answer each name on standard input with the seconds that it took, until there are no more."""
    import time

    import torch

    if threads:
        torch.set_num_threads(threads)
    answer, sys.stdout = sys.stdout, sys.stderr
    known = candidates(small)
    print(json.dumps(list(known)), file=answer, flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        known[line.strip()]()
        print(time.perf_counter() - began, file=answer, flush=True)


class Worker:
    """The process of one tree."""

    def __init__(self, tree: Path, arguments: list[str]):
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tree, tree / "widgets")))}
        self.tree = tree
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--work", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment, cwd=tree,
        )  # fmt: skip
        self.names: list[str] = json.loads(self.process.stdout.readline())

    def seconds(self, name: str) -> float:
        """One run of a candidate."""
        print(name, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def fresh(self, code: str) -> float:
        """What code prints in a new process of this tree."""
        command = [sys.executable, "-c", code]
        return float(
            subprocess.run(command, env=self.environment, cwd=self.tree, capture_output=True, text=True).stdout
        )

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def compare(before: Worker, after: Worker, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Seconds before and after, by name; the tree that comes first changes from round to round."""

    def in_turn(measure: Callable[[Worker], float]) -> tuple[list[float], list[float]]:
        seconds: dict[Worker, list[float]] = {before: [], after: []}
        for number in range(rounds + 1):
            for worker in (before, after) if number % 2 else (after, before):
                seconds[worker].append(measure(worker))
        return seconds[before][1:], seconds[after][1:]  # the first round warms up

    found = {name: in_turn(lambda worker, name=name: worker.seconds(name)) for name in after.names}
    found["start_up, import beyond torch's"] = in_turn(lambda worker: worker.fresh(IMPORT))
    found["start_up, import and load()"] = in_turn(lambda worker: worker.fresh(LOAD))
    return found


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("commit", nargs="?", help="the earlier commit, any name that git knows")
    parser.add_argument("--work", action="store_true", help="be the process of one tree (used by the benchmark itself)")
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.small, arguments.threads)
        return
    if not arguments.commit:
        parser.error("name the commit to compare with")
    passed = [*(["--small"] if arguments.small else []),
              *(["--threads", str(arguments.threads)] if arguments.threads else [])]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / "earlier"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--detach", str(earlier), arguments.commit], check=True, capture_output=True)
        try:
            before, after = Worker(earlier, passed), Worker(HERE, passed)
            found = compare(before, after, arguments.rounds)
            before.close()
            after.close()
        finally:
            subprocess.run([*git, "remove", "--force", str(earlier)], check=True, capture_output=True)
    print(f"{processor()}, {arguments.commit} and this checkout")
    for name, (first, second) in found.items():
        ratio = statistics.median(b / a for a, b in zip(first, second, strict=True))
        middle = [statistics.median(seconds) * 1000 for seconds in (first, second)]
        print(f"  {name:<34} {middle[0]:9.2f} -> {middle[1]:9.2f} ms  {ratio:.3f}")


if __name__ == "__main__":
    main()
