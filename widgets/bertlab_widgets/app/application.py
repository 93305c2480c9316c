"""All the panels as one application: one text, one selection, one panel at a time under tabs.

`Workbench(lab)` shows itself this way. A panel is built when its tab is first opened, so the first one is there at
once; all of them look at the same `Workbench`, so a text, a selected token or a head that is switched off in one is so
in all.
"""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import anywidget
import ipywidgets
from traitlets import Dict, Float, List, Unicode, observe, validate

from bertlab.language import say

from ..panel import (
    CHINESE,
    ENGLISH,
    Panel,
    is_chinese,
    positions_of,
    publish,
    speech,
    state_of,
    style_text,
    view_of,
    widget_text,
)
from ..workbench import SelectionError, Workbench
from .tabs import GROUPS, PANELS

HERE = Path(__file__).parent
FIRST_TEXT, FIRST_WORD = ENGLISH, "it"
FIRST_HEAD = (2, 3)  # of the model that ships: it finds what "it" stands for
log = logging.getLogger("bertlab_widgets")


class TabBar(anywidget.AnyWidget):
    """The tabs above the panels, in their groups, and the size of the type."""

    _esm = widget_text(HERE / "app.js")
    _css = style_text(HERE / "app.css", ".bertlab.bertlab-app")
    groups = List(help="[group, what it is for, [[name, title] of each of its panels]]").tag(sync=True)
    tab = Unicode().tag(sync=True)
    error = Unicode(help="why a panel could not be opened").tag(sync=True)
    scale = Float(1.0).tag(sync=True)
    twin = Unicode(help="name of the static twin, which the live view takes away").tag(sync=True)
    speech = Dict(help="the language in which the tabs speak, see kit/language.js").tag(sync=True)

    def __init__(self, **traits):
        super().__init__(groups=_grouped(), speech=speech(self._esm), **traits)

    def __repr__(self) -> str:
        return f"TabBar({self.tab!r})"


class Application(ipywidgets.VBox):
    """The panels of one `Workbench` as tabs.

    workbench = Workbench(lab, "The cat sat on the mat.")
    app = workbench.show()
    app.tab = "tasks"                  # any name in bertlab_widgets.app.PANELS: tokenize, mask, heads, tasks ...
    app.panel.task = "sentiment"       # the panel of the open tab
    app.state()                        # short JSON; Application.from_state(lab, state) opens it again
    """

    tab = Unicode("tokenize", help="the panel that is shown")
    scale = Float(1.0, min=0.5, max=3.0, help="1 for a desk, 1.5 and more for a projector")

    def __init__(self, workbench: Workbench, tab: str | None = None, scale: float = 1.0):
        self.workbench = workbench
        self.panels: dict[str, Panel] = {}
        if not workbench.text and tab is None:
            tab = self._first_look()
        elif not workbench.text:
            workbench.set_text(first_text(workbench)[0])
        self._bar = TabBar()
        super().__init__([self._bar])  # a plain box: Colab's ipywidgets 7 has no other that both versions know
        self.layout.width = "100%"
        ipywidgets.dlink((self, "tab"), (self._bar, "tab"))
        self._bar.observe(self._tab_clicked, names=["tab"])
        self._bar.observe(lambda change: self.set_trait("scale", change["new"]), names=["scale"])
        self.tab, self.scale = tab or "tokenize", scale
        self._show()
        workbench.opener = self.open_panel

    def _first_look(self) -> str:
        """Without a text of its user: a sentence, a word in it, and a head that has something to say of it."""
        workbench = self.workbench
        with workbench.together():
            text, word = first_text(workbench)
            workbench.set_text(text)
            workbench.selected = positions_of(workbench, [word])
            layer, head = FIRST_HEAD
            if layer < workbench.layer_count and head < workbench.head_count:
                workbench.layer, workbench.head = layer, head
        return "heads"

    @property
    def panel(self) -> Panel:
        """The panel of the open tab."""
        return self.panels[self.tab]

    @validate("tab")
    def _check_tab(self, proposal):
        if proposal.value not in PANELS:
            known = ", ".join(PANELS)
            raise SelectionError(say("there is no tab {name!r}; there are {known}.", name=proposal.value, known=known))
        return proposal.value

    @validate("scale")
    def _check_scale(self, proposal):
        if not math.isfinite(proposal.value):
            raise SelectionError(say("scale {value} was given, but allowed is 0.5 to 3", value=proposal.value))
        return proposal.value

    @observe("tab")
    def _tab_changed(self, change):
        if hasattr(self, "_bar"):
            self._show()

    def _tab_clicked(self, change):
        if change["new"] == self.tab:
            return
        before, failed = self.tab, ""
        try:
            self.tab = change["new"]
        except Exception as error:
            log.info("panel not opened", exc_info=error)
            failed = say("The panel could not be opened: {reason}", reason=error)
            self.tab = self._bar.tab = before
        self._bar.error = failed

    @observe("scale")
    def _scale_changed(self, change):
        self._bar.scale = self.scale
        for panel in self.panels.values():
            panel.scale = self.scale

    def _show(self) -> None:
        """Put the open tab's panel under the tabs; build it first where it is new."""
        if self.tab not in self.panels:
            panel = PANELS[self.tab].build(self.workbench)
            panel.scale = self.scale
            panel.layout.width = "100%"
            self.panels[self.tab] = panel
        self.children = [self._bar, self.panel]

    def open_panel(self, tab: str, **settings) -> None:
        """Bring a panel to the front, with these settings: what another panel asks for."""
        self.tab = tab
        for name, value in settings.items():
            setattr(self.panel, name, value)

    def state(self) -> dict:
        """The open tab and the state of every panel that was opened, as short JSON."""
        panels = {name: panel.state() for name, panel in self.panels.items()}
        return json.loads(json.dumps({"application": "Workbench", "tab": self.tab, "panels": panels}))

    @classmethod
    def from_state(cls, lab, state: dict | str) -> Application:
        """The application as `.state()` described it; `state` may be its JSON text."""
        state = state_of(state)
        if state.get("application") != "Workbench":
            problem = say("the state is not one of the application: take that of Workbench(lab).show().state().")
            raise SelectionError(problem)
        tab, panels = state.get("tab"), state.get("panels")
        if tab not in PANELS or not isinstance(panels, dict) or not set(panels) <= set(PANELS):
            known = ", ".join(PANELS)
            raise SelectionError(say("the state names tabs that are not there; there are {known}", known=known))
        app = cls(Workbench(lab), tab)
        for name, kept in panels.items():
            app.tab = name
            app.panel._apply({key: value for key, value in state_of(kept).items() if key != "panel"})
        app.tab = tab
        return app

    def __repr__(self) -> str:
        return f"Application({self.workbench!r}, tab={self.tab!r})"

    def _repr_mimebundle_(self, **options):
        bundle = view_of(self)  # ipywidgets 7 has no bundle of its own
        try:
            bundle["text/html"] = self.panel.static_twin()
        except Exception as error:
            log.info("no static twin", exc_info=error)
        return bundle

    def _ipython_display_(self) -> None:
        publish(self, self._bar)


def first_text(workbench: Workbench) -> tuple[str, str]:
    """A sentence that this vocabulary can read, and the pronoun in it."""
    return (CHINESE, "它") if is_chinese(workbench) else (FIRST_TEXT, FIRST_WORD)


def _grouped() -> list:
    """The groups that have panels, as the row of tabs takes them: said."""
    tabs = {group: [[tab.name, say(tab.title)] for tab in PANELS.values() if tab.group == group] for group in GROUPS}
    return [[say(group), say(GROUPS[group]), there] for group, there in tabs.items() if there]


def application(workbench: Workbench) -> Application:
    """The application of a workbench, always the same one."""
    if getattr(workbench, "_application", None) is None:
        workbench._application = Application(workbench)
    return workbench._application
