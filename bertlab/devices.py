"""Where a model computes: what this machine has, and a sentence for what it has not."""

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
