"""Inside the kernel that runs a chapter: a panel that is shown becomes a page of its own, and a frame that shows it.

The page is the panel's export: it answers to what was computed beforehand, without any kernel.
"""

from __future__ import annotations

import html
import logging
from pathlib import Path

from bertlab.language import say

from ..app import PANELS, Application
from ..panel import Panel
from ..panel.export import page

# The page that stands in a frame says how high it is; a frame of another origin could not be asked.
MEASURE = """<script>
const tell = () => window.parent.postMessage({bertlab: document.body.getBoundingClientRect().height + 16}, "*");
new ResizeObserver(tell).observe(document.body);
</script></body>"""
LONGEST_WAIT = 120  # seconds for a computation that a panel has begun
log = logging.getLogger("bertlab_widgets")


class Publisher:
    """Writes the panels of one chapter into a folder, numbered in the order in which they are shown."""

    def __init__(self, folder: str | Path, chapter: str):
        self.folder, self.chapter, self.count = Path(folder), chapter, 0

    def frame(self, panel: Panel) -> str:
        """Write the page of a panel; the HTML of a frame that shows it, and what is seen without scripts."""
        panel.wait(LONGEST_WAIT)
        self.count += 1
        name = f"{self.chapter}-{self.count}.html"
        self.folder.mkdir(parents=True, exist_ok=True)
        before, _, after = page(panel).rpartition("</body>")  # the last: a text of a user may hold it too
        (self.folder / name).write_text(before + MEASURE + after, encoding="utf-8")
        title = html.escape(f"{panel.question} {panel.workbench.text}".strip(), quote=True)
        return (
            f'<iframe class="panel" src="{self.folder.name}/{name}" title="{title}" loading="lazy"></iframe>'
            f"<noscript>{panel.static_html()}</noscript>"
        )

    def show_panel(self, panel: Panel) -> None:
        """Show a panel as its frame."""
        self._display(self.frame(panel))

    def show_application(self, app: Application) -> None:
        """Show all panels of a workbench, each under its title; the open one is unfolded."""
        opened, frames = app.tab, []
        for name, tab in PANELS.items():
            try:
                app.tab = name
                frames.append((name, tab.title, self.frame(app.panel)))
            except Exception as error:  # a panel that has nothing to say of this text is left out
                log.info("no page of the panel %s", name, exc_info=error)
        app.tab = opened
        self._display(
            "".join(
                f'<details class="tab"{" open" if name == opened else ""}><summary>{html.escape(say(title))}</summary>'
                f"{frame}</details>"
                for name, title, frame in frames
            )
        )

    def _display(self, text: str) -> None:
        from IPython.display import HTML, display

        display(HTML(text))


def publish(folder: str | Path, chapter: str) -> None:
    """From now on, panels that this kernel shows become pages in a folder."""
    from IPython import get_ipython

    publisher = Publisher(folder, chapter)
    formatter = get_ipython().display_formatter.ipython_display_formatter
    formatter.for_type(Panel, publisher.show_panel)
    formatter.for_type(Application, publisher.show_application)
    from ..workbench import Workbench

    formatter.for_type(Workbench, lambda workbench: publisher.show_application(workbench.show()))
