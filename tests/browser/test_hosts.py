"""The panels in the other front ends that run on one's own machine: Notebook 7, and Voila, a page without code."""

import re
import shutil

import pytest
from lab_page import ROOT, Notebook

CELLS = [
    "from small_lab import small_lab\nfrom bertlab_widgets import *\nlab = small_lab(64)",
    'workbench = Workbench(lab, "the cat sat on the mat.")\nMaskPanel(workbench=workbench)',
    "HeadsPanel(workbench=workbench)",
]


@pytest.fixture
def opened(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield Notebook(page)
    page.close()


def masks_and_sees_it_in_the_heads(page):
    masks, heads = (page.locator(f'.bertlab[data-panel="{name}"]') for name in ("masks", "heads"))
    heads.locator(".strip .chip", has_text="cat").wait_for()
    masks.locator(".strip .chip", has_text="cat").click()
    masks.locator(".bars .bar").first.wait_for()
    heads.locator(".strip .chip", has_text="[MASK]").wait_for()


def asked_for_by_the_panels(opened):
    """Addresses beyond those of Voila's own page, which wants icons and formulas from a CDN and does without them."""
    return [url for url in opened.left_the_machine if not re.search("fontawesome|mathjax", url)]


def test_notebook_7_shows_linked_panels_and_keeps_their_keys_to_them(jupyter, opened):
    pytest.importorskip("notebook", "7")
    jupyter.write("hosts.ipynb", CELLS)
    opened.open(jupyter, "hosts.ipynb", view="notebooks")
    for index in range(len(CELLS)):
        opened.run(index)
    masks_and_sees_it_in_the_heads(opened.page)
    cells = opened.cells()
    for key in ("b", "x"):
        opened.page.keyboard.press(key)
    assert opened.cells() == cells
    assert opened.left_the_machine == []


def test_voila_shows_linked_panels_without_any_code(jupyter, opened):
    pytest.importorskip("voila")
    jupyter.write("hosts.ipynb", CELLS)
    opened.page.goto(f"{jupyter.url}/voila/render/hosts.ipynb?token={jupyter.token}", timeout=120_000)
    masks_and_sees_it_in_the_heads(opened.page)
    assert "small_lab" not in opened.page.inner_text("body")
    assert asked_for_by_the_panels(opened) == []


def test_voila_shows_the_workbench_page_of_the_course(jupyter, opened):
    pytest.importorskip("voila")
    shutil.copy(ROOT / "notebooks" / "workbench.ipynb", jupyter.folder)
    opened.page.goto(f"{jupyter.url}/voila/render/workbench.ipynb?token={jupyter.token}", timeout=120_000)
    opened.page.locator('.bertlab[data-panel="heads"] canvas').first.wait_for(timeout=120_000)  # it opens on a head
    opened.page.get_by_role("tab", name="Read", exact=True).click()
    opened.page.locator('.bertlab[data-panel="tokens"] .strip .chip').first.wait_for()
    assert asked_for_by_the_panels(opened) == []
