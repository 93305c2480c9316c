"""The other families' speed: `python benchmarks/families.py convert`, `... jax` and `... keras`.

`convert` writes a BERT-base of random weights from and into every format, each in a process of its own, and reports
seconds and the most memory that the process held, as a multiple of the weights' size. `jax` times the jitted pass
beside torch's own, after their outputs were compared; `keras` the TensorFlow family's pass on the torch backend.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from timing import batch, bert_base, interleaved, options, report, start

import bertlab

ONE = """
import json, resource, sys, time
def most():  # of this program alone: what getrusage counts begins with that of its parent
    try:
        return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
sys.path.insert(0, {root!r})
from bertlab.command.convert import convert
import bertlab.model
idle = most()
began = time.perf_counter()
path, _ = convert({source!r}, {target!r}, {to!r})
print(json.dumps([time.perf_counter() - began, most(), idle, path.stat().st_size]))
"""


def converted(source: Path, target: Path, to: str) -> None:
    """Convert in a new process, and print what it took."""
    root = str(Path(bertlab.__file__).resolve().parents[1])
    program = ONE.format(root=root, source=str(source), target=str(target), to=to)
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, most, idle, size = json.loads(answer.stdout)
    print(
        f"{source.name:>11} -> {to:<11} {seconds:6.1f} s   {most / size:5.2f} x its {size / 1e6:.0f} MB in memory "
        f"({(most - idle) / size:.2f} x beyond Python and torch)"
    )


def convert_all(arguments: argparse.Namespace) -> None:
    """Every format from safetensors, and back from there."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        model = bertlab.BertForMaskedLM(bertlab.BertConfig(**bert_base(arguments.small)))
        model.save_pretrained(place / "safetensors")
        for to in ("h5", "msgpack", "bin"):
            converted(place / "safetensors", place / to, to)
        for source in ("h5", "msgpack", "bin"):
            converted(place / source, place / f"from_{source}", "safetensors")
        converted(place / "h5", place / "bin_from_h5", "bin")


def forward(arguments: argparse.Namespace) -> None:
    """BertModel, 8 x 128, float32, in JAX and in torch."""
    import jax
    import numpy as np

    from bertlab.jax import FlaxBertModel

    sizes = bert_base(arguments.small)
    model = bertlab.BertModel(bertlab.BertConfig(**sizes)).eval()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        other = FlaxBertModel.from_pretrained(folder)
    inputs = batch(arguments.batch, arguments.length, sizes.get("vocab_size", 30522))
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    run = jax.jit(lambda params, given: other(**given, params=params).last_hidden_state)
    print(f"jax {jax.__version__}, {arguments.batch} x {arguments.length} tokens")
    with torch.inference_mode():
        found = model(**inputs).last_hidden_state
        np.testing.assert_allclose(run(other.params, arrays), found.numpy(), atol=1e-4, rtol=1e-4)
        candidates = {
            "JAX, jitted": lambda: run(other.params, arrays).block_until_ready(),
            "torch": lambda: model(**inputs),
        }
        report("float32", interleaved(candidates, arguments.rounds), "torch")


def keras_forward(arguments: argparse.Namespace) -> None:
    """TFBertModel on Keras's torch backend and BertModel, 8 x 128, float32."""
    import numpy as np

    from bertlab.keras import TFBertModel
    from bertlab.keras.backend import BACKEND, keras

    if BACKEND != "torch":
        raise SystemExit(f"Keras runs on {BACKEND}; unset KERAS_BACKEND to compare it on torch with torch")
    sizes = bert_base(arguments.small)
    model = bertlab.BertModel(bertlab.BertConfig(**sizes)).eval()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        other = TFBertModel.from_pretrained(folder)
    inputs = batch(arguments.batch, arguments.length, sizes.get("vocab_size", 30522))
    print(f"keras {keras.__version__} on torch, {arguments.batch} x {arguments.length} tokens")
    with torch.inference_mode():
        found = other(inputs).last_hidden_state
        np.testing.assert_allclose(found.cpu(), model(**inputs).last_hidden_state, atol=1e-4, rtol=1e-4)
        candidates = {"Keras on torch": lambda: other(inputs), "torch": lambda: model(**inputs)}
        report("float32", interleaved(candidates, arguments.rounds), "torch")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("what", choices=["convert", "jax", "keras"])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=128)
    arguments = parser.parse_args()
    start(arguments)
    {"convert": convert_all, "jax": forward, "keras": keras_forward}[arguments.what](arguments)


if __name__ == "__main__":
    main()
