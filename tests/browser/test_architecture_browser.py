"""The map of the model in a real notebook: clicked through, walked through, its source read; and its exported page."""

import pytest
from lab_page import ROOT

CELLS = ['panel = ModelPanel(lab, "the cat sat on the mat.")\npanel']


def panel(notebook):
    found = notebook.page.locator('.bertlab[data-panel="architecture"]')
    found.locator(".stack .part").first.wait_for()
    return found


def test_a_click_leads_from_a_part_to_a_tensor_and_its_source(notebook):
    drawn = panel(notebook)
    drawn.locator(".part", has_text="layer 1").click()
    drawn.locator('.inside [data-path="bert.encoder.layer.1.attention.self.query.weight"]').click()
    drawn.locator(".detail h4", has_text="query.weight").wait_for()
    assert "24 × 24" in drawn.locator(".detail dl").inner_text()
    assert drawn.locator(".histogram rect").count() > 10
    drawn.get_by_role("tab", name="Source").click()
    drawn.locator(".detail mark", has_text="self.query").wait_for()
    assert "576 numbers" in drawn.locator(".answer").inner_text()


def test_the_keyboard_walks_through_the_map_and_out_again(notebook):
    drawn, page = panel(notebook), notebook.page
    drawn.locator(".part", has_text="layer 0").click()
    drawn.locator('.part[aria-pressed="true"]', has_text="layer 0").wait_for()
    page.keyboard.press("ArrowDown")
    drawn.locator('.part[aria-pressed="true"]', has_text="embeddings").wait_for()
    drawn.locator('.inside [data-path^="bert.embeddings."]').first.wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    drawn.locator('.inside [aria-pressed="true"]:not([data-path="bert.embeddings"])').wait_for()
    assert notebook.python("print(panel.path)").strip().startswith("bert.embeddings.")
    page.keyboard.press("Escape")
    drawn.locator('.part[aria-pressed="true"]', has_text="embeddings").wait_for()


def test_bars_of_parameters_are_in_proportion_also_for_a_projector(notebook):
    drawn = panel(notebook)
    widths = """parts => [...parts.querySelectorAll('.share > i')].map(bar => [
        bar.getBoundingClientRect().width, Number(bar.style.getPropertyValue('--of-most'))])"""
    for scale in (1.0, 1.5):
        notebook.python(f"panel.scale = {scale}")
        notebook.page.wait_for_timeout(300)
        bars = drawn.locator(".parts").evaluate(widths)
        (longest, most) = max(bars)
        assert most == 1 and longest > 20
        for width, share in bars:
            assert abs(width - max(1, longest * share)) < 1
    notebook.python("panel.scale = 1.0")


def test_nothing_jumps_between_the_looks(notebook):
    drawn = panel(notebook)
    heights = set()
    for look in ("All tensors", "Memory", "Map"):
        drawn.get_by_role("tab", name=look).click()
        drawn.locator('[aria-selected="true"]', has_text=look).wait_for()
        notebook.page.wait_for_timeout(200)
        heights.add(round(drawn.locator(".stage-frame").bounding_box()["height"]))
    assert len(heights) == 1


CUT = """root => [...root.querySelectorAll('.head')].filter(element => element.scrollWidth > element.clientWidth)
    .map(element => element.textContent)"""
CONTRASTS = """root => {
    const luminance = color => {
        const context = new OffscreenCanvas(1, 1).getContext("2d");
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const paper = luminance(getComputedStyle(root).backgroundColor);
    return [...root.querySelectorAll('.legend .key')].map(key => {
        const ink = luminance(getComputedStyle(key.lastChild.nodeType === 1 ? key.lastChild : key).color);
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    });
}"""


@pytest.fixture
def exported(browser, monkeypatch, tmp_path):
    """The exported page of a map with one chosen token, on a dark screen of 1280 pixels."""
    monkeypatch.syspath_prepend(ROOT / "tests" / "widgets")
    from bertlab_widgets import ModelPanel
    from small_lab import small_lab

    made = ModelPanel(small_lab(), "the cat sat on the mat.", selected=[2])
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(f"file://{made.export(tmp_path / 'map.html')}")
    page.locator(".stack .part").first.wait_for()
    yield page
    page.close()


def test_the_legends_are_whole_in_a_notebook(notebook):
    drawn = panel(notebook)
    notebook.python("panel.path = ''")
    drawn.locator(".detail h4", has_text="the whole model").wait_for()
    for width, scale in ((1280, 1.0), (1024, 1.0), (1280, 1.5)):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        notebook.python(f"panel.scale = {scale}")
        notebook.page.wait_for_timeout(300)
        assert drawn.evaluate(CUT) == [], (width, scale)
    notebook.python("panel.scale = 1.0")


def test_the_legends_are_read_on_a_dark_page(exported):
    root = exported.locator(".bertlab")
    contrasts = root.evaluate(CONTRASTS)
    assert len(contrasts) == 4 and min(contrasts) >= 4.5  # WCAG 2.2, 1.4.3
    assert root.evaluate(CUT) == []


def test_the_exported_page_answers_to_each_click_that_it_offers(exported):
    def shows(entry):
        path = entry.get_attribute("data-path")
        entry.click()
        exported.wait_for_function("path => document.querySelector('.detail h4').textContent === path", arg=path)

    parts = exported.locator(".stack .part")
    for at in range(parts.count()):
        shows(parts.nth(at))
        inside = exported.locator(".inside [data-path]")
        for place in range(inside.count()):
            shows(inside.nth(place))
    exported.get_by_role("button", name="Whole model").click()
    exported.locator(".detail h4", has_text="the whole model").wait_for()
    assert exported.get_by_role("tab").all_inner_texts() == ["Map", "All tensors", "Memory"]
    exported.get_by_role("tab", name="All tensors").click()
    exported.locator("td", has_text="bert.pooler.dense.weight").wait_for()
    assert exported.locator("td button").count() == 0
    assert exported.problems == []


def test_nothing_left_the_machine_and_nothing_went_wrong(notebook):
    assert notebook.left_the_machine == []
    assert [line for line in notebook.console if "bertlab" in line.lower() or "anywidget" in line.lower()] == []
