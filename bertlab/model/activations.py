"""The documented activation functions by name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F

Activation = Callable[[torch.Tensor], torch.Tensor]


def gelu_new(x: torch.Tensor) -> torch.Tensor:
    """The tanh approximation of GELU, written out as in the code of BERT and GPT (Hendrycks & Gimpel 2016)."""
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


def gelu_python(x: torch.Tensor) -> torch.Tensor:
    """GELU from its definition: x times the standard normal's cumulative probability of x."""
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


def gelu_fast(x: torch.Tensor) -> torch.Tensor:
    """The tanh approximation with its constants rounded."""
    return 0.5 * x * (1.0 + torch.tanh(x * 0.7978845608 * (1.0 + 0.044715 * x * x)))


def gelu_accurate(x: torch.Tensor) -> torch.Tensor:
    """The tanh approximation as published in https://github.com/hendrycks/GELUs."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3))))


def quick_gelu(x: torch.Tensor) -> torch.Tensor:
    """The sigmoid approximation of GELU."""
    return x * torch.sigmoid(1.702 * x)


def gelu_10(x: torch.Tensor) -> torch.Tensor:
    """GELU clipped to -10 ... 10 (for quantisation, Wu et al. 2020)."""
    return torch.clip(F.gelu(x), -10, 10)


def laplace(x: torch.Tensor) -> torch.Tensor:
    """A Laplace-shaped sigmoid (MEGA, Ma et al. 2022)."""
    return 0.5 * (1.0 + torch.erf((x - 0.707107) / (0.282095 * math.sqrt(2.0))))


def relu2(x: torch.Tensor) -> torch.Tensor:
    """ReLU squared (Primer, So et al. 2021)."""
    return torch.square(F.relu(x))


def linear(x: torch.Tensor) -> torch.Tensor:
    """No activation at all."""
    return x


ACTIVATIONS: dict[str, Activation] = {
    "gelu": F.gelu,
    "gelu_10": gelu_10,
    "gelu_accurate": gelu_accurate,
    "gelu_fast": gelu_fast,
    "gelu_new": gelu_new,
    "gelu_python": gelu_python,
    "gelu_pytorch_tanh": partial(F.gelu, approximate="tanh"),
    "laplace": laplace,
    "leaky_relu": F.leaky_relu,
    "linear": linear,
    "mish": F.mish,
    "quick_gelu": quick_gelu,
    "relu": F.relu,
    "relu2": relu2,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "swish": F.silu,
    "tanh": torch.tanh,
}


def activation(name_or_function: str | Activation) -> Activation:
    """The function of that name; a function is returned as it is.

    Raises:
        ValueError: for an unknown name; the nearest ones are offered.
    """
    if callable(name_or_function):
        return name_or_function
    if name_or_function not in ACTIVATIONS:
        close = difflib.get_close_matches(str(name_or_function), ACTIVATIONS, n=3, cutoff=0.0)
        raise ValueError(f"hidden_act is {name_or_function!r}, which is unknown; the nearest are {', '.join(close)}")
    return ACTIVATIONS[name_or_function]
