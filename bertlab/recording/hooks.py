"""Recording and editing what flows through a model.

A model passes every functional value through a `HookPoint`, a parameterless identity with a name: its module path.
`record` listens at such points, `edit` changes values on their way. Nothing here knows about BERT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase

import torch
from torch import nn

from bertlab.recording.recording import Recording, nearest

Edit = Callable[[torch.Tensor], torch.Tensor]


class HookPoint(nn.Module):
    """A named place that a value passes through unchanged, unless somebody edits it.

    Edits run before recorders, so that a recording shows what the model used, whoever came first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.edits: list[Edit] = []
        self.recorders: list[Callable[[torch.Tensor], None]] = []

    @property
    def listened(self) -> bool:
        """Whether anybody edits or records here (torch's own hooks count too)."""
        own = self.edits or self.recorders
        return bool(own or self._forward_hooks or self._forward_pre_hooks or self._backward_hooks)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        for change in self.edits:
            value = change(value)
        for recorder in self.recorders:
            recorder(value)
        return value


def anybody_listens(module: nn.Module) -> bool:
    """Whether a hook point inside the module is edited or recorded."""
    return any(point.listened for point in module.modules() if isinstance(point, HookPoint))


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
    copies = device is not None or dtype is not None

    def recorder(name: str) -> Callable[[torch.Tensor], None]:
        def keep(value: torch.Tensor) -> None:
            if retain_grad and value.requires_grad:
                value.retain_grad()
            elif detach and not retain_grad:
                value = value.detach()
            values[name] = value.to(device=device, dtype=dtype) if copies else value

        return keep

    with _attached((point.recorders, recorder(name)) for name, point in chosen.items()):
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
        attached += [(p.edits, _checked(name, function)) for name, p in _resolve(model, [pattern]).items()]
    with _attached(attached):
        yield


@contextmanager
def _attached(listeners: Iterable[tuple[list, Callable]]) -> Iterator[None]:
    attached = []
    try:
        for listening, listener in listeners:
            attached.append((listening, listener))
            listening.append(listener)
        yield
    finally:
        for listening, listener in attached:
            if listener in listening:
                listening.remove(listener)


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
    points, prefix, chosen = _points(model), _prefix(model), {}
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
