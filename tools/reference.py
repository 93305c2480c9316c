"""Write the reference of bertlab's public names into docs/reference, as web pages made from the docstrings.

    pip install pdoc && python tools/reference.py

Open docs/reference/index.html; the pages need no network.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

INNER = {"bertlab.shipped", "bertlab.recipes", "bertlab.command"}  # made for the project, not for its users
EXTRAS = {"bertlab.jax": "jax", "bertlab.keras": "bertlab.keras"}  # rooms that want a library which may be missing


def public_modules() -> list[str]:
    """The doors, by name: the library and the panels, and the rooms of the library that can be imported here."""
    import bertlab

    rooms = [f"bertlab.{found.name}" for found in pkgutil.iter_modules(bertlab.__path__) if found.name[0] != "_"]
    doors = [name for name in rooms if name not in INNER and _is_here(EXTRAS.get(name, "bertlab"))]
    return ["bertlab", *doors, "bertlab_widgets"]


def public_names(module: str) -> list[str]:
    """What a door offers: its `__all__`, or what a module that stands alone defines."""
    found = importlib.import_module(module)
    own = [name for name, value in vars(found).items() if getattr(value, "__module__", None) == module]
    return list(getattr(found, "__all__", [name for name in own if name[0] != "_"]))


def write(folder: Path) -> None:
    """Write the pages into a folder."""
    import pdoc

    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc(*public_modules(), output_directory=folder)


def _is_here(library: str) -> bool:
    try:
        importlib.import_module(library)
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "widgets")]
    write(ROOT / "docs" / "reference")
