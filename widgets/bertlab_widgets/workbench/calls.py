"""Looking at every call of a module without torch's hooks, which would keep it from leaving padding out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import nn


class Around:
    """While it stands, `module` runs as `around(forward, arguments, named)`; `remove()` takes it away."""

    def __init__(self, module: nn.Module, around: Callable[[Callable, tuple, dict], Any]):
        self.module, self.before = module, module.__dict__.get("forward")
        forward = module.forward

        @functools.wraps(forward)
        def call(*arguments, **named):
            return around(forward, arguments, named)

        module.forward = call

    def remove(self) -> None:
        """The module as it was."""
        if self.before is None:
            self.module.__dict__.pop("forward", None)
        else:
            self.module.forward = self.before
