"""Which panels there are, in the groups in which a person looks for them. A new panel is one line here."""

from __future__ import annotations

import importlib
from typing import NamedTuple

from bertlab.language import mark

from ..panel import Panel
from ..workbench import Workbench


class Tab(NamedTuple):
    """One panel of the application; its module is loaded when its tab is first opened."""

    group: str
    name: str  # as in `app.tab = name`
    title: str  # said where it is shown, as the group is
    home: str  # "folder.Class"

    def build(self, workbench: Workbench) -> Panel:
        """The panel on this workbench."""
        folder, kind = self.home.split(".")
        return getattr(importlib.import_module(f"..{folder}", __package__), kind)(workbench=workbench)


GROUPS = {  # in the order in which they are shown: what a person comes for
    mark("Read"): mark("How text becomes pieces and vectors, and which words fit"),
    mark("Look inside"): mark("What heads and layers hold, and how texts and models compare"),
    mark("Intervene"): mark("What causes a prediction, and what breaks it"),
    mark("Learn"): mark("Tasks, training, and a whole set of examples"),
    mark("Model"): mark("The architecture as a map"),
}

_ALL = (
    Tab("Read", "tokenize", mark("Tokenize"), "tokens.TokenizerPanel"),
    Tab("Read", "mask", mark("Mask"), "masks.MaskPanel"),
    Tab("Read", "embedding", mark("Embeddings"), "embedding.EmbeddingPanel"),
    Tab("Look inside", "heads", mark("Inspect heads"), "heads.HeadsPanel"),
    Tab("Look inside", "layers", mark("Follow layers"), "layers.LayersPanel"),
    Tab("Look inside", "similarity", mark("Sentence similarity"), "similarity.SimilarityPanel"),
    Tab("Look inside", "compare", mark("Compare two"), "compare.ComparePanel"),
    Tab("Intervene", "intervene", mark("Break a prediction"), "intervene.IntervenePanel"),
    Tab("Intervene", "mistakes", mark("Make mistakes"), "buglab.BugLabPanel"),
    Tab("Learn", "tasks", mark("Run tasks"), "tasks.TasksPanel"),
    Tab("Learn", "data", mark("Judge a set"), "data.DataPanel"),
    Tab("Learn", "train", mark("Train"), "train.TrainPanel"),
    Tab("Model", "model", mark("Map"), "architecture.ModelPanel"),
)
PANELS: dict[str, Tab] = {tab.name: tab for tab in _ALL}
