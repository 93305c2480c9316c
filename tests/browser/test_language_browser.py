"""The application in languages that are not English: written from the right, and one in which nothing may be unsaid."""

import catalogues
import pytest
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


@pytest.fixture
def speaking(browser, jupyter):
    """`speaking(code, folder, *cells)`: a notebook whose kernel speaks a language of that folder, its cells run."""
    opened = []

    def open_in(code, folder, *cells):
        first = (
            "from small_lab import small_lab\nfrom bertlab_widgets import *\nfrom bertlab import language\n"
            f"language.use({code!r}, {str(folder)!r})\nlab = small_lab(160)"
        )
        jupyter.write(f"{code}.ipynb", [first, *cells])
        notebook = Notebook(browser.new_page(viewport={"width": 1280, "height": 720}))
        opened.append(notebook.page)
        notebook.open(jupyter, f"{code}.ipynb")
        for index in range(len(cells) + 1):
            notebook.run(index)
        return notebook

    yield open_in
    for page in opened:
        page.close()
