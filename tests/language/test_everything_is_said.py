"""In a language that puts every message between brackets, no sentence of a panel stands outside of them."""

import importlib
import re

import catalogues
import pytest
from bertlab_widgets import LayersPanel, MaskPanel, Workbench
from bertlab_widgets.app import PANELS, TabBar

import bertlab
from bertlab import language

TWO_WORDS = re.compile(r"[A-Za-z]{2,}[,:;]? [A-Za-z]{2,}")
BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")


def unsaid(text):
    """The first two English words that stand next to each other outside of all brackets; tokens do not count."""
    outside = re.sub(r"`[^`]*`", "`", text)
    while BRACKETED.search(outside):
        outside = BRACKETED.sub("·", outside)
    found = TWO_WORDS.search(outside)
    return found[0] if found else ""


@pytest.fixture(scope="module")
def lab():
    return bertlab.load()


@pytest.fixture(scope="module", autouse=True)
def brackets(tmp_path_factory):
    """Spoken once every panel is imported: what is said while a module is imported is said in the wrong language."""
    for tab in PANELS.values():
        importlib.import_module(f"bertlab_widgets.{tab.home.split('.')[0]}")
    language.use(catalogues.PSEUDO, catalogues.write_pseudo(tmp_path_factory.mktemp("brackets")))
    yield
    language.use("en")


def states(panel):
    """(what is set, its value) for all that a tab shows: the first preset in each look, a preset of each task."""
    presets = panel.preset_states
    if all("task" in state for state in presets.values()):
        first_of = {state["task"]: name for name, state in reversed(presets.items())}
        return [("preset", name) for name in first_of.values()]
    looks = panel.traits()["look"].values if panel.has_trait("look") else []
    return [*(("preset", name) for name in list(presets)[:1]), *(("look", look) for look in looks)]


def said_by(panel):
    """name -> text of what a person reads that Python has said."""
    return {
        "question": panel.question,
        "state": panel.heading["state"],
        "note": panel.note,
        "answer": panel.answer,
        "gate": panel.gate_question,
        "verdict": panel.grade("rubbish"),
        "error": panel.error,
    }


def test_two_words_outside_of_brackets_are_found():
    assert unsaid("⟦A ⟦nested one⟧ is said.⟧ `not a word` [CLS] bert-base") == ""
    assert unsaid("⟦said⟧ but not this") == "but not"


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_says_every_sentence(lab, name):
    panel, found = PANELS[name].build(Workbench(lab, "The cat sat on the mat.")), []
    for trait, value in states(panel):
        setattr(panel, trait, value)
        assert panel.wait(120)
        found += [f"{value}, {part}: {text}" for part, text in said_by(panel).items() if unsaid(text)]
    assert not found, "\n".join(found)


def test_what_is_done_to_the_text_and_the_model_is_said(lab):
    panel = MaskPanel(lab, "The cat sat on the mat.")
    with panel.workbench.together():
        panel.masked, panel.forced, panel.ablated = [2], {3: 2000}, [[0, 1], [2, 5]]
    assert panel.heading["state"] == "⟦eval⟧⟦, ⟧⟦“cat” masked⟧⟦, ⟧⟦1 token changed⟧⟦, ⟧⟦2 heads off (0.1⟦, ⟧2.5)⟧"
    assert not unsaid(LayersPanel(workbench=panel.workbench).with_conditions("⟦Yes⟧"))
    assert panel.caption().endswith("⟦seed 0⟧")
    with pytest.raises(ValueError, match="^⟦⟦layer⟧ 99 was given"):
        panel.workbench.layer = 99
    panel.text = "The cat sat on the mat. " * 200
    assert panel.note.startswith("⟦Cut after")


def test_the_tabs_are_said():
    bar = TabBar()
    for group, purpose, tabs in bar.groups:
        assert all(text.startswith("⟦") for text in (group, purpose, *(title for _, title in tabs)))
    assert bar.speech["messages"]["Type for a"] == "⟦Type for a⟧"


def test_a_page_and_a_twin_tell_their_language(lab):
    panel = MaskPanel(lab, "The cat sat on the mat.")
    assert '<html lang="en-XA" dir="ltr">' in panel.exported_bytes("html").decode("utf8")
    assert panel.static_twin().startswith('<div lang="en-XA" dir="ltr"')
