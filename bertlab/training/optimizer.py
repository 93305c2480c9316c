"""What a step does to the weights: rates over time and over parameters, AdamW, number formats."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import nn

from bertlab.devices import multiplies_bfloat16
from bertlab.training.settings import Settings


def rate_factor(progress: float, warmup: float, schedule: str) -> float:
    """Factor on the learning rate when a share `progress` of the run is done: 0 to 1 and back to 0."""
    if progress < warmup:
        return progress / warmup
    falling = min(1.0, (progress - warmup) / (1.0 - warmup))
    if schedule == "linear":
        return 1.0 - falling
    if schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * falling))
    return 1.0


def parameter_groups(model: nn.Module, settings: Settings) -> list[dict[str, Any]]:
    """The trainable parameters for AdamW, grouped by rate and decay.

    The head has its own rate; each layer below the top one has `layer_decay` times the rate of the one above,
    the embeddings the lowest. Biases and layer norms do not decay (Devlin et al. 2019, section A.2).

    Raises:
        ValueError: no parameter is trainable.
    """
    encoder: Any = model.base_model.encoder
    depth = len(encoder.layer)
    inside = {id(parameter) for parameter in model.base_model.parameters()}
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if id(parameter) not in inside:
            rate = settings.head_learning_rate or settings.learning_rate
        else:
            below = depth - 1 - _layer_number(name, depth)
            rate = settings.learning_rate * settings.layer_decay**below
        decay = 0.0 if name.endswith("bias") or "LayerNorm" in name else settings.weight_decay
        group = groups.setdefault((rate, decay), {"params": [], "highest_rate": rate, "weight_decay": decay})
        group["params"].append(parameter)
    if not groups:
        raise ValueError("every parameter of the model is frozen, so there is nothing to train")
    return list(groups.values())


def _layer_number(name: str, depth: int) -> int:
    """Number of the layer that a parameter of the encoder belongs to; -1 for embeddings, the top for the pooler."""
    if "embeddings." in name:
        return -1
    _, _, rest = name.partition("encoder.layer.")
    return int(rest.partition(".")[0]) if rest else depth - 1


class AdamW(torch.optim.AdamW):
    """torch's AdamW, step for step, without torch's compiler: importing that takes seconds and 75 MB."""

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)


def make_optimizer(model: nn.Module, settings: Settings, device: torch.device) -> torch.optim.AdamW:
    """AdamW over `parameter_groups`, with the fused kernel where torch has one."""
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    fused = device.type == "cuda" or (device.type == "cpu" and version >= (2, 4))
    return AdamW(
        parameter_groups(model, settings),
        lr=settings.learning_rate,
        betas=settings.betas,
        eps=settings.epsilon,
        fused=fused or None,
    )


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set the rate of each group to `factor` times its highest one."""
    for group in optimizer.param_groups:
        group["lr"] = group["highest_rate"] * factor


def freeze_layers(model: nn.Module, layers: int) -> list[nn.Parameter]:
    """Stop training the embeddings and the lowest `layers` layers; returns the parameters this changed.

    Raises:
        ValueError: the model has fewer layers.
    """
    encoder: Any = model.base_model.encoder
    if not 0 <= layers <= len(encoder.layer):
        raise ValueError(f"freeze is {layers}, but the model has {len(encoder.layer)} layers")
    changed = []
    for module in (model.base_model.embeddings, *encoder.layer[:layers]):
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.requires_grad_(False)
                changed.append(parameter)
    return changed


def choose_precision(precision: str, device: torch.device, hidden_size: int) -> torch.dtype:
    """The number format of matrix products: bfloat16 where the hardware multiplies it faster.

    On a CPU that is one with AMX or AVX512-BF16 instructions, for models at least 256 wide (the casts cost
    more than they save in smaller ones); on CUDA, compute capability 8.0 and above.
    """
    if precision != "auto":
        return torch.float32 if precision == "float32" else torch.bfloat16
    pays_on_the_cpu = device.type == "cpu" and hidden_size >= 256 and cpu_has_bfloat16()
    return torch.bfloat16 if pays_on_the_cpu or multiplies_bfloat16(device) else torch.float32


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices natively (AMX or AVX512-BF16)."""
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)
