"""The similarity panel in a real notebook: cells, layers, words, the list, the keyboard."""

CELLS = ['panel = SimilarityPanel(lab, "the cat sat on the mat.", "a dog ran up a tree.")\npanel']


def drawn(notebook):
    panel = notebook.page.locator('.bertlab[data-panel="similarity"]')
    panel.locator(".layer-chart").wait_for()
    return panel


def shown(notebook, panel, state):
    """Wait until the matrix shows a hidden state."""
    notebook.page.wait_for_function(
        "state => document.querySelector('[data-panel=similarity]').dataset.shown?.endsWith(`/${state}`)", arg=state
    )
    return panel.locator("canvas").get_attribute("aria-label")


def test_a_person_finds_out_why_two_sentences_are_alike(notebook):
    panel, page = drawn(notebook), notebook.page
    said = shown(notebook, panel, 3)
    assert "9 by 9 pairs" in said
    slider = panel.get_by_label("Vectors", exact=True)
    slider.focus()
    page.keyboard.press("Home")
    shown(notebook, panel, 0)
    panel.locator(".answer", has_text="In the embeddings").wait_for()
    assert float(panel.get_attribute("data-draw-ms")) < 50
    page.keyboard.press("]")
    shown(notebook, panel, 1)
    canvas = panel.locator("canvas")
    canvas.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    panel.locator(".answer", has_text="the with a gives").wait_for()  # Python has heard of both keys
    assert notebook.python("print(panel.selected)").strip() == "[1, 9]"
    panel.get_by_label("Words instead of pieces").check()
    page.keyboard.press("Escape")
    panel.locator(".answer", has_text="Of pairs of words").wait_for()  # Python has heard of it
    assert notebook.python("print(panel.words, panel.selected)").strip() == "True []"
    page.keyboard.press("2")
    panel.locator("textarea").wait_for()
    panel.locator("textarea").fill("the cat ran.\nparis is in france.")
    panel.locator("textarea").blur()
    panel.locator("canvas[aria-label='Cosines of 4 sentences']").wait_for()
    assert not panel.locator(".error").is_visible()
    assert notebook.left_the_machine == [] and notebook.console == []
