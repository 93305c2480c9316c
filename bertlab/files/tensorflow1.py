"""TensorFlow 1 checkpoints, read without TensorFlow: `STEM.index` and `STEM.data-00000-of-00001`, or more of these.

The index is a LevelDB table (blocks of sorted names, each stored as what differs from the name before) whose values
are protobufs: the type, the shape and the place of each array in the data files, which are nothing but the arrays.
See tensorflow/core/util/tensor_bundle and tensorflow/core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from bertlab.files.mapped import mapped_tensor

MAGIC = 0xDB4775248B80FB57
FOOTER = 48  # the last bytes of a table: two places of blocks, padding, the magic number
LARGEST_INDEX = 2**26  # that of BERT-large has 40 thousand bytes
LONGEST_NAME = 500
MOST_SHARDS = 100_000
KINDS = {1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64", 10: "bool"}
KINDS |= {14: "bfloat16", 19: "float16"}
STRING = 7  # in checkpoints of TensorFlow 2: the graph of its objects


def read_tensorflow1(index_path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """The variables of a checkpoint by name, as stored; without counters and optimizer slots.

    A slot's name continues that of its variable (`.../kernel/adam_m`), a counter has no dimensions.

    Raises:
        ValueError: when the index is no such table, or the data files do not hold what it says.
        FileNotFoundError: when a data file is missing.
    """
    index_path = Path(index_path)
    try:
        listed = list(_entries(_index_bytes(index_path)))
        entries = dict(listed)
        if len(entries) < len(listed):
            raise ValueError("a name stands in it twice")
        header = dict(_fields(entries.pop(b"")))
        if header.get(2, 0):
            raise ValueError("was written on a big-endian machine")
        shards = header.get(1, 0)
        if not 1 <= shards <= MOST_SHARDS:
            raise ValueError(f"says that it has {shards} data files")
        names = {name.decode("utf-8") for name in entries}
        variables = {}
        for key, value in entries.items():
            name = key.decode("utf-8")
            if not _is_slot(name, names):
                tensor = _array(index_path, shards, name, list(_fields(value)))
                if tensor is not None and tensor.dim():
                    variables[name] = tensor
    except FileNotFoundError:
        raise
    except (ValueError, LookupError, TypeError, struct.error, OverflowError) as error:
        raise ValueError(
            f"{str(index_path)!r} is no intact index of a TensorFlow 1 checkpoint ({_reason(error)}); copy it again, "
            "with the data files beside it"
        ) from None
    return variables


def latest_index(folder: str | os.PathLike) -> Path | None:
    """The index of a folder's checkpoint: `bert_model.ckpt.index`, or of several `model.ckpt-N.index` the last."""
    found = [path for path in Path(folder).glob("*ckpt*.index") if path.is_file()]
    return max(found, key=lambda path: (path.name == "bert_model.ckpt.index", _step(path), path.name), default=None)


def _step(path: Path) -> int:
    digits = path.name.removesuffix(".index").rpartition("-")[2]
    return int(digits) if digits.isdecimal() and len(digits) < 20 else -1


def data_files(index_path: str | os.PathLike) -> list[str]:
    """The names of the data files that belong to an index."""
    index_path = Path(index_path)
    try:
        header = dict(_fields(dict(_entries(_index_bytes(index_path)))[b""]))
    except (ValueError, LookupError, struct.error) as error:
        raise ValueError(
            f"{str(index_path)!r} is no intact index of a TensorFlow 1 checkpoint ({_reason(error)})"
        ) from None
    shards = min(header.get(1, 0), MOST_SHARDS)
    return [_data_file(index_path, number, shards).name for number in range(shards)]


def _data_file(index_path: Path, number: int, shards: int) -> Path:
    return index_path.with_name(f"{index_path.name.removesuffix('.index')}.data-{number:05d}-of-{shards:05d}")


def _is_slot(name: str, names: set[str]) -> bool:
    parts = name.split("/")
    return any("/".join(parts[:length]) in names for length in range(1, len(parts)))


def _array(index_path: Path, shards: int, name: str, entry: list[tuple[int, Any]]) -> torch.Tensor | None:
    """A BundleEntryProto: 1 type, 2 shape, 3 data file, 4 offset, 5 size, 7 slices."""
    fields = dict(entry)
    if fields.get(1) == STRING:
        return None
    if 7 in fields:
        raise ValueError(f"{name!r} is partitioned into slices, which bertlab does not put together")
    if fields.get(1) not in KINDS:
        raise ValueError(f"{name!r} has the unknown type {fields.get(1)}")
    dimensions = [value for field, value in _fields(fields.get(2, b"")) if field == 2]  # TensorShapeProto
    shape = [dict(_fields(dimension)).get(1, 0) for dimension in dimensions]
    number = fields.get(3, 0)
    if number >= shards:
        raise ValueError(f"{name!r} lies in data file {number} of {shards}")
    path = _data_file(index_path, number, shards)
    if not path.is_file():
        raise FileNotFoundError(
            f"{str(index_path)!r} says that {name!r} lies in {path.name!r}, which is not there; copy it there too"
        )
    try:
        tensor = mapped_tensor(path, KINDS[fields[1]], fields.get(4, 0), shape)
    except ValueError as error:
        raise ValueError(f"{path.name!r} {error}") from None
    if tensor.nbytes != fields.get(5, 0):
        raise ValueError(f"{name!r} of shape {tuple(shape)} is said to have {fields.get(5, 0)} bytes")
    return tensor


# The table


def _index_bytes(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_INDEX:
        raise ValueError(f"it has {path.stat().st_size} bytes, which is too much for an index")
    return path.read_bytes()


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All (name, value) of a table, in the order of names."""
    if len(table) < FOOTER or struct.unpack("<Q", table[-8:])[0] != MAGIC:
        raise ValueError("the mark at its end is missing")
    at = len(table) - FOOTER
    for _ in range(2):
        _, at = _varint(table, at)  # the first block is the index of metadata: not needed
    start, at = _varint(table, at)
    size, at = _varint(table, at)
    end_of_last = 0
    for _, handle in _block(table, start, size):
        start, at = _varint(handle, 0)
        size, at = _varint(handle, at)
        if start < end_of_last:
            raise ValueError("its blocks overlap")
        end_of_last = start + size
        yield from _block(table, start, size)


def _block(table: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The (name, value) of one block; after it stand a byte for its compression and a checksum."""
    if start + size + 1 > len(table) or size < 4:
        raise ValueError("it is cut short")
    if table[start + size]:
        raise ValueError("it is compressed")
    block = table[start : start + size]
    restarts = struct.unpack("<I", block[-4:])[0]
    at, end, name = 0, size - 4 - 4 * restarts, b""
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        if shared > len(name) or at + fresh + length > end or shared + fresh > LONGEST_NAME:
            raise ValueError("a name in it is broken")
        name = name[:shared] + block[at : at + fresh]
        yield name, block[at + fresh : at + fresh + length]
        at += fresh + length


# Protobuf


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number in it does not end")


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """(number of the field, its value) of a protobuf message: whole numbers, and bytes that are left as they are."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        value: int | bytes
        if wire == 0:
            value, at = _varint(message, at)
        elif wire in (1, 2, 5):
            length, at = (8, at) if wire == 1 else (4, at) if wire == 5 else _varint(message, at)
            value, at = message[at : at + length], at + length
            if at > len(message):
                raise ValueError("a message in it is cut short")
        else:
            raise ValueError("a message in it is broken")
        yield tag >> 3, value


def _reason(error: Exception) -> str:
    return str(error) if type(error) is ValueError else "it is cut short"
