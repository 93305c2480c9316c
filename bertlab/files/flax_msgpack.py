"""`flax_model.msgpack`: a tree of arrays as Flax wrote it, read and written without Flax and without msgpack.

MessagePack (github.com/msgpack/msgpack/blob/master/spec.md) is a byte that says what comes, a length, and the thing.
Flax stores an array as extension 1, whose content is again MessagePack: [shape, name of the type, bytes]; one above
1 GiB as a map of pieces. The few lines here, unlike the package of that name, leave the arrays in the file until they
are used, and write them one after the other: twice the memory would be needed otherwise.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from bertlab.files.mapped import TYPES, mapped_tensor, raw_bytes

ARRAY, SCALAR = 1, 3  # extension types
CHUNKED = "__msgpack_chunked_array__"
LARGEST_CHUNK = 2**30  # bytes; Flax's MAX_CHUNK_SIZE
DEEPEST = 40
NAMES = {dtype: name for name, dtype in TYPES.items()}

# First byte -> (format of the length that follows, what it is the length of)
LENGTHS = {
    0xC4: (">B", "bytes"), 0xC5: (">H", "bytes"), 0xC6: (">I", "bytes"),
    0xC7: (">B", "extension"), 0xC8: (">H", "extension"), 0xC9: (">I", "extension"),
    0xD9: (">B", "text"), 0xDA: (">H", "text"), 0xDB: (">I", "text"),
    0xDC: (">H", "list"), 0xDD: (">I", "list"), 0xDE: (">H", "map"), 0xDF: (">I", "map"),
}  # fmt: skip
NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i",
    0xD3: ">q",
}  # fmt: skip
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def read_flax_msgpack(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """The arrays of a tree by their path in it, `bert/embeddings/...`: views of the file, of the types stored.

    Raises:
        ValueError: when the file is no such tree, or ends too early.
    """
    path = Path(path)
    try:
        if not path.stat().st_size:
            raise ValueError("is empty")
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            reader = _Reader(path, data)
            tree = reader.value()
            if reader.at != len(data):
                raise ValueError(f"goes on after its end, for {len(data) - reader.at} bytes")
        if not isinstance(tree, dict):
            raise ValueError(f"holds a {type(tree).__name__} and not a tree of names")
        return dict(_leaves(tree, ()))
    except (ValueError, struct.error, IndexError, UnicodeDecodeError) as error:
        reason = str(error) if type(error) is ValueError else "is cut short or damaged"
        raise ValueError(f"{str(path)!r} {reason}: it is no intact msgpack file of Flax; copy it again") from None


class _Reader:
    """Reads one value after the other from a mapped file."""

    def __init__(self, path: Path, data: Any):
        self.path, self.data, self.at, self.depth = path, data, 0, 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise ValueError("ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def kind_and_length(self) -> tuple[str, Any]:
        """What comes next: (kind, length), or ("value", the value itself)."""
        byte = self.number(">B")
        if byte < 0x80 or byte >= 0xE0:
            return "value", byte if byte < 0x80 else byte - 256
        if byte < 0xC0:
            return ("map", byte & 15) if byte < 0x90 else ("list", byte & 15) if byte < 0xA0 else ("text", byte & 31)
        if byte in CONSTANTS:
            return "value", CONSTANTS[byte]
        if byte in NUMBERS:
            return "value", self.number(NUMBERS[byte])
        if 0xD4 <= byte <= 0xD8:
            return "extension", 1 << (byte - 0xD4)
        if byte not in LENGTHS:
            raise ValueError("holds a byte that MessagePack does not know")
        form, kind = LENGTHS[byte]
        return kind, self.number(form)

    def value(self) -> Any:
        kind, length = self.kind_and_length()
        if kind == "value":
            return length
        if kind == "text":
            return self.take(length).decode("utf-8")
        if kind == "bytes":
            raise ValueError("holds bytes where an array is expected")
        if kind == "extension":
            return self.extension(length)
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"is nested more than {DEEPEST} deep")
        if kind == "list":
            answer: Any = [self.value() for _ in range(length)]
        else:
            answer = {}
            for _ in range(length):
                name = self.value()
                if not isinstance(name, str) or name in answer:
                    raise ValueError(f"holds the name {str(name)[:60]!r} twice" if name in answer else "has odd names")
                answer[name] = self.value()
        self.depth -= 1
        return answer

    def extension(self, length: int) -> torch.Tensor:
        """[shape, name of the type, bytes], where the bytes stay in the file."""
        code, end = self.number(">b"), self.at + length
        if code not in (ARRAY, SCALAR):
            raise ValueError(f"holds an extension of type {code}, which Flax does not use for arrays")
        if self.kind_and_length() != ("list", 3):
            raise ValueError("holds an array without shape, type and values")
        shape = self.value()
        form, size = self.kind_and_length()
        if not isinstance(shape, list) or any(type(item) is not int for item in shape) or form not in ("text", "bytes"):
            raise ValueError("holds an array of no shape or type")
        name = self.take(size).decode("utf-8")
        form, size = self.kind_and_length()
        tensor = mapped_tensor(self.path, name, self.at, shape)
        if form != "bytes" or size != tensor.nbytes or self.at + size != end:
            raise ValueError(f"says that an array of shape {tuple(shape)} and type {name!r} has {size!r} bytes")
        self.at = end
        return tensor


def _leaves(tree: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in tree.items():
        if "/" in name:
            raise ValueError(f"holds the name {name[:60]!r}, whose slash would be taken for a branch")
        if isinstance(value, dict):
            if CHUNKED in value:
                yield "/".join((*path, name)), _joined(value)
            else:
                yield from _leaves(value, (*path, name))
        elif isinstance(value, torch.Tensor):
            yield "/".join((*path, name)), value


def _joined(pieces: Mapping[str, Any]) -> torch.Tensor:
    """An array that was stored in pieces: {"shape": {"0": ...}, "chunks": {"0": ...}}."""
    shape, chunks = ([group[str(i)] for i in range(len(group))] for group in _groups(pieces))
    flat = all(isinstance(chunk, torch.Tensor) and chunk.dim() == 1 for chunk in chunks)
    if not flat or not chunks or len({chunk.dtype for chunk in chunks}) > 1 or any(type(n) is not int for n in shape):
        raise ValueError("holds an array in pieces that do not fit together")
    if sum(len(chunk) for chunk in chunks) != math.prod(shape) or min(shape, default=1) < 0:
        raise ValueError(f"holds an array of shape {tuple(shape)} in pieces of another size")
    return torch.cat(chunks).view(shape)


def _groups(pieces: Mapping[str, Any]) -> list[dict[str, Any]]:
    groups = [pieces.get("shape"), pieces.get("chunks")]
    if any(not isinstance(group, dict) or set(group) != {str(i) for i in range(len(group))} for group in groups):
        raise ValueError("holds an array in pieces without shape or pieces")
    return groups


# Writing


def write_flax_msgpack(path: str | os.PathLike, arrays: Mapping[str, torch.Tensor]) -> None:
    """Write arrays, by their path in the tree, so that Flax reads them; one array at a time is in memory.

    Raises:
        ValueError: for a type that Flax has no name for.
    """
    tree: dict[str, Any] = {}
    for name, tensor in arrays.items():
        if tensor.dtype not in NAMES:
            raise ValueError(f"{name!r} is of type {tensor.dtype}; Flax files hold {', '.join(TYPES)}")
        *branches, leaf = name.split("/")
        place = tree
        for branch in branches:
            place = place.setdefault(branch, {})
        place[leaf] = tensor
    with open(path, "wb") as file:
        _write(file, tree)


def _write(file: BinaryIO, value: Any) -> None:
    if isinstance(value, dict):
        file.write(bytes([0x80 | len(value)]) if len(value) < 16 else struct.pack(">BI", 0xDF, len(value)))
        for name, item in value.items():
            text = name.encode("utf-8")
            file.write(struct.pack(">BI", 0xDB, len(text)) + text)
            _write(file, item)
    elif isinstance(value, torch.Tensor):
        if value.nbytes > LARGEST_CHUNK:
            pieces = value.reshape(-1).split(LARGEST_CHUNK // value.element_size())
            _write(file, {CHUNKED: True, "shape": _numbered(value.shape), "chunks": _numbered(pieces)})
        else:
            head = bytes([0x93, 0xDC]) + struct.pack(">H", value.dim())
            head += b"".join(struct.pack(">BQ", 0xCF, length) for length in value.shape)
            name = NAMES[value.dtype].encode("ascii")
            head += bytes([0xA0 | len(name)]) + name + struct.pack(">BI", 0xC6, value.nbytes)
            file.write(struct.pack(">BIb", 0xC9, len(head) + value.nbytes, ARRAY) + head)
            file.write(raw_bytes(value))
    else:
        file.write(b"\xc3" if value is True else struct.pack(">BQ", 0xCF, value))


def _numbered(items: Any) -> dict[str, Any]:
    return {str(i): item for i, item in enumerate(items)}
