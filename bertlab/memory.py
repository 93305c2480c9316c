"""What becomes of memory that was freed: the C library keeps it for the next tensors, or hands it back.

A recording of every value of a large model takes hundreds of megabytes of new memory in each pass, and to get fresh
pages from the system costs up to a third of the pass. So from the first recording on freed memory stays with the
process, and what large recordings held goes back once a quiet while has passed. All of this is glibc's business; with
another C library, or where the user has set these things (`MALLOC_*_`, `GLIBC_TUNABLES`), nothing is done here.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import threading

QUIET = 60.0  # seconds without a new call until freed memory goes back
LARGE = 64 * 2**20  # bytes from which it is worth while

# Parameters of mallopt(3). Tensors above the first are mapped afresh each time, whatever is asked: 32 MB is the most.
# All threads share one arena: of the others malloc_trim does not hand back the top, 50 MB of each thread that trained.
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD, _ARENA_MAX = -3, -1, -2, -8
_KEPT = {_MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * 2**20, _ARENA_MAX: 1}

_changing = threading.RLock()  # a collection of garbage may come back here in the midst of it
_timer: threading.Timer | None = None


@functools.cache
def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for what comes next (up to 2 GB), in place of handing it back at once.

    Returns whether it does. Asking again costs nothing.
    """
    chosen_by_the_user = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    mallopt = _of_c_library("mallopt")
    if chosen_by_the_user or mallopt is None:
        return False
    return all([mallopt(parameter, value) == 1 for parameter, value in _KEPT.items()])


def give_back_memory() -> None:
    """Hand freed memory back to the system, after work that took much and will not come again soon."""
    trim = _of_c_library("malloc_trim")
    if trim is not None:
        trim(0)


def give_back_later(size: int) -> None:
    """Hand freed memory back once nobody has called this for `QUIET` seconds; a small `size` (bytes) is left alone."""
    global _timer
    if size < LARGE or not keep_freed_memory():
        return
    with _changing:
        if _timer is not None:
            _timer.cancel()
        _timer = threading.Timer(QUIET, give_back_memory)
        _timer.daemon = True
        _timer.name = "bertlab gives memory back"
        try:
            _timer.start()
        except RuntimeError:  # the interpreter is about to end, and all memory with it
            _timer = None


def _of_c_library(name: str):
    """A function of the C library; None where there is none of that name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
