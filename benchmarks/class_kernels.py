"""A class on one machine: several kernels, each with the model and panels, driven at once.

python benchmarks/class_kernels.py                    # 12 kernels
python benchmarks/class_kernels.py --kernels 30 --rounds 20

Each kernel does what a student does in the first minutes: it loads the shipped model, shows the heads, the masks and
the tokens of a text, and then changes text, layer, head and mask. All kernels work at once, as after "now everybody
open chapter 3". Printed: memory of a kernel (resident; its proportional share, in which what kernels share counts once;
and what is its own), seconds to the first panel, and milliseconds of one change in a panel, as median and 95th
percentile. On Linux, for memory is read from /proc. `--limit MB` shows whether a kernel works within so much data.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parent.parent
OPEN = """\
import time, json
start = time.perf_counter()
import bertlab
from bertlab_widgets import HeadsPanel, MaskPanel, TokenizerPanel, Workbench
workbench = Workbench(bertlab.load(), "The animal didn't cross the street because it was too tired.")
panels = [HeadsPanel(workbench=workbench), MaskPanel(workbench=workbench), TokenizerPanel(workbench=workbench)]
for panel in panels:
    display(panel)
print("RESULT", json.dumps(time.perf_counter() - start))"""
DRIVE = """\
times = []
texts = ["The cat sat on the mat.", "Colourless green ideas sleep furiously.", "She poured the tea and it was cold."]
for turn in range(ROUNDS):
    for change in (
        lambda: workbench.set_text(texts[turn % 3]),
        lambda: setattr(panels[0], "layer", turn % workbench.layer_count),
        lambda: setattr(panels[0], "head", turn % workbench.head_count),
        lambda: setattr(panels[1], "masked", [2 + turn % 3]),
    ):
        start = time.perf_counter()
        change()
        times.append(time.perf_counter() - start)
assert not any(panel.error for panel in panels), [panel.error for panel in panels]
print("RESULT", json.dumps(times))"""
LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_DATA, (MB * 2**20, MB * 2**20))"
TIMEOUT = 900  # seconds


def run(client: Any, code: str) -> Any:
    """Run code in a kernel; what it printed as its result.

    Raises:
        RuntimeError: the code raised.
    """
    said: list[str] = []

    def listen(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            said.append(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=TIMEOUT, output_hook=listen)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"{reply['content'].get('ename')}: {reply['content'].get('evalue')}")
    results = [line for line in "".join(said).splitlines() if line.startswith("RESULT ")]
    return json.loads(results[-1].removeprefix("RESULT ")) if results else None


def memory(pid: int) -> dict[str, float]:
    """Megabytes of a process: resident, its proportional share, and its own."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        fields[name] = int(value.split()[0]) / 1024
    return {
        "resident": fields["Rss"],
        "share": fields["Pss"],
        "own": fields["Private_Clean"] + fields["Private_Dirty"],
    }


def measure(kernels: int, rounds: int, limit: int = 0) -> dict[str, Any]:
    """Start, drive and stop so many kernels; the numbers of all of them."""
    managers = [KernelManager(kernel_name="python3") for _ in range(kernels)]
    clients: list[Any] = []
    own = [str(ROOT), str(ROOT / "widgets"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(own), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    try:
        begun = time.perf_counter()
        for manager in managers:
            manager.start_kernel(env=environment)
        for manager in managers:
            client = manager.client()
            client.start_channels()
            clients.append(client)
        for client in clients:
            client.wait_for_ready(timeout=TIMEOUT)
            if limit:
                run(client, LIMIT.replace("MB", str(limit)))
        with ThreadPoolExecutor(kernels) as pool:
            opened = list(pool.map(lambda client: run(client, OPEN), clients))
            ready = time.perf_counter() - begun
            driven = list(pool.map(lambda client: run(client, DRIVE.replace("ROUNDS", str(rounds))), clients))
        taken = [memory(manager.provisioner.pid) for manager in managers]  # type: ignore[union-attr]
    finally:
        for client in clients:
            client.stop_channels()
        for manager in managers:
            if manager.has_kernel:
                manager.shutdown_kernel(now=True)
    changes = sorted(1000 * seconds for times in driven for seconds in times)
    return {
        "kernels": kernels,
        "all ready s": ready,
        "first panel s": [min(opened), statistics.median(opened), max(opened)],
        "change ms": [statistics.median(changes), changes[int(0.95 * (len(changes) - 1))]],
        "memory MB": {name: max(one[name] for one in taken) for name in taken[0]},
        "memory of all MB": sum(one["share"] for one in taken),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernels", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5, help="of four changes each")
    parser.add_argument("--limit", type=int, default=0, help="megabytes of data that a kernel may have")
    given = parser.parse_args()
    found = measure(given.kernels, given.rounds, given.limit)
    low, middle, high = found["first panel s"]
    median, worst = found["change ms"]
    kept = found["memory MB"]
    print(f"{given.kernels} kernels, all ready after {found['all ready s']:.0f} s")
    print(f"first panel     {low:.1f} s at best, {middle:.1f} s in the middle, {high:.1f} s at worst")
    print(f"one change      {median:.0f} ms median, {worst:.0f} ms at the 95th percentile")
    print(f"memory, worst   {kept['resident']:.0f} MB resident, {kept['share']:.0f} MB share, {kept['own']:.0f} MB own")
    print(f"memory of all   {found['memory of all MB']:.0f} MB")


if __name__ == "__main__":
    main()
