"""One run at a time in a folder: a lock that the system gives back, however the process ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bertlab.training.settings import TrainingError

LOCK = ".lock"


class Holder:
    """Who holds a folder. `busy` is true while it is at work, and not waiting for its next step to be asked for."""

    def __init__(self) -> None:
        self.busy = True


_HELD: dict[Path, tuple[Any, list[Holder]]] = {}  # folder -> the open lock file, and its holders, the last one rules


@contextmanager
def alone_in(folder: str | Path) -> Iterator[Holder]:
    """Hold a folder for one run.

    Within a process a new run takes over from one that waits between two steps, as a cell does that is run again.

    Raises:
        TrainingError: another run is at work there.
    """
    place = Path(folder).resolve()
    place.mkdir(parents=True, exist_ok=True)
    stream, holders = _HELD.get(place, (None, []))
    if any(holder.busy for holder in holders):
        raise TrainingError(f"another run of this process is at work in {folder}: wait for it or give another folder")
    if stream is None:
        stream = _locked(place / LOCK, folder)
        _HELD[place] = stream, holders
    holder = Holder()
    holders.append(holder)
    try:
        yield holder
    finally:
        holders.remove(holder)
        if not holders:
            _HELD.pop(place, None)
            with suppress(OSError):
                (place / LOCK).unlink()
            stream.close()


def require_held(folder: str | Path, holder: Holder) -> None:
    """Raise a TrainingError if another run of this process has taken the folder over."""
    _, holders = _HELD.get(Path(folder).resolve(), (None, [holder]))
    if holders[-1] is not holder:
        raise TrainingError(f"another run has taken {folder} over since: this one ends here without a checkpoint")


def _locked(path: Path, folder: str | Path) -> Any:
    stream = open(path, "a+", encoding="utf-8")
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            stream.seek(0)
            number = stream.read(20).strip() if sys.platform != "win32" else ""
            stream.close()
            who = f"another run (process {number})" if number else "another run"
            raise TrainingError(f"{who} is at work in {folder}: wait for it or give another folder") from None
        return stream  # a file system without locks
    try:
        same = os.path.samestat(os.stat(path), os.fstat(stream.fileno()))
    except FileNotFoundError:
        same = False
    if not same:  # the former holder has removed the file in between
        stream.close()
        return _locked(path, folder)
    if sys.platform != "win32":
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
    return stream
