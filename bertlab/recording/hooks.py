"""Recording and editing what flows through a model.

A model passes every functional value through a `HookPoint`, a parameterless identity with a name: its module path.
`record` listens at such points, `edit` changes values on their way. Nothing here knows about BERT.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as torch_modules

from bertlab.memory import give_back_later, keep_freed_memory
from bertlab.recording.recording import Recording, nearest

Edit = Callable[[torch.Tensor], torch.Tensor]


class HookPoint(nn.Module):
    """A named place that a value passes through unchanged, unless somebody edits it.

    Edits run before recorders, so that a recording shows what the model used, whoever came first. Both belong to the
    thread or asynchronous task that asked for them: passes of others neither see nor disturb them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.edits: tuple[Listener, ...] = ()
        self.recorders: tuple[Listener, ...] = ()

    @property
    def listened(self) -> bool:
        """Whether anybody edits or records here in this thread (torch's own hooks count too)."""
        own = (self.edits or self.recorders) and any(listener.hears() for listener in (*self.edits, *self.recorders))
        return bool(own) or hooked(self)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        if self.edits:
            for change in self.edits:
                if change.hears():
                    value = change.function(value)
        if self.recorders:
            for recorder in self.recorders:
                if recorder.hears():
                    recorder.function(value)
        return value

    def __getstate__(self) -> dict[str, Any]:
        """Whoever listens, listens to this model: a copy, or what is read from a file, starts with nobody."""
        return {**self.__dict__, "edits": (), "recorders": ()}


class Listener:
    """A function that hears the values of one hook point, in the thread or task that it belongs to."""

    def __init__(self, function: Callable[[torch.Tensor], Any], where: str, owner: Owner):
        self.function = function
        self.where = where  # "edits" or "recorders" of a hook point
        self.owner = owner

    def hears(self) -> bool:
        """Whether a value that passes now, here, is the listener's to hear."""
        return self.owner.is_here()


class Owner:
    """Whoever asked for edits or a recording: a thread, or an asynchronous task in it.

    What a task starts inside the `with` (other tasks, `asyncio.to_thread`) belongs to it. A notebook may run each cell
    as a task of its own, so that what one cell opened and left open belongs to the whole thread once the cell is done.
    """

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.task = _running_task()

    def is_here(self) -> bool:
        """Whether the code that runs now belongs to the owner."""
        if self in _owners.get():
            return True
        return self.thread == threading.get_ident() and (self.task is None or self.task.done())

    def __enter__(self) -> Owner:
        _owners.set((*_owners.get(), self))
        return self

    def __exit__(self, *error: Any) -> None:
        _owners.set(tuple(owner for owner in _owners.get() if owner is not self))


_owners: ContextVar[tuple[Owner, ...]] = ContextVar("owners of edits and recordings", default=())
_changing = threading.Lock()  # while listeners are added or taken away


def _running_task() -> asyncio.Task | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop runs in this thread
        return None


GLOBAL_HOOKS = tuple(f"_global_{kind}_hooks" for kind in ("forward", "forward_pre", "backward", "backward_pre"))


def hooked(module: nn.Module) -> bool:
    """Whether torch's own hooks are set on the module, or on all modules."""
    own = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    return bool(own) or any(getattr(torch_modules, kind) for kind in GLOBAL_HOOKS)


def anybody_listens(module: nn.Module) -> bool:
    """Whether a hook point inside the module is edited or recorded."""
    return any(point.listened for point in module.modules() if isinstance(point, HookPoint))


def anybody_hooks(module: nn.Module) -> bool:
    """Whether torch's own hooks are set on any module inside it."""
    return any(hooked(inner) for inner in module.modules())


def hook_names(model: nn.Module) -> list[str]:
    """The names of all hook points in the order of the modules, without the base model's prefix (`bert.`)."""
    return list(_points(model))


@contextmanager
def record(
    model: nn.Module,
    names: str | Iterable[str] = "*",
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    detach: bool = True,
    retain_grad: bool = False,
    tokens: list[str] | list[list[str]] | None = None,
) -> Iterator[Recording]:
    """Record values while the model runs.

        with record(model, "encoder.layer.*.attention.self.probs") as recording:
            model(**batch)
        recording.attention(3)  # (batch, heads, query, key)

    Args:
        names: one name or several; `*` and `?` match anything, dots too. The leading `bert.` may be left out.
        device, dtype: where to and as what the values are copied; as they are when None.
        detach: cut the values from the autograd graph. With False they stay part of it.
        retain_grad: keep the gradient of each recorded value in its `.grad` (implies `detach=False`).
        tokens: the pieces of the text, kept beside the values.

    Raises:
        LookupError: for a name that matches no hook point; the nearest ones are offered.
        ValueError: for `retain_grad` with `device` or `dtype`, because a copy gets no gradient.
    """
    if retain_grad and (device is not None or dtype is not None):
        raise ValueError(
            "retain_grad keeps the gradient of the value itself, not of a copy; leave out device and dtype, and "
            "convert the gradients afterwards"
        )
    chosen = _resolve(model, [names] if isinstance(names, str) else list(names))
    recording = Recording(tokens=tokens, prefix=_prefix(model))
    values = recording._values
    keep_freed_memory()
    weakref.finalize(recording, _dropped, values).atexit = False
    copies = device is not None or dtype is not None

    def recorder(name: str) -> Callable[[torch.Tensor], None]:
        def keep(value: torch.Tensor) -> None:
            if retain_grad and value.requires_grad:
                value.retain_grad()
            elif detach and not retain_grad:
                value = value.detach()
            values[name] = value.to(device=device, dtype=dtype) if copies else value

        return keep

    with _attached([(point, "recorders", recorder(name)) for name, point in chosen.items()]):
        yield recording


@contextmanager
def edit(model: nn.Module, edits: Mapping[str, Edit]) -> Iterator[None]:
    """Change values on their way through the model.

        def silence(probs):                     # (batch, heads, query, key)
            probs[:, 2] = 0
            return probs

        with edit(model, {"encoder.layer.3.attention.self.probs": silence}):
            model(**batch)

    Each function gets a copy of the value, which it may change in place, and returns the new one of the same shape.
    Nested edits of one place run from the outermost to the innermost.

    Raises:
        LookupError: for a name that matches no hook point; the nearest ones are offered.
        TypeError, ValueError: while the model runs, when a function returns no tensor, or one of another shape.
    """
    if not isinstance(edits, Mapping):
        raise TypeError(f"edits map names to functions, like {{'*.probs': function}}; given was {type(edits).__name__}")
    attached = []
    for pattern, function in edits.items():
        if not callable(function):
            raise TypeError(f"the edit of {pattern!r} must be a function of the value, not {type(function).__name__}")
        attached += [(p, "edits", _checked(name, function)) for name, p in _resolve(model, [pattern]).items()]
    with _attached(attached):
        yield


@contextmanager
def _attached(functions: Iterable[tuple[HookPoint, str, Callable]]) -> Iterator[None]:
    """Let functions listen at hook points, as "edits" or "recorders" of who asks."""
    attached: list[tuple[HookPoint, Listener]] = []
    with Owner() as owner:
        try:
            for point, where, function in functions:
                listener = Listener(function, where, owner)
                attached.append((point, listener))
                with _changing:
                    setattr(point, where, (*getattr(point, where), listener))
            yield
        finally:
            for point, listener in attached:
                with _changing:
                    others = tuple(one for one in getattr(point, listener.where) if one is not listener)
                    setattr(point, listener.where, others)


def _dropped(values: dict[str, torch.Tensor]) -> None:
    give_back_later(sum(value.nbytes for value in values.values() if value.device.type == "cpu"))


def _checked(name: str, function: Edit) -> Edit:
    def change(value: torch.Tensor) -> torch.Tensor:
        new = function(value.clone())  # a copy, because others may hold the value: a recording, or autograd
        if not isinstance(new, torch.Tensor):
            raise TypeError(f"the edit of {name} returned {type(new).__name__}; it must return the changed tensor")
        if new.shape != value.shape:
            raise ValueError(
                f"the edit of {name} returned shape {tuple(new.shape)}; the value has shape {tuple(value.shape)}"
            )
        return new.to(device=value.device, dtype=value.dtype)

    return change


def _prefix(model: nn.Module) -> str:
    prefix = getattr(model, "base_model_prefix", "")
    return f"{prefix}." if prefix and hasattr(model, prefix) else ""


def _points(model: nn.Module) -> dict[str, HookPoint]:
    prefix = _prefix(model)
    return {name.removeprefix(prefix): m for name, m in model.named_modules() if isinstance(m, HookPoint)}


def _resolve(model: nn.Module, patterns: list[str]) -> dict[str, HookPoint]:
    points, prefix = _points(model), _prefix(model)
    chosen: dict[str, HookPoint] = {}
    if not points:
        raise LookupError(f"{type(model).__name__} has no hook points; record and edit work on bertlab's models")
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"a hook name is a string, not {type(pattern).__name__}: {pattern!r}")
        short = pattern.removeprefix(prefix)
        found = [name for name in points if fnmatchcase(name, short)]
        if not found:
            raise LookupError(f"no hook point is named {pattern!r}; {nearest(short, list(points))}")
        chosen.update((name, points[name]) for name in found)
    return chosen
