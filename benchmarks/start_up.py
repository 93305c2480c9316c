"""How long one waits before anything happens: `python benchmarks/start_up.py`.

The import is measured in fresh processes, as the time beyond `import torch`; loading in this one.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from timing import options, start

IMPORT = "import time, torch; began = time.perf_counter(); import {0}; print(time.perf_counter() - began)"
USE = "import time, torch; began = time.perf_counter(); from bertlab import load; print(time.perf_counter() - began)"


def in_fresh_processes(code: str, rounds: int) -> list[float]:
    """Seconds that each process reports."""
    command = [sys.executable, "-c", f"import sys; sys.path.append({sys.path[-1]!r}); {code}"]
    return [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(rounds)]


def main() -> None:
    arguments = options(__doc__, rounds=7).parse_args()
    start(arguments)

    def line(what: str, seconds: list[float]) -> None:
        print(f"  {what:<44} {statistics.median(seconds) * 1000:8.1f} ms")

    print("\nbeyond `import torch`, median of fresh processes")
    line("import bertlab", in_fresh_processes(IMPORT.format("bertlab"), arguments.rounds))
    line("from bertlab import load", in_fresh_processes(USE, arguments.rounds))

    import bertlab

    seconds = []
    for _ in range(arguments.rounds):
        began = time.perf_counter()
        lab = bertlab.load()
        seconds.append(time.perf_counter() - began)
    print(f"\nloading {lab.name} ({lab.model.num_parameters() / 1e6:.1f} M parameters) in this process")
    line("the first time", seconds[:1])
    line("again", seconds[1:])
    began = time.perf_counter()
    lab.fill_mask("A river flows under the [MASK].")
    line("and the first answer", [time.perf_counter() - began])


if __name__ == "__main__":
    main()
