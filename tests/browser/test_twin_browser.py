"""A saved notebook opened again: the static twin shows where no live panel is, and only there."""

import json

import pytest
from lab_page import Notebook

CELLS = [
    "masks = MaskPanel(lab, 'the cat sat on the mat.', masked=[2])\nmasks",
    "Workbench(lab, 'the dog ran.')",
]
NAME = "test_twin_browser.ipynb"
QUESTIONS = ("Which words does BERT expect here?", "How does the text become tokens?")


def visible_text(page):
    return page.locator(".jp-Notebook").inner_text()


@pytest.fixture(scope="module")
def saved(notebook, jupyter):
    """The notebook's file, saved with its outputs while the panels live."""
    notebook.page.locator('.bertlab[data-panel="masks"] .bars').wait_for()
    notebook.page.locator('.bertlab[data-panel="tokens"]').wait_for()
    notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    return jupyter.folder / NAME


def opened_again(browser, jupyter, name):
    """The notebook in a new page with a new kernel, in which no panel lives."""
    for session in jupyter.request("/api/sessions"):
        jupyter.request(f"/api/sessions/{session['id']}", "DELETE")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    Notebook(page).open(jupyter, name)
    return page


def test_a_live_panel_takes_its_twin_away(notebook, saved):
    notebook.page.wait_for_timeout(2500)  # longer than the twin waits for the panel
    twins = notebook.page.locator(".bertlab-twin")
    assert twins.count() == 2 and not any(twin.is_visible() for twin in twins.all())


def test_a_panel_grows_the_notebook_by_its_twin_alone(saved):
    stored = json.loads(saved.read_text())
    assert "widgets" not in stored["metadata"] or not stored["metadata"]["widgets"].get("state")
    assert len(saved.read_text()) < 40_000


def test_a_trusted_notebook_without_its_kernel_shows_the_twins_and_no_error(browser, jupyter, saved):
    page = opened_again(browser, jupyter, NAME)
    try:
        for twin in page.locator(".bertlab-twin").all():
            twin.wait_for(state="visible", timeout=20_000)
        text = visible_text(page)
        assert all(question in text for question in QUESTIONS)
        assert "model not found" not in text and "Error" not in text
    finally:
        page.close()


def test_an_untrusted_notebook_shows_the_twins(browser, jupyter, saved):
    stored = json.loads(saved.read_text())
    stored["cells"][0]["source"] = "# came by mail"
    (jupyter.folder / "foreign.ipynb").write_text(json.dumps(stored))
    page = opened_again(browser, jupyter, "foreign.ipynb")
    try:
        page.get_by_text(QUESTIONS[0]).wait_for()
        text = visible_text(page)
        assert all(question in text for question in QUESTIONS)
        assert "Error" not in text and "widget" not in text.lower()
    finally:
        page.close()
