"""Runs the chapters and writes the site: one page each, an index, docs/, and what its search knows."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bertlab.check import BEGIN, without_solutions
from bertlab.files import write_whole
from bertlab.language import mark, say

from .pages import Page, index_page, markdown_page, notebook_page, page_name

HERE = Path(__file__).parent
CELL_SECONDS = 300
MARK = "bertlab-site.json"  # by this file a folder is known as one that `build` wrote


@dataclass
class Source:
    """A notebook or a text that becomes a page."""

    path: Path
    name: str  # the page, without .html


def build(
    notebooks: Path,
    folder: str | os.PathLike[str],
    chapters: Iterable[str] = (),
    solutions: bool = False,
    docs: Path | None = None,
    follow: Callable[[str], Any] = lambda line: None,
) -> Path:
    """Write the course as static pages that need neither a kernel nor a network.

    Args:
        notebooks: the folder of the solved notebooks.
        folder: where to write; an earlier site in it is replaced page by page.
        chapters: their names ("03_attention", or "03", or "zh-03"); all notebooks when none is named.
        solutions: whether solutions are shown, folded under their exercises.
        docs: a folder of Markdown texts to add.
        follow: is told a sentence for each page.

    Returns:
        The index page.

    Raises:
        LookupError: there is no such chapter.
        ValueError: a chapter fails, or the folder holds other things.
        ImportError: JupyterLab's libraries, which run notebooks and render Markdown, are not installed.
    """
    _needed()
    folder = Path(folder).expanduser().absolute()
    _refuse_strange(folder)
    sources = _chosen(notebooks, list(chapters))
    texts = [Source(path, f"docs-{path.stem}") for path in sorted(docs.glob("*.md"))] if docs else []
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / MARK, json.dumps({"made by": "bertlab site"}) + "\n")
    for name in ("site.css", "site.js"):
        shutil.copyfile(HERE / name, folder / name)
    pages = []
    for source in sources:
        follow(say("running {file}", file=source.path.name))
        notebook = _executed(source, folder, solutions)
        if notebook.metadata["bertlab_note"]:
            follow(f"{source.name}: {notebook.metadata['bertlab_note']}")
        pages.append(notebook_page(source.name, notebook))
    for source in texts:
        pages.append(markdown_page(source.name, source.path.read_text(encoding="utf-8"), source.path.name))
    for picture in sorted(docs.glob("*.png")) if docs else []:
        shutil.copyfile(picture, folder / picture.name)
    for place, page in enumerate(pages):
        name = f"{page.name}.html"
        write_whole(folder / name, page.html(pages, place))
        follow(say("wrote {file}", file=name))
    write_whole(folder / "index.html", index_page(pages))
    write_whole(folder / "search-index.js", _search_index(pages))
    return folder / "index.html"


def _needed() -> None:
    try:
        import nbclient  # noqa: F401
        import nbconvert  # noqa: F401
    except ImportError as error:
        needed = say('the site needs {module}, which is not installed: pip install "bertlab[lab]"', module=error.name)
        raise ImportError(needed) from None


def _refuse_strange(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(say("{path} is a file: give a folder for the site", path=folder))
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        strange = mark("{folder} holds other things than a site of bertlab: give a new folder, or an empty one")
        raise ValueError(say(strange, folder=folder))


def _chosen(notebooks: Path, names: list[str]) -> list[Source]:
    paths = [*sorted(notebooks.glob("*.ipynb")), *sorted(notebooks.glob("*/[0-9][0-9]_*.ipynb"))]
    known = {page_name(path.relative_to(notebooks).with_suffix("").as_posix()): path for path in paths}
    chosen = dict.fromkeys(known) if not names else {}
    for name in names:
        stem = Path(name).stem
        fitting = [chapter for chapter in known if chapter == stem or chapter.split("_")[0] == stem]
        if not fitting:
            raise LookupError(say("there is no chapter {name!r}; there are {known}", name=name, known=", ".join(known)))
        chosen[fitting[0]] = None
    return [Source(known[name], name) for name in sorted(chosen)]


def _executed(source: Source, folder: Path, solutions: bool) -> dict[str, Any]:
    """A notebook that has been run, its panels written as pages, its solutions out of sight.

    A chapter whose extra is not installed is shown as it is written, and says so.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(source.path, as_version=4)
    panels = folder / "panels"
    for old in panels.glob(f"{source.name}-*.html"):
        old.unlink()
    start = f"from bertlab_widgets.site.in_kernel import publish\npublish({str(panels)!r}, {source.name!r})"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(start))
    try:
        NotebookClient(
            notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": str(source.path.parent)}}
        ).execute()
        notebook.metadata["bertlab_note"] = ""
    except CellExecutionError as error:
        if error.ename not in ("ModuleNotFoundError", "ImportError"):
            why = f"{error.ename}: {error.evalue}"
            raise ValueError(say("{file} fails ({reason}); mend it first", file=source.path.name, reason=why)) from None
        notebook = nbformat.read(source.path, as_version=4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(""))
        notebook.metadata["bertlab_note"] = say("This chapter was not run here: {reason}.", reason=error.evalue)
    except CellTimeoutError:
        late = mark("{file}: a cell took more than {seconds} s; try it on a machine that is not busy")
        raise ValueError(say(late, file=source.path.name, seconds=CELL_SECONDS)) from None
    except DeadKernelError:
        died = say("{file}: its kernel died; is there enough memory?", file=source.path.name)
        raise ValueError(died) from None
    notebook.cells.pop(0)
    for cell in notebook.cells:
        if cell.cell_type == "code" and BEGIN in cell.source:
            cell.metadata["solution"] = _solution(cell.source) if solutions else ""
            cell.source, cell.outputs = without_solutions(cell.source), []
    return notebook


def _solution(source: str) -> str:
    """What stands between the marks of a cell."""
    inside = re.findall(r"### BEGIN SOLUTION\n(.*?)\s*### END SOLUTION", source, re.DOTALL)
    return "\n".join(inside)


def _search_index(pages: list[Page]) -> str:
    """A script, not a JSON file: a page that was opened from a folder may not fetch."""
    rows = [row for page in pages for row in page.sections()]
    return f"window.BERTLAB_INDEX = {json.dumps(rows, ensure_ascii=False)};\n".replace("<", "\\u003c")
