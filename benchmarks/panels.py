"""Waiting for the panels, as a person does, in a real browser with the network refused.

    python benchmarks/panels.py start [--repeats 3]           # `bertlab lab` to the first panel of the tour usable
    python benchmarks/panels.py redraw [--model base]         # edit, mask or ablate to redrawn, 64 tokens
    python benchmarks/panels.py each [--model base]           # every panel: first paint, bytes, growth, axe-core

Without a word all three are run. `start` ends when the first panel of the tour answers a click on a token. `redraw`
ends with the first frame after the panel shows what the model now says; `--model` is base (12 x 768, random weights),
bertlab-mini, or what bertlab.load takes, and both of the first two when left out. `each` shows every panel of the
application once, each in a cell of its own: how long its numbers take, the milliseconds from then to the first frame
that shows them, the bytes that the browser receives, the bytes by which the saved notebook grows, and how many serious
findings axe-core has, light and dark. Times are medians in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT), str(ROOT / "widgets")]

from heads_panel import SETUP  # noqa: E402
from lab_page import ARGUMENTS, CHROMIUM, Jupyter, Notebook, jupyter  # noqa: E402
from playwright.sync_api import Browser, Locator, sync_playwright  # noqa: E402

PARTS = ["start", "redraw", "each"]
TOKENS = 64
TEXT = "The animal did not cross the street because it was too tired."
MUST = (
    "must: first paint <= 300 ms after the numbers, <= 1 MB to the browser, <= 100 kB in a saved notebook, no findings"
)
SERIOUS = """async panel => {
    const found = await axe.run(panel, { resultTypes: ["violations"] });
    return found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id }) => id);
}"""

# Acts on the panel, then counts frames until the first one after `done` holds; `before` is what its stage said.
UNTIL = """async (panel, [act, done]) => {
    const frame = () => new Promise(next => requestAnimationFrame(next));
    const holds = new Function('panel', 'before', `return ${done}`);
    const before = panel.querySelector('.stage').textContent, start = performance.now();
    new Function('panel', act)(panel);
    while (!holds(panel, before) && performance.now() - start < 60000) await frame();
    await new Promise(next => requestAnimationFrame(() => setTimeout(next)));
    return performance.now() - start;
}"""
SETTLED = "!panel.querySelector('.stage').classList.contains('stale')"


def milliseconds(panel: Locator, act: str, done: str) -> float:
    """From the act to the first frame after what it leads to is on the screen."""
    took = panel.evaluate(UNTIL, [act, done])
    panel.page.wait_for_timeout(300)  # let the kernel come to rest
    return took


def typed(words: str) -> str:
    return (
        "const field = panel.querySelector('input[aria-label=Sentence]');"
        f"field.value = {json.dumps(words)}; field.dispatchEvent(new Event('change', {{bubbles: true}}));"
    )


def redraw(browser: Browser, model: str, repeats: int) -> None:
    """Edit, mask and ablate on a text of 64 tokens."""
    with jupyter() as server:
        setup = SETUP.format(model=model) + f"workbench = Workbench(lab, words({TOKENS}))"
        server.write("redraw.ipynb", [setup, "MaskPanel(workbench=workbench)", "HeadsPanel(workbench=workbench)"])
        notebook = open_notebook(browser, server, "redraw.ipynb")
        for index in range(3):
            notebook.run(index)
        masks, heads = (notebook.page.locator(f".bertlab[data-panel={name}]") for name in ("masks", "heads"))
        heads.locator(".strip .chip").nth(TOKENS - 1).wait_for()
        text = notebook.python("print(words(64))").strip()
        edits, maskings, ablations = [], [], []
        for turn in range(2 * repeats):
            word = ("dog", "cat")[turn % 2]
            shown = f"panel.querySelector('.strip [data-token=\"2\"]').textContent === '{word}' && {SETTLED}"
            edits.append(milliseconds(heads, typed(text.replace("cat", word, 1)), shown))
        chip = "panel.querySelector('.strip [data-token=\"3\"]')"
        for _ in range(2 * repeats):
            other = f"panel.querySelector('.stage').textContent !== before && {SETTLED}"
            maskings.append(milliseconds(masks, f"{chip}.click()", other))
        for turn in range(2 * repeats):
            key = "new KeyboardEvent('keydown', {key: ' ', bubbles: true})"
            act = f"const grid = panel.querySelector('canvas'); grid.focus(); grid.dispatchEvent({key})"
            off = f"{'!' if turn % 2 else ''}panel.querySelector('.model').textContent.includes('head off')"
            ablations.append(milliseconds(heads, act, f"{off} && {SETTLED}"))
        show(f"{model}, {TOKENS} tokens", edit=edits, mask=maskings, ablate=ablations)
        notebook.page.close()


def bertlab_lab(folder: Path, port: int) -> list[str]:
    """The command of `bertlab lab`, whose page a script can ask what it does."""
    command = [sys.executable, "-m", "bertlab.command.entry", "lab", str(folder), "--no-browser", f"--port={port}"]
    return [*command, "--", "--ServerApp.ip=127.0.0.1", "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None"]


def start(browser: Browser, repeats: int) -> None:
    """`bertlab lab` until the first panel of the tour answers a click."""
    times = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            began = time.perf_counter()
            server = Jupyter(Path(home), command=bertlab_lab)
            try:
                server.wait()
                notebook = open_notebook(browser, server, "00_tour.ipynb")
                for index in up_to_the_first_panel(server.folder / "00_tour.ipynb"):
                    notebook.run(index)
                panel = notebook.page.locator(".bertlab[data-panel]").first
                panel.locator(".strip .chip").nth(2).click()
                panel.locator('.strip .chip[aria-pressed="true"]').wait_for()
                times.append(1000 * (time.perf_counter() - began))
                notebook.page.close()
            finally:
                server.stop()
    show("`bertlab lab` to the first panel usable", start=times)


def up_to_the_first_panel(path: Path) -> list[int]:
    """The code cells of a notebook, up to the one that shows its first panel."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = {index: "".join(cell["source"]) for index, cell in enumerate(cells) if cell["cell_type"] == "code"}
    last = next(index for index, source in code.items() if re.match(r"\w+Panel\(", source))
    return [index for index in code if index <= last]


def each(browser: Browser, model: str) -> None:
    """Every panel of the application, one cell each, in one notebook."""
    from bertlab_widgets.app import PANELS

    kinds = {tab.name: tab.home.split(".")[1] for tab in PANELS.values()}
    made = [f"panels[{name!r}] = {kind}(lab, TEXT)" for name, kind in kinds.items()]
    cells = [SETUP.format(model=model) + f"panels, TEXT = {{}}, {TEXT!r}", *(f"panels[{name!r}]" for name in kinds)]
    with jupyter() as server:
        server.write("each.ipynb", cells)
        empty = sizes(server.folder / "each.ipynb")
        notebook = open_notebook(browser, server, "each.ipynb")
        notebook.run(0)
        rows = []
        for place, (name, code) in enumerate(zip(kinds, made), start=1):
            took = notebook.python(
                f"import time; began = time.time(); {code}; panels[{name!r}].wait(); print(time.time() - began)"
            )
            before = notebook.received
            notebook.run(place)
            panel = notebook.page.locator(".jp-Notebook .jp-Cell").nth(place).locator(".bertlab[data-panel]").first
            panel.locator(".answer").wait_for(state="attached")
            notebook.page.wait_for_timeout(1500)
            rows.append((name, float(took.split()[-1]), panel, notebook.received - before))
        findings = serious(notebook, [panel for _, _, panel, _ in rows])
        notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        notebook.page.wait_for_function("!window.jupyterapp.shell.currentWidget.model.dirty")
        full = sizes(server.folder / "each.ipynb")
        print(f"{model}, every panel; {MUST}")
        for place, (name, took, panel, received) in enumerate(rows, start=1):
            paint, grown = panel.get_attribute("data-first-paint-ms"), full[place] - empty[place]
            found = ", ".join(sorted(findings[place - 1])) or "none"
            print(
                f"  {name:<12} numbers {1000 * took:6.0f} ms  first paint {float(paint or 'nan'):6.0f} ms  "
                f"{received / 1000:7.0f} kB to the browser  {grown / 1000:6.1f} kB in the notebook  axe: {found}"
            )
        print(f"  widget state in the notebook: {(full[-1] - empty[-1]) / 1000:.1f} kB", flush=True)
        notebook.page.close()


def serious(notebook: Notebook, panels: list[Locator]) -> list[set[str]]:
    """What axe-core finds serious or critical in each panel, light or dark."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[set[str]] = [set() for _ in panels]
    notebook.page.evaluate(Axe().axe_script)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        notebook.page.wait_for_timeout(1500)
        for place, panel in enumerate(panels):
            found[place] |= set(panel.evaluate(SERIOUS))
    return found


def sizes(path: Path) -> list[int]:
    """The bytes of each cell in the file, and those of its metadata."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [len(json.dumps(part).encode()) for part in (*notebook["cells"], notebook["metadata"])]


def open_notebook(browser: Browser, server: Jupyter, name: str) -> Notebook:
    notebook = Notebook(browser.new_page(viewport={"width": 1280, "height": 900}))
    notebook.page.set_default_timeout(120_000)
    notebook.open(server, name)
    return notebook


def show(what: str, **times: list[float]) -> None:
    rows = "  ".join(f"{name} {statistics.median(each):.0f} ms (of {len(each)})" for name, each in times.items())
    print(f"{what}: {rows}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="WHAT", choices=[[], *PARTS], help="all three when left out")
    parser.add_argument("--model", help="of redraw and each: base, bertlab-mini, or what bertlab.load takes")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    wanted = arguments.what or PARTS
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        if "start" in wanted:
            start(browser, arguments.repeats)
        if "redraw" in wanted:
            for model in [arguments.model] if arguments.model else ["bertlab-mini", "base"]:
                redraw(browser, model, arguments.repeats)
        if "each" in wanted:
            each(browser, arguments.model or "bertlab-mini")
        browser.close()


if __name__ == "__main__":
    main()
