"""Opening the course: a working copy of the notebooks, and JupyterLab on top of it.

The notebooks that come with bertlab are never opened where they are installed: `copy_notebooks` puts a copy
into a folder of the user's own. What was changed there is never overwritten, whatever a newer bertlab brings.
A chapter with exercises comes twice: open, for students to write in, and solved, in `solutions/` beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bertlab.check.student import BEGIN, student_copy
from bertlab.files import write_whole

DEFAULT_FOLDER = "bertlab-notebooks"
FIRST_NOTEBOOK = "00_tour.ipynb"
SOLUTIONS = "solutions"  # where the solved chapters lie, inside the working copy

# Remembers, per file, the digest of the version that was last put into the folder, so that a later run can
# tell "the user changed it" from "bertlab has a newer one".
RECORD_NAME = ".bertlab-notebooks.json"


def notebook_source() -> Path:
    """The folder of the notebooks of this bertlab: inside the installed package, or in the checkout.

    Raises:
        LookupError: this installation carries no notebooks.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / FIRST_NOTEBOOK).is_file():
            return folder
    raise LookupError(
        f"This bertlab (in {package}) carries no notebooks; install it from its wheel or from a full "
        'checkout, for example with: pip install -c constraints.txt ".[lab]"'
    )


def docs_source() -> Path | None:
    """The folder of the texts beside the course (docs/), or None where this installation carries none."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "docs", package.parent / "docs"):
        if (folder / "hosts.md").is_file():
            return folder
    return None


@dataclass
class CopyReport:
    """What `copy_notebooks` did, as lists of file names relative to the folder."""

    folder: Path
    written: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)  # changed file -> where its new version lies

    def lines(self) -> list[str]:
        """The report as sentences for a person."""
        sentences = []
        if self.written:
            sentences.append(f"Copied {_count(self.written)} to {self.folder}.")
        if any(name.startswith(f"{SOLUTIONS}/") for name in self.written):
            sentences.append(f"The exercises are yours to solve; their solutions lie in {SOLUTIONS}/.")
        if self.updated:
            sentences.append(f"Updated what you had not changed: {', '.join(self.updated)}.")
        if self.kept:
            sentences.append(f"Kept your changes in {', '.join(self.kept)}.")
        for name, new_name in self.beside.items():
            sentences.append(f"Kept your changed {name}; the new version lies beside it as {new_name}.")
        return sentences


def copy_notebooks(folder: str | os.PathLike[str] = DEFAULT_FOLDER, source: Path | None = None) -> CopyReport:
    """Bring `folder` up to date with the notebooks of this bertlab without losing any change made in it.

    Notebooks with exercises are written without their solutions; `solutions/` has them solved. The others are
    copied as they are. A file that is missing is written. A file that still is what an earlier run wrote is
    replaced by the current version. A file that was changed stays as it is; where bertlab has a newer version
    of it, that one is written beside it as `NAME.new.ipynb`.

    Args:
        folder: where the working copy lies; created when missing.
        source: the notebooks to copy, by default those of this bertlab.

    Raises:
        NotADirectoryError: `folder`, or a part of it, is a file.
        PermissionError: the folder cannot be written to.
    """
    source = notebook_source() if source is None else source
    folder = Path(folder).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; give a folder for the notebooks.")
    if folder.resolve() == source.resolve():
        return CopyReport(folder)  # working on the checkout's own notebooks: nothing to copy
    folder.mkdir(parents=True, exist_ok=True)

    report = CopyReport(folder)
    record = _read_record(folder)
    before = dict(record)
    for name, content in _course(source):
        digest = _digest(content)
        target = folder / name
        if not os.path.lexists(target):
            _write(target, content)
            report.written.append(name)
        else:
            present = _digest(target.read_bytes()) if target.is_file() else None
            if present == digest:
                pass
            elif present is not None and present == record.get(name):
                _write(target, content)
                report.updated.append(name)
            elif record.get(name) == digest:
                report.kept.append(name)
            else:
                report.beside[name] = _write_beside(target, content)
        record[name] = digest
    if record != before:
        _write(folder / RECORD_NAME, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return report


def jupyter_arguments(
    folder: Path, port: int | None = None, browser: bool = True, extra: list[str] | None = None
) -> list[str]:
    """The arguments with which JupyterLab opens `folder` on the first notebook."""
    arguments = [f"--ServerApp.root_dir={folder}"]
    if (folder / FIRST_NOTEBOOK).is_file():
        arguments.append(f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}")
    if port is not None:
        arguments.append(f"--ServerApp.port={port}")
    if not browser:
        arguments.append("--ServerApp.open_browser=False")
    if runs_as_root():
        arguments.append("--allow-root")  # a container's usual user; Jupyter would refuse to start
    return arguments + list(extra or [])


def runs_as_root() -> bool:
    """Whether this process may do anything: Jupyter then starts only with --allow-root, which `bertlab lab` adds."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def open_lab(folder: Path, port: int | None = None, browser: bool = True, extra: list[str] | None = None) -> None:
    """Run JupyterLab in this process until it is stopped; when the port is taken it tries the next ones.

    Raises:
        ModuleNotFoundError: JupyterLab is not installed.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"JupyterLab cannot be imported by {sys.executable} ({error.name} is missing); install it with: "
            f'{Path(sys.executable).name} -m pip install "bertlab[lab]", or open the folder in a Jupyter that you have'
        ) from error
    LabApp.launch_instance(jupyter_arguments(folder, port, browser, extra))


def _course(source: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the working copy, by its name in the folder: what students get, then the solutions."""
    solved = []
    for path in _course_files(source):
        name, content = path.relative_to(source).as_posix(), path.read_bytes()
        if path.suffix == ".ipynb" and BEGIN.encode() in content:
            solved.append((f"{SOLUTIONS}/{name}", content))
            content = student_copy(content.decode()).encode()
        yield name, content
    yield from solved


def _course_files(source: Path) -> list[Path]:
    """Everything that belongs to the course, in order, without what Jupyter or Python left behind."""
    return [
        path
        for path in sorted(source.rglob("*"))
        if path.is_file() and not any(part.startswith((".", "__")) for part in path.relative_to(source).parts)
    ]


def _read_record(folder: Path) -> dict[str, str]:
    """The digests of the last run; an unreadable record counts as none: every difference is the user's."""
    try:
        record = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write(path: Path, content: bytes) -> None:
    """Write the whole file or nothing, so that an interruption leaves no half notebook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def _write_beside(path: Path, content: bytes) -> str:
    """Write `content` next to `path` under the first free name, or find it there; returns the name."""
    number = 1
    while True:
        tag = "new" if number == 1 else f"new-{number}"
        candidate = path.with_name(f"{path.stem}.{tag}{path.suffix}")
        if not os.path.lexists(candidate):
            _write(candidate, content)
            return candidate.name
        if candidate.is_file() and candidate.read_bytes() == content:
            return candidate.name
        number += 1


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _count(names: list[str]) -> str:
    return "1 file" if len(names) == 1 else f"{len(names)} files"
