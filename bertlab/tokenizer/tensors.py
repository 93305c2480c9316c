"""Lists of numbers as the tensors of a framework, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# What `return_tensors` may be, and whose tensors these are.
TENSOR_KINDS = {"pt": "torch", "np": "numpy", "tf": "TensorFlow", "jax": "JAX"}


def tensor_kind(value: Any) -> str | None:
    """The name in `TENSOR_KINDS` of what a value is; None for lists and numbers."""
    module = type(value).__module__.partition(".")[0]
    return {"torch": "pt", "numpy": "np", "tensorflow": "tf", "jax": "jax", "jaxlib": "jax"}.get(module)


def as_lists(value: Any) -> Any:
    """Tensors, arrays and lists of them as lists of numbers; anything else as it is."""
    if tensor_kind(value) == "tf":
        value = value.numpy()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (list, tuple)) and value and (hasattr(value[0], "tolist") or tensor_kind(value[0])):
        return [as_lists(item) for item in value]
    return value


def tensor_kind_in(value: Any) -> str | None:
    """The name for `return_tensors` if the value is a tensor, an array or a list of such."""
    sample = value[0] if isinstance(value, (list, tuple)) else value
    return tensor_kind(sample)


def as_tensor(kind: str, name: str, value: Any):
    """Rows of numbers as the tensor that `return_tensors` names."""
    if tensor_kind(value) == kind:
        return value
    array = _rectangle(name, value)
    if kind == "pt":
        import torch

        return torch.from_numpy(array)
    try:
        if kind == "tf":
            from tensorflow import constant
        else:
            from jax.numpy import asarray as constant
    except ImportError:
        install = {"tf": "pip install tensorflow", "jax": 'pip install "bertlab[jax]"'}[kind]
        raise ImportError(
            f'return_tensors="{kind}" needs {TENSOR_KINDS[kind]}, which is not installed: {install}, or take "pt" '
            'or "np"'
        ) from None
    return constant(array.astype(np.int32) if array.dtype == np.int64 else array)


def _rectangle(name: str, value: Any) -> np.ndarray:
    """Rows of one length as an array."""
    try:
        array = np.asarray(value)
        if array.dtype == object:
            raise ValueError("rows of different lengths")
    except ValueError:
        if name == "overflowing_tokens":
            raise ValueError(
                "the overflowing tokens differ in number, so they make no tensor; leave return_tensors out, or "
                "use BertTokenizerFast, which returns them as further rows"
            ) from None
        raise ValueError(
            f"the rows of {name!r} differ in length, so they make no tensor; pass padding=True, and "
            "truncation=True if there is a longest length"
        ) from None
    return array if array.size else array.astype(np.int64)


def numpy_array(value: Any) -> np.ndarray:
    """Rows of numbers as an array, or as an array of arrays where they differ in length."""
    if isinstance(value, np.ndarray):
        return value
    rows = value if isinstance(value, Sequence) else ()
    lengths = {len(row) for row in rows if isinstance(row, (list, tuple))}
    if len(lengths) > 1:  # as documented: an array of arrays
        array = np.empty(len(rows), dtype=object)
        array[:] = [np.asarray(row) for row in rows]
        return array
    return np.asarray(value)
