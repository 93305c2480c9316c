"""The panels in a real notebook, driven as a person drives them."""

import pytest

CELLS = [
    'workbench = Workbench(lab, "the cat sat on the mat.")\ntokens = TokenizerPanel(workbench=workbench)\ntokens',
    "masks = MaskPanel(workbench=workbench)\nmasks",
    "heads = HeadsPanel(workbench=workbench)\nheads",
]


def panel(notebook, name):
    found = notebook.page.locator(f'.bertlab[data-panel="{name}"]')
    found.wait_for()
    return found


def chip(panel, text):
    return panel.locator(".strip .chip", has_text=text).first


def painted(canvas):
    """How many different colours a canvas shows."""
    return canvas.evaluate("""canvas => {
        const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const data = new Uint32Array(image.data.buffer);
        return new Set(data).size; }""")


@pytest.mark.parametrize("name", ["tokens", "masks", "heads"])
def test_each_panel_draws(notebook, name):
    drawn = panel(notebook, name)
    assert drawn.locator(".strip .chip").count() == 9
    assert drawn.locator(".answer").inner_text()
    assert drawn.locator("h3").inner_text().endswith("?")
    assert not drawn.locator(".error").is_visible()


def test_the_grid_the_lines_and_the_matrix_show_something(notebook):
    for canvas in panel(notebook, "heads").locator("canvas").all()[:4]:
        assert painted(canvas) > 3


def test_a_token_clicked_in_one_panel_is_selected_in_the_others(notebook):
    chip(panel(notebook, "tokens"), "mat").click()
    selected = '.chip[aria-pressed="true"]'
    for name in ("masks", "heads"):
        panel(notebook, name).locator(selected, has_text="mat").wait_for()
    assert "mat" in panel(notebook, "heads").locator(".answer").inner_text()
    assert notebook.python("print(workbench.selected)").strip() == "[6]"


def test_a_click_masks_a_token_for_all_and_shows_bars(notebook):
    masks = panel(notebook, "masks")
    chip(masks, "cat").click()
    masks.locator(".bars .bar").first.wait_for()
    chip(panel(notebook, "heads"), "[MASK]").wait_for()
    assert "Place 2" in masks.locator(".places h4").inner_text()
    chip(masks, "[MASK]").click()
    chip(panel(notebook, "heads"), "cat").wait_for()


def test_the_grid_answers_to_click_and_arrows_and_switches_heads_off(notebook):
    heads, page = panel(notebook, "heads"), notebook.page
    grid = heads.locator("canvas").first
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('[data-panel=heads] h4:nth-of-type(1)') !== null")
    heads.get_by_text("Head 1.1", exact=False).first.wait_for()
    page.keyboard.press("Space")
    heads.locator(".model", has_text="1 head off").wait_for()
    assert notebook.python("print(workbench.ablated)").strip() == "[(1, 1)]"
    page.keyboard.press("Space")
    page.wait_for_function("() => !document.querySelector('[data-panel=heads] .model').textContent.includes('off')")


def test_the_panels_keys_do_not_reach_the_notebook(notebook):
    before = notebook.cells()
    for name in ("tokens", "masks", "heads"):
        for key in ("b", "a", "x", "d", "d"):
            panel(notebook, name).locator(".foot button", has_text="Show code").focus()
            notebook.page.keyboard.press(key)
            notebook.page.wait_for_timeout(50)
            assert notebook.cells() == before, f"{key} in the panel {name} changed the notebook"


def test_the_keyboard_alone_selects_masks_and_reads(notebook):
    masks, page = panel(notebook, "masks"), notebook.page
    masks.locator('.chip[tabindex="0"]').focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    masks.locator(".places h4", has_text="Place 1").wait_for()
    page.keyboard.press("2")
    masks.locator("th", has_text="after").wait_for()
    page.keyboard.press("1")
    page.keyboard.press("?")
    masks.locator(".drawer", has_text="clear the selection").wait_for()
    page.keyboard.press("Escape")
    masks.locator(".foot button", has_text="Reset").click()
    chip(masks, "the").wait_for()


def test_show_code_shows_what_python_says(notebook):
    heads = panel(notebook, "heads")
    heads.locator(".foot button", has_text="Show code").click()
    shown = heads.locator(".drawer pre")
    shown.wait_for()
    assert shown.inner_text().strip() == notebook.python("print(heads.code())").strip()
    heads.locator(".foot button", has_text="Show code").click()


def test_the_gate_hides_the_stage_until_a_guess_is_committed(notebook):
    masks, page = panel(notebook, "masks"), notebook.page
    chip(masks, "cat").click()
    masks.locator(".foot button", has_text="Predict first").click()
    veil = masks.locator(".veil")
    veil.wait_for()
    assert not masks.locator(".answer").is_visible()
    veil.locator("input").fill("dog")
    page.keyboard.press("Enter")
    veil.wait_for(state="hidden")
    masks.locator(".answer", has_text="dog").wait_for()
    masks.locator(".foot button", has_text="Reset").click()
    masks.locator(".answer", has_text="Click a token").wait_for()


def test_a_new_text_typed_in_one_panel_is_the_text_of_all(notebook):
    field = panel(notebook, "tokens").locator('input[aria-label="Sentence"]')
    field.fill("unaffable cat")
    field.press("Enter")
    panel(notebook, "heads").locator(".strip .chip", has_text="##able").wait_for()


def test_an_error_in_a_callback_is_a_sentence_in_the_panel(notebook):
    notebook.python("heads.difference = True")
    error = panel(notebook, "heads").locator(".error")
    error.wait_for()
    assert "needs a pinned text" in error.inner_text()
    notebook.python("heads.difference = False")
    error.wait_for(state="hidden")


def test_bertviz_draws_in_its_frame(notebook):
    pytest.importorskip("bertviz")
    notebook.python("heads.look = 'bertviz'")
    heads = panel(notebook, "heads")
    inside = heads.frame_locator("iframe")
    inside.locator("#vis svg line, #vis svg path").first.wait_for(state="attached")
    for view in ("head", "model", "neuron"):  # as high as its picture, nothing cut
        notebook.python(f"heads.bertviz_view = {view!r}")
        frame = heads.locator(f'iframe[title="bertviz {view} view"]')
        frame.wait_for()
        frame.scroll_into_view_if_needed()  # out of sight, a frame's page does not learn that the frame has grown
        inside.locator("#vis svg").first.wait_for(state="attached")
        whole = "root => root.scrollHeight <= window.innerHeight && root.scrollHeight > 150"
        for _ in range(200):
            if inside.locator("html").evaluate(whole):
                break
            notebook.page.wait_for_timeout(100)
        else:
            sizes = inside.locator("html").evaluate("root => [root.scrollHeight, window.innerHeight]")
            pytest.fail(f"bertviz's {view} view is cut: {sizes}")
    notebook.python("heads.look = 'head'")
    heads.locator("iframe").wait_for(state="detached")


@pytest.mark.parametrize("look", ["steps", "effect", "kinds"])
def test_every_look_of_the_heads_draws(notebook, look):
    notebook.python(f"heads.selected = [1]; heads.look = {look!r}")
    heads = panel(notebook, "heads")
    heads.locator(".plain h4").first.wait_for()
    assert not heads.locator(".error").is_visible()
    notebook.python("heads.look = 'head'")


def test_the_sweep_over_all_heads_streams_into_the_panel(notebook):
    notebook.python("heads.selected = [1]; heads.look = 'effect'")
    heads = panel(notebook, "heads")
    heads.get_by_role("button", name="Measure all heads").click()
    heads.get_by_role("button", name="Measure again").wait_for()
    assert painted(heads.get_by_role("img", name="Effect of switching each head off")) > 3
    notebook.python("heads.look = 'head'")


def test_a_long_text_is_drawn_with_pooled_tiles(notebook):
    notebook.python("workbench.text = 'the cat sat on the mat. ' * 30")
    heads = panel(notebook, "heads")
    heads.locator(".note", has_text="Cut after 160 tokens").wait_for()
    assert painted(heads.locator("canvas").first) > 3


def test_the_dark_theme_darkens_canvas_and_paper(notebook):
    heads, page = panel(notebook, "heads"), notebook.page
    light = heads.evaluate("element => getComputedStyle(element).backgroundColor")
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    page.wait_for_function(
        "light => getComputedStyle(document.querySelector('.bertlab')).backgroundColor !== light", arg=light
    )
    page.wait_for_function("() => document.querySelector('[data-panel=heads]').dataset.theme === 'dark'")
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")


def test_an_exported_page_works_without_a_kernel(notebook, browser, tmp_path):
    page = browser.new_page()
    try:
        notebook.python("workbench.text = 'the cat sat on the mat.'; heads.layer = 0")
        page.goto("about:blank")
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        target = tmp_path / "masks.html"
        notebook.python(f"masks.export({str(target)!r})")
        page.goto(f"file://{target}")
        page.locator(".strip .chip", has_text="cat").click()
        page.locator(".places h4", has_text="it was cat").wait_for()
        notebook.python(f"heads.export({str(tmp_path / 'heads.html')!r})")
        page.goto(f"file://{tmp_path / 'heads.html'}")
        page.locator("canvas").first.focus()
        page.keyboard.press("ArrowDown")
        page.locator(".pair h4", has_text="Head 1.").wait_for()
        page.locator(".answer", has_text="Head 1.").wait_for()
        assert not problems
    finally:
        page.close()


def test_nothing_left_the_machine_and_nothing_broke(notebook):
    assert notebook.left_the_machine == []
    assert [line for line in notebook.console if "bertlab" in line.lower() or "Uncaught" in line] == []
