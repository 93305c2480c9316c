"""Names and errors that come from files, as they may stand in a sentence."""

from __future__ import annotations


def abbreviated(names: list[str], limit: int = 8) -> str:
    """The first names of a list, and how many more there are."""
    shown = ", ".join(printable(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def printable(name: str) -> str:
    """A name from a file, safe to print: control characters escaped, endless ones cut."""
    text = name if name.isprintable() else name.encode("unicode_escape").decode()
    return text if len(text) <= 200 else text[:200] + "..."


def one_line(error: Exception) -> str:
    """The first sentence or so of an error's message."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:200] + "..."
