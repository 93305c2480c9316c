"""Who may use the model now: one lock for each lab, whatever workbench or thread asks."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any


class ModelLock:
    """Held by whoever runs a model of the workbench's lab or edits it, in this workbench or in any other on that lab.

    Switched-off heads are edits of the model itself: a pass beside them would see them too. A thread may enter again.
    """

    _of_labs: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()

    def __init__(self, workbench: Any):
        self.workbench, self.own, self.held = workbench, threading.RLock(), []

    def __enter__(self):
        self.own.acquire()
        lab = getattr(self.workbench.lab, "before", self.workbench.lab)  # what is trained shares models with that lab
        lock = self._of_labs.setdefault(lab, threading.RLock())
        lock.acquire()
        self.held.append(lock)
        return self

    def __exit__(self, *error):
        self.held.pop().release()
        self.own.release()

    def give_way(self) -> None:
        """Let those who wait take their turn: for the thread that holds the lock, between two passes of a long work."""
        self.__exit__()
        time.sleep(0.002)  # a thread that takes a lock again at once would leave nobody else a chance
        self.__enter__()
