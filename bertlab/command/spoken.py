"""The help of a command in the language that is spoken."""

from __future__ import annotations

import argparse
from typing import Any

from bertlab.language import mark, say

# What argparse itself puts into every help.
FRAME = (
    mark("usage: "), mark("positional arguments"), mark("options"), mark("show this help message and exit"),
    mark("show program's version number and exit"),
)  # fmt: skip


class SpokenHelp(argparse.RawDescriptionHelpFormatter):
    """Help in the language that is spoken: parsers hold it in English, and it is said when it is shown."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        """The first line of a help, with its word for usage."""
        super().add_usage(usage, actions, groups, say("usage: ") if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        """A group of arguments, under its heading."""
        super().start_section(say(heading))

    def add_text(self, text: str | None) -> None:
        """The description, or what stands below the arguments."""
        super().add_text(text and say(text))

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help and say(action.help)
