"""The numbers' home: Keras on one of its backends, chosen before Keras is first imported, and what differs there."""

from __future__ import annotations

import os
import sys
from typing import Any

INSTALL = 'the TensorFlow family lives in Keras 3, which is not installed: pip install "bertlab[keras]"'

if "keras" not in sys.modules:  # Keras's own default is TensorFlow, without which it could not even be imported
    os.environ.setdefault("KERAS_BACKEND", "torch")
try:
    import keras
except (ImportError, ValueError) as error:
    if getattr(error, "name", None) == "keras":
        raise ImportError(INSTALL) from None
    raise ImportError(
        f"Keras could not be imported ({error}); it runs on {os.environ.get('KERAS_BACKEND', 'TensorFlow')} here, so "
        "install that, or set the environment variable KERAS_BACKEND to torch, jax or tensorflow before the first "
        "import"
    ) from error
if not hasattr(keras, "ops"):
    raise ImportError(f"Keras {keras.__version__} is installed, and bertlab needs Keras 3: pip install -U keras")

BACKEND: str = keras.backend.backend()


def is_concrete(x: Any) -> bool:
    """Whether a tensor's values can be looked at: not while a function is traced or a model is only drawn up."""
    if BACKEND == "torch":
        import torch

        return isinstance(x, torch.Tensor) and x.device.type != "meta" and not torch.compiler.is_compiling()
    if BACKEND == "jax":
        import jax

        return isinstance(x, jax.Array) and not isinstance(x, jax.core.Tracer)
    return hasattr(x, "numpy") and not isinstance(x, keras.KerasTensor)


def check_range(name: str, numbers: Any, limit: int, limit_name: str) -> None:
    """Raise IndexError for a number outside of 0 ... limit - 1, where the values can be looked at."""
    if not is_concrete(numbers):
        return
    values = keras.ops.convert_to_numpy(numbers)
    wrong = (values < 0) | (values >= limit)
    if wrong.any():
        place = [int(axis[0]) for axis in wrong.nonzero()]
        raise IndexError(
            f"{name}{place} is {int(values[tuple(place)])}; allowed are 0 to {limit - 1} ({limit_name} = {limit})"
        )


def is_tensor(x: Any) -> bool:
    """Whether a value is a tensor of the backend, or stands for one in a model that is drawn up."""
    return keras.ops.is_tensor(x) or isinstance(x, keras.KerasTensor)


def linear(x: Any, kernel: Any, bias: Any) -> Any:
    """`x @ kernel + bias`; on torch in one pass, as its own linear layers do it."""
    x, kernel, bias = map(keras.ops.convert_to_tensor, (x, kernel, bias))
    if BACKEND != "torch":
        return keras.ops.matmul(x, kernel) + bias
    import torch

    return torch.nn.functional.linear(x, kernel.T, bias)


def linear_gelu(x: Any, kernel: Any, bias: Any) -> Any:
    """`linear` and exact GELU after it; on torch in one go, where the torch family does so too."""
    if BACKEND == "torch":
        from bertlab.model import kernels

        x, kernel, bias = map(keras.ops.convert_to_tensor, (x, kernel, bias))
        if kernels.fits_onednn(x, kernel):
            return kernels.onednn_linear(x, kernel.T, bias, "gelu")
    return keras.ops.gelu(linear(x, kernel, bias), approximate=False)


def fused_attention(q: Any, k: Any, v: Any, mask: Any) -> Any:
    """Scaled dot-product attention without its probabilities: (batch, heads, query, head size) as `q`.

    On torch one operation that never holds the scores of all heads; None where the backend fuses by itself, or not.
    """
    if BACKEND != "torch":
        return None
    import torch

    if mask is not None:
        mask = mask.to(q.dtype)
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
