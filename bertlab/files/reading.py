"""From the files of a folder to a dict of tensors: safetensors or pickled `.bin`, whole or in shards, and what
TensorFlow and Flax wrote, which `hdf5`, `flax_msgpack` and `tensorflow1` read and `foreign_names` renames.

Nothing read here ever runs code, and nothing outside the folder that was given is read as a part of it.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open

from bertlab.files.flax_msgpack import read_flax_msgpack
from bertlab.files.foreign_names import format_of_names, with_own_names
from bertlab.files.hdf5 import read_hdf5, without_model_name
from bertlab.files.mistaken import mistaken
from bertlab.files.names import (
    all_weight_file_names,
    foreign_weights_hint,
    is_shard_index,
    read_shard_index,
    weight_file_names,
)
from bertlab.files.shipped import ModelNotFoundError
from bertlab.files.tensorflow1 import data_files, latest_index, read_tensorflow1
from bertlab.files.words import abbreviated, one_line

# An archive that would become larger than both of these when it is unpacked is made to fill the memory.
MOST_UNPACKED, MOST_GROWTH = 1 << 28, 20  # bytes, times its own size
_KINDS = {
    ".safetensors": "safetensors file",
    ".bin": "checkpoint of torch",
    ".h5": "HDF5 file",
    ".msgpack": "Flax checkpoint",
    ".index": "TensorFlow checkpoint",
}
FRAMEWORKS = {"pt": "PyTorch", "tf": "TensorFlow", "flax": "Flax"}


class StateDict(dict):
    """Tensors by their name in the model, and `written_by`: one of `FRAMEWORKS`."""

    def __init__(self, tensors: Mapping[str, torch.Tensor], written_by: str = "pt"):
        super().__init__(tensors)
        self.written_by = written_by


def read_state_dict(
    folder: str | os.PathLike,
    *,
    use_safetensors: bool | None = None,
    variant: str | None = None,
    weights_of: str | None = None,
) -> StateDict:
    """All tensors of the checkpoint in a folder, by name, as stored; on the CPU and, where possible, not yet read.

    The first that exists is taken: `model.safetensors`, its index of shards, `pytorch_model.bin`, its index,
    `tf_model.h5`, its index, `flax_model.msgpack`, its index, and the latest checkpoint of TensorFlow 1.
    `use_safetensors` True or False rules out the other format; `variant="fp16"` reads `model.fp16.safetensors`;
    `weights_of` "tf" or "flax" takes only what that framework wrote. The tensors of one file are views of it, so do
    not change them in place. Those of the other frameworks have PyTorch's names and orientation already.

    Raises `hub.ModelNotFoundError` (an OSError) when there are no weights or a shard is missing, ValueError when
    a file is damaged, is not what its name says, or would have to run code to be read.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise ModelNotFoundError(f"there is no folder {str(folder)!r} to read weights from; check the path")
    candidates = all_weight_file_names(variant, use_safetensors, weights_of)
    latest = latest_index(folder)  # its name has a number that only the folder tells
    if latest is not None:
        candidates = [latest.name if name == "bert_model.ckpt.index" else name for name in candidates]
    own = weight_file_names(variant, use_safetensors)  # an empty file is an error there, and nothing elsewhere
    there = [folder / name for name in candidates if (folder / name).is_file()]
    path = next((path for path in there if path.name in own or path.stat().st_size), None)
    state = None if path is None else read_weights(path)
    if state is None or weights_of not in (None, state.written_by):
        present = sorted(entry.name for entry in folder.iterdir())
        advice = foreign_weights_hint(present) or " Give the folder that save_pretrained wrote or the Hub serves."
        raise ModelNotFoundError(
            f"{str(folder)!r} holds none of {', '.join(candidates)}"
            + (f" that {FRAMEWORKS[weights_of]} wrote, as from_{weights_of} asks" if weights_of else "")
            + f"; in it are: {abbreviated(present) or 'no files at all'}.{advice}"
        )
    return state


def read_weights(path: str | os.PathLike) -> StateDict:
    """The tensors of one file, or of an index of shards, of any format, under the names of the model."""
    path = Path(path).expanduser()
    state = _read_shards(path) if is_shard_index(path.name) else _read_file(path)
    if not state:
        raise ValueError(f"{str(path)!r} holds no tensors; download or save the checkpoint again")
    format = _format_of(path, state)
    if format is None:
        return StateDict(state)
    try:
        return StateDict(with_own_names(state, format), "flax" if format == "Flax" else "tf")
    except ValueError as error:
        raise ValueError(f"{str(path)!r} {error}; is this a BERT checkpoint?") from None


def _format_of(path: Path, state: Mapping[str, torch.Tensor]) -> str | None:
    """Whose names a file has, one of `foreign_names.FORMATS`; None for PyTorch's.

    A file of safetensors says it in its metadata, `format`; where its names say something else it is refused, for
    half of its tensors would find a place.
    """
    ending = Path(path.name.removesuffix(".index.json")).suffix
    if ending != ".safetensors":
        return {".h5": "TensorFlow2", ".msgpack": "Flax", ".index": "TensorFlow1"}.get(ending)
    by_names = format_of_names(state)
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            said = (file.metadata() or {}).get("format")
        if said is not None and {"tf": "TensorFlow2", "flax": "Flax"}.get(said) != by_names:
            raise ValueError(
                f"{str(path)!r} says that it was written by {said!r}, but its names are not of that kind "
                f"({abbreviated(list(state), 3)}); save the checkpoint again"
            )
    return by_names


def _read_shards(index_path: Path) -> dict[str, torch.Tensor]:
    weight_map = read_shard_index(index_path)
    state: dict[str, torch.Tensor] = {}
    for shard in sorted(set(weight_map.values())):
        tensors = _read_file(_shard_path(index_path, shard))
        if shard.endswith(".h5"):  # whose index, unlike the file, begins names with that of the model
            weight_map = {without_model_name(name): place for name, place in weight_map.items()}
        missing = [name for name, place in weight_map.items() if place == shard and name not in tensors]
        if missing:
            raise ValueError(
                f"{str(index_path)!r} says that {shard!r} holds {abbreviated(missing)}, but it does not; "
                "the files do not belong together: download or save the checkpoint again"
            )
        state.update((name, value) for name, value in tensors.items() if weight_map.get(name, shard) == shard)
    return state


def _shard_path(index_path: Path, shard: str) -> Path:
    """The path of a shard, which must lie in the index's folder even when links are followed.

    The one exception is the Hub's cache, where every file is a link into the model's own `blobs` folder.
    """
    folder, path = index_path.parent, index_path.parent / shard
    if not path.is_file():
        raise ModelNotFoundError(
            f"{str(index_path)!r} lists the shard {shard!r}, which is not there; download or copy it into "
            f"{str(folder)!r} too"
        )
    target = path.resolve()
    in_hub_cache = target.parent.name == "blobs" and target.parent.parent.name.startswith("models--")
    stays_inside = path.parent.resolve().is_relative_to(folder.resolve())
    if not stays_inside or not (target.is_relative_to(folder.resolve()) or in_hub_cache):
        raise ValueError(
            f"the shard {str(path)!r} is a link to {str(target)!r}, outside its folder; copy the file into the "
            "folder if you trust it"
        )
    return path


def _read_file(path: Path) -> dict[str, torch.Tensor]:
    readers = {
        ".safetensors": _read_safetensors,
        ".h5": read_hdf5,
        ".msgpack": read_flax_msgpack,
        ".index": read_tensorflow1,
    }
    what = mistaken(path)
    if what is not None:
        raise ValueError(f"{str(path)!r} is no intact {_KINDS.get(path.suffix, 'checkpoint')}: it {what}")
    if path.suffix == ".index":
        for data_file in data_files(path):
            if (path.parent / data_file).is_file():  # the reader names one that is missing and needed
                _shard_path(path, data_file)
    state = readers.get(path.suffix, _read_pickled)(path)
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
            raise ValueError(
                f"{str(path)!r} holds {name!r} as a sparse, quantized or empty tensor; bertlab reads plain ones"
            )
    return state


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{str(path)!r} is no intact safetensors file ({one_line(error)}); it may be cut short: download or "
            "save it again"
        ) from None
    return state


def _read_pickled(path: Path) -> dict[str, torch.Tensor]:
    damaged = f"{str(path)!r} is no intact checkpoint of torch"
    try:
        if tarfile.is_tarfile(path):  # torch read these before 2017, and not safely
            raise ValueError(f"{damaged}: it is a tar archive; save it again with a current torch")
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=_can_be_mapped(path))
    except UnpicklingError as error:
        raise ValueError(
            f"{str(path)!r} holds more than tensors, and nothing of it was read because that could run code "
            f"({_reason(error)}); get the checkpoint as safetensors, or from a source you trust"
        ) from None
    except OSError:
        raise
    except Exception as error:  # torch raises almost any kind of error on damaged bytes
        if str(error).startswith(damaged):
            raise
        raise ValueError(f"{damaged} ({one_line(error)}); download or save it again") from None
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{str(path)!r} holds a {type(state).__name__}, not a dict of tensors; save model.state_dict() instead"
        )
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            inside = next((key for key in ("state_dict", "model", "model_state_dict") if key in state), None)
            advice = f"save what is under {inside!r} alone" if inside else "save model.state_dict() alone"
            raise ValueError(
                f"{str(path)!r} must map names to tensors, but {name!r} is mapped to a {type(tensor).__name__}; "
                f"{advice}"
            )
    return {name: tensor.detach() for name, tensor in state.items()}


def _reason(error: Exception) -> str:
    """What torch's careful unpickler met, without its advice on how to be careless."""
    _, met, what = str(error).partition("WeightsUnpickler error:")
    said = one_line(Exception(what.strip().split("\n")[0])) if met else ""
    return said.split("Please use")[0].strip() or "it is no plain dict of tensors"


def _can_be_mapped(path: Path) -> bool:
    """Whether torch can use the file's bytes in place: the zip format of today, with nothing compressed."""
    with open(path, "rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > max(MOST_UNPACKED, MOST_GROWTH * path.stat().st_size):
        raise ValueError(
            f"{str(path)!r} is no intact checkpoint of torch: its {path.stat().st_size} bytes would unpack to "
            f"{unpacked}, which no weights do; do not trust it"
        )
    return all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
