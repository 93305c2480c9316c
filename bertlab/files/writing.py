"""From a dict of tensors to the files of a folder, written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from bertlab.files.names import TIED_NAMES, weight_file_names
from bertlab.files.whole import replacing_all
from bertlab.files.words import one_line


def write_state_dict(
    state: Mapping[str, torch.Tensor],
    folder: str | os.PathLike,
    *,
    tied: Mapping[str, str] | None = None,
    safe_serialization: bool = True,
    max_shard_size: int | str = "5GB",
    variant: str | None = None,
    texts: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write tensors as the checkpoint of a folder, in the files that `read_state_dict` and transformers read.

    `safe_serialization` chooses safetensors, where tied copies (`tied`: copy -> source; default `TIED_NAMES`)
    are left out while they really share their tensor, or a pickled `.bin`, which keeps them. Above
    `max_shard_size` (bytes, or such as "200MB") the checkpoint is split, one index listing the shards.

    `texts` are further files by name, such as config.json, that belong to these weights.

    All is written beside the earlier checkpoint before any of it takes its place, so a full disk or an
    interruption leaves that as it was. Files of an earlier checkpoint that would be read instead of the new one
    are removed. Returns the paths written. Raises OSError when writing fails, ValueError or TypeError for
    something that is no dict of tensors.
    """
    limit = as_bytes(max_shard_size)
    tensors, copies = _prepared(state, TIED_NAMES if tied is None else tied)
    single_name, index_name = weight_file_names(variant, use_safetensors=safe_serialization)

    shards = in_shards(tensors, limit)
    names = shard_names(single_name, len(shards))
    if not safe_serialization:
        for copy, source in copies.items():
            next(shard for shard in shards if source in shard)[copy] = tensors[source]
    contents: dict[str, Callable[[Path], object]] = {
        name: partial(Path.write_text, data=text, encoding="utf-8", newline="") for name, text in (texts or {}).items()
    }
    contents |= {
        name: partial(_save, shard, safe_serialization=safe_serialization) for name, shard in zip(names, shards)
    }
    if len(shards) > 1:
        places = {name: file for file, shard in zip(names, shards) for name in shard}
        contents[index_name] = partial(write_index, places, sum(tensor.nbytes for tensor in tensors.values()))
    earlier = [True] if safe_serialization else [False, True]  # safetensors are read before a .bin
    stale = [name for is_safe in earlier for name in weight_file_names(variant, use_safetensors=is_safe)]
    return [path for path in write_together(folder, contents, stale) if path.name not in (texts or {})]


def write_together(
    folder: str | os.PathLike, contents: Mapping[str, Callable[[Path], object]], stale: Sequence[str]
) -> list[Path]:
    """Write several files of a folder: beside those that are there, before any of them takes its place.

    Args:
        folder: made when it does not exist.
        contents: by the file's name, what writes it to the path that it is given, where there is no file yet.
        stale: names of weight files and indices; what an earlier save left under these, or as their shards, goes.

    Raises:
        OSError: when writing fails; everything is as it was then.
    """
    folder = Path(folder).expanduser()
    _make_folder(folder)
    try:
        with replacing_all(folder) as files:
            for name, write in contents.items():
                write(files.new(name))
                if name in stale and name.endswith(".json"):
                    files.remove(name)  # an old index must never list new shards
    except (OSError, SafetensorError, RuntimeError) as error:
        number = _error_number(error)
        what = os.strerror(number) if number else one_line(error)
        raise OSError(
            number or errno.EIO,
            f"Writing the checkpoint failed ({what}); free some space or choose another folder",
            str(folder),
        ) from error
    shards = [re.compile(r"{}-\d{{5}}-of-\d{{5}}\.{}".format(*map(re.escape, name.rsplit(".", 1)))) for name in stale]
    for path in folder.iterdir():
        if path.name not in contents and (path.name in stale or any(shard.fullmatch(path.name) for shard in shards)):
            path.unlink()
    return [folder / name for name in contents]


def shard_names(file_name: str, count: int) -> list[str]:
    """`model.safetensors`, or `model-00001-of-00003.safetensors`, ..."""
    stem, ending = file_name.rsplit(".", 1)
    return [file_name] if count == 1 else [f"{stem}-{i:05d}-of-{count:05d}.{ending}" for i in range(1, count + 1)]


def write_index(places: Mapping[str, str], total_size: int, path: Path) -> None:
    """Write the index of a checkpoint in shards: which tensor lies in which file."""
    index = {"metadata": {"total_size": total_size}, "weight_map": dict(places)}
    path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _prepared(
    state: Mapping[str, torch.Tensor], tied: Mapping[str, str]
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors ready to be saved, each with memory of its own, and the tied copies (copy -> source)."""
    if not isinstance(state, Mapping):
        raise TypeError(f"A checkpoint is a dict of tensors, not a {type(state).__name__}; pass model.state_dict()")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"A checkpoint maps names to tensors, but {name!r} is mapped to a {type(tensor).__name__}; "
                "pass model.state_dict()"
            )
        if tensor.is_meta or tensor.layout != torch.strided or tensor.is_quantized:
            raise ValueError(f"{name!r} has no plain values to save (meta, sparse or quantized); load or convert it")
    if not state:
        raise ValueError("there is nothing to save: the dict of tensors is empty; pass model.state_dict()")
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


def in_shards(tensors: Mapping[str, torch.Tensor], limit: int) -> list[dict[str, torch.Tensor]]:
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


def as_bytes(size: int | str) -> int:
    """5_000_000, "5MB" or "5MiB" in bytes."""
    units = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
    units |= {"KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
    if isinstance(size, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", size.strip().upper())
        value = int(float(found[1]) * units[found[2]]) if found and found[2] in units else 0
    elif isinstance(size, int) and not isinstance(size, bool):
        value = size
    else:
        raise TypeError(f"max_shard_size must be a number of bytes or a string, not {type(size).__name__}")
    if value <= 0:
        raise ValueError(f'max_shard_size={size!r} is no size; give a number of bytes or such as "200MB" or "5GB"')
    return value


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(
            f"cannot save into {str(folder)!r}, because it or a folder above it is a file; choose another name"
        ) from None


def _save(tensors: dict[str, torch.Tensor], path: Path, safe_serialization: bool) -> None:
    """Write one new file, with the permissions that any new file gets."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    permissions = os.fstat(descriptor).st_mode & 0o777
    os.close(descriptor)
    if safe_serialization:
        save_file(tensors, path, metadata={"format": "pt"})
        os.chmod(path, permissions)  # save_file makes files that only their owner may read
    else:
        with open(path, "wb") as file:
            torch.save(tensors, file)


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
