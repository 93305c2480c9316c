"""Files that are written whole or not at all, and JSON files that are read with clear errors."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bertlab.files.mistaken import mistaken

MOST_BYTES_OF_JSON = 1 << 30  # the largest tokenizer.json of a BERT has some 20 MB

# What goes wrong with a disk, whatever was being written.
_TROUBLE_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class NewFiles:
    """The files of one folder that are being written beside those whose places they will take."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.unfinished: dict[Path, Path] = {}  # the final path -> where it is written until then
        self.doomed: list[Path] = []

    def new(self, name: str) -> Path:
        """Where to write what shall become the file `name` of the folder."""
        path = self.folder / name
        return self.unfinished.setdefault(path, path.with_name(f".{path.name}.{secrets.token_hex(4)}.part"))

    def remove(self, name: str) -> None:
        """Remove an earlier file just before the new ones take their places."""
        self.doomed.append(self.folder / name)


@contextmanager
def replacing_all(folder: str | os.PathLike) -> Iterator[NewFiles]:
    """Several files of a folder that take the places of earlier ones together, when the block ends.

    A reader never sees half a file; an error, a full disk or an interruption leaves all of them as they were.

    Raises:
        OSError: when writing fails, with the name of the file.
    """
    files = NewFiles(Path(folder))
    path = files.folder
    try:
        yield files
        for path, unfinished in files.unfinished.items():  # noqa: B007 (the error names it)
            with open(unfinished, "rb+") as stream:  # on the disk before the name points to it
                os.fsync(stream.fileno())
        for path in files.doomed:
            path.unlink(missing_ok=True)
        for path, unfinished in files.unfinished.items():
            os.replace(unfinished, path)
    except OSError as error:
        raise _named(error, path, files) or error from None
    finally:
        for unfinished in files.unfinished.values():
            unfinished.unlink(missing_ok=True)


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A file to write to, which takes the place of `path` when the block ends; see `replacing_all`."""
    path = Path(path)
    with replacing_all(path.parent) as files:
        yield files.new(path.name)


def write_whole(path: str | os.PathLike, content: bytes | str) -> None:
    """Write bytes, or text as UTF-8 with its line ends as they are, whole or not at all."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """The object in a JSON file; a byte order mark at its start is passed over.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not JSON in UTF-8, or holds something else than an object.
    """
    path = Path(path)
    if path.stat().st_size > MOST_BYTES_OF_JSON:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, more than any JSON file of a model; is it one?")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise ValueError(f"{path} is not valid JSON (nested too deep); save or download it again") from None
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        what = mistaken(path)
        if what is not None:
            raise ValueError(f"{path} is not valid JSON: it {what}") from None
        said = "a number of too many digits" if "int_max_str_digits" in str(error) else error
        raise ValueError(f"{path} is not valid JSON ({said}); save or download it again") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a JSON {type(content).__name__}, but an object of named values was expected")
    return content


def _named(error: OSError, path: Path, files: NewFiles) -> OSError | None:
    """The same error with the name of the file that could not be written; None if it is about something else."""
    unfinished = {str(place): final for final, place in files.unfinished.items()}
    if error.filename is None and error.errno in _TROUBLE_OF_DISKS:
        final = path if path != files.folder else next(reversed(files.unfinished), path)
    elif str(error.filename) in unfinished:
        final = unfinished[str(error.filename)]
    else:
        return None
    advice = "; free some space or choose another place" if error.errno in _TROUBLE_OF_DISKS[:3] else ""
    return OSError(error.errno, f"{os.strerror(error.errno)}, so it was not written{advice}", str(final))
