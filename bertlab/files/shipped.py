"""The models inside this package, and the nearest of them to a misspelt name."""

from __future__ import annotations

import difflib
from pathlib import Path

SHIPPED_FOLDER = Path(__file__).parent.parent / "shipped"


class ModelNotFoundError(FileNotFoundError, LookupError):
    """A name or path that leads to no usable model; an `OSError`, as the documented classes raise."""


def shipped_models() -> list[str]:
    """The names of the models inside this package, which `resolve` finds without any network."""
    if not SHIPPED_FOLDER.is_dir():
        return []
    return sorted(folder.name for folder in SHIPPED_FOLDER.iterdir() if (folder / "config.json").is_file())


def shipped_folder(name: str) -> Path:
    """The folder of a shipped model."""
    return SHIPPED_FOLDER / name


def did_you_mean(name: str) -> str:
    """A sentence that offers the nearest shipped model or folder; empty when nothing is near."""
    wanted = Path(name).expanduser()
    try:
        siblings = {entry.name: str(entry) for entry in wanted.parent.iterdir() if entry.is_dir()}
    except OSError:
        siblings = {}
    candidates = {**siblings, **{shipped: shipped for shipped in shipped_models()}}
    near = difflib.get_close_matches(wanted.name, candidates, n=1)
    return f" Did you mean {candidates[near[0]]!r}?" if near else ""
