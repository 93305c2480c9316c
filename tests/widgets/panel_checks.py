"""What the panels' tests share: one sentence, the panels, what a panel's code gives, what it replies to the browser.

A test of a new panel begins like this:

    from panel_checks import TEXT, answer_to, run_code, shown_by

    def test_its_code_gives_the_numbers_on_the_screen(lab, monkeypatch):
        panel = NewPanel(lab, TEXT)
        assert run_code(panel, lab, monkeypatch) == panel.data()

`panel/test_panel.py` runs what holds for every panel over `PANELS`: add the new one there.
"""

import pytest
from bertlab_widgets import (
    BugLabPanel,
    ComparePanel,
    DataPanel,
    EmbeddingPanel,
    HeadsPanel,
    IntervenePanel,
    LayersPanel,
    MaskPanel,
    ModelPanel,
    SimilarityPanel,
    TokenizerPanel,
)

TEXT = "the animal did not cross the street because it was too tired."
PANELS = [
    TokenizerPanel,
    MaskPanel,
    HeadsPanel,
    LayersPanel,
    SimilarityPanel,
    ModelPanel,
    EmbeddingPanel,
    IntervenePanel,
    ComparePanel,
    DataPanel,
    BugLabPanel,
]
each_panel = pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.__name__)


def run_code(panel, lab, monkeypatch):
    """What the panel's code leaves in `result`, with bertlab.load() giving the lab of the tests."""
    import bertlab

    monkeypatch.setattr(bertlab, "load", lambda name: lab, raising=False)
    names = {}
    exec(panel.code(), names)
    return names["result"]


def gives_all_of_a_look(panel):
    """A table of its own, which is what its file holds; a picture; and a question that takes any answer."""
    assert panel.table() and panel.figure(3.4) and panel.gate_question.endswith("?")
    assert panel.exported_bytes("csv").count(b"\n") == len(panel.table()) + 1
    assert panel.grade("rubbish") and panel.grade("1")


def answer_to(panel, call, **args):
    """What the panel replies to the browser."""
    sent = []
    panel.send = lambda content, buffers=None: sent.append((content, buffers))
    panel._message(panel, {"id": "1", "call": call, "args": args}, [])
    return sent[0]


def shown_by(widget, monkeypatch):
    """The outputs of a cell that ends in this widget."""
    import IPython.display

    published = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: published.append(data))
    widget._ipython_display_()
    return published
