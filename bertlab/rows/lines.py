"""Bytes of a file -> lines of text with their numbers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertlab.rows.columns import DataError


def lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file (gzip if it ends in .gz) with their numbers from 1, without line ends."""
    path = Path(path)
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    number = 0
    with opened as stream:
        try:
            for number, line in enumerate(stream, start=1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{path}, line {number}, column {error.start + 1}: byte {line[error.start]:#04x} is "
                        "not UTF-8; save the file as UTF-8"
                    ) from None
                yield number, text.rstrip("\r\n")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path}, after line {number}: the gzip data is broken ({error})") from None


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
