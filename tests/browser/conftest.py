"""Fixtures of the browser tests: one JupyterLab, one Chromium, a notebook for each module."""

from pathlib import Path

import pytest
from lab_page import ARGUMENTS, CHROMIUM, Notebook
from lab_page import jupyter as start_jupyter

FIRST_CELL = "from small_lab import small_lab\nfrom bertlab_widgets import *\nlab = small_lab(160)"


@pytest.fixture(scope="session")
def jupyter():
    pytest.importorskip("jupyterlab", reason="the browser tests need JupyterLab")
    with start_jupyter(Path(__file__).resolve().parents[1] / "widgets") as server:
        yield server


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    if CHROMIUM is None:
        pytest.skip("the browser tests need a Chromium on the PATH (apt install chromium)")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def notebook(browser, jupyter, request):
    """The module's `CELLS`, run in JupyterLab after one cell that makes a small `lab`."""
    cells = [FIRST_CELL, *request.module.CELLS]
    name = f"{request.module.__name__.split('.')[-1]}.ipynb"
    jupyter.write(name, cells)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    opened = Notebook(page)
    opened.open(jupyter, name)
    for index in range(len(cells)):
        opened.run(index)
    yield opened
    page.close()
