"""The architecture in numbers: a model's parts and weights, what passes between them, and the lines that compute it.

Names are module paths, as in state dicts; those of hook points leave out the base model's prefix, as `record` and
`edit` take them.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bertlab.analysis.passes import evaluating, whole_number
from bertlab.recording import HookPoint, record

# Modules that only hold others: the map shows what is in them instead.
HOLDERS = ("BertModel", "BertEncoder", "BertPreTrainingHeads", "BertOnlyMLMHead", "BertOnlyNSPHead", "EncoderDecoder")


@dataclass(frozen=True)
class Weight:
    """A parameter: its `name`, `shape`, `dtype`, `count` of numbers and `bytes`; `shares` names the parameter whose
    tensor it is (then it counts there), or is None."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    count: int
    bytes: int
    shares: str | None = None


def count_of(weights: Iterable[Weight]) -> int:
    """How many numbers these parameters hold; one that shares another's tensor adds none."""
    return sum(weight.count for weight in weights if weight.shares is None)


def bytes_of(weights: Iterable[Weight]) -> int:
    """What these parameters take in memory; one that shares another's tensor takes none."""
    return sum(weight.bytes for weight in weights if weight.shares is None)


@dataclass(frozen=True)
class Part:
    """A piece of the map: its `name`, the class of its module, and the `hook_points` (module paths) that belong to it;
    `weights` are its parameters, those that share another one's tensor among them."""

    name: str
    kind: str
    weights: tuple[Weight, ...]
    hook_points: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many numbers it learns; tied ones count in the part that comes first."""
        return count_of(self.weights)

    @property
    def bytes(self) -> int:
        """What they take in memory."""
        return bytes_of(self.weights)


@dataclass(frozen=True)
class Statistics:
    """Some numbers in a few: `std` is that of the numbers themselves (divided by their count), `norm` the Euclidean
    length of all, `histogram` counts in equal steps from `min` to `max`; `left_out` are those that are no numbers or
    stand for a hidden place (minus infinity, the least number of the type)."""

    count: int
    mean: float
    std: float
    min: float
    max: float
    norm: float
    histogram: tuple[int, ...]
    left_out: int = 0


@dataclass(frozen=True)
class Passing:
    """A value that passes a hook point: its `shape`, `dtype` and `bytes`."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    bytes: int


@dataclass(frozen=True)
class Source:
    """The lines of a method: `name` (Class.method), the `file`, the number of its first line, the `lines`; `marked` are
    those, from 0, that speak of the part that was asked for."""

    name: str
    file: str
    first: int
    lines: tuple[str, ...]
    marked: tuple[int, ...]


def weights(model: nn.Module) -> list[Weight]:
    """All parameters in the order of the modules. The counts of those that share no other's tensor add up to
    `model.num_parameters()`."""
    first: dict[int, str] = {}
    found = []
    for name, tensor in model.named_parameters(remove_duplicate=False):
        shares = first.setdefault(id(tensor), name)
        found.append(
            Weight(
                name,
                tuple(tensor.shape),
                tensor.dtype,
                tensor.numel(),
                tensor.numel() * tensor.element_size(),
                None if shares == name else shares,
            )
        )
    return found


def parts(model: nn.Module) -> list[Part]:
    """The model cut into the pieces of a map, input first: embeddings, each layer, pooler, heads. Together they hold
    every parameter and every hook point once; dropout and what else has neither is left out."""
    modules, everything = dict(model.named_modules()), weights(model)
    pieces: list[tuple[str, list[str]]] = []
    for name in _pieces(model):
        inside = [point for point, module in modules.items() if isinstance(module, HookPoint) and _within(point, name)]
        if isinstance(modules[name], HookPoint) and pieces:
            pieces[-1][1].append(name)  # what a holder says of its own belongs to the part that it comes from
        else:
            pieces.append((name, inside))
    found = []
    for name, points in pieces:
        own = tuple(weight for weight in everything if _within(weight.name, name))
        if own or points:
            found.append(Part(name, type(modules[name]).__name__, own, tuple(points)))
    return found


def _pieces(module: nn.Module, path: str = "", root: bool = True) -> Iterator[str]:
    if not root and not (isinstance(module, nn.ModuleList) or type(module).__name__ in HOLDERS or _is_model(module)):
        yield path
        return
    for name, child in module.named_children():
        yield from _pieces(child, f"{path}.{name}" if path else name, root=False)


def _is_model(module: nn.Module) -> bool:
    return hasattr(module, "base_model_prefix")


def _within(name: str, place: str) -> bool:
    return not place or name == place or name.startswith(f"{place}.")


@torch.no_grad()
def statistics(values: torch.Tensor, bins: int = 40) -> Statistics:
    """Mean, deviation, range, length and histogram of a tensor of any shape.

    Raises:
        TypeError: for what is no tensor. ValueError: for one without numbers, or for no bins.
    """
    if not isinstance(values, torch.Tensor):
        raise TypeError(f"statistics are those of a tensor, not of a {type(values).__name__}")
    bins = whole_number(bins, "bins", 1)
    flat = values.detach().flatten()
    least = torch.finfo(flat.dtype).min if flat.is_floating_point() else None
    if least is not None and flat.numel():
        lowest, highest = flat.aminmax()
        if not (torch.isfinite(highest) and lowest > least):  # a second look only where it is needed: tables are large
            flat = flat[torch.isfinite(flat) & (flat > least)]
    flat = flat if flat.dtype == torch.float64 else flat.float()
    if not flat.numel():
        raise ValueError(f"there is no finite number among the {values.numel()} values; give some")
    low, high = (float(value) for value in flat.aminmax())
    histogram = torch.histc(flat, bins, low, high) if high > low else torch.tensor([flat.numel()] + [0] * (bins - 1))
    return Statistics(
        flat.numel(),
        float(flat.mean()),
        float(flat.std(correction=0)),
        low,
        high,
        float(flat.norm()),
        tuple(int(count) for count in histogram),
        values.numel() - flat.numel(),
    )


@torch.no_grad()
def passing(model: nn.Module, batch: Mapping[str, torch.Tensor]) -> dict[str, Passing]:
    """What passes each hook point, in the order in which it does; nothing of it is kept. A point that the model does
    not use for this batch is missing."""
    with evaluating(model), record(model, device="meta") as recording:
        model(**batch)
    return {
        name: Passing(tuple(value.shape), value.dtype, value.numel() * value.element_size())
        for name, value in recording.items()
    }


@torch.no_grad()
def lengths(model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The Euclidean length of every hidden state, 0 (embeddings) to layers: (layers + 1, batch, sequence)."""
    with evaluating(model), record(model.base_model, ["embeddings.hidden", "encoder.layer.*.hidden"]) as recording:
        model(**batch)
    return torch.stack([value.float().norm(dim=-1) for value in recording.values()])


def source(model: nn.Module, name: str = "") -> Source:
    """The method that uses a module, weight or hook point, from its own file: for those of torch, for weights and hook
    points that of the module they stand in; for any other module, and for "" (the model), its own `forward`.

    Raises:
        LookupError: the model has nothing of that name, or its source cannot be found.
    """
    part = find(model, name)
    at, attribute = name, ""
    while at and (not isinstance(part, nn.Module) or isinstance(part, HookPoint) or _is_torchs(part)):
        at, _, attribute = at.rpartition(".")
        part = find(model, at)
    kind = type(part)
    uses = re.compile(rf"\bself\.{re.escape(attribute)}\b") if attribute else None
    try:
        method, lines, first = _method(kind, uses)
        file = inspect.getsourcefile(kind) or ""
    except (OSError, TypeError):
        raise LookupError(f"the source of {kind.__name__} cannot be found; it was not read from a file") from None
    marked = tuple(i for i, line in enumerate(lines) if uses and uses.search(line))
    return Source(f"{kind.__name__}.{method}", file, first, tuple(lines), marked)


def _is_torchs(module: nn.Module) -> bool:
    return type(module).__module__.split(".")[0] == "torch"


def _method(kind: Any, uses: re.Pattern | None) -> tuple[str, list[str], int]:
    """`forward`, or the first other method of the class that speaks of the part."""
    methods = [name for name, value in vars(kind).items() if inspect.isfunction(value) and name != "__init__"]
    names = ["forward", *(name for name in methods if name != "forward")]
    for name in names if uses else names[:1]:
        lines, first = inspect.getsourcelines(getattr(kind, name))
        if uses is None or any(uses.search(line) for line in lines):
            break
    else:
        lines, first = inspect.getsourcelines(kind.forward)
        name = "forward"
    return name, textwrap.dedent("".join(lines)).splitlines(), first


def find(model: nn.Module, name: str) -> Any:
    """The module, hook point or parameter of a name; the model itself for "".

    Raises:
        LookupError: there is none; the nearest place that exists is named.
    """
    part: Any = model
    gone: list[str] = []
    for step in filter(None, name.split(".")):
        inner: Any = part._modules.get(step) if isinstance(part, nn.Module) else None
        if inner is None and isinstance(part, nn.Module):
            inner = part._parameters.get(step)
        if inner is None:
            there = [*part._modules, *part._parameters] if isinstance(part, nn.Module) else []
            shown = ", ".join(there[:12]) or "nothing"
            raise LookupError(f"{name!r} is not in {type(model).__name__}: {'.'.join(gone) or 'it'} has {shown}")
        part, gone = inner, [*gone, step]
    return part
