"""The application: one text and one selection behind all the tabs."""

import json

import pytest
from bertlab_widgets import HeadsPanel, TasksPanel, TokenizerPanel, Workbench
from bertlab_widgets.app import FIRST_TEXT, PANELS, Application
from panel_checks import shown_by

TEXT = "the cat sat on the mat."


@pytest.fixture
def workbench(lab):
    return Workbench(lab, TEXT)


def test_displaying_a_workbench_shows_the_application(workbench):
    bundle = workbench._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    assert TEXT in data["text/html"]
    assert workbench.show() is workbench.show()


def test_a_notebook_keeps_the_applications_twin_beside_the_live_one(workbench, monkeypatch):
    twin, view = shown_by(workbench, monkeypatch)
    assert TEXT in twin["text/html"] and workbench.show()._bar.twin in twin["text/html"]
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == workbench.show().model_id


def test_without_a_text_the_application_brings_one(lab):
    assert Workbench(lab).show().workbench.text == FIRST_TEXT


def test_panels_are_built_when_their_tab_is_opened(workbench):
    app = workbench.show()
    assert list(app.panels) == ["tokenize"] and isinstance(app.panel, TokenizerPanel)
    app.tab = "heads"
    assert list(app.panels) == ["tokenize", "heads"] and isinstance(app.panel, HeadsPanel)
    assert app._stack.selected_index == list(PANELS).index("heads")
    first = app.panels["tokenize"]
    app.tab = "tokenize"
    assert app.panel is first


def test_text_selection_and_switched_off_heads_are_the_same_in_every_tab(workbench):
    app = workbench.show()
    app.panel.selected = [3]
    app.tab = "heads"
    assert app.panel.selected == [3]
    app.panel.ablated = [(1, 2)]
    app.tab = "tasks"
    assert isinstance(app.panel, TasksPanel) and app.panel.ablated == [[1, 2]]
    app.panel.text = "a dog ran."
    assert all(panel.text == "a dog ran." for panel in app.panels.values())


def test_the_size_of_the_type_holds_for_all_panels(workbench):
    app = workbench.show()
    app.scale = 1.5
    app.tab = "mask"
    assert {panel.scale for panel in app.panels.values()} == {1.5} and app._bar.scale == 1.5


def test_a_click_on_a_tab_opens_it_and_an_unknown_one_says_so(workbench):
    app = workbench.show()
    app._bar.tab = "mask"
    assert app.tab == "mask"
    app._bar.tab = "poetry"
    assert app.tab == "mask" and "there is no tab 'poetry'" in app._bar.error
    with pytest.raises(ValueError, match="there are tokenize, mask"):
        app.tab = "poetry"


def test_the_state_opens_the_same_application(lab, workbench):
    app = workbench.show()
    app.tab = "tasks"
    app.panel.task = "sentiment"
    app.tab = "mask"
    app.panel.masked = [2]
    state = json.loads(json.dumps(app.state()))
    again = Application.from_state(lab, state)
    assert again.tab == "mask" and again.workbench.text == TEXT and again.panel.masked == [2]
    assert again.panels["tasks"].task == "sentiment"
    assert again.state() == state
    with pytest.raises(ValueError, match="not one of the application"):
        Application.from_state(lab, {"tab": "mask"})


def test_a_stable_repr(workbench):
    assert repr(workbench.show()) == f"Application(Workbench('small', {TEXT!r}), tab='tokenize')"
