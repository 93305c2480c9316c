"""A chapter of two quick exercises, and submissions of it as students hand them in."""

import json

SOLVED = [
    ("markdown", "# Tokens: how does a text become numbers?"),
    ("code", "from bertlab.check import check"),
    ("markdown", "### Exercise 01.2: a word that falls apart"),
    ("code", '### BEGIN SOLUTION\nmany = "antidisestablishmentarianism"\n### END SOLUTION'),
    ("code", 'check("01.2", many)'),
    ("markdown", "### Exercise 01.3: twins"),
    (
        "code",
        '### BEGIN SOLUTION\ntwins = ("The résumé of señor Nuñez", "The resume of senor Nunez")\n### END SOLUTION',
    ),
    ("code", 'check("01.3", twins)'),
]


def notebook(cells):
    """The text of a notebook of (kind, source) cells."""
    made = []
    for number, (kind, source) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"cell{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
        made.append({**cell, "outputs": [], "execution_count": None} if kind == "code" else cell)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def answered(first="...", second="...", before=""):
    """The submission with these answers (as code), and with a cell before them."""
    cells = [(kind, source) for kind, source in SOLVED]
    cells[3], cells[6] = ("code", f"many = {first}"), ("code", f"twins = {second}")
    if before:
        cells.insert(1, ("code", before))
    return notebook(cells)


def write_chapters(folder):
    """The folder of solved notebooks."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "01_tokenize.ipynb").write_text(notebook(SOLVED), encoding="utf-8")
    return folder


def hand_in(folder, student, text, name="01_tokenize.ipynb"):
    """A student's file in the folder of submissions."""
    (folder / student).mkdir(parents=True, exist_ok=True)
    (folder / student / name).write_text(text, encoding="utf-8")
    return folder / student / name
