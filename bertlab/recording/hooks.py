"""Recording and editing what flows through a model.

A model passes every functional value through a `HookPoint`, a parameterless identity with a name: its module path.
`record` listens at such points, `edit` changes values on their way. Nothing here knows about BERT.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import nn

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


class Recording(Mapping[str, torch.Tensor]):
    """What a model computed: a mapping from hook name to tensor, from the last forward pass inside `record`.

    Axes by the last part of the name:

    - `q`, `k`, `v`, `context`: (batch, heads, sequence, head size)
    - `scores`, `probs`: (batch, heads, query, key); scores are scaled and masked, what the softmax gets
    - `preactivation`, `activated` of a layer: (batch, sequence, intermediate)
    - `prediction logits`: (batch, sequence, vocabulary); `pooled`: (batch, hidden)
    - all else: (batch, sequence, hidden)

    `tokens` are the pieces of the sequence when they are known, a list for one text or a list of lists for a batch;
    `output` is the model's own output when whoever recorded kept it.
    """

    def __init__(
        self,
        values: Mapping[str, torch.Tensor] | None = None,
        *,
        tokens: list[str] | list[list[str]] | None = None,
        prefix: str = "",
    ):
        self._values: dict[str, torch.Tensor] = dict(values or {})
        self._prefix = prefix
        self.tokens = tokens
        self.output: Any = None

    def __getitem__(self, name: str) -> torch.Tensor:
        values = self._values
        if name in values:
            return values[name]
        if self._prefix and name.removeprefix(self._prefix) in values:
            return values[name.removeprefix(self._prefix)]
        if not values:
            raise KeyError(f"nothing is recorded yet under {name!r}: run the model inside `with record(model)`")
        raise KeyError(f"{name!r} was not recorded; {_nearest(name, list(values))}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        size = sum(value.numel() * value.element_size() for value in self._values.values())
        about = f", {_count_tokens(self.tokens)} tokens" if self.tokens else ""
        return f"Recording of {len(self)} values{about}, {size / 1e6:.1f} MB"

    @property
    def layers(self) -> list[int]:
        """The numbers of the layers of which anything was recorded."""
        return sorted({int(n.split(".")[2]) for n in self if n.startswith("encoder.layer.")})

    def attention(self, layer: int, *, cross: bool = False) -> torch.Tensor:
        """The attention probabilities of one layer before dropout: (batch, heads, query, key).

        `layer` counts from 0, or from the end when negative; `cross` takes the decoder's cross-attention.

        Raises:
            LookupError: when that layer's probabilities were not recorded.
        """
        return self._of_layer(layer, f"{'crossattention' if cross else 'attention'}.self.probs")

    def hidden(self, layer: int) -> torch.Tensor:
        """A hidden state: 0 is what the embeddings give to the first layer, n is what layer n - 1 puts out,
        as `hidden_states[n]` of the model: (batch, sequence, hidden). Negative numbers count from the end.

        Raises:
            LookupError: when it was not recorded.
        """
        states = ["embeddings.hidden", *(f"encoder.layer.{n}.hidden" for n in range(self._depth()))]
        if not isinstance(layer, int) or not -len(states) <= layer < len(states) or states[layer] not in self:
            there = [i for i, name in enumerate(states) if name in self]
            raise LookupError(f"hidden state {layer} was not recorded; recorded are {there or 'none'}")
        return self[states[layer]]

    def _of_layer(self, layer: int, name: str) -> torch.Tensor:
        depth = self._depth()
        full = f"encoder.layer.{layer + depth if isinstance(layer, int) and layer < 0 else layer}.{name}"
        if full not in self:
            there = [n for n in self.layers if f"encoder.layer.{n}.{name}" in self]
            raise LookupError(f"{name} of layer {layer} was not recorded; recorded are layers {there or 'none'}")
        return self[full]

    def _depth(self) -> int:
        return max(self.layers, default=-1) + 1

    def save(self, path: str | os.PathLike) -> None:
        """Write the values and tokens as one safetensors file (whole or not at all)."""
        from safetensors.torch import save_file

        path = Path(path)
        unfinished = path.with_name(f".{path.name}.tmp")
        values = {name: value.detach().cpu().contiguous().clone() for name, value in self._values.items()}
        about = {"format": "pt", "tokens": json.dumps(self.tokens), "prefix": self._prefix}
        try:
            save_file(values, unfinished, metadata=about)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Recording:
        """Read what `save` wrote.

        Raises:
            OSError: when there is no such file.
            ValueError: when it is not a recording.
        """
        from safetensors import SafetensorError, safe_open

        if not Path(path).is_file():
            raise FileNotFoundError(f"there is no recording at {path}")
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata() or {}
                values = {name: file.get_tensor(name) for name in file.keys()}
            tokens = json.loads(about.get("tokens", "null"))
        except (SafetensorError, ValueError) as error:
            raise ValueError(f"{path} is not a recording saved by bertlab ({error})") from error
        return cls(values, tokens=tokens, prefix=about.get("prefix", ""))


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
            raise LookupError(f"no hook point is named {pattern!r}; {_nearest(short, list(points))}")
        chosen.update((name, points[name]) for name in found)
    return chosen


def _nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.0)
    return f"the nearest are {', '.join(close)}"


def _count_tokens(tokens: list[Any]) -> int:
    return sum(len(row) for row in tokens) if isinstance(tokens[0], list) else len(tokens)
