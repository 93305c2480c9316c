"""A chapter in another language is the English one: the same cells, the same code, the same numbers."""

import ast
import json
import os
import re
from pathlib import Path

import pytest

from bertlab import language

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
TRANSLATED = sorted(NOTEBOOKS.glob("*/[0-9][0-9]_*.ipynb"))


@pytest.fixture(params=TRANSLATED, ids=lambda path: path.relative_to(NOTEBOOKS).with_suffix("").as_posix())
def path(request):
    return request.param


@pytest.fixture
def pairs(path):
    """(the English cell, the translated one) of a chapter, which has as many cells in both."""
    here, there = (
        json.loads(notebook.read_text(encoding="utf-8"))["cells"] for notebook in (NOTEBOOKS / path.name, path)
    )
    assert len(here) == len(there)
    return list(zip(here, there))


def source(cell):
    return "".join(cell["source"])


def without_words(code):
    """Code as a tree whose texts are blank, and without the two lines that choose a language."""
    tree = ast.parse(code)
    tree.body = [node for node in tree.body if not chooses_language(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):  # words may stand between its values in another order of pieces
            node.values = [value for value in node.values if isinstance(value, ast.FormattedValue)]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def chooses_language(node):
    return ast.unparse(node).startswith(("from bertlab import language", "language.use("))


def numbers(cell):
    """The numbers in a cell's stored output."""
    text = "".join(
        "".join(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in cell["outputs"]
    )
    return re.findall(r"\d+(?:[.,]\d+)*", text)


def test_there_are_translated_chapters():
    assert TRANSLATED


def test_its_language_is_one_that_panels_speak(path):
    assert path.parent.name in language.known()


def test_its_first_code_cell_chooses_the_language(path, pairs):
    first = next(there for _, there in pairs if there["cell_type"] == "code")
    assert f'language.use("{path.parent.name}")' in source(first)


def test_it_has_the_cells_of_the_english_chapter_with_their_names_and_tags(pairs):
    for here, there in pairs:
        assert (here["cell_type"], here["id"], here["metadata"]) == (there["cell_type"], there["id"], there["metadata"])


def test_its_code_is_that_of_the_english_chapter_but_for_words(pairs):
    for here, there in pairs:
        if here["cell_type"] == "code":
            assert without_words(source(there)) == without_words(source(here))


def test_its_outputs_have_the_numbers_of_the_english_ones(pairs):
    for here, there in pairs:
        if here["cell_type"] == "code":
            assert numbers(there) == numbers(here), source(there)


def test_no_prose_was_left_in_english(pairs):
    for here, there in pairs:
        if here["cell_type"] == "markdown":
            assert source(here) != source(there)
            assert len(re.findall("^#+ ", source(here), re.M)) == len(re.findall("^#+ ", source(there), re.M))


def test_its_links_lead_to_chapters(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for target in re.findall(r"\]\(([\w./-]+\.ipynb)\)", source(cell)):
            assert os.path.exists(path.parent / target), target


def test_the_tours_lead_to_each_other():
    for path in TRANSLATED:
        if path.name == "00_tour.ipynb":
            english = (NOTEBOOKS / path.name).read_text(encoding="utf-8")
            assert f"({path.parent.name}/00_tour.ipynb)" in english
            assert "(../00_tour.ipynb)" in path.read_text(encoding="utf-8")
