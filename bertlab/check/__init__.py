"""Exercises of the course: `check("03.2", answer)` says whether an answer is right, and where it differs.

    from bertlab.check import check
    check("03.2", my_attention)

The library itself is the answer key, and nothing needs the network. The notebooks are written solved; `student_copy`
takes the solutions out, and `python -m bertlab.check notebooks students` does so for a folder.
"""

from bertlab.check.student import student_copy
from bertlab.check.verdict import Verdict, check, exercises

__all__ = ["Verdict", "check", "exercises", "student_copy"]
