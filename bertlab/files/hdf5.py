"""`tf_model.h5`: the weights of a Keras model of TensorFlow 2, read and written through h5py.

One file has a group per layer of the model (`bert`, `mlm___cls`, `classifier`, ...), whose attribute `weight_names`
lists its arrays, each at `LAYER/MODEL/LAYER/.../kernel:0`; MODEL is the name that the model had in that program
(`tf_bert_for_masked_lm_3`). In a checkpoint of several files there are no such groups: an array is at `LAYER/...`.
What is behind the last LAYER is the same in both, so the arrays are found by walking through the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bertlab.files.mapped import mapped_tensor, raw_bytes

LAYERS = ("bert", "mlm___cls", "nsp___cls", "classifier", "qa_outputs")
LARGEST_ATTRIBUTE = 64_512  # bytes; HDF5's own limit, less the room for its header
MOST_ARRAYS = 100_000


def h5py_module() -> Any:
    """The h5py package.

    Raises:
        ImportError: saying what to install.
    """
    try:
        import h5py
    except ImportError:
        raise ImportError('.h5 files need h5py; install it with pip install "bertlab[formats]"') from None
    return h5py


def read_hdf5(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """The arrays of a file by their name from the last LAYER on, `bert/embeddings/...`: views of the file.

    Raises:
        ImportError: when h5py is not installed.
        ValueError: when the file is no HDF5 file, is damaged, or its arrays lie outside it.
    """
    h5py, path = h5py_module(), Path(path)
    arrays: dict[str, torch.Tensor] = {}

    def take(place: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            name, tensor = without_model_name(place), _tensor(path, place, item)
            known = arrays.setdefault(name, tensor)  # the vocabulary head's group repeats the embeddings it shares
            if known is not tensor and not (known.dtype == tensor.dtype and torch.equal(known, tensor)):
                raise ValueError(f"holds {name!r} twice, with other values as {place!r}")
            if len(arrays) > MOST_ARRAYS:
                raise ValueError(f"holds more than {MOST_ARRAYS} arrays")

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        with h5py.File(path, "r") as file:
            file.visititems(take)
    except (ValueError, OSError, RuntimeError, KeyError, TypeError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} is no intact HDF5 file of Keras ({_one_line(error)}); copy it again") from None
    return arrays


def without_model_name(place: str) -> str:
    """`bert/tf_bert_model/bert/pooler/dense/bias:0` -> `bert/pooler/dense/bias:0`: what follows the last LAYER."""
    parts = place.split("/")
    starts = [i for i, part in enumerate(parts) if part in LAYERS]
    return "/".join(parts[starts[-1] :]) if starts else place


def _tensor(path: Path, place: str, dataset: Any) -> torch.Tensor:
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{place!r} lies in another file, which is not opened")
    if dataset.dtype.kind not in "fiub" or dataset.dtype.newbyteorder("=") != dataset.dtype:
        raise ValueError(f"{place!r} holds {dataset.dtype}, and not numbers of this machine's byte order")
    if dataset.shape is None:
        raise ValueError(f"{place!r} holds nothing")
    if dataset.nbytes > path.stat().st_size:
        raise ValueError(f"{place!r} is announced with the shape {dataset.shape}, and the file is smaller than that")
    offset = dataset.id.get_offset()
    if offset is None:  # stored in pieces, compressed, or not at all (then it is zeros)
        return torch.from_numpy(np.array(dataset[()]))
    return mapped_tensor(path, dataset.dtype.name, offset, dataset.shape)


def write_hdf5(path: str | os.PathLike, arrays: Mapping[str, torch.Tensor], model_name: str) -> None:
    """Write arrays, named from their LAYER on, in the layout of one file.

    Args:
        path: the file to write.
        arrays: their names and values; bfloat16, which HDF5 does not have, is written as float32.
        model_name: what stands between the two LAYERs, `tf_bert_for_masked_lm`.
    """
    h5py = h5py_module()
    layers: dict[str, list[str]] = {}
    for name in arrays:
        layers.setdefault(name.split("/")[0], []).append(name)
    places: dict[str, int | None] = {}
    with h5py.File(path, "w") as file:
        _set_names(file, "layer_names", list(layers))
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.15.0"
        _set_names(file.create_group("top_level_model_weights"), "weight_names", [])
        for layer, names in layers.items():
            group = file.create_group(layer)
            _set_names(group, "weight_names", [f"{model_name}/{name}" for name in names])
            for name in names:
                places[name] = _reserved(group, f"{model_name}/{name}", arrays[name])
        if "bert" in layers and "mlm___cls" in layers:  # the vocabulary head counts the embeddings that it shares
            shared = [name for name in layers["bert"] if name.startswith("bert/embeddings/")]
            for name in shared:  # a second name of the same array, not a second array
                file["mlm___cls"][f"{model_name}/{name}"] = file["bert"][f"{model_name}/{name}"]
            names = [f"{model_name}/{name}" for name in layers["mlm___cls"] + shared]
            _set_names(file["mlm___cls"], "weight_names", names)
    _fill(path, arrays, places)


def write_hdf5_shard(path: str | os.PathLike, arrays: Mapping[str, torch.Tensor]) -> None:
    """Write arrays in the layout of one of several files: each at its name, and all listed in one attribute."""
    with h5py_module().File(path, "w") as file:
        places = {name: _reserved(file, name, tensor) for name, tensor in arrays.items()}
        _set_names(file, "layer_names", list(arrays))
    _fill(path, arrays, places)


def _reserved(group: Any, name: str, tensor: torch.Tensor) -> int | None:
    """Where in the file a new dataset's values will lie; they are not written yet (None: there are none)."""
    h5py = h5py_module()
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    kind = "float32" if tensor.dtype == torch.bfloat16 else str(tensor.dtype).removeprefix("torch.")
    return group.create_dataset(name, shape=tuple(tensor.shape), dtype=kind, dcpl=creation).id.get_offset()


def _fill(path: str | os.PathLike, arrays: Mapping[str, torch.Tensor], places: Mapping[str, int | None]) -> None:
    """Write the values one after the other; HDF5 itself would keep half of them in memory."""
    with open(path, "r+b") as file:
        for name, place in places.items():
            if place is not None:
                tensor = arrays[name]
                file.seek(place)
                file.write(raw_bytes(tensor.float() if tensor.dtype == torch.bfloat16 else tensor))


def _set_names(group: Any, attribute: str, names: list[str]) -> None:
    """Lists above HDF5's limit are cut into `weight_names0`, `weight_names1`, ... as Keras does."""
    encoded = np.array([name.encode() for name in names], dtype=None if names else "S1")
    parts = max(1, -(-encoded.nbytes // LARGEST_ATTRIBUTE))
    for i, part in enumerate(np.array_split(encoded, parts)):
        group.attrs[attribute if parts == 1 else f"{attribute}{i}"] = part


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "..."
