"""Every panel once in the front end of this environment: JupyterLab 3 or 4, or the classic Notebook 6.

python tools/try_host.py OUT            # pictures and report.json in OUT; exit status 1 where something fails

It starts the server, runs a notebook with all panels in headless Chromium with the network refused, selects a word in
each, and waits until the panel has said so. What it runs in is what `pip list` says.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT), str(ROOT / "widgets")]

from lab_page import ARGUMENTS, CHROMIUM, is_local, jupyter, jupyterlab  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

TEXT = "the cat sat on the mat."
PACKAGES = ("notebook", "jupyterlab", "ipywidgets", "anywidget", "ipykernel", "ipython", "torch")
FIRST = f"""\
from small_lab import small_lab
from bertlab_widgets import Workbench
from bertlab_widgets.app import PANELS
lab = small_lab(64)
workbench = Workbench(lab, {TEXT!r})"""


def classic(folder: Path, port: int) -> list[str]:
    """The command that runs Notebook 6 on a folder."""
    return [
        sys.executable, "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        f"--notebook-dir={folder}",
    ]  # fmt: skip


def tabs() -> list[str]:
    """The names of the panels."""
    from bertlab_widgets.app import PANELS

    return list(PANELS)


def drive(page: Page, name: str, place: int) -> str:
    """Select a word in the panel of a cell; "" where it answers, otherwise what was wrong."""
    panel = page.locator(".bertlab[data-panel]:not(.bertlab-app)").nth(place)
    try:
        panel.wait_for(timeout=60_000)
        panel.scroll_into_view_if_needed()
        chip = panel.locator(".strip .chip", has_text="cat").first
        if chip.count() == 0:
            return "" if len(panel.inner_text().strip()) > 40 else "it shows nothing"
        chip.click()
        page.wait_for_timeout(1500)
        error = panel.locator(".error:visible").all_inner_texts()
        said = panel.inner_text().strip()
        if any(text.strip() for text in error):
            return " ".join(error)
        return "" if len(said) > 40 else "it shows nothing"
    except Exception as error:  # whatever Playwright says belongs into the report
        return str(error).splitlines()[0]


def main(out: Path) -> int:
    """Try all panels; the report says which work."""
    out.mkdir(parents=True, exist_ok=True)
    newest = importlib.metadata.version("notebook") if importlib.util.find_spec("notebook") else ""
    is_classic = newest.startswith("6.") and "--lab" not in sys.argv
    names = tabs()
    cells = [FIRST, *(f"PANELS[{name!r}].build(workbench)" for name in names), f"Workbench(lab, {TEXT!r})"]
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = ""
    report: dict = {"front end": "Notebook 6" if is_classic else "JupyterLab", "versions": versions, "panels": {}}
    asked: list[str] = []
    command = classic if is_classic else jupyterlab
    with jupyter(ROOT / "tests" / "widgets", ROOT / "tests", command=command) as server, sync_playwright() as driver:
        server.write("hosts.ipynb", cells)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("request", lambda request: asked.append(request.url) if not is_local(request.url) else None)
        page.route("**/*", lambda route: route.continue_() if is_local(route.request.url) else route.abort())
        view = "notebooks" if is_classic else "lab/tree"
        page.goto(f"{server.url}/{view}/hosts.ipynb?token={server.token}")
        first = page.locator(".cell .CodeMirror, .jp-Notebook .jp-CodeCell .jp-InputArea-editor").first
        first.wait_for(timeout=90_000)
        page.wait_for_timeout(6000)  # the kernel comes up
        first.click()
        for _ in cells:
            page.keyboard.press("Shift+Enter")
            page.wait_for_timeout(400)
        for place, name in enumerate(names):
            report["panels"][name] = drive(page, name, place)
            page.screenshot(path=str(out / f"{place}-{name}.png"))
        report["panels"]["Workbench"] = workbench(page)
        page.screenshot(path=str(out / "workbench.png"))
        browser.close()
    report["left the machine"] = sorted(set(asked))
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
    return int(any(report["panels"].values()))


def workbench(page: Page) -> str:
    """Open another tab of the application; "" where its panel comes."""
    try:
        app = page.locator("nav.bertlab-app").first
        app.scroll_into_view_if_needed()
        app.locator('[data-tab="heads"]').first.click()
        page.wait_for_timeout(4000)
        box = page.locator("nav.bertlab-app").first.locator("xpath=ancestor::*[contains(@class, 'widget-box')][1]")
        return "" if box.locator('.bertlab[data-panel="heads"]').count() else "the tab opened no panel"
    except Exception as error:
        return str(error).splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(Path(next((word for word in sys.argv[1:] if not word.startswith("-")), "shots"))))
