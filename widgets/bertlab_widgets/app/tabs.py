"""Which panels there are, in the groups in which a person looks for them. A new panel is one line here."""

from __future__ import annotations

import importlib
from typing import NamedTuple

from ..panel import Panel
from ..workbench import Workbench


class Tab(NamedTuple):
    """One panel of the application; its module is loaded when its tab is first opened."""

    group: str
    name: str  # as in `app.tab = name`
    title: str
    home: str  # "folder.Class"

    def build(self, workbench: Workbench) -> Panel:
        """The panel on this workbench."""
        folder, kind = self.home.split(".")
        return getattr(importlib.import_module(f"..{folder}", __package__), kind)(workbench=workbench)


GROUPS = {  # in the order in which they are shown: what a person comes for
    "Read": "How text becomes pieces and vectors, and which words fit",
    "Look inside": "What heads and layers hold, and how texts and models compare",
    "Intervene": "What causes a prediction, and what breaks it",
    "Learn": "Tasks, training, and a whole set of examples",
    "Model": "The architecture as a map",
}

_ALL = (
    Tab("Read", "tokenize", "Tokenize", "tokens.TokenizerPanel"),
    Tab("Read", "mask", "Mask", "masks.MaskPanel"),
    Tab("Read", "embedding", "Embeddings", "embedding.EmbeddingPanel"),
    Tab("Look inside", "heads", "Inspect heads", "heads.HeadsPanel"),
    Tab("Look inside", "layers", "Follow layers", "layers.LayersPanel"),
    Tab("Look inside", "similarity", "Sentence similarity", "similarity.SimilarityPanel"),
    Tab("Look inside", "compare", "Compare two", "compare.ComparePanel"),
    Tab("Intervene", "intervene", "Break a prediction", "intervene.IntervenePanel"),
    Tab("Intervene", "mistakes", "Make mistakes", "buglab.BugLabPanel"),
    Tab("Learn", "tasks", "Run tasks", "tasks.TasksPanel"),
    Tab("Learn", "data", "Judge a set", "data.DataPanel"),
    Tab("Learn", "train", "Train", "train.TrainPanel"),
    Tab("Model", "model", "Map", "architecture.ModelPanel"),
)
PANELS: dict[str, Tab] = {tab.name: tab for tab in _ALL}
