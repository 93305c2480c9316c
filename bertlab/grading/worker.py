"""Runs one submission, confined, and says what its answers are worth: `python -m bertlab.grading.worker JOB`.

The cells of the student's notebook run from top to bottom in IPython, each with a time limit; where a cell does nothing
but check an exercise, the exercise is judged there, and what was not judged is at the end. Every verdict leaves at
once, as a line of JSON, so that a notebook that never ends still earns what it had.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from bertlab.grading.chapters import checked, read_notebook, source_of
from bertlab.grading.confined import confine, guard_python, limit
from bertlab.language import current, say, use

LONGEST = 2000  # characters of a message


class TooLong(BaseException):
    """A cell took longer than its time. No `except Exception` of a student catches it."""


def main(job_file: str) -> int:
    """Run the job that a file describes; see `bertlab.grading.grade`."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    box = Path(job["box"])
    limit(job["seconds"] + 300, job["megabytes"], job["file_megabytes"])
    lacking = confine(box, job["file_megabytes"])
    tell = os.fdopen(job["results"], "w", encoding="utf-8", buffering=1)
    work, home, temporary = (box / name for name in ("work", "home", "tmp"))
    shutil.copytree(job["folder"], work, symlinks=False)
    for folder in (home, temporary):
        folder.mkdir()
    os.chdir(work)
    for name in ("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        os.environ[name] = str(home)
    os.environ["TMPDIR"] = str(temporary)
    sys.dont_write_bytecode = True
    sys.path[:] = [*sys.path[1:], str(work)]  # what a student calls torch.py is not torch
    from bertlab.check import check

    check("01.2", "cat")  # loads what every check needs, before any clock runs
    _tell(tell, lacking=lacking)
    job["language"] = current()  # the report's
    run(read_notebook(work / job["notebook"]), job, box, tell)
    _tell(tell, ended=True)
    return 0


def run(notebook: dict[str, Any], job: dict[str, Any], box: Path, tell: Any) -> None:
    """Run a notebook's cells and tell the verdict of each question."""
    from IPython.core.interactiveshell import InteractiveShell

    from bertlab.check import check as judge

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="NoColor")
    shell.history_manager.enabled = False
    guard_python(box)
    waiting = dict(job["questions"])
    signal.signal(signal.SIGALRM, _stop)
    for cell in notebook["cells"]:
        source = source_of(cell)
        if cell.get("cell_type") != "code" or not source.strip():
            continue
        asked = checked(source)
        if asked and asked[0] in waiting:
            _answer(asked[0], waiting.pop(asked[0]), shell, judge, job, tell)
        else:
            _within(job["cell_seconds"], lambda source=source: shell.run_cell(source, silent=True))
    for number, answer in waiting.items():
        _answer(number, answer, shell, judge, job, tell)


def _answer(number: str, answer: str, shell: Any, judge: Any, job: dict[str, Any], tell: Any) -> None:
    """Judge what the name that an exercise asks for stands for now."""
    names, seconds = shell.user_ns, job["cell_seconds"]

    def verdict() -> Any:
        try:
            value = eval(compile(answer, "answer", "eval"), names)
        except NameError:
            value = ...  # the cell that gives it a value failed, or is gone
        return judge(number, value)

    use(job["language"])  # whatever a student's cells chose: what is said twice counts as one mistake
    found, late = _within(seconds, verdict)
    if late or found is None:
        message = say("took more than {seconds} s", seconds=seconds)
        _tell(tell, exercise=number, state="differs", message=message, hint="", share=0.0)
        return
    told = {name: str(getattr(found, name))[:LONGEST] for name in ("exercise", "state", "message", "hint")}
    _tell(tell, **told, share=float(found.share))


def _within(seconds: int, action: Any) -> tuple[Any, bool]:
    """(what `action` returns, whether its time was over first)."""
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)  # again each second, for loops that catch everything
    try:
        return action(), False
    except TooLong:
        return None, True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _stop(number: int, frame: Any) -> None:
    raise TooLong("took too long")


def _tell(tell: Any, **what: Any) -> None:
    tell.write(json.dumps(what) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
