"""The command line: `bertlab lab`, `info`, `pretrain`, `finetune`, `evaluate`.

Read `entry` first; each command imports what it needs when it runs.
"""

from typing import Any

__all__ = ["main"]


def __getattr__(name: str) -> Any:
    if name == "main":  # not before it is asked for: `python -m bertlab.command.entry` runs that module itself
        from bertlab.command.entry import main

        return main
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
