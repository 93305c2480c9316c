"""The heads panel in a real browser: first paint, change of layer, head and mode, bytes; bertviz beside it.

    python benchmarks/heads_panel.py                # 12 x 12 heads at 64, 128 and 512 tokens
    python benchmarks/heads_panel.py --model bertlab-mini --tokens 64

A JupyterLab with the network refused, one headless Chromium. Times are medians over `--repeats`, in milliseconds:
first paint from the moment the panel's module gets the model to the frame after its first drawing; changes from the
key press to the frame after the drawing that shows the new head (cached) or also through the kernel (fetched).
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT), str(ROOT / "widgets")]

from lab_page import ARGUMENTS, CHROMIUM, Notebook, jupyter  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

SETUP = """
import torch, bertlab
from bertlab.model import BertConfig
from bertlab.lab import Lab
from bertlab.model import BertForPreTraining
from bertlab_widgets import *
lab = bertlab.load()
if {model!r} == "base":
    torch.manual_seed(0)
    lab = Lab(BertForPreTraining(BertConfig(initializer_range=0.08)), lab.tokenizer, name="12x768, random weights")
elif {model!r} != "bertlab-mini":
    lab = bertlab.load({model!r})
def words(tokens):
    return " ".join((["the", "cat", "sat", "on", "a", "mat", "and", "saw", "two", "dogs"] * 60)[: tokens - 2])
"""
MEASURE = """async ([press, wanted]) => {
    const panel = document.querySelector('[data-panel=heads]'), grid = panel.querySelector('canvas');
    grid.focus();
    const start = performance.now();
    grid.dispatchEvent(new KeyboardEvent('keydown', {key: press, bubbles: true}));
    const frame = () => new Promise(next => requestAnimationFrame(next));
    while (panel.dataset.shown !== wanted && performance.now() - start < 20000) await frame();
    await new Promise(next => requestAnimationFrame(() => setTimeout(next)));
    return performance.now() - start;
}"""


def median(values: list[float]) -> float:
    return statistics.median(values)


def measure_panel(notebook: Notebook, tokens: int, repeats: int) -> dict:
    """One panel of `tokens` tokens, shown `repeats` times."""
    page, paints, sizes = notebook.page, [], []
    notebook.python(f"workbench = Workbench(lab, words({tokens})); workbench.recording.attention(0)")
    for _ in range(repeats):
        before = notebook.received
        notebook.run(1)
        page.wait_for_function("() => document.querySelector('[data-panel=heads]')?.dataset.firstPaintMs")
        page.wait_for_timeout(300)
        paints.append(float(page.locator("[data-panel=heads]").get_attribute("data-first-paint-ms")))
        sizes.append(notebook.received - before)
    start = notebook.received
    fetched = [page.evaluate(MEASURE, ["ArrowDown", f"{layer}.0"]) for layer in range(1, 5)]
    fetched_bytes = (notebook.received - start) / 4
    cached = [
        page.evaluate(MEASURE, [key, f"{layer}.0"])
        for _ in range(repeats)
        for key, layer in (("ArrowUp", 3), ("ArrowUp", 2), ("ArrowDown", 3), ("ArrowDown", 4))
    ]
    head = [
        page.evaluate(MEASURE, [key, f"4.{number}"])
        for _ in range(repeats)
        for key, number in (("ArrowRight", 1), ("ArrowLeft", 0))
    ]
    # the kernel has answered long before; wait for quiet, then one edit from a click to the redrawn grid
    page.wait_for_timeout(500)
    edits = []
    for _ in range(repeats):
        edits.append(
            page.evaluate("""async () => {
            const panel = document.querySelector('[data-panel=heads]');
            const grid = panel.querySelector('canvas'), line = panel.querySelector('.model');
            const frame = () => new Promise(next => requestAnimationFrame(next));
            const was = line.textContent, start = performance.now();
            grid.focus();
            grid.dispatchEvent(new KeyboardEvent('keydown', {key: ' ', bubbles: true}));
            while (line.textContent === was && performance.now() - start < 60000) await frame();
            await new Promise(next => requestAnimationFrame(() => setTimeout(next)));
            return performance.now() - start;
        }""")
        )
        page.wait_for_timeout(200)
    return {
        "tokens": tokens,
        "first paint ms": median(paints),
        "bytes MB": median(sizes) / 1e6,
        "layer, fetched ms": median(fetched),
        "a layer MB": fetched_bytes / 1e6,
        "layer, cached ms": median(cached),
        "head ms": median(head),
        "ablate ms": median(edits),
    }


def measure_bertviz(notebook: Notebook, browser, tokens: int, view: str) -> dict:
    """bertviz's page with its libraries at hand: its size, and the time until it has drawn."""
    notebook.python("from bertlab_widgets.heads import bertviz_view; bertviz_view.MOST_TOKENS = 10_000")
    target = Path(notebook.folder) / f"bertviz-{view}-{tokens}.html"
    notebook.python(
        f"import pathlib; workbench = Workbench(lab, words({tokens})); "
        f"pathlib.Path({str(target)!r}).write_text(bertviz_view.bertviz_page(workbench, {view!r}))"
    )
    page = browser.new_page()
    start = time.perf_counter()
    page.goto(f"file://{target}", wait_until="load", timeout=180_000)
    page.locator("#vis svg line, #vis svg path").first.wait_for(state="attached", timeout=180_000)
    page.evaluate("() => new Promise(next => requestAnimationFrame(() => setTimeout(next)))")
    took = 1000 * (time.perf_counter() - start)
    page.close()
    return {"tokens": tokens, "bertviz": f"{view} view", "MB": target.stat().st_size / 1e6, "drawn ms": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", default="base", help="base (12 x 768, random weights), bertlab-mini, or what bertlab.load takes"
    )
    parser.add_argument("--tokens", type=int, nargs="+", default=[64, 128, 512])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-bertviz", action="store_true")
    arguments = parser.parse_args()
    with jupyter() as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        server.write("heads.ipynb", [SETUP.format(model=arguments.model), "HeadsPanel(workbench=workbench)"])
        notebook = Notebook(browser.new_page(viewport={"width": 1280, "height": 900}))
        notebook.folder = server.folder
        notebook.open(server, "heads.ipynb")
        notebook.run(0)
        for tokens in arguments.tokens:
            show(measure_panel(notebook, tokens, arguments.repeats))
            if tokens <= 128 and not arguments.no_bertviz:
                show(measure_bertviz(notebook, browser, tokens, "head"))
                if tokens <= 64:
                    show(measure_bertviz(notebook, browser, tokens, "model"))
        print("requests that wanted to leave the machine:", len(notebook.left_the_machine))
        browser.close()


def show(row: dict) -> None:
    print(
        "  ".join(
            f"{name} {value:.1f}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
