"""From a dict of tensors into a model, with a report of what became of every tensor."""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from bertlab.files.names import TIED_NAMES, match, rename_legacy
from bertlab.files.words import abbreviated, printable

MOST_NAMES = 2000  # in a warning; BERT-large has 391
MODEL_TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def resolve_dtype(
    torch_dtype: torch.dtype | str | None,
    state: Mapping[str, torch.Tensor],
    config_dtype: torch.dtype | str | None = None,
) -> torch.dtype:
    """The type that a model's parameters get.

    None is torch's default (float32), whatever the file holds; "auto" is the type that the configuration
    names, or else that of the first floating-point tensor of the file. ValueError for other types than float32,
    float16, bfloat16 and float64.
    """
    if torch_dtype is None:
        return torch.get_default_dtype()
    if isinstance(torch_dtype, str) and torch_dtype == "auto":
        stored = next((tensor.dtype for tensor in state.values() if tensor.is_floating_point()), None)
        torch_dtype = config_dtype or stored or torch.get_default_dtype()
    by_name = {str(dtype).removeprefix("torch."): dtype for dtype in MODEL_TYPES}
    dtype = by_name.get(torch_dtype.removeprefix("torch.")) if isinstance(torch_dtype, str) else torch_dtype
    if not isinstance(torch_dtype, (str, torch.dtype)):
        raise TypeError(f"torch_dtype must be a torch.dtype or its name, not {type(torch_dtype).__name__}")
    if dtype not in MODEL_TYPES:
        raise ValueError(f"torch_dtype={torch_dtype!r} cannot be; choose one of {', '.join(by_name)} or 'auto'")
    return dtype


@dataclass(eq=False)
class LoadingReport(Mapping):
    """What became of every tensor when a checkpoint was loaded; names are the model's unless said otherwise.

    It is a mapping too, with the keys of the documented loading info: "missing_keys" (fresh, with the copies that
    follow them), "unexpected_keys" (unused), "mismatched_keys" and "error_msgs" (always empty: errors are raised).
    """

    loaded: list[str] = field(default_factory=list)  # came from the checkpoint
    fresh: list[str] = field(default_factory=list)  # not in the checkpoint: newly drawn, to be trained
    unused: list[str] = field(default_factory=list)  # names in the checkpoint without a place in the model
    tied: dict[str, str] = field(default_factory=dict)  # copy -> the parameter whose tensor it shares
    mismatched: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    # (name, shape in the checkpoint, shape in the model): newly drawn, as asked for

    def __getitem__(self, key: str) -> list[Any]:
        if key == "missing_keys":
            fresh = set(self.fresh)
            return self.fresh + [copy for copy, source in self.tied.items() if source in fresh]
        if key == "error_msgs":
            return []
        others: dict[str, list[Any]] = {"unexpected_keys": self.unused, "mismatched_keys": self.mismatched}
        return others[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"))

    def __len__(self) -> int:
        return 4

    def rows(self) -> list[tuple[str, int, str, list[str]]]:
        """(what, how many, what it means, entries) for each kind that occurs."""
        ties = [f"{copy} = {source}" for copy, source in self.tied.items()]
        shapes = [f"{name} {stored} in the checkpoint, {own} in the model" for name, stored, own in self.mismatched]
        table = [
            ("loaded", "taken from the checkpoint", self.loaded),
            ("fresh", "not in the checkpoint, newly drawn: train before use", self.fresh),
            ("mismatched", "of another shape, newly drawn: train before use", shapes),
            ("unused", "in the checkpoint, without a place in this model", self.unused),
            ("tied", "share another parameter's tensor", ties),
        ]
        return [(what, len(entries), meaning, entries) for what, meaning, entries in table if entries]

    def __str__(self) -> str:
        lines = []
        for what, count, meaning, entries in self.rows():
            lines.append(f"{what:<11}{count:>5}  {meaning}")
            if what != "loaded":
                lines.append(f"{'':<18}{abbreviated(entries)}")
        return "\n".join(lines) or "nothing was loaded"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{what}</th><td>{count}</td>"
            f"<td style='text-align:left'>{meaning}</td><td style='text-align:left'><details><summary>names</summary>"
            f"{'<br>'.join(html.escape(printable(entry)) for entry in entries)}</details></td></tr>"
            for what, count, meaning, entries in self.rows()
        )
        return f"<table><caption>Loading report</caption>{rows}</table>"


def load_into(
    model: nn.Module,
    state: Mapping[str, torch.Tensor],
    *,
    base_prefix: str = "bert",
    tied: Mapping[str, str] | None = None,
    ignore_mismatched_sizes: bool = False,
) -> LoadingReport:
    """Copy a checkpoint's tensors into the parameters (and saved buffers) of the same names.

    Legacy names are renamed and the prefix of the bare model is added or removed as needed; values are
    converted to the parameters' own type and device. `tied` maps the name of each tied copy to the parameter
    it shares (default: `TIED_NAMES`); a copy follows its parameter. When the checkpoint has the copy, the
    parameter takes the copy's values, and a warning says so if it had others. Parameters that the checkpoint
    lacks keep theirs, and are listed as fresh.

    Raises ValueError, before anything is changed, when a tensor has another shape than its parameter (unless
    `ignore_mismatched_sizes`) or cannot be its value, or when nothing in the checkpoint fits the model.
    """
    state = rename_legacy(state)
    own = model.state_dict()
    tied = {
        copy: source for copy, source in (TIED_NAMES if tied is None else tied).items() if copy in own and source in own
    }
    mapping = match(state, own, base_prefix)
    if not mapping:
        raise ValueError(
            f"none of the {len(state)} tensors of the checkpoint ({abbreviated(list(state), 3)}) has a place in "
            f"{type(model).__name__}, which has {abbreviated(list(own), 3)}; is this a BERT checkpoint?"
        )
    values = {place: state[name] for name, place in mapping.items()}
    unused = [name for name in state if name not in mapping]
    file_names = {place: name for name, place in mapping.items()}
    for copy, source in tied.items():
        if copy not in values:
            continue
        value = values.pop(copy)
        if source in values and not _same_values(value, values[source]):
            unused.append(file_names[source])
            warnings.warn(
                f"{source} and {copy} share one tensor in this model but differ in the checkpoint; both have the "
                f"values of {copy} now{_untie_advice(copy)}.",
                stacklevel=3,
            )
        values[source] = value

    mismatched = _other_shapes(values, own)
    if mismatched and not ignore_mismatched_sizes:
        raise ValueError(_said_of_shapes(mismatched, type(model).__name__))
    for name, *_ in mismatched:
        del values[name]
    _check_values(values, own)
    with torch.no_grad():
        for name, value in values.items():
            own[name].copy_(value)
        for copy, source in tied.items():
            if own[copy].data_ptr() != own[source].data_ptr() and source in values:
                own[copy].copy_(own[source])

    wrong_shape = {name for name, *_ in mismatched}
    return LoadingReport(
        loaded=[name for name in own if name in values],
        fresh=[name for name in own if name not in values and name not in tied and name not in wrong_shape],
        unused=unused,
        tied=tied,
        mismatched=mismatched,
    )


def _other_shapes(
    values: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]
) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """(name, shape in the checkpoint, shape in the model) of every tensor that does not fit."""
    return [
        (name, tuple(value.shape), tuple(own[name].shape))
        for name, value in values.items()
        if value.shape != own[name].shape
    ]


def _said_of_shapes(mismatched: list[tuple[str, tuple[int, ...], tuple[int, ...]]], kind: str) -> str:
    shown = "; ".join(
        f"{name}: {stored} in the checkpoint, {mine} in the model" for name, stored, mine in mismatched[:5]
    )
    more = f" (and {len(mismatched) - 5} more)" if len(mismatched) > 5 else ""
    return (
        f"Tensors of the checkpoint have other shapes than {kind}'s: {shown}{more}; make the configuration fit, or "
        "pass ignore_mismatched_sizes=True to draw these afresh."
    )


def _check_values(values: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> None:
    """Refuse tensors that cannot be a parameter's value, and warn of values that are no numbers."""
    for name, value in values.items():
        if value.is_complex() or value.is_floating_point() != own[name].is_floating_point():
            raise ValueError(
                f"the checkpoint holds {name!r} as {_type_name(value)} where {_type_name(own[name])} is needed; "
                "quantized checkpoints must be converted to floating point first"
            )
    broken = [name for name, value in values.items() if value.is_floating_point() and not _is_finite(value)]
    if broken:
        warnings.warn(
            f"the checkpoint holds NaN or infinity in {abbreviated(broken)}; what the model answers means nothing",
            stacklevel=4,
        )


def _is_finite(value: torch.Tensor) -> bool:
    """Whether all values are finite, by their sum, which is quicker than asking each."""
    wide = torch.float64 if value.dtype == torch.float64 else torch.float32
    return bool(value.sum(dtype=wide).isfinite()) or bool(value.isfinite().all())


def warn_of_fresh(report: LoadingReport, kind: str) -> None:
    """Warn, with their names, of the parameters of a model that were newly drawn; `kind` is its class."""
    drawn = [*report.fresh, *(name for name, *_ in report.mismatched)]
    if drawn:
        warnings.warn(
            f"parameters of {kind} that are not in the checkpoint are newly drawn, to be trained before use: "
            f"{abbreviated(drawn, MOST_NAMES)}",
            stacklevel=3,
        )


def check_foreign(report: LoadingReport, model: nn.Module, base_prefix: str = "bert") -> None:
    """After loading what TensorFlow or Flax wrote: refuse a model of noise, warn of every gap.

    Raises:
        ValueError: when the encoder got none of its values, only perhaps a head that has a common name.
    """
    base = getattr(model, base_prefix, model)
    own = {id(parameter) for parameter in base.parameters()}
    of_base = {name for name, parameter in model.named_parameters(remove_duplicate=False) if id(parameter) in own}
    kind = type(model).__name__
    if not of_base.intersection(report.loaded):
        raise ValueError(
            f"the checkpoint holds nothing of the encoder of {kind}, only {abbreviated(report.loaded, 3)}; it would "
            "be noise: is this a BERT checkpoint?"
        )
    warn_of_gaps(report.fresh, report.unused, kind)


def warn_of_gaps(fresh: list[str], unused: list[str], kind: str) -> None:
    """Warn, with their names, of parameters that a checkpoint lacks and of tensors that the model has no place for."""
    if fresh:
        named = abbreviated(fresh, MOST_NAMES)
        warnings.warn(f"not in the checkpoint and newly drawn, to be trained before use: {named}", stacklevel=4)
    if unused:
        warnings.warn(f"in the checkpoint without a place in {kind}: {abbreviated(unused, MOST_NAMES)}", stacklevel=4)


def _untie_advice(copy: str) -> str:
    return " (load with tie_word_embeddings=False to keep the two apart)" if copy.endswith(".weight") else ""


def _same_values(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype and torch.equal(first, second)


def _type_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
