"""One process, or several that share a run's batches (Li et al. 2020, distributed data parallel)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from bertlab.devices import find_device
from bertlab.training.settings import Settings

LET_GO = 0.1  # seconds


class Group:
    """The processes of a run: one, or those that torchrun started (Li et al. 2020, distributed data parallel)."""

    def __init__(self, rank: int, size: int, device: torch.device):
        self.rank, self.size, self.device = rank, size, device

    def wrap(self, objective: nn.Module, model: nn.Module) -> nn.Module:
        """The objective, such that backward averages gradients over the processes."""
        if self.size == 1:
            return objective
        relative = model.config.position_embedding_type != "absolute"  # then one table has no part in the output
        partly = relative or getattr(objective, "takes_turns", False)
        return nn.parallel.DistributedDataParallel(
            objective,
            device_ids=[self.device.index] if self.device.type == "cuda" else None,
            find_unused_parameters=partly,
        )

    def no_sync(self, wrapped: nn.Module):
        """A context in which backward keeps its gradients to itself."""
        return wrapped.no_sync() if self.size > 1 else nullcontext()

    def add_up(self, values: Tensor) -> None:
        """Sum a tensor over the processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)

    def from_first(self, function: Callable[[], Any]) -> Any:
        """What the first process computes, for all of them."""
        answer = [function() if self.rank == 0 else None]
        if self.size > 1:
            dist.broadcast_object_list(answer, device=self.device if self.device.type == "cuda" else None)
        return answer[0]

    def agree(self, value: float) -> float:
        """The first process's number, for all of them."""
        return value if self.size == 1 else self.from_first(lambda: value)

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, in order, for all of them."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def joined_processes(settings: Settings) -> Iterator[Group]:
    """Join the processes that torchrun started, if it did; take the device of the settings."""
    size = int(os.environ.get("WORLD_SIZE", 1))
    device = find_device(settings.device or "cpu")
    if device.type == "cuda":
        number = int(os.environ.get("LOCAL_RANK", 0)) if size > 1 else (device.index or 0)
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    if size == 1:
        yield Group(0, 1, device)
        return
    own = not dist.is_initialized()
    if own:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(dist.get_rank(), dist.get_world_size(), device)
    finally:
        if own:
            # Gloo's threads need the interpreter to let go of the last tensors; a program that ended at once would
            # have it closed under them, and be aborted.
            time.sleep(LET_GO)
            dist.destroy_process_group()
