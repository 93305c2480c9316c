"""How a model stands while a run works on it, and the run's own random numbers. Between two steps nothing is left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from bertlab.devices import generator_state, has_generator, set_generator_state
from bertlab.model import BertModel
from bertlab.training.optimizer import freeze_layers
from bertlab.training.settings import Settings

_SWAPPED = threading.RLock()  # whoever lends out torch's global generators
_AT_WORK: WeakKeyDictionary[nn.Module, list[Any]] = WeakKeyDictionary()  # model -> [its runs, its former mode]


class Randomness:
    """The run's own stream of random numbers (dropout), kept apart from everybody else's.

    On the CPU dropout draws from a generator that nobody else has: other runs, cells and threads neither see nor
    disturb it. A GPU's kernels, and compiled layers, know torch's global generators only: for the time of a step these
    continue the run's stream, and such steps take turns.
    """

    def __init__(self, seed: int, device: torch.device, compiled: bool = False):
        self.device = device
        self.swaps = compiled or has_generator(device)
        self.generator = torch.Generator().manual_seed(seed)
        self.states: dict[str, Tensor] = {}
        if self.swaps:
            with _SWAPPED:
                outside = self._read()
                torch.manual_seed(seed)
                self.states = self._read()
                self._write(outside)

    @property
    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps, by kind of device."""
        return dict(self.states) if self.swaps else {"cpu": self.generator.get_state()}

    @state.setter
    def state(self, states: dict[str, Tensor]) -> None:
        self.states = dict(states)
        self.generator.set_state(states["cpu"])

    @contextmanager
    def lent(self) -> Iterator[None]:
        """A block in which the global generators continue this stream, where that is the only way."""
        if not self.swaps:
            yield
            return
        with _SWAPPED:
            outside = self._read()
            self._write(self.states)
            try:
                yield
            finally:
                self.states = self._read()
                self._write(outside)

    def dropout(self, module: nn.Dropout, x: Tensor) -> Tensor:
        """What `nn.Dropout` computes, with draws from this stream; the same numbers as torch's under the same seed."""
        if not module.training or module.p == 0 or not x.numel():
            return x
        if module.p == 1:
            return x * 0
        kept = 1 - module.p
        noise = torch.empty_like(x, device="cpu").bernoulli_(kept, generator=self.generator).div_(kept)
        return x * noise.to(x.device)

    def _read(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if has_generator(self.device):
            states[self.device.type] = generator_state(self.device)
        return states

    def _write(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if has_generator(self.device) and self.device.type in states:
            set_generator_state(self.device, states[self.device.type])


class Arrangement:
    """A model with the frozen layers, the dropout and the compiled layers that the settings want, for as long as a
    block lasts: whatever happens to the run between two steps, the model is as it was."""

    def __init__(self, model: nn.Module, settings: Settings, randomness: Randomness):
        self.model, self.rate, self.randomness = model, settings.dropout, randomness
        self.dropouts = [module for module in model.modules() if isinstance(module, nn.Dropout)]
        self.encoders = [module for module in model.modules() if isinstance(module, BertModel)]
        self.frozen = freeze_layers(model, settings.freeze) if settings.freeze is not None else []
        for parameter in self.frozen:
            parameter.requires_grad_(True)
        self.compiled: dict[nn.Module, Any] = {}
        if settings.compile:
            for layer in (layer for encoder in self.encoders for layer in encoder.encoder.layer):
                former, layer._compiled_call_impl = layer._compiled_call_impl, None
                layer.compile()
                self.compiled[layer], layer._compiled_call_impl = layer._compiled_call_impl, former

    @contextmanager
    def working(self) -> Iterator[None]:
        """Frozen where it is frozen, compiled where it is compiled, no time for padding on a CPU."""
        with ExitStack() as stack:
            for parameter in self.frozen:
                stack.callback(parameter.requires_grad_, parameter.requires_grad)
                parameter.requires_grad_(False)
            for module in self.encoders:
                stack.callback(setattr, module, "skip_padding", module.skip_padding)
                module.skip_padding = module.skip_padding or self.randomness.device.type == "cpu"
            for layer, implementation in self.compiled.items():
                stack.callback(setattr, layer, "_compiled_call_impl", layer._compiled_call_impl)
                layer._compiled_call_impl = implementation
            yield

    @contextmanager
    def training(self) -> Iterator[None]:
        """In train mode with the run's dropout; in eval mode afterwards."""
        with ExitStack() as stack:
            for module in self.dropouts:
                stack.callback(setattr, module, "p", module.p)
                module.p = module.p if self.rate is None else self.rate
                if not self.randomness.swaps and "forward" not in vars(module):
                    forward: Any = partial(self.randomness.dropout, module)
                    forward.plain = self.randomness.device.type == "cpu"  # there the fused attention calls it
                    vars(module)["forward"] = forward
                    stack.callback(delattr, module, "forward")
            stack.enter_context(self.working())
            stack.enter_context(self.randomness.lent())
            stack.callback(self.model.eval)
            self.model.train()
            yield


@contextmanager
def in_work(model: nn.Module) -> Iterator[None]:
    """The model in eval mode; when the last of its runs has ended, in the mode that it was in before the first."""
    runs = _AT_WORK.setdefault(model, [0, model.training])
    runs[0] += 1
    model.eval()
    try:
        yield
    finally:
        runs[0] -= 1
        if not runs[0]:
            _AT_WORK.pop(model, None)
            model.train(runs[1])
