"""Faster ways to the same numbers: torch's CPU kernels that compute a layer and its activation in one go."""

from __future__ import annotations

import torch
from torch import nn

# torch.get_autocast_dtype came with torch 2.4, and with it is_autocast_enabled("cpu"), which is asked below.
_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch, "get_autocast_dtype")
# Where a processor has AVX2 and no AVX-512, torch's usual products and a GELU after them are faster by a third.
_ONEDNN_FLOAT32 = _ONEDNN and torch.backends.cpu.get_cpu_capability() != "AVX2"
_ONEDNN_BFLOAT16 = _ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def runs_in_onednn(linear: nn.Linear, x: torch.Tensor) -> bool:
    """Whether to compute a layer by `onednn_linear`: on the CPU, without gradients, where nothing adds to the layer
    (an adapter, a torch hook, autocast)."""
    if not _ONEDNN or torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return False
    if type(linear) is not nn.Linear or linear._forward_hooks or linear._forward_pre_hooks:
        return False
    fits = x.device.type == linear.weight.device.type == "cpu" and x.dtype == linear.weight.dtype and x.numel() > 0
    return fits and {torch.float32: _ONEDNN_FLOAT32, torch.bfloat16: _ONEDNN_BFLOAT16}.get(x.dtype, False)


def onednn_linear(linear: nn.Linear, x: torch.Tensor, activation_name: str) -> torch.Tensor:
    """A linear layer and exact GELU ("gelu") or nothing ("none") after it, in one go: it saves two passes over the
    largest tensor of each layer. By torch's own library of CPU kernels, oneDNN; it has no gradient."""
    return torch.ops.mkldnn._linear_pointwise(x, linear.weight, linear.bias, activation_name, [], "none")
