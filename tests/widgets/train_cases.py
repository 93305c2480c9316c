"""How tests of Train start a small run."""

import torch
from bertlab_widgets.train.panel import TrainPanel

TEXT = "the cat sat on the mat."


PASTED = "\n".join(f"the {animal} {verb}\t{label}" for animal in ("cat", "dog", "animal", "river")
                   for verb, label in (("sat", "yes"), ("ran", "no"), ("chased it", "yes")))  # fmt: skip


def trained(lab, **settings):
    """A panel after a short run on pasted lines."""
    panel = TrainPanel(lab, TEXT, **{"dataset": "pasted", "pasted": PASTED, "steps": 4, "batch_size": 4, **settings})
    panel.start()
    assert panel.wait(60), "the run did not end"
    return panel


def weights(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)
