"""Checkpoints: the files of a folder to a dict of tensors, and back; and from such a dict into a model.

The formats are those of the published checkpoints: `model.safetensors`, or pickled `pytorch_model.bin`, each
possibly split into shards that an index file lists. Nothing read here ever runs code, and nothing is written
outside the folder that was given.
"""

from __future__ import annotations

import errno
import html
import json
import os
import re
import secrets
import tarfile
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from bertlab.files import hub

# A copy's name -> the name it shares its tensor with, in a model whose vocabulary head is tied to its embeddings.
TIED_NAMES = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}

# How the last part of a name was spelled by checkpoints converted from TensorFlow.
LEGACY_ENDINGS = {
    "LayerNorm.gamma": "LayerNorm.weight",
    "LayerNorm.beta": "LayerNorm.bias",
}

# What wrappers around a model put before every name: torch.nn.DataParallel, torch.compile.
WRAPPER_PREFIXES = ("module.", "_orig_mod.")

# Buffers that hold 0, 1, 2, ... or zeros, which older checkpoints carry and no model needs.
OBSOLETE_BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")

MODEL_TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


# Reading


def read_state_dict(
    folder: str | os.PathLike, *, use_safetensors: bool | None = None, variant: str | None = None
) -> dict[str, torch.Tensor]:
    """All tensors of the checkpoint in a folder, by name, as stored; on the CPU and, where possible, not yet read.

    The first that exists is taken: `model.safetensors`, its index of shards, `pytorch_model.bin`, its index.
    `use_safetensors` True or False rules out the other format; `variant="fp16"` reads `model.fp16.safetensors`.
    The tensors of one file are views of it, so do not change them in place.

    Raises `hub.ModelNotFoundError` (an OSError) when there are no weights or a shard is missing, ValueError when
    a file is damaged, is not what its name says, or would have to run code to be read.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise hub.ModelNotFoundError(f"There is no folder {str(folder)!r} to read weights from; check the path.")
    candidates = hub.weight_file_names(variant, use_safetensors)
    path = next((folder / name for name in candidates if (folder / name).is_file()), None)
    if path is None:
        present = sorted(entry.name for entry in folder.iterdir())
        advice = hub.foreign_weights_hint(present) or " Give the folder that save_pretrained wrote or the Hub serves."
        raise hub.ModelNotFoundError(
            f"{str(folder)!r} holds none of {', '.join(candidates)}; in it are: "
            f"{_abbreviated(present) or 'no files at all'}.{advice}"
        )
    state = _read_shards(path) if hub.is_shard_index(path.name) else _read_file(path)
    if not state:
        raise ValueError(f"{str(path)!r} holds no tensors; download or save the checkpoint again.")
    return state


def _read_shards(index_path: Path) -> dict[str, torch.Tensor]:
    weight_map = hub.read_shard_index(index_path)
    state = {}
    for shard in sorted(set(weight_map.values())):
        tensors = _read_file(_shard_path(index_path, shard))
        missing = [name for name, place in weight_map.items() if place == shard and name not in tensors]
        if missing:
            raise ValueError(
                f"{str(index_path)!r} says that {shard!r} holds {_abbreviated(missing)}, but it does not; "
                "the files do not belong together: download or save the checkpoint again."
            )
        state.update((name, value) for name, value in tensors.items() if weight_map.get(name, shard) == shard)
    return state


def _shard_path(index_path: Path, shard: str) -> Path:
    """The path of a shard, which must lie in the index's folder even when links are followed.

    The one exception is the Hub's cache, where every file is a link into the model's own `blobs` folder.
    """
    folder, path = index_path.parent, index_path.parent / shard
    if not path.is_file():
        raise hub.ModelNotFoundError(
            f"{str(index_path)!r} lists the shard {shard!r}, which is not there; download or copy it into "
            f"{str(folder)!r} too."
        )
    target = path.resolve()
    in_hub_cache = target.parent.name == "blobs" and target.parent.parent.name.startswith("models--")
    stays_inside = path.parent.resolve().is_relative_to(folder.resolve())
    if not stays_inside or not (target.is_relative_to(folder.resolve()) or in_hub_cache):
        raise ValueError(
            f"The shard {str(path)!r} is a link to {str(target)!r}, outside its folder; copy the file into the "
            "folder if you trust it."
        )
    return path


def _read_file(path: Path) -> dict[str, torch.Tensor]:
    state = _read_safetensors(path) if path.name.endswith(".safetensors") else _read_pickled(path)
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
            raise ValueError(
                f"{str(path)!r} holds {name!r} as a sparse, quantized or empty tensor; bertlab reads plain ones."
            )
    return state


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            written_by = (file.metadata() or {}).get("format")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{str(path)!r} is no intact safetensors file ({_one_line(error)}); it may be cut short: download or "
            "save it again."
        ) from None
    if written_by in ("tf", "flax"):
        raise ValueError(
            f"{str(path)!r} was written by {written_by} and has that framework's names; convert it with "
            "transformers first."
        )
    return state


def _read_pickled(path: Path) -> dict[str, torch.Tensor]:
    damaged = f"{str(path)!r} is no intact checkpoint of torch"
    try:
        if tarfile.is_tarfile(path):  # torch read these before 2017, and not safely
            raise ValueError(f"{damaged}: it is a tar archive; save it again with a current torch.")
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=_can_be_mapped(path))
    except UnpicklingError as error:
        raise ValueError(
            f"{str(path)!r} holds more than tensors, and nothing of it was read because that could run code "
            f"({_one_line(error)}); get the checkpoint as safetensors, or from a source you trust."
        ) from None
    except OSError:
        raise
    except Exception as error:  # torch raises almost any kind of error on damaged bytes
        if str(error).startswith(damaged):
            raise
        raise ValueError(f"{damaged} ({_one_line(error)}); download or save it again.") from None
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{str(path)!r} holds a {type(state).__name__}, not a dict of tensors; save model.state_dict() instead."
        )
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            inside = next((key for key in ("state_dict", "model", "model_state_dict") if key in state), None)
            advice = f"save what is under {inside!r} alone" if inside else "save model.state_dict() alone"
            raise ValueError(
                f"{str(path)!r} must map names to tensors, but {name!r} is mapped to a {type(tensor).__name__}; "
                f"{advice}."
            )
    return {name: tensor.detach() for name, tensor in state.items()}


def _can_be_mapped(path: Path) -> bool:
    """Whether torch can use the file's bytes in place: the zip format of today, with nothing compressed."""
    with open(path, "rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    with zipfile.ZipFile(path) as archive:
        return all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


# Names


def rename_legacy(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors under today's names.

    `LayerNorm.gamma` and `.beta` become `.weight` and `.bias`; the prefix of a wrapper around the whole model
    goes away; the `position_ids` buffer is left out. ValueError when two tensors would get the same name.
    """
    renamed: dict[str, torch.Tensor] = {}
    prefix = ""
    for wrapper in WRAPPER_PREFIXES:
        if state and all(name.startswith(prefix + wrapper) for name in state):
            prefix += wrapper
    for old_name, tensor in state.items():
        name = old_name.removeprefix(prefix)
        if name.endswith(OBSOLETE_BUFFERS):
            continue
        for old_ending, ending in LEGACY_ENDINGS.items():
            if name.endswith(old_ending):
                name = name.removesuffix(old_ending) + ending
        if name in renamed:
            raise ValueError(f"The checkpoint holds {name!r} twice, once as {old_name!r}; remove one of the two.")
        renamed[name] = tensor
    return renamed


def match(checkpoint_names: Iterable[str], model_names: Iterable[str], base_prefix: str = "bert") -> dict[str, str]:
    """Name in the checkpoint -> name in the model, for every tensor that has a place there.

    A checkpoint of the bare model fits a model with a head, and the other way round: where the very name is
    not found, it is tried with and without the prefix of the bare model.
    """
    wanted = set(model_names)
    names = list(checkpoint_names)
    mapping = {name: name for name in names if name in wanted}
    taken = set(mapping)
    for name in names:
        for place in (f"{base_prefix}.{name}", name.removeprefix(f"{base_prefix}.")):
            if name not in mapping and place in wanted and place not in taken:
                mapping[name] = place
                taken.add(place)
    return mapping


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
        raise TypeError(f"torch_dtype must be a torch.dtype or its name, not {type(torch_dtype).__name__}.")
    if dtype not in MODEL_TYPES:
        raise ValueError(f"torch_dtype={torch_dtype!r} cannot be; choose one of {', '.join(by_name)} or 'auto'.")
    return dtype


# Into a model


@dataclass
class LoadingReport:
    """What became of every tensor when a checkpoint was loaded; names are the model's unless said otherwise."""

    loaded: list[str] = field(default_factory=list)  # came from the checkpoint
    fresh: list[str] = field(default_factory=list)  # not in the checkpoint: newly drawn, to be trained
    unused: list[str] = field(default_factory=list)  # names in the checkpoint without a place in the model
    tied: dict[str, str] = field(default_factory=dict)  # copy -> the parameter whose tensor it shares
    mismatched: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    # (name, shape in the checkpoint, shape in the model): newly drawn, as asked for

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
                lines.append(f"{'':<18}{_abbreviated(entries)}")
        return "\n".join(lines) or "nothing was loaded"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{what}</th><td>{count}</td>"
            f"<td style='text-align:left'>{meaning}</td><td style='text-align:left'><details><summary>names</summary>"
            f"{'<br>'.join(html.escape(_printable(entry)) for entry in entries)}</details></td></tr>"
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
            f"None of the {len(state)} tensors of the checkpoint ({_abbreviated(list(state), 3)}) has a place in "
            f"{type(model).__name__}, which has {_abbreviated(list(own), 3)}; is this a BERT checkpoint?"
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

    mismatched = [
        (name, tuple(value.shape), tuple(own[name].shape))
        for name, value in values.items()
        if value.shape != own[name].shape
    ]
    if mismatched and not ignore_mismatched_sizes:
        shown = "; ".join(
            f"{name}: {stored} in the checkpoint, {mine} in the model" for name, stored, mine in mismatched[:5]
        )
        more = f" (and {len(mismatched) - 5} more)" if len(mismatched) > 5 else ""
        raise ValueError(
            f"Tensors of the checkpoint have other shapes than {type(model).__name__}'s: {shown}{more}; make the "
            "configuration fit, or pass ignore_mismatched_sizes=True to draw these afresh."
        )
    for name, *_ in mismatched:
        del values[name]
    for name, value in values.items():
        if value.is_complex() or value.is_floating_point() != own[name].is_floating_point():
            raise ValueError(
                f"The checkpoint holds {name!r} as {_type_name(value)} where {_type_name(own[name])} is needed; "
                "quantized checkpoints must be converted to floating point first."
            )
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


def _untie_advice(copy: str) -> str:
    return " (load with tie_word_embeddings=False to keep the two apart)" if copy.endswith(".weight") else ""


def _same_values(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and first.dtype == second.dtype and torch.equal(first, second)


# Writing


def write_state_dict(
    state: Mapping[str, torch.Tensor],
    folder: str | os.PathLike,
    *,
    tied: Mapping[str, str] | None = None,
    safe_serialization: bool = True,
    max_shard_size: int | str = "5GB",
    variant: str | None = None,
) -> list[Path]:
    """Write tensors as the checkpoint of a folder, in the files that `read_state_dict` and transformers read.

    `safe_serialization` chooses safetensors, where tied copies (`tied`: copy -> source; default `TIED_NAMES`)
    are left out while they really share their tensor, or a pickled `.bin`, which keeps them. Above
    `max_shard_size` (bytes, or such as "200MB") the checkpoint is split, one index listing the shards.

    All is written beside the earlier checkpoint before any of it takes its place, so a full disk or an
    interruption leaves that as it was. Files of an earlier checkpoint that would be read instead of the new one
    are removed. Returns the paths written. Raises OSError when writing fails, ValueError or TypeError for
    something that is no dict of tensors.
    """
    limit = _bytes(max_shard_size)
    tensors, copies = _prepared(state, TIED_NAMES if tied is None else tied)
    single_name, index_name = hub.weight_file_names(variant, use_safetensors=safe_serialization)
    stem, ending = single_name.rsplit(".", 1)

    shards = _split(tensors, limit)
    if len(shards) == 1:
        names = [single_name]
    else:
        names = [f"{stem}-{number:05d}-of-{len(shards):05d}.{ending}" for number in range(1, len(shards) + 1)]
    if not safe_serialization:
        for copy, source in copies.items():
            next(shard for shard in shards if source in shard)[copy] = tensors[source]
    index = {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())},
        "weight_map": {name: file_name for file_name, shard in zip(names, shards, strict=True) for name in shard},
    }

    folder = Path(folder).expanduser()
    _make_folder(folder)
    unfinished = {folder / name: folder / f".{name}.{secrets.token_hex(4)}.tmp" for name in names}
    if len(shards) > 1:
        unfinished[folder / index_name] = folder / f".{index_name}.{secrets.token_hex(4)}.tmp"
    try:
        for path, shard in zip(unfinished.values(), shards, strict=False):
            _save(shard, path, safe_serialization)
        if len(shards) > 1:
            text = json.dumps(index, indent=2, sort_keys=True) + "\n"
            unfinished[folder / index_name].write_text(text, encoding="utf-8")
            (folder / index_name).unlink(missing_ok=True)  # an old index must never list new shards
        for path, temporary in unfinished.items():
            os.replace(temporary, path)
    except (OSError, SafetensorError, RuntimeError) as error:
        number = _error_number(error)
        what = os.strerror(number) if number else _one_line(error)
        raise OSError(
            number or errno.EIO,
            f"Writing the checkpoint failed ({what}); free some space or choose another folder",
            str(folder),
        ) from error
    finally:
        for temporary in unfinished.values():
            temporary.unlink(missing_ok=True)
    _remove_earlier(folder, variant, safe_serialization, keep={path.name for path in unfinished})
    return list(unfinished)


def _prepared(
    state: Mapping[str, torch.Tensor], tied: Mapping[str, str]
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors ready to be saved, each with memory of its own, and the tied copies (copy -> source)."""
    if not isinstance(state, Mapping):
        raise TypeError(f"A checkpoint is a dict of tensors, not a {type(state).__name__}; pass model.state_dict().")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"A checkpoint maps names to tensors, but {name!r} is mapped to a {type(tensor).__name__}; "
                "pass model.state_dict()."
            )
        if tensor.is_meta or tensor.layout != torch.strided or tensor.is_quantized:
            raise ValueError(f"{name!r} has no plain values to save (meta, sparse or quantized); load or convert it.")
    if not state:
        raise ValueError("There is nothing to save: the dict of tensors is empty; pass model.state_dict().")
    copies: dict[str, str] = {}
    for copy, source in tied.items():
        both = copy in state and source in state and copy != source
        if both and source not in copies and _is_same_tensor(state[copy], state[source]):
            copies[copy] = source
    for copy in list(copies):  # newer transformers tie a layer's bias only where they tie its weight
        weight = copy.removesuffix(".bias") + ".weight"
        if copy.endswith(".bias") and weight in state and weight not in copies:
            del copies[copy]
    tensors: dict[str, torch.Tensor] = {}
    used: set[int] = set()
    for name, tensor in state.items():
        if name in copies:
            continue
        tensor = tensor.detach().cpu().contiguous()
        storage = tensor.untyped_storage()
        if storage.nbytes() != tensor.nbytes or storage.data_ptr() in used:
            tensor = tensor.clone()
        used.add(tensor.untyped_storage().data_ptr())
        tensors[name] = tensor
    return tensors, copies


def _is_same_tensor(first: torch.Tensor, second: torch.Tensor) -> bool:
    def place(tensor: torch.Tensor) -> tuple:
        return tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()

    return place(first) == place(second)


def _split(tensors: Mapping[str, torch.Tensor], limit: int) -> list[dict[str, torch.Tensor]]:
    """The tensors in their order, in as few parts of at most `limit` bytes as that order allows."""
    shards: list[dict[str, torch.Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if shards[-1] and size + tensor.nbytes > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    return shards


def _bytes(size: int | str) -> int:
    """5_000_000, "5MB" or "5MiB" in bytes."""
    units = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
    units |= {"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
    if isinstance(size, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", size.strip().upper())
        value = int(float(found[1]) * units[found[2]]) if found and found[2] in units else 0
    elif isinstance(size, int) and not isinstance(size, bool):
        value = size
    else:
        raise TypeError(f"max_shard_size must be a number of bytes or a string, not {type(size).__name__}.")
    if value <= 0:
        raise ValueError(f'max_shard_size={size!r} is no size; give a number of bytes or such as "200MB" or "5GB".')
    return value


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(
            f"Cannot save into {str(folder)!r}, because it or a folder above it is a file; choose another name."
        ) from None


def _save(tensors: dict[str, torch.Tensor], path: Path, safe_serialization: bool) -> None:
    """Write one new file, with the permissions that any new file gets, and wait until the disk has it."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    permissions = os.fstat(descriptor).st_mode & 0o777
    os.close(descriptor)
    if safe_serialization:
        save_file(tensors, path, metadata={"format": "pt"})
        os.chmod(path, permissions)  # save_file makes files that only their owner may read
    else:
        with open(path, "wb") as file:
            torch.save(tensors, file)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _error_number(error: BaseException) -> int | None:
    """The system's number of what went wrong, such as ENOSPC, from under the libraries' own errors."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, OSError) and link.errno is not None:
            return link.errno
        named = re.search(r"os error (\d+)", str(link))
        if named:
            return int(named[1])
        link = link.__context__
    return None


def _remove_earlier(folder: Path, variant: str | None, safe_serialization: bool, keep: set[str]) -> None:
    """Remove what an earlier save left and would now be stale, or be read in place of what was just written."""
    formats = [True] if safe_serialization else [False, True]  # safetensors are read before a .bin
    for format_is_safe in formats:
        single_name, index_name = hub.weight_file_names(variant, use_safetensors=format_is_safe)
        stem, ending = single_name.rsplit(".", 1)
        shard = re.compile(rf"{re.escape(stem)}-\d{{5}}-of-\d{{5}}\.{ending}")
        for path in folder.iterdir():
            if path.name not in keep and (path.name in (single_name, index_name) or shard.fullmatch(path.name)):
                path.unlink()


# Words


def _abbreviated(names: list[str], limit: int = 8) -> str:
    shown = ", ".join(_printable(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _printable(name: str) -> str:
    """A name from a file, safe to print: control characters escaped, endless ones cut."""
    text = name if name.isprintable() else name.encode("unicode_escape").decode()
    return text if len(text) <= 200 else text[:200] + "..."


def _one_line(error: Exception) -> str:
    """The first sentence or so of an error's message."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "..."


def _type_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
