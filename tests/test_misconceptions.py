"""docs/misconceptions.md says truly where each misconception is dispelled."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TABLE = (ROOT / "docs" / "misconceptions.md").read_text(encoding="utf-8")
ROWS = [
    [part.strip() for part in line.strip("| \n").split(" | ")]
    for line in TABLE.splitlines()
    if line[:3].strip("| ").isdigit()
]


def demonstrations(chapter):
    """{number of a misconception: headings under which its cells stand} in a chapter."""
    path = ROOT / "notebooks" / f"{chapter}.ipynb"
    found, heading = {}, ""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        headings = re.findall(r"^## (.+)$", "".join(cell["source"]), re.MULTILINE)
        if cell["cell_type"] == "markdown":
            heading = headings[-1] if headings else heading
        number = re.match(r"misconception-(\d+)", cell["id"])
        if number and cell["cell_type"] == "code":
            found.setdefault(int(number[1]), []).append(heading)
    return found


def test_there_are_fifteen():
    assert [int(row[0]) for row in ROWS] == list(range(1, 16))


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_has_its_cells_in_the_chapter_and_section_that_the_table_names(row):
    number, _, _, chapters, sections = row
    for chapter, section in zip(re.findall(r"`(\w+)`", chapters), sections.split("; "), strict=True):
        assert section in demonstrations(chapter)[int(number)]


def test_no_cell_is_missing_in_the_table():
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        for number in demonstrations(path.stem):
            assert f"`{path.stem}`" in ROWS[number - 1][3]
