"""A whole set and the usual mistakes, in a real notebook, driven as a person drives them."""

CELLS = [
    "def row(n):\n"
    "    label = ['positive', 'negative'][n % 2]\n"
    "    return {'review': f'the cat {n} sat on the mat', 'stars': label, 'kind': 'ab'[n % 3 > 0]}\n"
    "rows = [row(n) for n in range(700)]\n"
    "workbench = Workbench(lab, 'the cat sat on the mat.')\n"
    "sets = DataPanel(workbench=workbench, data=rows, columns={'text': 'review', 'label': 'stars'})\nsets",
    "mistakes = BugLabPanel(workbench=workbench)\nmistakes",
    "app = Workbench(lab, 'who wrote it?').show()\napp.tab = 'data'\napp",
]


def panel(notebook, name):
    found = notebook.page.locator(f'.bertlab[data-panel="{name}"]').first
    found.wait_for()
    return found


def test_seven_hundred_rows_are_a_few_elements_and_the_last_one_can_be_reached(notebook):
    notebook.python("sets.wait()")
    sets = panel(notebook, "data")
    sets.locator(".answer", has_text="of 700 rows right").wait_for()
    assert not sets.locator(".error").is_visible()
    assert sets.locator(".inner .row").count() < 60
    box = sets.get_by_role("listbox")
    box.evaluate("box => { box.scrollTop = box.scrollHeight; }")
    last = sets.locator('[aria-posinset="700"]')
    last.wait_for()
    notebook.page.wait_for_function(
        "() => document.querySelector('[data-panel=data] [aria-posinset=\"700\"]')?.textContent.includes('the cat')"
    )
    box.evaluate("box => { box.scrollTop = 0; }")


def test_a_cell_narrows_the_list_and_a_row_is_the_text_of_all(notebook):
    sets, page = panel(notebook, "data"), notebook.page
    cell = next(cell for cell in sets.locator(".matrix .count").all() if cell.inner_text() != "0")
    count = int(cell.inner_text())
    cell.click()
    sets.locator(".narrowed", has_text=f"{count} of 700 rows").wait_for()
    sets.locator(".inner .row").first.click()
    chosen = sets.locator('.inner [aria-selected="true"] .words')
    chosen.wait_for()
    shown = chosen.inner_text()
    panel(notebook, "buglab").locator(".strip .chip", has_text="cat").first.wait_for()
    assert notebook.python("print(workbench.text)").strip() == shown.strip()
    box = sets.get_by_role("listbox")
    box.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function(
        "shown => { const on = document.querySelector('[data-panel=data] .inner [aria-selected=true] .words');"
        " return on && on.textContent !== shown; }",
        arg=shown,
    )
    page.keyboard.press("Escape")
    sets.locator(".answer", has_text="of 700 rows right").wait_for()


def test_how_sure_the_head_is_can_be_clicked_and_the_columns_chosen(notebook):
    sets = panel(notebook, "data")
    sets.get_by_role("tab", name="How sure").click()
    bar = sets.locator(".reliability .bin").first
    bar.wait_for()
    bar.focus()
    notebook.page.keyboard.press("Enter")
    sets.locator('.bin[aria-pressed="true"]').wait_for()
    notebook.page.keyboard.press("Escape")
    sets.locator('.bin[aria-pressed="true"]').wait_for(state="detached")
    sets.get_by_label("Label", exact=True).select_option("")
    notebook.python("sets.wait()")
    sets.locator(".answer", has_text="Without labels").wait_for()
    sets.get_by_role("tab", name="What for what").click()
    sets.get_by_label("Rows of the matrix").select_option("kind")
    sets.locator(".matrix th", has_text="kind").wait_for()


def test_on_a_projector_a_row_of_the_list_keeps_room_for_its_text(notebook):
    sets, page = panel(notebook, "data"), notebook.page
    share = "[...document.querySelectorAll('[data-panel=data] .inner .words')][0].clientWidth"
    for scale, least in ((1, 200), (1.5, 200)):  # pixels: about 20 letters of the larger type
        notebook.python(f"sets.scale = {scale}")
        page.wait_for_function(f"() => document.querySelector('[data-panel=data] .rows') && {share} > {least}")
    notebook.python("sets.scale = 1")
    assert sets.locator(".figure.loss").count()


def test_a_file_that_is_not_there_is_a_sentence_and_the_rows_stay(notebook):
    sets = panel(notebook, "data")
    notebook.python("sets.source = '/nowhere/rows.csv'")
    sets.locator(".error", has_text="no data file").wait_for()
    assert sets.locator(".inner .row").count() > 5
    notebook.python("sets.source = 'given'")
    sets.locator(".error").wait_for(state="hidden")


def test_a_mistake_is_chosen_measured_and_repaired(notebook):
    mistakes, page = panel(notebook, "buglab"), notebook.page
    mistakes.locator(".mistakes button", has_text="Softmax twice").click()
    mistakes.locator(".answer", has_text="Softmax twice: predictions change by").wait_for()
    assert mistakes.locator(".places tr").count() > 5
    page.keyboard.press("ArrowUp")
    mistakes.locator(".answer", has_text="eval() forgotten").wait_for()
    for button in mistakes.locator(".repair").all():
        if "eval()" in button.inner_text():
            button.click()
    mistakes.locator(".repair.mended").wait_for()
    mistakes.locator(".answer", has_text="repairs it").wait_for()
    mistakes.get_by_role("tab", name="The code").click()
    assert "lab.model.train()" in mistakes.locator(".made pre").inner_text()
    assert "lab.model.eval()" in mistakes.locator(".avoided pre").inner_text()
    mistakes.get_by_role("button", name="Try all ten on this text").click()
    mistakes.get_by_role("button", name="Try all ten on this text").wait_for(state="hidden")
    assert not mistakes.locator(".error").is_visible()


def test_a_row_opens_in_the_tasks_of_the_application(notebook):
    notebook.python("app.panel.wait(); app.panel.row = 3")
    app = notebook.page.locator(".widget-vbox", has=notebook.page.locator(".bertlab-app")).last
    app.get_by_role("button", name="Open the row in Run tasks").click()
    app.locator('.bertlab[data-panel="tasks"]').wait_for()
    assert notebook.python("print(app.tab, app.panel.task)").strip() == "tasks sentiment"
    assert notebook.left_the_machine == [] and notebook.console == []
