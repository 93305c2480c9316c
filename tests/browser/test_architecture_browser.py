"""The map of the model in a real notebook: clicked through, walked through, its source read."""

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


def test_nothing_left_the_machine_and_nothing_went_wrong(notebook):
    assert notebook.left_the_machine == []
    assert [line for line in notebook.console if "bertlab" in line.lower() or "anywidget" in line.lower()] == []
