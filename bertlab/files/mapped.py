"""Arrays that lie in a file, as tensors over its bytes: nothing is read before it is used."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

TYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
    "int64": torch.int64,
    "int32": torch.int32,
    "int16": torch.int16,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "bool": torch.bool,
}

MOST_DIMENSIONS = 32  # numpy's limit before 2.0


def mapped_tensor(path: str | os.PathLike, kind: str, offset: int, shape: Sequence[int]) -> torch.Tensor:
    """A tensor whose values are the bytes of a file (little-endian, row after row), mapped and not yet read.

    Args:
        path: the file.
        kind: a name of `TYPES`.
        offset: where in the file the values begin, in bytes.
        shape: the lengths of the dimensions.

    Raises:
        ValueError: when the type is unknown or the file does not hold that many values from there.
    """
    if kind not in TYPES:
        raise ValueError(f"holds numbers of the type {kind[:40]!r}; bertlab reads {', '.join(TYPES)}")
    dtype = TYPES[kind]
    if len(shape) > MOST_DIMENSIONS or min(shape, default=0) < 0:
        raise ValueError(f"holds an array of the impossible shape {tuple(shape)[:MOST_DIMENSIONS]}")
    count, size = math.prod(shape), os.path.getsize(path)
    if offset < 0 or offset + count * dtype.itemsize > size:
        raise ValueError(f"ends before the array of shape {tuple(shape)} that it announces")
    if count == 0:
        return torch.empty(tuple(shape), dtype=dtype)
    # Copy on write: the file stays as it is, whatever is done to the tensor.
    raw = np.memmap(Path(path), np.uint8, mode="c", offset=offset, shape=(count * dtype.itemsize,))
    return torch.from_numpy(raw).view(dtype).view(tuple(shape))


def raw_bytes(tensor: torch.Tensor) -> memoryview:
    """The values of a tensor, row after row."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
