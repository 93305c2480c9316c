"""Watches one confined process from outside: time, memory, processes; reads what it says, and ends all of it."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertlab.grading.confined import descendants
from bertlab.language import say

KEPT_OUTPUT, KEPT_RESULTS = 4_000, 1_000_000  # bytes; what comes after is read and dropped
TICK = 0.1  # seconds between two looks


def watch(
    command: Sequence[str],
    pipe: tuple[int, int],
    environment: dict[str, str],
    seconds: float,
    megabytes: int,
    processes: int,
) -> tuple[bytes, str, str]:
    """Run a command until it ends or breaks a limit.

    Args:
        command: the process.
        pipe: reading and writing end of what it writes its results into; both are closed here.
        environment: all that it gets of the environment.
        seconds: wall-clock time from its first result on; to get there it has two minutes more.
        megabytes: of memory, its descendants' included.
        processes: so many at once.

    Returns:
        (what it wrote into the pipe, the beginning of its output, why it was ended: "" where it ended by itself).
    """
    results, writing = pipe
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        pass_fds=[writing], start_new_session=True,
    )  # fmt: skip
    os.close(writing)
    output = os.dup(process.stdout.fileno())  # type: ignore[union-attr]
    kept = {results: bytearray(), output: bytearray()}
    most = {results: KEPT_RESULTS, output: KEPT_OUTPUT}
    deadline, begun, reason = time.monotonic() + seconds + 120, False, ""
    with selectors.DefaultSelector() as selector:
        for descriptor in kept:
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        try:
            looked = 0.0
            while process.poll() is None and not reason:
                _read(selector, kept, most, TICK)
                if time.monotonic() - looked >= TICK:
                    looked = time.monotonic()
                    if kept[results] and not begun:
                        begun, deadline = True, looked + seconds
                    reason = _broken(process.pid, megabytes, processes)
                    if looked > deadline:
                        reason = say("stopped after {seconds:.0f} s", seconds=seconds)
        finally:
            end(process)
        for _ in range(20):  # what still lies in the pipes
            if not _read(selector, kept, most, 0):
                break
    for descriptor in kept:
        os.close(descriptor)
    return bytes(kept[results]), bytes(kept[output]).decode("utf-8", "replace"), reason


def _read(selector: selectors.BaseSelector, kept: dict[int, bytearray], most: dict[int, int], wait: float) -> bool:
    """Read what there is; whether there was anything."""
    found = False
    for key, _ in selector.select(wait):
        try:
            piece = os.read(key.fd, 65536)
        except BlockingIOError:
            continue
        if not piece:
            selector.unregister(key.fd)
            continue
        found = True
        room = most[key.fd] - len(kept[key.fd])
        kept[key.fd] += piece[: max(room, 0)]
    if not selector.get_map():
        time.sleep(wait)
    return found


def _broken(pid: int, megabytes: int, processes: int) -> str:
    """Which limit a process and its descendants break; empty where none."""
    family = descendants(pid)
    if len(family) > processes:
        return say("stopped: more than {processes} processes", processes=processes)
    resident = 0
    for one in family:
        try:
            resident += int(Path(f"/proc/{one}/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            pass
    if resident * _PAGE > megabytes * 2**20 and sum(map(_share, family)) > megabytes * 2**20:
        return say("stopped: more than {megabytes} MB of memory", megabytes=megabytes)
    return ""


_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def _share(pid: int) -> int:
    """The bytes that a process holds, what it shares with others counted in part: after a fork nearly all is shared."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration, IndexError, ValueError):
        return 0


def end(process: subprocess.Popen[Any]) -> None:
    """End a process and all that descend from it: stopped first, so that none starts another meanwhile."""
    for _ in range(50):
        family = [one for one in descendants(process.pid) if one != process.pid]
        if not family:
            break
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            for one in family:
                try:
                    os.kill(one, sent)
                except OSError:
                    pass
        time.sleep(0.02)
    try:
        os.killpg(process.pid, signal.SIGKILL)  # its session: where there is no /proc, all that is known of it
    except OSError:
        pass
    process.kill()
    process.wait()
