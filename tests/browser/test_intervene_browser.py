"""Acting upon a prediction and comparing two, as a person drives them: clicks, arrows, the game, another text."""

import pytest

CELLS = [
    'workbench = Workbench(lab, "the cat sat on the mat.", masked=[6])\n'
    'intervene = IntervenePanel(workbench=workbench, corrupt="the dog sat on the mat.")\nintervene',
    "compare = ComparePanel(workbench=workbench)\ncompare",
]


@pytest.fixture
def intervene(notebook):
    return found(notebook, "intervene")


@pytest.fixture
def compare(notebook):
    return found(notebook, "compare")


def found(notebook, name):
    panel = notebook.page.locator(f'.bertlab[data-panel="{name}"]')
    panel.wait_for()
    panel.scroll_into_view_if_needed()
    return panel


def look(panel, name):
    panel.get_by_role("tab", name=name).click()
    panel.get_by_role("tab", name=name, selected=True).wait_for()


def said(panel, text):
    panel.locator(".answer", has_text=text).wait_for()


def test_the_map_of_patching_is_drawn_and_a_cell_is_chosen_by_arrows(notebook, intervene):
    canvas = intervene.get_by_role("img", name="How far each cell restores the word")
    said(intervene, "most of all")
    canvas.focus()
    notebook.page.keyboard.press("ArrowDown")
    notebook.page.wait_for_function("() => document.querySelector('[data-panel=intervene] .answer') !== null")
    said(intervene, "put in from the clean run, restores")
    assert notebook.python("print(len(intervene.cell))").strip() == "2"
    notebook.page.keyboard.press("Escape")
    said(intervene, "most of all")


def test_a_corrupt_sentence_of_another_length_is_a_sentence_and_the_field_stays(intervene):
    field = intervene.get_by_label("Corrupt sentence", exact=True)
    field.fill("the dog sat.")
    field.press("Tab")
    said(intervene, "places belong together only where both have as many")
    field.fill("the dog sat on the mat.")
    field.press("Tab")
    said(intervene, "restores")


def test_an_edge_is_cut_by_a_click_and_put_back(notebook, intervene):
    look(intervene, "Cut edges")
    said(intervene, "No edge is cut")
    canvas = intervene.get_by_role("img", name="Attention, row looks at column")
    canvas.focus()
    notebook.page.keyboard.press("Space")
    said(intervene, "Without 1 edge")
    assert notebook.python("print(intervene.cut)").strip() == "[[0, -1, 1, 1]]"
    intervene.get_by_role("button", name="Put all back").click()
    said(intervene, "No edge is cut")


def test_the_game_counts_switches_against_par_and_shows_a_solution(notebook, intervene):
    look(intervene, "Switches")
    intervene.locator(".game", has_text="par ").wait_for()
    notebook.python("intervene.wait(60)")
    canvas = intervene.get_by_role("img", name="Heads as switches")
    canvas.focus()
    notebook.page.keyboard.press("Space")
    intervene.locator(".game", has_text="1 switch").wait_for()
    assert notebook.python("print(workbench.ablated)").strip() == "[(0, 0)]"
    intervene.locator(".neuron").first.click()
    intervene.locator(".neuron[aria-pressed=true]").wait_for()
    intervene.get_by_role("button", name="All on").click()
    intervene.locator(".game", has_text="0 switches").wait_for()
    intervene.get_by_role("button", name="Show a solution").click()
    intervene.locator(".game.broken").wait_for()
    intervene.get_by_role("button", name="All on").click()
    intervene.locator(".game", has_text="0 switches").wait_for()


def test_the_slider_removes_heads_and_the_ranks_are_sorted_by_a_click(notebook, intervene):
    look(intervene, "Prune")
    notebook.python("intervene.wait(60)")
    slider = intervene.get_by_role("slider", name="Removed")
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    said(intervene, "Without 1 of 12 heads")
    look(intervene, "Is attention explanation?")
    notebook.python("intervene.wait(60)")
    intervene.get_by_role("button", name="effect of hiding").click()
    intervene.locator('th[aria-sort="ascending"]', has_text="effect of hiding").wait_for()
    assert intervene.locator(".ranks tbody tr").first.locator("td").last.inner_text() == "1"
    look(intervene, "Both sides or left")
    said(intervene, "knowing nothing")


def test_two_models_are_compared_and_two_texts(notebook, compare):
    notebook.python("compare.wait(60)")
    said(compare, "hidden states differ most")
    compare.get_by_role("button", name="cat, token 2").click()
    said(compare, "at cat: hidden states differ most")
    compare.get_by_role("button", name="cat, token 2").click()
    look(compare, "Attention")
    compare.get_by_role("img", name="Share of its attention that each head moved").focus()
    notebook.page.keyboard.press("ArrowRight")
    said(compare, "head 0.1 moves")
    compare.get_by_label("B is").select_option("another text")
    compare.locator(".invitation", has_text="Type a second text").wait_for()
    field = compare.get_by_label("Second text", exact=True)
    field.fill("the dog sat on the mat.")
    field.press("Tab")
    said(compare, "moves")
    look(compare, "Hidden states")
    said(compare, "moved furthest")
    look(compare, "Predictions")
    said(compare, "The likeliest word differs at")


def test_nothing_left_the_machine_and_nothing_failed(notebook):
    assert not notebook.left_the_machine
    assert not [line for line in notebook.console if "ERR_INTERNET" not in line]
