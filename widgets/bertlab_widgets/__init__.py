"""Panels that show BERT at work in a notebook, linked by one `Workbench`.

    import bertlab
    from bertlab_widgets import HeadsPanel
    HeadsPanel(bertlab.load(), "The animal didn't cross the street because it was too tired.")

Rooms, each with a door (`__init__`): `workbench` (the state behind all panels), `panel` (what every panel is made of),
`kit` (JavaScript that all share), a folder for each panel, `app` (the panels as tabs).
"""

import importlib
from typing import Any

_HOME = {  # folder -> what it offers; loaded when first asked for
    "app": ["Application"],
    "panel": ["Panel"],
    "workbench": ["Workbench"],
    "tokens": ["TokenizerPanel"],
    "embedding": ["EmbeddingPanel"],
    "masks": ["MaskPanel"],
    "heads": ["HeadsPanel"],
    "layers": ["LayersPanel"],
    "similarity": ["SimilarityPanel"],
    "compare": ["ComparePanel"],
    "intervene": ["IntervenePanel"],
    "tasks": ["TasksPanel"],
    "data": ["DataPanel"],
    "buglab": ["BugLabPanel"],
    "train": ["TrainPanel"],
    "architecture": ["ModelPanel"],
}
_FOLDER_OF = {name: folder for folder, names in _HOME.items() for name in names}

__all__ = sorted(_FOLDER_OF)


def __getattr__(name: str) -> Any:
    if name not in _FOLDER_OF:
        raise AttributeError(f"bertlab_widgets has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"{__name__}.{_FOLDER_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_FOLDER_OF})
