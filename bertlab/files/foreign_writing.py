"""From tensors with the own names to the weight files that TensorFlow and Flax read, one tensor in memory at a time."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch

from bertlab.files.flax_msgpack import write_flax_msgpack
from bertlab.files.foreign_names import with_foreign_names
from bertlab.files.hdf5 import write_hdf5, write_hdf5_shard
from bertlab.files.mapped import raw_bytes
from bertlab.files.writing import as_bytes, in_shards, shard_names, write_index, write_together

# What is written -> (name of the file, whose names are in it)
FOREIGN_FILES = {
    "h5": ("tf_model.h5", "TensorFlow2"),
    "msgpack": ("flax_model.msgpack", "Flax"),
    "tf": ("model.safetensors", "TensorFlow2"),
    "flax": ("model.safetensors", "Flax"),
}
SAFETENSORS_TYPES = {
    torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def write_weights(
    state: Mapping[str, torch.Tensor],
    folder: str | os.PathLike,
    to: str,
    *,
    tied: bool = True,
    bare: bool = False,
    model_name: str = "tf_bert_model",
    max_shard_size: int | str = "10GB",
) -> list[Path]:
    """Write tensors as the weights of a folder in a format of TensorFlow or Flax; see `FOREIGN_FILES`.

    Args:
        state: tensors by their own name (`bert.embeddings...`).
        folder: made when it does not exist.
        to: "h5", "msgpack", "tf" or "flax"; the last two are safetensors.
        tied: whether the vocabulary head is the word embeddings; its copies are not stored then.
        bare: leave Flax's prefix `bert` away, as its bare model has none.
        model_name: how TensorFlow's names begin, `tf_bert_for_masked_lm`.
        max_shard_size: above which the weights are split into several files, listed by an index.

    Raises:
        ValueError: for tensors that the framework has no place for, or an unknown format.
        OSError: when writing fails; an earlier checkpoint is as it was then.
    """
    if to not in FOREIGN_FILES:
        raise ValueError(f"to is {to!r}; the formats are {', '.join(FOREIGN_FILES)}")
    file_name, format = FOREIGN_FILES[to]
    arrays = with_foreign_names(state, format, tied=tied)
    if bare and format == "Flax":
        arrays = {name.removeprefix("bert/"): tensor for name, tensor in arrays.items()}
    if format == "TensorFlow2":
        arrays = {f"{name}:0": tensor for name, tensor in arrays.items()}
    shards = in_shards(arrays, as_bytes(max_shard_size))
    if len(shards) > 1 and file_name == "model.safetensors":  # as transformers did
        file_name = "tf_model.h5" if to == "tf" else "flax_model.msgpack"
    one = {
        "tf_model.h5": partial(write_hdf5, model_name=model_name) if len(shards) == 1 else write_hdf5_shard,
        "flax_model.msgpack": write_flax_msgpack,
        "model.safetensors": partial(write_safetensors, written_by=to),
    }[file_name]
    names = shard_names(file_name, len(shards))
    contents: dict[str, Callable[[Path], object]] = {
        name: partial(_call, one, shard) for name, shard in zip(names, shards, strict=True)
    }
    if len(shards) > 1:
        prefix = f"{model_name}/" if format == "TensorFlow2" else ""
        places = {prefix + name: file for file, shard in zip(names, shards, strict=True) for name in shard}
        total = sum(tensor.nbytes for tensor in arrays.values())
        contents[f"{file_name}.index.json"] = partial(write_index, places, total)
    return write_together(folder, contents, stale=[file_name, f"{file_name}.index.json"])


def _call(write: Callable, arrays: Mapping[str, torch.Tensor], path: Path) -> None:
    write(path, arrays)


def write_safetensors(path: str | os.PathLike, arrays: Mapping[str, torch.Tensor], written_by: str) -> None:
    """Write one file of safetensors, tensor after tensor, so that views need no copies of all at once.

    Args:
        path: the file.
        arrays: the tensors by their names; Flax's slashes become points.
        written_by: the `format` of its metadata: "pt", "tf" or "flax".
    """
    header: dict[str, object] = {"__metadata__": {"format": written_by}}
    end = 0
    for name, tensor in arrays.items():
        name = name.replace("/", ".") if written_by == "flax" else name
        kind = SAFETENSORS_TYPES[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [end, end + tensor.nbytes]}
        end += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in arrays.values():
            file.write(raw_bytes(tensor))
