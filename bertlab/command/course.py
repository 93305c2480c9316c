"""Opening the course: a working copy of the notebooks, and JupyterLab on top of it.

The notebooks that come with bertlab are never opened where they are installed: `copy_notebooks` puts a copy
into a folder of the user's own. What was changed there is never overwritten, whatever a newer bertlab brings.
A chapter with exercises comes twice: open, for students to write in, and solved, in `solutions/` beside it.

Translated chapters are folders of the notebooks, such as `zh/`. A copy in that language has them in place of the
English ones, which lie in `en/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bertlab.check.student import BEGIN, student_copy
from bertlab.files import write_whole
from bertlab.language import SOURCE, current, say, say_n

DEFAULT_FOLDER = "bertlab-notebooks"
FIRST_NOTEBOOK = "00_tour.ipynb"
SOLUTIONS = "solutions"  # where the solved chapters lie, inside the working copy
LINK = re.compile(r"\]\(([\w./-]+\.ipynb)\)")  # in Markdown, from one notebook to another

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
        say(
            "This bertlab (in {package}) carries no notebooks; install it from its wheel or from a full checkout, for "
            'example with: pip install -c constraints.txt ".[lab]"',
            package=package,
        )
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
            count, to = len(self.written), self.folder
            sentences.append(
                say_n("Copied {count} file to {folder}.", "Copied {count} files to {folder}.", count, folder=to)
            )
        if any(name.startswith(f"{SOLUTIONS}/") for name in self.written):
            told = say("The exercises are yours to solve; their solutions lie in {solutions}/.", solutions=SOLUTIONS)
            sentences.append(told)
        if self.updated:
            sentences.append(say("Updated what you had not changed: {names}.", names=", ".join(self.updated)))
        if self.kept:
            sentences.append(say("Kept your changes in {names}.", names=", ".join(self.kept)))
        for name, new_name in self.beside.items():
            beside = say("Kept your changed {name}; the new version lies beside it as {new}.", name=name, new=new_name)
            sentences.append(beside)
        return sentences


def default_folder(language: str = SOURCE) -> str:
    """Where the working copy lies: one for each language, so that opening another language changes nothing in it."""
    return DEFAULT_FOLDER if language == SOURCE else f"{DEFAULT_FOLDER}-{language}"


def copy_notebooks(
    folder: str | os.PathLike[str] | None = None, source: Path | None = None, language: str = SOURCE
) -> CopyReport:
    """Bring `folder` up to date with the notebooks of this bertlab without losing any change made in it.

    Notebooks with exercises are written without their solutions; `solutions/` has them solved. The others are
    copied as they are. A file that is missing is written. A file that still is what an earlier run wrote is
    replaced by the current version. A file that was changed stays as it is; where bertlab has a newer version
    of it, that one is written beside it as `NAME.new.ipynb`.

    Args:
        folder: where the working copy lies, by default the `default_folder`; created when missing.
        source: the notebooks to copy, by default those of this bertlab.
        language: of the chapters; those that are not translated into it are English.

    Raises:
        NotADirectoryError: `folder`, or a part of it, is a file.
        PermissionError: the folder cannot be written to.
    """
    source = notebook_source() if source is None else source
    folder = Path(folder or default_folder(language)).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(say("{folder} is a file; give a folder for the notebooks.", folder=folder))
    if folder.resolve() == source.resolve():
        return CopyReport(folder)  # working on the checkout's own notebooks: nothing to copy
    folder.mkdir(parents=True, exist_ok=True)

    report = CopyReport(folder)
    record = _read_record(folder)
    before = dict(record)
    for name, content in _course(source, language):
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

    Its kernels inherit the language that is spoken here.

    Raises:
        ModuleNotFoundError: JupyterLab is not installed.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            say(
                "JupyterLab cannot be imported by {python} ({module} is missing); install it with: {name} -m pip "
                'install "bertlab[lab]", or open the folder in a Jupyter that you have',
                python=sys.executable,
                module=error.name,
                name=Path(sys.executable).name,
            )
        ) from error
    os.environ["BERTLAB_LANGUAGE"] = current()
    LabApp.launch_instance(jupyter_arguments(folder, port, browser, extra))


def _course(source: Path, language: str) -> Iterator[tuple[str, bytes]]:
    """Every file of the working copy, by its name in the folder: what students get, then the solutions."""
    solved = []
    places = _places(source, language)
    for path, name in sorted(places.items(), key=lambda item: item[1]):
        content = path.read_bytes()
        if path.suffix == ".ipynb" and name != path.relative_to(source).as_posix():  # it lies elsewhere in the copy
            content = _with_links(content.decode(), path, places).encode()
        if path.suffix == ".ipynb" and BEGIN.encode() in content:
            solved.append((f"{SOLUTIONS}/{name}", content))
            content = student_copy(content.decode()).encode()
        yield name, content
    yield from solved


def _places(source: Path, language: str) -> dict[Path, str]:
    """File of the course -> its name in the working copy; what is translated comes in place of what it translates."""
    names = {path: path.relative_to(source).as_posix() for path in _course_files(source)}
    translated = {name.removeprefix(f"{language}/") for name in names.values() if name.startswith(f"{language}/")}
    return {
        path: f"{SOURCE}/{name}" if name in translated else name.removeprefix(f"{language}/")
        for path, name in names.items()
    }


def _with_links(text: str, path: Path, places: dict[Path, str]) -> str:
    """A notebook whose links lead to where the other chapters lie in the working copy."""
    here = os.path.dirname(places[path])

    def led(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(path.parent / found[1]))
        lies = places.get(target)
        return f"]({Path(os.path.relpath(lies, here or '.')).as_posix()})" if lies else found[0]

    return LINK.sub(led, text)


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
