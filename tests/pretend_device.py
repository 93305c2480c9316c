"""An accelerator that is none: tensors live on a device of their own, and the CPU does its sums for it.

As CUDA does, it refuses operations on tensors of two devices (single numbers and indices excepted) and never becomes a
numpy array without `.cpu()`. So what a GPU would refuse is found on any machine. It has no autocast.
"""

from __future__ import annotations

import contextlib
from unittest import mock

import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

KIND = "pretend"
AVAILABLE = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
MOVES = {"aten::_to_copy", "aten::copy_"}
TAKE_INDICES_FROM_ANYWHERE = {
    "aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_", "aten::_unsafe_index",
    "aten::_unsafe_index_put",
}  # fmt: skip


class PretendTensor(torch.Tensor):
    """A tensor of the pretend device, and in `hidden` the CPU tensor that holds its numbers."""

    @staticmethod
    def __new__(cls, hidden):
        return torch.Tensor._make_wrapper_subclass(
            cls, hidden.size(), strides=hidden.stride(), storage_offset=hidden.storage_offset(), dtype=hidden.dtype,
            layout=hidden.layout, device=torch.device(KIND, 0), requires_grad=False,
        )  # fmt: skip

    def __init__(self, hidden):
        self.hidden = hidden

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return computed(operation, args, kwargs or {})

    def __repr__(self):
        return f"PretendTensor({self.hidden!r})"

    def tolist(self):
        return self.hidden.tolist()

    def numpy(self, *, force=False):
        if not force:
            raise TypeError(f"a tensor of the device {KIND} is no numpy array; use .cpu() first")
        return self.detach().cpu().numpy()

    def __array__(self, *args, **kwargs):
        return self.numpy()


def is_pretend(device):
    return device is not None and torch.device(device).type == KIND


def computed(operation, args, kwargs):
    """What an operation gives: on the pretend device where its tensors are, or where it is told to go."""
    name = operation._schema.name
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    ours = {id(tensor.hidden): tensor for tensor in tensors if isinstance(tensor, PretendTensor)}
    checked = [t for t in args if isinstance(t, torch.Tensor)] if name in TAKE_INDICES_FROM_ANYWHERE else tensors
    kinds = {type(tensor) is PretendTensor for tensor in checked if tensor.dim()}
    if len(kinds) == 2 and name not in MOVES:
        raise RuntimeError(f"tensors of two devices, {KIND}:0 and cpu, meet in {name}")
    stays = bool(ours)
    if kwargs.get("device") is not None:
        stays = is_pretend(kwargs["device"])
        kwargs = {**kwargs, "device": torch.device("cpu")}
        kwargs.pop("pin_memory", None)

    def seen_by_the_cpu(value):
        if isinstance(value, torch.device):
            return torch.device("cpu")
        return value.hidden if isinstance(value, PretendTensor) else value

    result = operation(*tree_map(seen_by_the_cpu, args), **tree_map(seen_by_the_cpu, kwargs))
    if "out" in kwargs:
        return kwargs["out"]
    if name.endswith("_") and not name.endswith("__") and isinstance(args[0], torch.Tensor):
        return args[0]  # it changed its first argument in place

    def shown(value):
        if not stays or not isinstance(value, torch.Tensor) or isinstance(value, PretendTensor):
            return value
        return ours[id(value)] if id(value) in ours else PretendTensor(value)

    return tree_map(shown, result)


class _Creating(TorchDispatchMode):
    """Sees what makes tensors out of nothing (`zeros(device=...)`), which no tensor's own class does."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if is_pretend(kwargs.get("device")) or any(isinstance(x, PretendTensor) for x in tree_leaves((args, kwargs))):
            with _disable_current_modes():
                return computed(operation, args, kwargs)
        return operation(*args, **kwargs)


class _Backend(backend_registration._DummyBackendModule if AVAILABLE else object):
    """What torch asks the module of a device."""

    def device_count(self):
        return 1

    def current_device(self):
        return 0

    def get_rng_state(self, device=None):
        return torch.get_rng_state()

    def set_rng_state(self, state, device=None):
        torch.set_rng_state(state)

    def manual_seed_all(self, seed):
        pass


def _copied(source, target, non_blocking=False):
    (target.hidden if isinstance(target, PretendTensor) else target).copy_(getattr(source, "hidden", source))
    return target


_registered: list[torch.library.Library] = []


def _register():
    """Tell torch of the device: once in a process, and for good."""
    if _registered:
        return
    backend_registration._setup_privateuseone_for_python_backend(KIND, backend_module=_Backend())
    library = torch.library.Library("aten", "IMPL")
    _registered.append(library)

    def strided(size, stride, dtype=None, layout=None, device=None, pin_memory=None):
        return PretendTensor(torch.empty_strided(size, stride, dtype=dtype))

    def formatted(size, dtype=None, layout=None, device=None, pin_memory=None, memory_format=None):
        return PretendTensor(torch.empty(size, dtype=dtype))

    library.impl("empty_strided", strided, "PrivateUse1")
    library.impl("empty.memory_format", formatted, "PrivateUse1")
    library.impl("_copy_from", _copied, "PrivateUse1")


@contextlib.contextmanager
def plugged_in():
    """A block in which the machine has the pretend device."""
    _register()
    plain = torch.tensor

    def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
        made = plain(data, dtype=dtype)
        return (made.to(device) if device is not None else made).requires_grad_(requires_grad)

    # Gradients are computed in this thread: autograd counts the devices once, perhaps before this one was there.
    with mock.patch.object(torch, "tensor", tensor), _Creating(), torch.autograd.set_multithreading_enabled(False):
        yield torch.device(KIND, 0)


def moved(model):
    """The model on the pretend device; parameters of another class are new ones, so what was shared is shared again."""
    first = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                first.setdefault(id(parameter), []).append((module, name))
    model.to(KIND)
    for (module, name), *others in first.values():
        for other, its_name in others:
            other._parameters[its_name] = module._parameters[name]
    return model
