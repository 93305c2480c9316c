"""Bytes of a file -> lines of text with their numbers."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertlab.rows.columns import DataError

_LOOK = 2**16  # bytes that are looked at before anything is read

_MARKS = (  # byte order marks, the longer ones first
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_NO_TEXT = (  # how files begin that are something else
    (b"version https://git-lfs", "a pointer of Git LFS, not the data: fetch it with `git lfs pull`"),
    (b"<!doctype html", "a web page, not data: download the file itself"),
    (b"<html", "a web page, not data: download the file itself"),
    (b"pk\x03\x04", "a zip archive or a spreadsheet (.xlsx): save it as CSV in UTF-8"),
    (b"par1", "a parquet file: read it with pandas or datasets, and give what these return"),
)


def lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers from 1, without line ends.

    UTF-8, or UTF-16 and UTF-32 where the file begins with a byte order mark; gzip is recognised by its first bytes.

    Raises:
        DataError: no text, or another encoding; names line and column.
    """
    path = Path(path)
    number = 0
    with _opened(path) as stream:
        try:
            head = stream.peek(_LOOK)
            encoding = _encoding(path, head)
            for number, text in enumerate(_decoded(path, stream, head, encoding), start=1):
                yield number, text.rstrip("\r\n")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path}, after line {number}: the gzip data is broken ({error})") from None


def _opened(path: Path) -> Any:
    stream: Any = open(path, "rb", buffering=_LOOK)  # an io.BufferedReader, which can peek
    if path.suffix != ".gz" and stream.peek(2)[:2] != b"\x1f\x8b":
        return stream
    stream.close()
    return gzip.open(path, "rb")


def _encoding(path: Path, head: bytes) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    begin = head[:200].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for first, what in _NO_TEXT:
        if begin.startswith(first):
            raise DataError(f"{path}, line 1: this is {what}")
    if head.count(0) > len(head) // 8:
        raise DataError(
            f"{path}, line 1, column {head.index(0) + 1}: the bytes are UTF-16 without a byte order mark, or no text; "
            "save the file as UTF-8"
        )
    return "utf-8"


def _decoded(path: Path, stream: Any, head: bytes, encoding: str) -> Iterator[str]:
    if encoding != "utf-8":
        number = 1
        try:
            with io.TextIOWrapper(stream, encoding, newline="\n") as texts:
                for text in texts:
                    yield text
                    number += 1
        except UnicodeError as error:
            raise DataError(f"{path}, line {number}: not {encoding.upper()} ({error}); save it as UTF-8") from None
        return
    old = b"\r" in head and b"\n" not in head  # line ends of the first Macintosh, as spreadsheets still write them
    for number, line in enumerate(_split(stream, b"\r") if old else stream, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, line {number}, column {error.start + 1}: byte {line[error.start]:#04x} is "
                "not UTF-8; save the file as UTF-8"
            ) from None


def _split(stream: Any, end: bytes) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(_LOOK):
        *whole, rest = (rest + block).split(end)
        yield from whole
    if rest:
        yield rest


def chunks(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Consecutive items in lists of `size`; the last one may be shorter."""
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
