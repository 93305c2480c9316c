"""The layers panel in a real notebook: the cloud moves, senses part, lists and probes come."""

CELLS = [
    'corpus = ["the cat sat on the mat.", "a river bank is muddy."]\n'
    'workbench = Workbench(lab, "the dog sat on the bank.", corpus=corpus)\n'
    "panel = LayersPanel(workbench=workbench)\npanel"
]


def drawn(notebook):
    panel = notebook.page.locator('.bertlab[data-panel="layers"]')
    panel.locator(".cloud .marks path").first.wait_for()
    return panel


def shown(notebook, look):
    notebook.page.wait_for_function(
        "look => document.querySelector('[data-panel=layers]').dataset.shown === look", arg=look
    )


def test_a_person_follows_a_word_through_the_layers(notebook):
    panel, page = drawn(notebook), notebook.page
    assert panel.locator(".cloud .marks path").count() == 7
    panel.locator(".cloud .marks path").nth(5).click()
    panel.locator('.strip .chip[aria-pressed="true"]', has_text="bank").wait_for()
    assert panel.locator(".cloud .trails path.bold").count() == 1
    slider = panel.get_by_label("Vectors", exact=True)
    slider.focus()
    page.keyboard.press("Home")
    shown(notebook, "cloud/0")
    assert float(panel.get_attribute("data-draw-ms")) < 50
    panel.locator(".answer", has_text="In the embeddings").wait_for()
    page.keyboard.press("]")
    shown(notebook, "cloud/1")
    page.keyboard.press("2")
    shown(notebook, "senses/1")
    assert panel.locator(".cloud .marks path").count() == 21
    panel.locator("ul.contexts button").nth(4).click()
    panel.locator('ul.contexts button[aria-pressed="true"]').wait_for()
    assert notebook.python("print(panel.context)").strip() == "4"
    panel.locator(".layer-chart").click(position={"x": 45, "y": 40})
    shown(notebook, "senses/0")
    page.keyboard.press("3")
    panel.locator("td mark").first.wait_for()
    page.keyboard.press("4")
    panel.locator("tr.on").wait_for()
    panel.locator("td button", has_text="layer 2").click()
    shown(notebook, "lens/3")
    page.keyboard.press("6")
    panel.locator(".neurons .bars button").nth(1).click()
    page.wait_for_function("() => document.querySelectorAll('[data-panel=layers] .neurons td mark').length > 0")
    page.keyboard.press("5")
    panel.get_by_text("Probe every layer").wait_for()
    assert not panel.locator(".error").is_visible()
    assert notebook.left_the_machine == [] and notebook.console == []
