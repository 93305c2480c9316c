"""The application: one text and one selection behind all the tabs."""

import json
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import bertlab_widgets
import pytest
from bertlab_widgets import HeadsPanel, TasksPanel, TokenizerPanel, Workbench
from bertlab_widgets.app import FIRST_TEXT, GROUPS, PANELS, Application
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
    assert app.children == (app._bar, app.panel)
    first = app.panels["tokenize"]
    app.tab = "tokenize"
    assert app.panel is first


def test_every_panel_stands_in_one_group_and_groups_in_their_order():
    order = [group for group, _ in groupby(tab.group for tab in PANELS.values())]
    assert order == [group for group in GROUPS if group in order]
    five = [name for name in PANELS if name in ("tokenize", "mask", "heads", "tasks", "train")]
    assert five == ["tokenize", "mask", "heads", "tasks", "train"]
    assert all(name == tab.name and tab.title for name, tab in PANELS.items())


def test_the_row_of_tabs_shows_the_groups_that_have_panels(workbench):
    shown = workbench.show()._bar.groups
    assert [group for group, _, _ in shown] == [
        group for group in GROUPS if group in {t.group for t in PANELS.values()}
    ]
    assert [pair for _, _, tabs in shown for pair in tabs] == [[tab.name, tab.title] for tab in PANELS.values()]
    assert all(purpose and tabs for _, purpose, tabs in shown)


def test_every_tab_opens_a_panel_of_its_own(workbench):
    app = workbench.show()
    for name, tab in PANELS.items():
        app.tab = name
        assert type(app.panel).__name__ == tab.home.split(".")[1]
    assert len({type(panel) for panel in app.panels.values()}) == len(PANELS)


def test_a_panels_module_is_loaded_when_its_tab_is_opened():
    folders = sorted({tab.home.split(".")[0] for tab in PANELS.values()})
    code = (
        "import sys, bertlab_widgets; from bertlab_widgets import Application, Workbench; "
        f"print([name for name in {folders} if f'bertlab_widgets.{{name}}' in sys.modules])"
    )
    path = Path(bertlab_widgets.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=path)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_package_offers_every_panel_by_name():
    for name in bertlab_widgets.__all__:
        assert getattr(bertlab_widgets, name).__name__ == name
    assert {tab.home.split(".")[1] for tab in PANELS.values()} <= set(dir(bertlab_widgets))
    with pytest.raises(AttributeError, match="no 'PoemPanel'; it has Application"):
        bertlab_widgets.PoemPanel  # noqa: B018


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
