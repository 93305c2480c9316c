"""The tasks panel and the application in a real notebook, driven as a person drives them."""

import pytest

CELLS = [
    'TasksPanel(lab, "the cat sat on the mat.", "the dog ran up a tree.", task="sentiment", new_tokens=5)',
    'Workbench(lab, "the cat sat on the mat.")',
]


@pytest.fixture
def tasks(notebook):
    found = notebook.page.locator('.bertlab[data-panel="tasks"]').first
    found.wait_for()
    found.locator('[data-task="sentiment"]').click()
    found.locator(".with-chance .bar").first.wait_for()
    return found


def open_task(panel, task):
    panel.locator(f'[data-task="{task}"]').click()
    panel.locator(f'[data-task="{task}"][aria-selected="true"]').wait_for()


def test_labels_stand_beside_chance_with_their_reasons(tasks):
    assert tasks.locator(".with-chance .figure").count() == 2
    assert "chance 50 %" in tasks.locator(".chance-name").inner_text()
    tasks.locator(".reasons .scored").wait_for()
    assert tasks.locator(".reasons svg path").count() == 2
    assert "most for it" in tasks.locator(".answer").inner_text()


def test_an_untrained_head_is_marked_in_red_and_reseeding_shows_what_each_said(tasks):
    assert "untrained" in tasks.locator(".title .untrained").inner_text()
    line = tasks.locator(".untrained-line")
    assert "random weights (seed 0)" in line.inner_text()
    line.get_by_role("button", name="Reseed", exact=True).click()
    line.locator(".seeds .now", has_text="seed 1").wait_for()
    tasks.page.wait_for_function("() => document.activeElement.dataset.reseed === '1'")


@pytest.mark.parametrize(
    ("task", "drawn"),
    [
        ("fill_mask", ".invitation"),
        ("next_sentence", ".with-chance .bar"),
        ("emotions", ".with-chance .bar"),
        ("similarity", ".scale i"),
        ("inference", ".with-chance .bar"),
        ("pos", ".tagged [data-word]"),
        ("ner", ".tagged [data-word]"),
        ("choice", ".endings input"),
        ("qa", ".spot .start i"),
        ("generation", ".written [data-step]"),
    ],
)
def test_every_task_draws_its_answer(tasks, task, drawn):
    open_task(tasks, task)
    tasks.locator(drawn).first.wait_for(state="attached")
    assert not tasks.locator(".error").is_visible()
    assert "null" not in tasks.inner_text() and "undefined" not in tasks.inner_text()


def test_arrows_go_along_the_tagged_words_and_select_them_for_all(notebook, tasks):
    open_task(tasks, "pos")
    tasks.locator('[data-word="1"]').click()
    tasks.locator('[data-word="1"][aria-pressed="true"]').wait_for()
    notebook.page.keyboard.press("ArrowRight")
    tasks.locator('[data-word="2"][aria-pressed="true"]').wait_for()
    tasks.locator('.strip .chip[aria-pressed="true"]', has_text="sat").wait_for()


def test_endings_are_typed_and_compete(tasks):
    open_task(tasks, "choice")
    for letter, ending in (("A", "it was muddy."), ("B", "a dog ran.")):
        field = tasks.get_by_role("textbox", name=f"Ending {letter}")
        field.fill(ending)
        field.press("Enter")
    tasks.locator(".endings .bar i").nth(1).wait_for(state="attached")
    assert "chance is 50 %" in tasks.locator(".answer").inner_text()


def test_beams_are_drawn_as_a_tree(tasks):
    open_task(tasks, "generation")
    tasks.get_by_role("combobox", name="Search").select_option("beam")
    tasks.locator(".tree svg").wait_for()
    assert tasks.locator(".tree path.best").count() == 5
    tasks.get_by_role("combobox", name="Search").select_option("greedy")
    tasks.locator(".written [data-step]").first.wait_for()


def test_keys_reach_the_panel_and_not_the_notebook(notebook, tasks):
    cells = notebook.cells()
    tasks.locator(".tasks [aria-selected=true]").focus()
    for key in ("x", "b", "d", "d"):
        notebook.page.keyboard.press(key)
    notebook.page.keyboard.press("7")
    tasks.locator('[data-task="pos"][aria-selected="true"]').wait_for()
    notebook.page.keyboard.press("ArrowLeft")
    tasks.locator('[data-task="inference"][aria-selected="true"]').wait_for()
    assert notebook.cells() == cells


def test_the_application_goes_from_tab_to_tab_with_one_selection(notebook):
    bar = notebook.page.locator(".bertlab-app")
    output = notebook.page.locator(".jp-Cell", has=bar)
    output.locator('.bertlab[data-panel="tokens"] .strip .chip', has_text="mat").first.click()
    for tab, name in (("Mask", "masks"), ("Inspect heads", "heads"), ("Run tasks", "tasks")):
        bar.get_by_role("tab", name=tab).click()
        panel = output.locator(f'.bertlab[data-panel="{name}"]')
        panel.locator('.chip[aria-pressed="true"]', has_text="mat").wait_for()
        assert output.locator(".bertlab[data-panel]").count() == 1
    bar.get_by_role("tab", name="Run tasks").focus()
    notebook.page.keyboard.press("ArrowLeft")
    output.locator('.bertlab[data-panel="heads"]').wait_for()


def test_nothing_left_the_machine_and_nothing_went_wrong(notebook):
    assert notebook.left_the_machine == []
    assert [line for line in notebook.console if "bertlab" in line.lower() or "anywidget" in line.lower()] == []
