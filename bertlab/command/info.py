"""What this machine and this installation offer, and the shape of a model: `bertlab info`."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bertlab import __version__

REPORTED_PACKAGES = (
    "torch", "numpy", "safetensors", "tokenizers", "huggingface_hub", "jupyterlab", "notebook", "ipykernel",
    "ipywidgets", "anywidget", "matplotlib", "bertviz", "scikit-learn", "transformers",
)  # fmt: skip


def report(model: str) -> Iterator[str]:
    """The lines of `bertlab info`, each as soon as it is known."""
    sections: list[tuple[str, Callable[[], list[tuple[str, str]]]]] = [
        ("bertlab", _installation),
        ("device", _devices),
        ("versions", lambda: [(name, _version(name)) for name in REPORTED_PACKAGES]),
        ("model", lambda: _model(model)),
    ]
    for title, rows in sections:
        lines = [f"  {label:<18}{value}" for label, value in rows()]
        yield from (title, *lines)


def _installation() -> list[tuple[str, str]]:
    return [
        ("version", __version__),
        ("installed in", str(Path(__file__).resolve().parent.parent)),
        ("python", f"{platform.python_version()} ({sys.executable})"),
        ("system", platform.platform()),
    ]


def _devices() -> list[tuple[str, str]]:
    import torch

    rows = [
        ("cpu", f"{os.cpu_count()} logical cores, torch uses {_plural(torch.get_num_threads(), 'thread')}"),
        ("cpu bfloat16", cpu_bfloat16()),
    ]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = properties.total_memory / 2**30
        supported = "yes" if torch.cuda.is_bf16_supported() else "no"
        rows.append((f"cuda:{index}", f"{properties.name}, {memory:.0f} GiB, bfloat16: {supported}"))
    if torch.backends.mps.is_available():
        rows.append(("mps", "Apple GPU"))
    if len(rows) == 2:
        rows.append(("gpu", "none found; everything runs on the CPU"))
    return rows


def cpu_bfloat16() -> str:
    """How well this CPU computes in bfloat16: with matrix tiles (AMX), with vectors, or only by emulation."""
    import torch

    def has(check: str) -> bool:
        function = getattr(torch.cpu, check, None)  # these checks are not in every torch
        return bool(function and function())

    if has("_is_amx_tile_supported"):
        return "fast (AMX)"
    if has("_is_avx512_bf16_supported"):
        return "fast (AVX512-BF16)"
    return "works, but slower than float32 on this CPU"


def _model(name: str) -> list[tuple[str, str]]:
    """The shape of a model from its config and its weight file's header, without loading the weights."""
    from bertlab.files import resolve
    from bertlab.model import BertConfig

    folder = Path(resolve(name, local_files_only=True))
    config = BertConfig.from_pretrained(folder)
    rows = [
        ("name", name),
        ("folder", str(folder)),
        ("layers", f"{config.num_hidden_layers}, with {config.num_attention_heads} heads each"),
        ("hidden size", f"{config.hidden_size}, feed-forward {config.intermediate_size}"),
        ("vocabulary", f"{config.vocab_size} pieces"),
        ("positions", f"{config.max_position_embeddings}"),
    ]
    weights = folder / "model.safetensors"
    if weights.is_file():
        rows.append(("weights", _weights(weights)))
    tasks = sorted(path.parent.name for path in folder.glob("tasks/*/config.json"))
    if tasks:
        rows.append(("tasks", ", ".join(tasks)))
    return rows


def _weights(path: Path) -> str:
    from safetensors import safe_open

    numbers, formats = 0, set()
    with safe_open(path, framework="np") as file:
        for key in file.keys():  # noqa: SIM118  (the file is no mapping)
            tensor = file.get_slice(key)
            count = 1
            for length in tensor.get_shape():
                count *= length
            numbers += count
            formats.add(tensor.get_dtype())
    size = path.stat().st_size / 2**20
    return f"{numbers / 1e6:.1f} million numbers ({', '.join(sorted(formats))}), {size:.0f} MiB"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
