"""Several changes as one step: the one device for "set these together"."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Together:
    """A context that may be entered again; `done()` is called when the outermost one ends.

    Whoever draws waits while `open` is true, and looks once at the end.
    """

    def __init__(self, done: Callable[[], None]):
        self.done, self._depth, self._counting = done, 0, threading.Lock()

    @property
    def open(self) -> bool:
        """Whether changes are being made that belong together."""
        return self._depth > 0

    def __enter__(self) -> Together:
        with self._counting:
            self._depth += 1
        return self

    def __exit__(self, *error) -> None:
        with self._counting:
            self._depth -= 1
            last = not self._depth
        if last:
            self.done()
