"""Answers for every exercise of the course: `chapter_NN.py` has the RIGHT ones by number, and typical WRONG ones:
(exercise, what is wrong, the answer, a word of the hint or the message).

Answers are made by a function without arguments, so that nothing runs before its test.
"""

import importlib
from pathlib import Path

CHAPTERS = [
    importlib.import_module(f"check_answers.{path.stem}") for path in sorted(Path(__file__).parent.glob("chapter_*.py"))
]
RIGHT = {number: answer for chapter in CHAPTERS for number, answer in chapter.RIGHT.items()}
WRONG = [wrong for chapter in CHAPTERS for wrong in chapter.WRONG]
