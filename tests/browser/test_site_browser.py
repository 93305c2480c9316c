"""The course as static pages, in Chromium: on a phone and on a desk, from a folder, without asking anyone anything."""

import os
from pathlib import Path

import pytest
from grading_cases import notebook
from lab_page import is_local

pytest.importorskip("nbconvert")
pytest.importorskip("nbclient")
CELLS = [
    ("markdown", "# Heads: where do they look?"),
    ("code", "from small_lab import small_lab\nfrom bertlab_widgets import *\nlab = small_lab(64)"),
    ("markdown", "## One head\n\nA sentence about quokkas. | and `code that is rather long for a phone = 1 + 2 + 3`"),
    ("code", 'HeadsPanel(lab, "the cat sat on the mat.")'),
    ("code", 'TokenizerPanel(lab, "the cat sat")'),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    from bertlab_widgets.site import build

    folder = tmp_path_factory.mktemp("site")
    (folder / "in").mkdir()
    (folder / "in" / "03_heads.ipynb").write_text(notebook(CELLS), encoding="utf-8")
    (folder / "in" / "04_next.ipynb").write_text(notebook([("markdown", "# Next: and then?")]), encoding="utf-8")
    here = str(Path(__file__).resolve().parents[1] / "widgets")  # small_lab, for the kernels
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
        return build(folder / "in", folder / "out").parent


@pytest.mark.parametrize("width", [390, 1280])
def test_a_reader_finds_a_section_and_uses_a_panel(browser, site, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_default_timeout(20_000)
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto((site / "index.html").as_uri())
    page.get_by_role("searchbox").fill("quokkas")
    page.get_by_role("link", name="One head").first.click()
    page.wait_for_url("**/03_heads.html#s2")
    frame = page.frame_locator("iframe.panel").first
    page.locator("iframe.panel").first.scroll_into_view_if_needed()
    frame.locator(".strip .chip", has_text="cat").click()
    frame.locator('.strip .chip[aria-pressed="true"], .strip .chip.selected').first.wait_for()
    page.wait_for_function("document.querySelector('iframe.panel').offsetHeight > 300")
    inner = page.frames[1]
    assert inner.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("link", name="04").last.click()
    page.wait_for_url("**/04_next.html")
    assert [url for url in asked if not is_local(url)] == []
    assert failed == []
    page.close()
