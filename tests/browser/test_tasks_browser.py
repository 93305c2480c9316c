"""The tasks panel and the application in a real notebook, driven as a person drives them."""

import pytest

CELLS = [
    'TasksPanel(lab, "the cat sat on the mat.", "the dog ran up a tree.", task="sentiment", new_tokens=5)',
    'Workbench(lab, "the cat sat on the mat.")',
    'TasksPanel(lab, "who ran?", "the dog ran up a tree and the cat sat on the mat because it was too tired to run.", '
    'task="qa", window_size=27, stride=7)',
    "import time\nslow = TasksPanel(lab, 'the cat ran.', task='choice', choices=['it sat.', 'it ran.'])\n"
    "slow.observe(lambda change: time.sleep(0.4), ['text', 'task', 'choices'])\nslow",
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
        ("fill_mask", ".with-chance .bar"),
        ("next_sentence", ".with-chance .bar"),
        ("emotions", ".with-chance .bar"),
        ("similarity", ".scale i"),
        ("inference", ".with-chance .bar"),
        ("pos", ".tagged [data-word]"),
        ("ner", ".tagged [data-word]"),
        ("choice", ".endings input"),
        ("qa", ".spot .start i"),
        ("generation", ".written [data-step]"),
        ("seq2seq", ".looks .threads .chosen"),
    ],
)
def test_every_task_draws_its_answer(tasks, task, drawn):
    open_task(tasks, task)
    tasks.locator(drawn).first.wait_for(state="attached")
    assert not tasks.locator(".error").is_visible()
    assert "null" not in tasks.inner_text() and "undefined" not in tasks.inner_text()


def test_menus_name_a_window_of_any_size_and_no_percentage_is_cut(notebook):
    panel = notebook.page.locator('.bertlab[data-panel="tasks"]').nth(1)
    panel.locator(".with-side .figure").first.wait_for()
    shown = "menu => menu.options[menu.selectedIndex].text"
    assert panel.get_by_role("combobox", name="Window").evaluate(shown) == "27 tokens"
    assert panel.get_by_role("combobox", name="Overlap").evaluate(shown) == "7 tokens"
    right = "element => element.getBoundingClientRect().right"
    edge = panel.locator(".stage").evaluate(right)
    for width in ("560px", "840px"):
        panel.evaluate("(element, width) => { element.parentElement.style.width = width; }", width)
        notebook.page.wait_for_timeout(300)
        edge = panel.locator(".stage").evaluate(right)
        rights = panel.locator(".with-side .figure").evaluate_all(f"all => all.map({right})")
        assert len(rights) >= 5 and max(rights) <= edge + 0.5
    panel.evaluate("element => { element.parentElement.style.width = ''; }")


def test_an_optional_second_sentence_leaves_the_room_to_the_first_until_it_is_wanted(tasks):
    open_task(tasks, "fill_mask")
    first, second = (tasks.locator(".text-fields input").nth(i) for i in (0, 1))
    second.evaluate("field => { field.dataset.before = field.value; field.value = ''; }")
    widths = [field.bounding_box()["width"] for field in (first, second)]
    assert widths[0] > 2 * widths[1]
    second.focus()
    assert first.bounding_box()["width"] == pytest.approx(second.bounding_box()["width"], abs=2)
    second.evaluate("field => { field.value = field.dataset.before; field.blur(); }")


def test_a_written_token_shows_where_the_decoder_looked(notebook, tasks):
    open_task(tasks, "seq2seq")
    tasks.locator(".looks .threads .chosen").first.wait_for(state="attached")
    tasks.locator('.looks [data-step="1"]').click()
    tasks.locator('.looks [data-step="1"][aria-pressed="true"]').wait_for()
    tasks.locator("h4", has_text="Token 2 of").wait_for()
    notebook.page.keyboard.press("ArrowRight")
    tasks.locator('.looks [data-step="2"][aria-pressed="true"]').wait_for()
    looks = tasks.locator(".looks [data-from] small")
    before = looks.all_inner_texts()
    tasks.get_by_role("combobox", name="Head").select_option("1")
    notebook.page.wait_for_function(
        "([panel, before]) => [...panel.querySelectorAll('.looks [data-from] small')].map(s => s.textContent).join()"
        " !== before.join()",
        arg=[tasks.element_handle(), before],
    )
    tasks.get_by_role("combobox", name="Attention as").select_option("matrix")
    tasks.locator(".look-matrix tr.at td").first.wait_for()
    rows, columns = tasks.locator(".look-matrix tbody tr").count(), tasks.locator(".look-matrix thead th").count()
    assert tasks.locator(".look-matrix tbody td").count() == rows * columns and columns == 9
    tasks.get_by_role("combobox", name="Attention as").select_option("lines")


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
    line, bars = tasks.locator(".endings .chance-line s").bounding_box(), tasks.locator(".endings .bar")
    first, last = bars.first.bounding_box(), bars.last.bounding_box()
    assert line["y"] <= first["y"] and line["y"] + line["height"] >= last["y"] + last["height"]
    assert line["x"] + line["width"] / 2 == pytest.approx(first["x"] + first["width"] / 2, abs=2)
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


def open_tab(bar, group, tab):
    """As a person does: the group first, where only the open group's panels are shown."""
    bar.get_by_role("tab", name=group, exact=True).click()
    bar.get_by_role("tab", name=tab, exact=True).click()


def test_the_application_goes_from_tab_to_tab_with_one_selection(notebook):
    bar = notebook.page.locator(".bertlab-app")
    output = notebook.page.locator(".jp-Cell", has=bar)
    output.locator('.bertlab[data-panel="tokens"] .strip .chip', has_text="mat").first.click()
    tabs = {"masks": ("Read", "Mask"), "heads": ("Look inside", "Inspect heads"), "tasks": ("Learn", "Run tasks")}
    for name, (group, tab) in tabs.items():
        open_tab(bar, group, tab)
        panel = output.locator(f'.bertlab[data-panel="{name}"]')
        panel.locator('.chip[aria-pressed="true"]', has_text="mat").wait_for()
        assert output.locator(".bertlab[data-panel]").count() == 1
    bar.get_by_role("tab", name="Train", exact=True).focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("ArrowLeft")
    output.locator('.bertlab[data-panel="training"]').wait_for()


def test_the_groups_of_tabs_take_two_rows_at_every_size_and_open_what_was_open_in_them(notebook):
    bar, page = notebook.page.locator(".bertlab-app"), notebook.page
    output = page.locator(".jp-Cell", has=bar)
    open_tab(bar, "Read", "Mask")
    open_tab(bar, "Learn", "Train")
    bar.get_by_role("tab", name="Read", exact=True).click()
    output.locator('.bertlab[data-panel="masks"]').wait_for()  # the panel that was open there before
    page.keyboard.press("End")
    bar.locator('[aria-selected="true"][data-group]').filter(has_text="Model").wait_for()
    bar.locator('[aria-selected="true"][data-tab="model"]').wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    output.locator('.bertlab[data-panel="training"]').wait_for()
    for size in ("2", "1.5", "1"):
        bar.get_by_label("Size of the type").select_option(size)
        page.wait_for_timeout(200)
        tops = bar.evaluate(
            "bar => [...bar.querySelectorAll('[role=tab]')].map(tab => tab.getBoundingClientRect())"
            ".filter(box => box.height).map(box => Math.round(box.top))"
        )
        assert len(set(tops)) == 2, (size, tops)


@pytest.fixture
def slow(notebook):
    """A panel whose kernel takes its time for every change."""
    panel = notebook.page.locator('.bertlab[data-panel="tasks"]').last
    panel.locator(".strip .chip").first.wait_for()
    return panel


def press(target, milliseconds=150):
    """A click as a hand makes it: the button is down for so long."""
    target.click(delay=milliseconds)


def typed(panel, text, end=""):
    """A sentence typed into the field, not yet sent where `end` is no key."""
    field = panel.locator(".text-fields input").first
    field.fill("")
    field.press_sequentially(text)
    if end:
        field.press(end)


@pytest.mark.parametrize(
    ("end", "task", "text"), [("Enter", "sentiment", "a dog ran."), ("", "ner", "paris is muddy.")]
)
def test_a_sentence_and_a_click_on_another_task_right_after_it_both_hold(notebook, slow, end, task, text):
    typed(slow, text, end)
    press(slow.locator(f'[data-task="{task}"]'))
    slow.locator(f'[data-task="{task}"][aria-selected="true"]').wait_for()
    notebook.page.wait_for_timeout(2000)  # all answers of the kernel are there
    assert slow.locator('.tasks [aria-selected="true"]').get_attribute("data-task") == task
    assert slow.locator(".text-fields input").first.input_value() == text
    assert slow.locator(".strip .chip").all_inner_texts()[1:-1] == text.replace(".", " .").split()


def test_an_ending_and_a_click_on_a_button_right_after_it_both_hold(notebook, slow):
    open_task(slow, "choice")
    endings = slow.locator(".endings input")
    endings.first.wait_for()
    endings.first.fill("it was down.")
    press(slow.get_by_role("button", name="Add an ending"))
    endings.nth(2).wait_for()
    notebook.page.wait_for_timeout(1500)
    assert [field.input_value() for field in endings.all()] == ["it was down.", "it ran.", ""]
    endings.nth(2).fill("it wrote.")
    press(slow.get_by_role("button", name="Remove ending B"))
    notebook.page.wait_for_timeout(1500)
    assert [field.input_value() for field in endings.all()] == ["it was down.", "it wrote."]


def test_nothing_left_the_machine_and_nothing_went_wrong(notebook):
    assert notebook.left_the_machine == []
    assert [line for line in notebook.console if "bertlab" in line.lower() or "anywidget" in line.lower()] == []
