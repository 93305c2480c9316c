"""The training panel in a real notebook: started, stopped and gone back in with mouse and keyboard."""

PASTED = r"the cat sat\tyes\nthe dog ran\tno\nthe animal sat\tyes\nthe river ran\tno\nthe cat ran\tno\nthe dog sat\tyes"
CELLS = [
    "from bertlab_widgets import TrainPanel\n"
    f"panel = TrainPanel(lab, 'the cat sat on the mat.', dataset='pasted', pasted='{PASTED}',"
    " steps=12, batch_size=4, seconds=0)\n"
    "panel"
]


def panel(notebook):
    found = notebook.page.locator('.bertlab[data-panel="training"]')
    found.wait_for()
    return found


def painted(canvas):
    return canvas.evaluate("""canvas => new Set(new Uint32Array(canvas.getContext('2d')
        .getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size""")


def test_it_shows_what_it_will_learn_from_before_a_run(notebook):
    drawn = panel(notebook)
    assert "Press Start" in drawn.locator(".answer").inner_text()
    assert drawn.locator(".cards h4").count() >= 4
    assert drawn.locator('.machine input[type="range"]').is_disabled()


def test_start_draws_curves_and_watched_sentences(notebook):
    drawn = panel(notebook)
    drawn.get_by_role("button", name="Start", exact=True).click()
    drawn.locator(".model", has_text="done").wait_for(timeout=60_000)
    assert "Step 12 of 12" in drawn.locator(".answer").inner_text()
    assert painted(drawn.locator("canvas").first) > 8
    assert drawn.locator(".cards .bars .bar").count() >= 2


def test_the_time_machine_goes_back_by_keyboard_alone(notebook):
    drawn, page = panel(notebook), notebook.page
    slider = drawn.locator('.machine input[type="range"]')
    slider.focus()
    page.keyboard.press("Home")
    drawn.locator(".answer", has_text="Back at step 0 of 12").wait_for()
    assert "step 0" in slider.get_attribute("aria-valuetext")
    page.keyboard.press("End")
    drawn.locator(".answer", has_text="step 12 of 12").wait_for()
    page.keyboard.press("[")
    drawn.locator(".answer", has_text="Back at step").wait_for()


def test_keys_choose_the_look_and_do_not_reach_the_notebook(notebook):
    drawn, page, before = panel(notebook), notebook.page, notebook.cells()
    drawn.locator(".foot button", has_text="Pin").focus()
    page.keyboard.press("3")
    drawn.locator("h4", has_text="at step").wait_for()
    page.keyboard.press("2")
    drawn.locator(".maps").wait_for(state="hidden")
    page.keyboard.press("1")
    for key in ("x", "b", "a"):
        page.keyboard.press(key)
    assert notebook.cells() == before


def test_stop_ends_a_long_run_at_once(notebook):
    drawn = panel(notebook)
    notebook.python("panel.steps = 100000")
    drawn.get_by_role("button", name="Start anew").click()
    drawn.get_by_role("button", name="Pause").wait_for()
    notebook.python("panel.wait_for_step(3)")
    drawn.get_by_role("button", name="Stop").click()
    drawn.locator(".model", has_text="stopped").wait_for(timeout=10_000)
    assert not drawn.locator(".error").is_visible()


def test_data_that_does_not_parse_is_a_sentence_in_the_panel(notebook):
    drawn = panel(notebook)
    notebook.python("panel.reset(); panel.dataset = 'pasted'")
    field = drawn.get_by_label("Lines to learn from")
    field.fill("good\tyes\nbad")
    field.blur()
    drawn.locator(".error", has_text="line 2").wait_for()


def test_nothing_left_the_machine_and_nothing_broke(notebook):
    assert notebook.left_the_machine == []
    assert [line for line in notebook.console if "bertlab" in line.lower() or "Uncaught" in line] == []
