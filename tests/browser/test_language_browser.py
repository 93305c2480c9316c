"""The application in languages that are not English: written from the right, and one in which nothing may be unsaid."""

import bertlab_widgets
import catalogues
import pytest
from bertlab_widgets.app import PANELS
from catalogues import unsaid
from lab_page import Notebook

HEBREW = {
    "Read": "קריאה",
    "How text becomes pieces and vectors, and which words fit": "איך טקסט נעשה לחלקים ולווקטורים, ואילו מילים מתאימות",
    "Look inside": "מבט פנימה",
    "Intervene": "התערבות",
    "Learn": "למידה",
    "Model": "מודל",
    "Tokenize": "פיצול",
    "Mask": "מיסוך",
    "Embeddings": "שיכונים",
    "Inspect heads": "בחינת ראשים",
    "Follow layers": "מעקב שכבות",
    "Sentence similarity": "דמיון משפטים",
    "Compare two": "השוואת שניים",
    "Break a prediction": "שבירת ניבוי",
    "Make mistakes": "עשיית טעויות",
    "Run tasks": "הרצת משימות",
    "Judge a set": "הערכת אוסף",
    "Train": "אימון",
    "Map": "מפה",
    "Type for a": "גודל אותיות עבור",
    "desk": "שולחן",
    "Preset": "דוגמה",
    "Pin": "הצמדה",
    "Predict first": "לנחש קודם",
    "Show code": "הצגת קוד",
    "Export": "ייצוא",
    "Reset": "איפוס",
    "Sentence": "משפט",
    "Type a sentence, then Enter": "הקלידו משפט ואז Enter",
    "Second sentence": "משפט שני",
    "Second sentence (optional)": "משפט שני (לא חובה)",
    "Which tokens does each head look at?": "על אילו אסימונים מסתכל כל ראש?",
    "Which words does BERT expect here?": "אילו מילים BERT מצפה לראות כאן?",
    "{number} %": "{number}%",
    "{model} ({layers} layers, {heads} heads)": "{model} ({layers} שכבות, {heads} ראשים)",
    "eval": "הערכה",
    "{names} masked": "{names} ממוסך",
    "With {conditions}: {answer}": "כאשר {conditions}: {answer}",
    "Your guess": "הניחוש שלכם",
    "Commit the guess": "אישור הניחוש",
    "What will the panel show?": "מה יראה הלוח?",
    "Pinned (A):": "מוצמד (A):",
    "move along the tokens": "לעבור בין האסימונים",
    "Save what the panel shows as": "לשמור את מה שהלוח מראה בתור",
    "more below ↓": "עוד למטה ↓",
}


ASKED = {"heads": "Which tokens does each head look at?", "masks": "Which words does BERT expect here?"}


STICKING_OUT = """root => {
    const own = root.getBoundingClientRect();
    const out = ({left, right, width}) => width && (left < own.left - 1 || right > own.right + 1);
    const parts = [...root.querySelectorAll("*")];
    return parts.filter(part => out(part.getBoundingClientRect())).map(part => part.outerHTML);
}"""


OF_USERS = ".strip, bdi, pre, code, textarea"  # where the text of a user, tokens or code stand
READ = f"""root => {{
    const [copy, texts] = [root.cloneNode(true), []];
    for (const part of copy.querySelectorAll("{OF_USERS}")) part.replaceWith("·");
    copy.normalize();
    const walker = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) texts.push(walker.currentNode.data);
    for (const part of [root, ...root.querySelectorAll("*")])
        for (const name of ["aria-label", "title", "placeholder", "aria-valuetext", "data-more"])
            if (part.hasAttribute(name)) texts.push(part.getAttribute(name));
    return texts;
}}"""


def application(browser, jupyter, code, folder):
    """A notebook that shows the application in a language of that folder."""
    cells = [
        "from small_lab import small_lab\nfrom bertlab_widgets import *\nfrom bertlab import language\n"
        f"language.use({code!r}, {str(folder)!r})\nlab = small_lab(160)",
        'app = Workbench(lab, "the cat sat on the mat.").show()\napp',
    ]
    jupyter.write(f"{code}.ipynb", cells)
    notebook = Notebook(browser.new_page(viewport={"width": 1280, "height": 720}))
    notebook.open(jupyter, f"{code}.ipynb")
    for index in range(len(cells)):
        notebook.run(index)
    return notebook


@pytest.fixture(scope="module")
def hebrew(browser, jupyter, tmp_path_factory):
    notebook = application(browser, jupyter, "he", catalogues.write(tmp_path_factory.mktemp("he"), "he", HEBREW))
    yield notebook
    notebook.page.close()


def open_tab(notebook, tab, panel):
    """Open a tab of the application; the roots of its bar and of its panel."""
    page = notebook.page
    page.locator(f'.bertlab-app [data-tab="{tab}"]').evaluate("tab => tab.click()")
    root = page.locator(f'.bertlab[data-panel="{panel}"]')
    root.and_(page.locator("[data-first-paint-ms]")).wait_for()
    root.locator(".busy").wait_for(state="hidden", timeout=60_000)
    return page.locator(".bertlab-app"), root


@pytest.mark.parametrize(("tab", "panel"), [("heads", "heads"), ("mask", "masks")])
def test_what_is_written_from_the_right_begins_there_and_stays_within_the_page(hebrew, tab, panel):
    for root in open_tab(hebrew, tab, panel):
        assert (root.get_attribute("dir"), root.get_attribute("lang")) == ("rtl", "he")
        assert root.evaluate(STICKING_OUT) == []
    assert root.locator("h3").inner_text() == HEBREW[ASKED[panel]]
    question, line = root.locator("h3").bounding_box(), root.locator(".model").bounding_box()
    assert question["x"] > line["x"]
    chips = [chip.bounding_box()["x"] for chip in root.locator(".strip .chip").all()[:3]]
    assert chips == sorted(chips)  # an English sentence still begins at the left
    assert hebrew.console == []


def test_forwards_is_to_the_left_where_one_writes_from_the_right(hebrew):
    bar, _ = open_tab(hebrew, "mask", "masks")
    bar.locator('[data-tab="mask"]').focus()
    hebrew.page.keyboard.press("ArrowLeft")
    bar.locator('[data-tab="embedding"][aria-selected="true"]').wait_for()
    hebrew.page.keyboard.press("ArrowRight")
    bar.locator('[data-tab="mask"][aria-selected="true"]').wait_for()


@pytest.fixture(scope="module")
def brackets(browser, jupyter, tmp_path_factory):
    folder = catalogues.write_pseudo(tmp_path_factory.mktemp("brackets"))
    notebook = application(browser, jupyter, catalogues.PSEUDO, folder)
    yield notebook
    notebook.page.close()


def test_nothing_on_a_screen_stands_outside_of_what_is_said(brackets):
    """Every tab, with every drawer and list open: texts, labels, titles, placeholders, options."""
    found = []
    for name, tab in PANELS.items():
        script = getattr(bertlab_widgets, tab.home.split(".")[1]).script
        bar, panel = open_tab(brackets, name, script.removesuffix(".js"))
        panel.get_by_role("button", name="⟦Keys of this panel⟧").click()
        for root in (bar, panel):
            found += [f"{name}: {text}" for text in root.evaluate(READ) if unsaid(text)]
    assert not found, "\n".join(dict.fromkeys(found))


@pytest.fixture(scope="module")
def chinese(browser, jupyter):
    cells = [
        "from small_lab import chinese_vocabulary, small_lab\nfrom bertlab_widgets import *\n"
        "from bertlab import language\nlanguage.use('zh')\nlab = small_lab(160, pieces=chinese_vocabulary())",
        "Workbench(lab).show()",
    ]
    jupyter.write("class.ipynb", cells)
    notebook = Notebook(browser.new_page(viewport={"width": 1280, "height": 720}))
    notebook.open(jupyter, "class.ipynb")
    for index in range(len(cells)):
        notebook.run(index)
    yield notebook
    notebook.page.close()


def test_a_chinese_class_opens_on_a_chinese_sentence_in_characters_of_its_own_language(chinese):
    for root in open_tab(chinese, "heads", "heads"):
        assert (root.get_attribute("dir"), root.get_attribute("lang")) == ("ltr", "zh")
    assert root.locator(".text-fields input").first.input_value() == "这只动物没有过马路，因为它太累了。"
    assert root.locator(".note").is_hidden()
    assert chinese.console == []


def test_a_chinese_token_stands_out_from_the_sentence_about_it(chinese):
    _, root = open_tab(chinese, "mask", "masks")
    root.locator("select[aria-label] option", has_text="量词").first.wait_for(state="attached")
    token = root.locator(".answer .quoted").first
    token.wait_for()
    grounds = token.evaluate("one => [one, one.parentElement].map(part => getComputedStyle(part).backgroundColor)")
    assert grounds[0] != grounds[1] and grounds[0] != "rgba(0, 0, 0, 0)"
