"""Running the course with a class: the releases for nbgrader and otter-grader, and marks without either.

    from bertlab.grading import grade, release, write_report
    release("nbgrader", chapters, "my_course")       # what `bertlab course --for nbgrader my_course` does
    write_report(grade("submitted", chapters), "report")

Submissions are code of strangers: each runs in a process of its own (`confined`), with limits on time, memory,
processes, output and files, and without a network. `grade` says what this machine could not hold.
"""

from bertlab.grading.chapters import Question, questions_of
from bertlab.grading.grade import Limits, Marks, grade
from bertlab.grading.release import FORMATS, mark_for_nbgrader, release
from bertlab.grading.report import plain, write_report

__all__ = [
    "FORMATS",
    "Limits",
    "Marks",
    "Question",
    "grade",
    "mark_for_nbgrader",
    "plain",
    "questions_of",
    "release",
    "write_report",
]
