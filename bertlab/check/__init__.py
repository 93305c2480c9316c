"""Exercises of the course: `check("03.2", answer)` says whether an answer is right, and where it differs.

    from bertlab.check import check
    check("03.2", my_attention)

`check` never raises; `.points(2)` of what it says is a plain number, and `check("03.2", my_attention, strict=True)`
raises `NotRight`, for graders. The library itself is the answer key, and nothing needs the network. The notebooks are
written solved; `student_copy` takes the solutions out, and `python -m bertlab.check notebooks students` does so for a
folder.
"""

from bertlab.check.student import BEGIN, END, stub_of, student_copy, without_solutions
from bertlab.check.verdict import NotRight, Verdict, check, exercises

__all__ = [
    "BEGIN", "END", "NotRight", "Verdict", "check", "exercises", "stub_of", "student_copy", "without_solutions",
]  # fmt: skip
