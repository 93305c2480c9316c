"""Faster ways to the same numbers, and when they may be taken: not while somebody watches or transforms what runs."""

from __future__ import annotations

import torch
from torch import nn
from torch.autograd import forward_ad

from bertlab.recording import hooked

# torch.get_autocast_dtype came with torch 2.4, and with it is_autocast_enabled("cpu"), which is asked below.
_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch, "get_autocast_dtype")
# Where a processor has AVX2 and no AVX-512, torch's usual products and a GELU after them are faster by a third.
_ONEDNN_FLOAT32 = _ONEDNN and torch.backends.cpu.get_cpu_capability() != "AVX2"
_ONEDNN_BFLOAT16 = _ONEDNN and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def runs_in_onednn(linear: nn.Linear, x: torch.Tensor) -> bool:
    """Whether to compute a layer by `onednn_linear`: where nothing adds to it (an adapter, a torch hook), and
    `fits_onednn` holds."""
    plain = untouched(linear, nn.Linear) and type(linear.weight) is nn.Parameter
    return plain and fits_onednn(x, linear.weight)


def fits_onednn(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether `onednn_linear` can be asked: on the CPU, without gradients and autocast, where oneDNN is the faster one
    for this format, and nobody watches or transforms the operations."""
    if not _ONEDNN or torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or not plainly_run():
        return False
    if type(x) is not torch.Tensor or not x.device.type == weight.device.type == "cpu":
        return False
    fits = x.dtype == weight.dtype and x.numel() > 0
    return fits and {torch.float32: _ONEDNN_FLOAT32, torch.bfloat16: _ONEDNN_BFLOAT16}.get(x.dtype, False)


def onednn_linear(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, activation_name: str
) -> torch.Tensor:
    """A linear layer, weight (outputs, inputs), and exact GELU ("gelu") or nothing ("none") after it, in one go: it
    saves two passes over the largest tensor of each layer. By torch's own library of CPU kernels, oneDNN; it has no
    gradient."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation_name, [], "none")


def untouched(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether a module is exactly of torch's kind and nobody hooks it, so that its work may be done elsewhere.

    A `forward` of its own that says it is `plain` computes what torch's would: training's dropout does.
    """
    own = vars(module).get("forward")
    return type(module) is kind and (own is None or getattr(own, "plain", False)) and not hooked(module)


def plainly_run() -> bool:
    """Whether operations run as they are written: nobody traces, compiles, exports, counts or transforms them."""
    return not (torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() or transformed())


def transformed() -> bool:
    """Whether a pass is traced, or under a transformation of `torch.func` (grad, vmap, jvp, ...) or forward
    differentiation: the fused attention lacks some of its derivatives, and differs with and without gradients."""
    if torch.jit.is_tracing() or forward_ad._current_level >= 0:
        return True
    return torch._C._functorch.maybe_current_level() is not None


def values_known(*tensors: torch.Tensor | None) -> bool:
    """Whether the program may depend on the numbers in these tensors: not while it is traced, exported or compiled,
    not under `vmap`, where a tensor stands for many, and not where a tensor has no numbers (meta, fake)."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    return not any(tensor is not None and _stands_for_others(tensor) for tensor in tensors)


def _stands_for_others(tensor: torch.Tensor) -> bool:
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_batchedtensor(tensor):
            return True
        tensor = functorch.get_unwrapped(tensor)
    return tensor.device.type == "meta" or getattr(tensor, "fake_mode", None) is not None
