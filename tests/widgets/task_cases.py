"""The texts that tests of Tasks read, and how they open a task."""

import pytest
from bertlab_widgets import TasksPanel
from bertlab_widgets.tasks.asked import ASKED

TEXT = "the cat sat on the mat."


PAIR = "the dog ran up a tree."


CHOICES = ["the dog ran.", "paris is the capital of france.", "it was muddy."]


def opened(lab, task, **settings):
    pair = PAIR if ASKED[task].second else None
    return done(TasksPanel(lab, TEXT, pair, task=task, choices=CHOICES, new_tokens=5, longest=5, **settings))


def done(panel):
    """The panel when what it computes in a thread is over, as on a busy machine."""
    assert panel.wait(60)
    return panel


def same(first, second):
    """Whether two nested results hold the same names and, to 1e-5, the same numbers."""
    if isinstance(first, float):
        return first == pytest.approx(second, abs=1e-5)
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[name], second[name]) for name in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


SAMPLING = {"search": "sample", "temperature": 0.7, "top_k": 9, "top_p": 0.8, "draw": 4}
