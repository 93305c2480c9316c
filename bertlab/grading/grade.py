"""Marks for a folder of submissions: who handed in what, and what each answer is worth."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bertlab.check import student_copy
from bertlab.grading.chapters import Question, chapters_of, checked, read_notebook, source_of
from bertlab.grading.watching import watch
from bertlab.language import current, say

LARGEST_NOTEBOOK, LARGEST_FOLDER, MOST_FILES = 50, 200, 2000  # megabytes, megabytes, files
SOLUTIONS = "solutions"  # as in the working copy of `bertlab lab`
STATES = ("correct", "differs", "todo", "missing")
PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    seconds: int = 600  # of wall-clock time, the whole notebook
    cell_seconds: int = 120
    megabytes: int = 4096  # of memory, all its processes together
    file_megabytes: int = 256  # of files
    processes: int = 64

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"the limit {name} is {value!r}: give a whole number from 1 up")


@dataclass
class Mark:
    """What one student's answer to one exercise is worth."""

    state: str = "missing"
    message: str = ""
    hint: str = ""
    share: float = 0.0


@dataclass
class Marks:
    """All marks: `marks[student][exercise]`, the exercises asked for, and what could not be graded or held."""

    questions: list[Question]
    marks: dict[str, dict[str, Mark]] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)  # (student, sentence)
    lacking: list[str] = field(default_factory=list)  # what this machine could not hold

    def mistakes(self) -> list[tuple[str, str, str, list[str]]]:
        """(exercise, hint or message, an example, students), the most common first."""
        groups: dict[tuple[str, str], tuple[str, list[str]]] = {}
        for student, row in self.marks.items():
            for number, mark in row.items():
                if mark.state == "differs":
                    kind = mark.hint or re.sub(r"-?\d[\d.,e+-]*", "…", mark.message)
                    groups.setdefault((number, kind), (mark.message, []))[1].append(student)
        rows = [(number, kind, example, names) for (number, kind), (example, names) in groups.items()]
        return sorted(rows, key=lambda row: (-len(row[3]), row[0], row[1]))


def grade(
    submissions: str | os.PathLike[str],
    chapters: Path,
    names: Iterable[str] = (),
    limits: Limits | None = None,
    follow: Callable[[str], Any] = lambda line: None,
) -> Marks:
    """Grade a folder of submitted notebooks, each in a confined process of its own.

    Args:
        submissions: a folder with a folder for each student, or with notebooks that have the student's name in theirs
            ("ada_03_attention.ipynb").
        chapters: the folder of the solved notebooks.
        names: of the chapters to grade; all that were handed in when none is named.
        limits: what a submission may use.
        follow: is told a sentence for each submission.

    Raises:
        NotADirectoryError, LookupError: there is no such folder, no notebook in it, or no such chapter.
        OSError: on Windows.
    """
    folder = Path(submissions).expanduser()
    if os.name == "nt":
        raise OSError(
            "submissions are graded on Linux or macOS, where a process can be limited: use WSL or another machine"
        )
    if not folder.is_dir():
        raise NotADirectoryError(f"there is no folder {folder}: give the one with the submitted notebooks")
    limits = limits or Limits()
    asked = chapters_of(chapters, names)
    found = written_in(list(handed_in(folder)), chapters)
    if not found:
        raise LookupError(f"there is no notebook in {folder}: give the folder with the submitted notebooks")
    graded: dict[str, dict[str, Mark]] = {}
    notes: list[tuple[str, str]] = []
    lacking: set[str] = set()
    seen: dict[str, Question] = {}
    for student, path in found:
        graded.setdefault(student, {})
        try:
            chapter = _chapter_of(path, asked)
        except ValueError as error:
            notes.append((student, str(error)))
            continue
        for question in asked[chapter]:
            seen[question.number] = question
        root = folder / student if (folder / student).is_dir() else None
        marks, note, not_held = _run(path, root, asked[chapter], limits)
        lacking |= set(not_held)
        if note:
            notes.append((student, f"{path.name}: {note}"))
        twice = False
        for number, mark in marks.items():
            before = graded[student].get(number)
            twice |= before is not None
            if before is None or (mark.share, mark.state != "missing") > (before.share, before.state != "missing"):
                graded[student][number] = mark
        if twice:
            note = say("{chapter} was handed in more than once: the better answer counts", chapter=chapter)
            notes.append((student, note))
        right = sum(mark.state == "correct" for mark in marks.values())
        told = say("{right} of {count} right", right=right, count=len(marks))
        follow(f"{student}: {chapter}, {told}" + (f" ({note})" if note else ""))
    questions = [seen[number] for number in sorted(seen)]
    for row in graded.values():
        for question in questions:
            row.setdefault(question.number, Mark())
    return Marks(questions, graded, notes, sorted(lacking))


def handed_in(folder: Path) -> Iterable[tuple[str, Path]]:
    """(student, notebook) of every notebook of a folder, in order.

    Links and hidden files are left alone, and so is what `bertlab lab` put into solutions/: whoever hands in the whole
    working copy is not graded for those.
    """
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or entry.name.startswith("."):
            continue
        if entry.is_dir():
            for path in sorted(entry.rglob("*.ipynb")):
                inner = path.relative_to(folder).parts
                if not any(part.startswith(".") or part == SOLUTIONS for part in inner[1:]) and not _linked(
                    path, folder
                ):
                    yield entry.name, path
        elif entry.suffix == ".ipynb":
            name = re.sub(r"[-_ .]*\d\d_[a-z_]+$", "", entry.stem)
            yield name or entry.stem, entry


def written_in(found: list[tuple[str, Path]], chapters: Path) -> list[tuple[str, Path]]:
    """What was handed in, without a chapter's copies in other languages that are still as `bertlab lab` gave them out.

    Where none of a student's copies of a chapter was written in, the first stays.
    """
    copies: dict[tuple[str, str], list[Path]] = {}
    for student, path in found:
        copies.setdefault((student, path.name), []).append(path)
    solved = chapters.rglob("[0-9][0-9]_*.ipynb")
    given_out = {_code(json.loads(student_copy(path.read_text(encoding="utf-8")))) for path in solved}
    kept = []
    for (student, _), paths in copies.items():
        own = [path for path in paths if len(paths) == 1 or not _reads_as(path, given_out)]
        kept += [(student, path) for path in own or paths[:1]]
    return kept


def _code(notebook: dict[str, Any]) -> tuple[str, ...]:
    return tuple(source_of(cell).strip() for cell in notebook["cells"] if cell.get("cell_type") == "code")


def _reads_as(path: Path, given_out: set[tuple[str, ...]]) -> bool:
    try:
        _refuse_large(path)
        return _code(read_notebook(path)) in given_out
    except ValueError:  # it is no notebook, which is said where it is graded
        return False


def _refuse_large(path: Path) -> None:
    if not path.is_file() or path.stat().st_size > LARGEST_NOTEBOOK * 2**20:
        message = say("{name} is no file, or has more than {most} MB", name=path.name, most=LARGEST_NOTEBOOK)
        raise ValueError(message)


def _linked(path: Path, folder: Path) -> bool:
    return any(part.is_symlink() for part in [path, *path.parents] if folder in part.parents)


def _chapter_of(path: Path, asked: dict[str, list[Question]]) -> str:
    """Which chapter a notebook is: by its name, otherwise by what it checks.

    Raises:
        ValueError: it is none of them, or no notebook.
    """
    _refuse_large(path)
    cells = read_notebook(path)["cells"]
    named = [chapter for chapter in asked if chapter in path.stem]
    if named:
        return named[0]
    numbers = {found[0] for cell in cells if (found := checked(source_of(cell)))}
    overlap = {chapter: len(numbers & {q.number for q in questions}) for chapter, questions in asked.items()}
    best = max(overlap, key=lambda chapter: overlap[chapter])
    if not overlap[best]:
        values = {"name": path.name, "chapters": ", ".join(asked)}
        raise ValueError(say("{name} is none of the chapters {chapters}: it checks none of their exercises", **values))
    return best


def _run(
    path: Path, root: Path | None, questions: list[Question], limits: Limits
) -> tuple[dict[str, Mark], str, list[str]]:
    """(marks, what went wrong, what was not held) of one notebook, run in a copy of its folder."""
    with tempfile.TemporaryDirectory(prefix="bertlab_grading_", ignore_cleanup_errors=True) as place:
        folder, box = Path(place) / "copy", Path(place) / "box"
        box.mkdir()
        try:
            _copy(path, root, folder)
        except ValueError as error:
            return {question.number: Mark() for question in questions}, str(error), []
        pipe = os.pipe()
        job = {
            "box": str(box), "folder": str(folder), "notebook": path.name, "results": pipe[1],
            "questions": [[question.number, question.answer] for question in questions], **vars(limits),
        }  # fmt: skip
        job_file = Path(place) / "job.json"
        job_file.write_text(json.dumps(job), encoding="utf-8")
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "MPLBACKEND": "agg",
            "BERTLAB_LANGUAGE": current(), "HF_HUB_OFFLINE": "1", "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        command = [sys.executable, "-m", "bertlab.grading.worker", str(job_file)]
        said, output, reason = watch(command, pipe, environment, limits.seconds, limits.megabytes, limits.processes)
    return _verdicts(said, output, reason, questions)


def _copy(path: Path, root: Path | None, target: Path) -> None:
    """The notebook and what the student handed in beside it, without links, devices, or pipes.

    Raises:
        ValueError: that is too much.
    """
    target.mkdir()
    size, count = 0, 0
    around = sorted(path.parent.rglob("*")) if root is not None else [path]
    for one in around:
        if not one.is_file() or one.is_symlink() or _linked(one, path.parent):
            continue
        size, count = size + one.stat().st_size, count + 1
        if size > LARGEST_FOLDER * 2**20 or count > MOST_FILES:
            limits = {"most": LARGEST_FOLDER, "files": MOST_FILES}
            raise ValueError(
                say("more than {most} MB or {files} files were handed in beside {name}", name=path.name, **limits)
            )
        place = target / one.relative_to(path.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one, place)


def _verdicts(
    said: bytes, output: str, reason: str, questions: list[Question]
) -> tuple[dict[str, Mark], str, list[str]]:
    """What a worker told, as marks; nothing that it wrote is trusted to be well made."""
    marks = {question.number: Mark() for question in questions}
    lacking: list[str] = []
    started = ended = False
    for line in said.decode("utf-8", "replace").splitlines():
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(told, dict):
            continue
        if isinstance(told.get("lacking"), list) and not started:
            started, lacking = True, [str(name) for name in told["lacking"]]
        ended |= told.get("ended") is True
        number, share, state = told.get("exercise"), told.get("share"), told.get("state")
        if number in marks and state in STATES and isinstance(share, float) and 0 <= share <= 1:
            marks[number] = Mark(state, str(told.get("message", "")), str(told.get("hint", "")), share)
    if reason or not ended:
        last = output.strip().splitlines()[-1][:200] if output.strip() else ""
        ended_early = say("it ended before its last cell") if started else say("it could not be run: {last}", last=last)
        reason = reason or ended_early
    return marks, reason, lacking
