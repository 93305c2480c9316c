"""Every panel for everyone: what axe-core finds in it, light and dark, and whether the Tab key alone reaches it all."""

import pytest

PANELS = {
    "tokens": "TokenizerPanel(workbench=workbench)",
    "masks": "MaskPanel(workbench=workbench)",
    "heads": "HeadsPanel(workbench=workbench)",
    "tasks": 'TasksPanel(workbench=workbench, task="sentiment")',
    "layers": 'LayersPanel(workbench=workbench, look="senses")',
    "similarity": 'SimilarityPanel(workbench=workbench, sentences=["a dog ran.", "it was too tired."])',
    "intervene": "IntervenePanel(workbench=workbench)",
    "compare": "ComparePanel(workbench=workbench)",
    "data": "DataPanel(workbench=workbench)",
    "buglab": "BugLabPanel(workbench=workbench)",
    "training": "TrainPanel(workbench=workbench)",
    "architecture": 'ModelPanel(workbench=workbench, path="bert.encoder.layer.1.hidden")',
    "embedding": "EmbeddingPanel(workbench=workbench)",
    "application": 'Workbench(lab, "the cat sat on the mat.")',
}
CELLS = [
    'workbench, panels = Workbench(lab, "the cat sat on the mat."), {}\nworkbench.masked = workbench.selected = [2]',
    *(f"panels[{name!r}] = {code}\npanels[{name!r}]" for name, code in PANELS.items()),
]

FINDINGS = """async element => {
    const found = await axe.run(element, { resultTypes: ["violations"] });
    return found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
        .flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html.slice(0, 160)} — ${node.failureSummary}`));
}"""

# What Tab has to reach; of a group of radio buttons it reaches one, and arrows go on from there.
START = """root => {
    const wanted = 'a[href], button, input:not([type=radio]), select, summary, textarea, [tabindex]';
    window.missed = new Set([...root.querySelectorAll(wanted)].filter(element =>
        element.tabIndex >= 0 && !element.disabled && element.checkVisibility({ visibilityProperty: true })));
    window.unmarked = new Set();
    const [first] = window.missed;
    first.focus({ focusVisible: true });
    return window.missed.size;
}"""
STEP = """root => {
    const at = document.activeElement, look = getComputedStyle(at);
    if (!root.contains(at)) return false;
    window.missed.delete(at);
    if (at.matches(':focus-visible') && look.outlineStyle === 'none' && look.boxShadow === 'none')
        window.unmarked.add(at.outerHTML.slice(0, 160));
    return true;
}"""

MISSED = """() => [...window.missed].filter(element => element.isConnected && element.checkVisibility())
    .map(element => element.outerHTML.slice(0, 160))"""


def drawn(notebook, name):
    """The panel (or the whole application) in the output of its own cell."""
    cell = notebook.page.locator(".jp-Notebook .jp-Cell").nth(len(CELLS) + 1 - len(PANELS) + list(PANELS).index(name))
    panel = cell.locator(".bertlab[data-panel]").first
    panel.locator(".answer").wait_for(state="attached")
    found = cell.locator(".widget-vbox").first if name == "application" else panel
    found.scroll_into_view_if_needed()
    return found


@pytest.fixture
def light(notebook):
    yield from themed(notebook, "light")


@pytest.fixture
def dark(notebook):
    yield from themed(notebook, "dark")


def themed(notebook, name):
    theme = f"JupyterLab {name.title()}"
    notebook.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    notebook.page.wait_for_function(
        "name => [...document.querySelectorAll('.bertlab[data-theme]')].every(panel => panel.dataset.theme === name)",
        arg=name,
    )
    yield notebook


def findings(notebook, name):
    if not notebook.page.evaluate("() => 'axe' in window"):
        sync_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
        notebook.page.evaluate(sync_playwright.Axe().axe_script)
    return drawn(notebook, name).evaluate(FINDINGS)


@pytest.mark.parametrize("name", PANELS)
def test_tab_reaches_every_control_shows_where_it_is_and_leaves_again(notebook, name):
    root = drawn(notebook, name)
    controls = root.evaluate(START)
    assert controls > 5
    for _ in range(2 * controls):
        if not root.evaluate(STEP):
            break
        notebook.page.keyboard.press("Tab")
    else:
        pytest.fail("Tab does not leave the panel")
    assert notebook.page.evaluate(MISSED) == []
    assert notebook.page.evaluate("() => [...unmarked]") == []


@pytest.mark.parametrize("name", PANELS)
def test_axe_finds_nothing_serious_in_the_light_theme(light, name):
    assert findings(light, name) == []


@pytest.mark.parametrize("name", PANELS)
def test_axe_finds_nothing_serious_in_the_dark_theme(dark, name):
    assert findings(dark, name) == []


@pytest.mark.parametrize("look", ["steps", "effect", "kinds"])
def test_axe_finds_nothing_serious_in_any_look_of_the_heads(light, look):
    heads = drawn(light, "heads")
    light.python(f"panels['heads'].look = {look!r}")
    heads.locator(".plain h4").first.wait_for()
    assert findings(light, "heads") == []


@pytest.mark.parametrize("task", ["pos", "choice", "qa", "generation"])
def test_axe_finds_nothing_serious_in_the_answers_of_other_tasks(light, task):
    tasks = drawn(light, "tasks")
    tasks.locator(f'[data-task="{task}"]').click()
    tasks.locator(f'[data-task="{task}"][aria-selected="true"]').wait_for()
    light.python("panels['tasks'].wait(30)")
    assert findings(light, "tasks") == []


@pytest.mark.parametrize("name", [name for name in PANELS if name != "application"])
def test_axe_finds_nothing_serious_with_everything_unfolded(light, name):
    panel = drawn(light, name)
    for fold in panel.locator("summary").all():
        fold.click()
    panel.locator(".foot button", has_text="Show code").click()
    panel.locator(".drawer pre").wait_for()
    assert findings(light, name) == []
