"""Write the student copies: `python -m bertlab.check SOLVED_FOLDER STUDENT_FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bertlab.check.student import student_copy
from bertlab.files import write_whole


def main(arguments: list[str] | None = None) -> int:
    """Write a copy without solutions of every notebook; files that are there already stay unless --force is given."""
    parser = argparse.ArgumentParser(prog="python -m bertlab.check", description=main.__doc__)
    parser.add_argument("solved", type=Path, help="folder of the solved notebooks")
    parser.add_argument("students", type=Path, help="folder for the student copies")
    parser.add_argument("--force", action="store_true", help="overwrite copies that are there already")
    given = parser.parse_args(arguments)
    sources = sorted(given.solved.glob("*.ipynb"))
    if not sources:
        parser.error(f"there are no notebooks in {given.solved}")
    if given.solved.resolve() == given.students.resolve():
        parser.error("the two folders are the same; the solved notebooks would be lost")
    given.students.mkdir(parents=True, exist_ok=True)
    for source in sources:
        target = given.students / source.name
        if target.exists() and not given.force:
            sys.stdout.write(f"kept {target}, which was there already\n")
            continue
        write_whole(target, student_copy(source.read_text(encoding="utf-8")))
        sys.stdout.write(f"wrote {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
