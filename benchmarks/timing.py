"""How the benchmarks measure: candidates take turns in one process, medians are compared, the machine is named."""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))  # the checkout, where bertlab is not installed


def options(description: str, rounds: int = 15) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, help="runs of each candidate (default %(default)s)")
    parser.add_argument("--threads", type=int, default=None, help="threads of torch (default: torch's own choice)")
    parser.add_argument("--small", action="store_true", help="a tiny model, to see that the benchmark itself works")
    return parser


def start(arguments: argparse.Namespace) -> None:
    """Set the threads and say where and with what the measurement runs."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}, {platform.system()}")


def processor() -> str:
    """The processor's name, and what matrix instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    about = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = {"amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2"} & set(about.get("flags", "").split())
    return f"{about.get('model name', platform.machine())} ({', '.join(sorted(flags)) or 'no vector flags known'})"


def interleaved(candidates: dict[str, Callable[[], object]], rounds: int, warm_up: int = 2) -> dict[str, list[float]]:
    """Seconds of each run; in every round each candidate runs once, the first one changing from round to round."""
    for _ in range(warm_up):
        for run in candidates.values():
            run()
    names = list(candidates)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            began = time.perf_counter()
            candidates[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def report(title: str, seconds: dict[str, list[float]], reference: str) -> dict[str, float]:
    """Print medians and the ratio to the reference, and return the ratios.

    The ratio is the median over rounds of time / reference's time in the same round, so a machine that is busy for
    a while disturbs both alike.
    """
    print(f"\n{title}")
    width = max(map(len, seconds))
    ratios = {}
    for name, own in seconds.items():
        ratios[name] = statistics.median(a / b for a, b in zip(own, seconds[reference], strict=True))
        against = "reference" if name == reference else f"{ratios[name]:.3f}"
        print(f"  {name:<{width}}  {statistics.median(own) * 1000:9.1f} ms  {against}")
    return ratios


def bert_base(small: bool = False) -> dict[str, int]:
    """The sizes of BERT-base, or of a toy."""
    if small:
        return dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, vocab_size=200)
    return {}


def batch(rows: int, length: int, vocabulary: int, shortest: int | None = None) -> dict[str, torch.Tensor]:
    """Random ids; with `shortest`, texts of evenly spread lengths, padded to the longest."""
    ids = torch.randint(1, vocabulary, (rows, length))
    mask = torch.ones_like(ids)
    if shortest is not None:
        for row, real in enumerate(torch.linspace(shortest, length, rows).round().int().tolist()):
            mask[row, real:] = 0
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
