"""The panel of the embeddings in a real notebook: its four looks, with mouse and keyboard."""

CELLS = ['panel = EmbeddingPanel(lab, "the dog sat on the mat.")\npanel']


TAGGED = "() => document.querySelectorAll('[data-panel=embedding] [data-tagged]').length"


def panel(notebook):
    found = notebook.page.locator('.bertlab[data-panel="embedding"]')
    found.locator(".answer").wait_for()
    return found


def colours(canvas):
    return canvas.evaluate("""canvas => new Set(new Uint32Array(canvas.getContext('2d')
        .getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size""")


def tag_rows(drawn):
    """Mark the rows that stand there, to see which of them stay."""
    drawn.locator("tr").evaluate_all("rows => rows.forEach(row => row.toggleAttribute('data-tagged', true))")
    return drawn.locator("tr").count()


def test_a_sign_stands_under_the_token_that_is_shown_while_none_is_chosen(notebook):
    drawn = panel(notebook)
    assert drawn.locator(".strip .chip.read").all_inner_texts() == ["the"]
    drawn.locator("tr.chosen", has_text="the").wait_for()


def test_a_chosen_token_shows_its_numbers_part_by_part(notebook):
    drawn = panel(notebook)
    rows = tag_rows(drawn)
    drawn.locator(".strip .chip", has_text="dog").click()
    drawn.locator("tr.chosen", has_text="dog").wait_for()
    assert "The sum for dog" in drawn.locator(".answer").inner_text()
    assert notebook.page.evaluate(TAGGED) == rows and drawn.locator(".strip .chip.read").count() == 0
    strips = drawn.locator("canvas[data-strip]")
    assert strips.count() == 5 and all(colours(strips.nth(i)) > 5 for i in range(5))


def test_the_map_of_positions_is_drawn_and_a_click_chooses_a_row(notebook):
    drawn = panel(notebook)
    drawn.get_by_role("tab", name="Positions").click()
    canvas = drawn.locator(".square canvas")
    canvas.wait_for()
    notebook.page.wait_for_timeout(500)
    assert colours(canvas) > 20
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] / 2, "y": box["height"] * 40.5 / 160})
    drawn.locator(".answer", has_text="Position 40 is").wait_for()


def test_another_order_changes_the_outputs_only_with_positions(notebook):
    drawn = panel(notebook)
    drawn.get_by_role("tab", name="Order of words").click()
    drawn.locator(".answer", has_text="the same set of outputs").wait_for()
    before = drawn.locator(".sentence").inner_text()
    drawn.get_by_role("button", name="Shuffle again").click()
    drawn.locator(".answer", has_text="the same set of outputs").wait_for()
    notebook.page.wait_for_timeout(400)
    assert drawn.locator(".sentence").inner_text() != before
    rows = tag_rows(drawn)
    drawn.locator(".strip .chip", has_text="sat").click()
    drawn.locator('tr button[aria-pressed="true"]', has_text="sat").wait_for()
    assert notebook.page.evaluate(TAGGED) == rows


def test_the_nearest_words_are_bars(notebook):
    drawn = panel(notebook)
    drawn.locator(".strip .chip", has_text="dog").focus()
    notebook.page.keyboard.press("4")
    drawn.locator(".columns .bars").first.wait_for()
    assert drawn.locator(".columns .bar").count() == 10


def test_nothing_left_the_machine_and_nothing_went_wrong(notebook):
    assert notebook.left_the_machine == []
    assert [line for line in notebook.console if "bertlab" in line.lower() or "anywidget" in line.lower()] == []
