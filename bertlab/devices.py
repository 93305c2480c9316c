"""Where a model computes: what this machine has, a sentence for what it has not, and what only some devices can do.

Everything else in bertlab runs alike on every device that torch knows.
"""

from __future__ import annotations

import torch


def available_devices() -> list[str]:
    """Kinds of devices of this machine, the fastest first; "cpu" is always the last."""
    kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return [kind for kind, there in kinds.items() if there]


def find_device(name: str | torch.device = "auto") -> torch.device:
    """The device of a name such as "cuda:1"; "auto" is the fastest kind there is.

    Raises:
        ValueError: torch knows no such device, or this machine has none.
    """
    kinds = available_devices()
    if name == "auto":
        return torch.device(kinds[0])
    allowed = f"this machine has {', '.join(kinds)} (bertlab info says more)"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"there is no kind of device {name!r}; {allowed}") from error
    if device.type in ("cuda", "mps") and device.type not in kinds:
        reason = "" if device.type == "mps" or torch.version.cuda else ": this torch was built without CUDA"
        raise ValueError(f"the device is {str(device)!r}, but there is no such one here{reason}; {allowed}")
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise ValueError(f"the device is {str(device)!r}, but the last one is cuda:{torch.cuda.device_count() - 1}")
    return device


def has_generator(device: torch.device) -> bool:
    """Whether the kernels of a device draw from a generator of torch's own for it, which is global."""
    return device.type in ("cuda", "mps")


def generator_state(device: torch.device) -> torch.Tensor:
    """The state of a device's global generator; see `has_generator`."""
    return torch.mps.get_rng_state() if device.type == "mps" else torch.cuda.get_rng_state(device)


def set_generator_state(device: torch.device, state: torch.Tensor) -> None:
    """Let a device's global generator go on from a state."""
    if device.type == "mps":
        torch.mps.set_rng_state(state)
    else:
        torch.cuda.set_rng_state(state, device)


def ready_to_copy(batch: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    """A batch in memory from which a copy to the device waits for nobody: pinned, for CUDA; as it is, for others."""
    return {name: value.pin_memory() for name, value in batch.items()} if device.type == "cuda" else batch


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a GPU has units for products of bfloat16: CUDA from compute capability 8.0 on."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8
