"""The HTML of the site's pages. Every page is whole: no template engine, no library, no address but its neighbours'."""

from __future__ import annotations

import html
import posixpath
import re
from dataclasses import dataclass, field
from typing import Any

from bertlab.language import say, written

HEADING = re.compile(r"<h([1-3])[^>]*>(.*?)</h\1>", re.DOTALL)
POLICY = "default-src 'self' 'unsafe-inline' data: blob: file:; frame-src 'self' data: blob: file:; connect-src 'none'"


@dataclass
class Page:
    """One page: its name, its title, its parts as HTML, each with the plain text that search looks through."""

    name: str
    title: str
    parts: list[str] = field(default_factory=list)

    @property
    def number(self) -> str:
        """ "03" of a chapter, "" of anything else."""
        found = re.match(r"(?:\w+-)?(\d\d)_", self.name)
        return found.group(1) if found else ""

    @property
    def language(self) -> str:
        """The language of its text: "zh" of "zh-03_attention", "en" of a name without one."""
        return self.name.partition("-")[0] if re.match(r"\w+-\d\d_", self.name) else "en"

    @property
    def label(self) -> str:
        """How the contents name it."""
        return f"{self.number} · {self.title}" if self.number else self.title

    def body(self) -> str:
        """The parts, headings with their anchors."""
        count = iter(range(1, 10_000))

        def anchored(found: re.Match[str]) -> str:
            level, text = found.groups()
            return f'<h{level} id="s{next(count)}">{text}</h{level}>'

        return HEADING.sub(anchored, "\n".join(self.parts))

    def sections(self) -> list[dict[str, str]]:
        """What search knows: for each heading its address, its text, and the words that follow."""
        pieces = re.split(r'(?=<h[1-3] id="s\d+">)', self.body())
        rows = []
        for piece in pieces:
            found = re.match(r'<h[1-3] id="(s\d+)">(.*?)</h', piece, re.DOTALL)
            if found:
                text = plain_text(re.sub(r"<(iframe|noscript|style|script).*?</\1>", " ", piece, flags=re.DOTALL))
                heading = plain_text(found.group(2))
                rows.append(
                    {"page": self.label, "url": f"{self.name}.html#{found.group(1)}", "heading": heading, "text": text}
                )
        return rows

    def html(self, pages: list[Page], place: int) -> str:
        """The page with the contents beside it, and its neighbours under it."""
        before, after = pages[place - 1] if place else None, pages[place + 1] if place + 1 < len(pages) else None
        steps = [
            f'<a class="{side}" href="{page.name}.html">{html.escape(page.label)}</a>'
            for side, page in (("before", before), ("after", after))
            if page
        ]
        main = f'<article lang={self.language} dir="ltr">{self.body()}</article><p class=steps>{"".join(steps)}</p>'
        return frame(self.title, pages, self.name, main)


def frame(title: str, pages: list[Page], here: str, main: str) -> str:
    """A whole page around its main part."""
    search, nothing, contents, skip = map(
        html.escape, (say("Search the course"), say("Nothing was found."), say("Contents"), say("To the text"))
    )
    entries = []
    for kind, heading in (("chapter", say("Chapters")), ("text", say("More"))):
        own = [page for page in pages if bool(page.number) == (kind == "chapter")]
        rows = "".join(
            f'<li><a href="{page.name}.html"{" aria-current=page" if page.name == here else ""}>'
            f"{html.escape(page.label)}</a></li>"
            for page in own
        )
        entries.append(f"<h2>{heading}</h2><ul>{rows}</ul>" if own else "")
    return (
        f'<!doctype html><html {written()}><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<title>{html.escape(title)}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="site.css">'
        '<script src="site.js" defer></script></head><body>'
        f'<a class="skip" href="#main">{skip}</a>'
        '<header><a class="home" href="index.html">bertlab</a>'
        f'<div class="search"><input type="search" aria-label="{search}" placeholder="{search}">'
        f'<ol aria-live="polite" data-none="{nothing}" hidden></ol></div></header>'
        f'<details class="contents"><summary>{contents}</summary><nav aria-label="{contents}">{"".join(entries)}</nav>'
        f'</details><main id="main">{main}</main></body></html>\n'
    )


def index_page(pages: list[Page]) -> str:
    """The first page: the chapters by their questions."""
    rows = "".join(
        f'<li><a href="{page.name}.html">{html.escape(page.label)}</a></li>' for page in pages if page.number
    )
    others = "".join(
        f'<li><a href="{page.name}.html">{html.escape(page.label)}</a></li>' for page in pages if not page.number
    )
    about = say(
        "A course in chapters, each with one question. The panels on these pages answer to what was computed "
        "beforehand; in Jupyter, {command} opens the same chapters with a model behind them, and the exercises can be "
        "checked.",
        command="<code>bertlab lab</code>",
    )
    title, more = say("See inside BERT"), say("More")
    main = (
        f"<article><h1>{title}</h1><p>{about}</p><ul class=index>{rows}</ul>"
        f"<h2>{more}</h2><ul class=index>{others}</ul></article>"
    )
    return frame(say("bertlab: see inside BERT"), pages, "index", main)


def plain_text(markup: str) -> str:
    """The words of some HTML."""
    joined = re.sub(r"</?(?:span|code|em|strong|a|b|i)\b[^>]*>", "", markup)  # these part no words
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", joined)).split())


# ---------------------------------------------------------------------------------------------- notebooks and texts


def page_name(notebook: str) -> str:
    """The page of a notebook, by its path from notebooks/ without its ending: "zh-00_tour" of "zh/00_tour"."""
    return "-".join(part for part in posixpath.normpath(notebook).split("/") if part not in ("..", "notebooks"))


def markdown(text: str, folder: str = "") -> str:
    """Markdown as HTML; links between chapters and texts lead to their pages.

    Args:
        folder: in which the text stands, inside notebooks/: "zh" for a chapter in Chinese.
    """
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    made = markdown2html_mistune(text)
    made = re.sub(r'<a class="anchor-link"[^>]*>.*?</a>', "", made)
    made = re.sub(r'href="(?:\.\./)*docs/([\w-]+)\.md', r'href="docs-\1.html', made)
    made = re.sub(r'href="([\w-]+)\.md', r'href="docs-\1.html', made)
    made = re.sub(
        r'href="([\w./-]+)\.ipynb', lambda found: f'href="{page_name(posixpath.join(folder, found[1]))}.html', made
    )
    made = re.sub(r'src="(?:\.\./)*docs/', 'src="', made)
    return re.sub(r"<table", "<div class=wide><table", re.sub(r"</table>", "</table></div>", made))


def title_of(text: str) -> str:
    """The first heading of a Markdown text."""
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return re.sub(r"[`*]", "", found.group(1)) if found else ""


def markdown_page(name: str, text: str, file_name: str) -> Page:
    """A page of a Markdown text."""
    return Page(name, title_of(text) or file_name, [markdown(text)])


def notebook_page(name: str, notebook: Any) -> Page:
    """A page of a notebook that was run."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    title = next(filter(None, map(title_of, texts)), name.replace("_", " "))
    note = notebook.metadata.get("bertlab_note", "")
    parts = [f"<p class=note>{html.escape(note)}</p>"] if note else []
    folder = name.rpartition("-")[0]
    for cell in notebook.cells:
        parts.append(markdown(cell.source, folder) if cell.cell_type == "markdown" else _code_cell(cell))
    if not any("<h1" in part for part in parts):
        parts.insert(0, f"<h1>{html.escape(title)}</h1>")
    return Page(name, title, parts)


def _code_cell(cell: Any) -> str:
    if cell.cell_type != "code" or not cell.source.strip():
        return ""
    folded = ""
    if cell.metadata.get("solution"):
        summary, solution = say("A solution"), highlighted(cell.metadata.solution)
        folded = f"<details class=solution><summary>{summary}</summary>{solution}</details>"
    outputs = "".join(map(_output, cell.outputs))
    return highlighted(cell.source) + folded + (f"<div class=output>{outputs}</div>" if outputs else "")


def highlighted(source: str) -> str:
    """Python with its parts in colours, by classes that site.css knows."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), HtmlFormatter(cssclass="code", wrapcode=True))


def _output(output: Any) -> str:
    from nbconvert.filters.ansi import ansi2html

    if output.output_type == "stream":
        return "" if output.name == "stderr" else f"<pre>{ansi2html(output.text)}</pre>"
    if output.output_type == "error":
        return f"<pre>{html.escape(f'{output.ename}: {output.evalue}')}</pre>"
    data = output.get("data", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return f'<img alt="" src="data:{kind};base64,{"".join(data[kind].split())}">'
    if "text/html" in data:
        return f"<div class=wide>{data['text/html']}</div>" if data["text/html"] else ""
    if "image/svg+xml" in data:
        return f"<div class=wide>{data['image/svg+xml']}</div>"
    return f"<pre>{ansi2html(data['text/plain'])}</pre>" if data.get("text/plain") else ""
