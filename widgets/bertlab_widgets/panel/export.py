"""What a panel shows as a file: pictures at a width, rows with where they came from, one page that works offline."""

from __future__ import annotations

import base64
import csv
import functools
import html
import io
import json
import math
import struct
import textwrap
import zlib
from pathlib import Path
from typing import Any

from bertlab import language
from bertlab.files import write_whole
from bertlab.language import say

from ..workbench import SelectionError
from .module import page_text, style_text
from .words import slug

EXPORTS = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "csv": "text/csv",
    "html": "text/html",
}
ONE, TWO = "one column", "two columns"
COLUMNS = {ONE: 85.0, TWO: 174.0}  # millimetres, as most journals set them
NARROWEST, WIDEST = 40.0, 1000.0  # millimetres
INCH = 25.4
FONTS = (  # for other scripts, where the machine has them
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Arial Unicode MS",
)


def write(panel: Any, path: str | Path, width: str | float | None = None) -> Path:
    """`Panel.export`: the file is replaced whole or not at all."""
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in EXPORTS:
        allowed = ", ".join(f".{name}" for name in EXPORTS)
        raise SelectionError(say("{name!r} was given; allowed suffixes are {allowed}", name=path.name, allowed=allowed))
    content = content_of(panel, kind, width)
    if not path.parent.is_dir():
        missing = say("there is no folder {folder}: make it first, or give another path", folder=path.parent)
        raise FileNotFoundError(missing)
    write_whole(path, content)
    return path


def content_of(panel: Any, kind: str, width: str | float | None = None) -> bytes:
    """The content of a file of this kind: png, svg, pdf, csv or html."""
    if kind not in EXPORTS:
        raise SelectionError(say("{kind!r} was given; allowed are {allowed}", kind=kind, allowed=", ".join(EXPORTS)))
    if kind == "csv":
        return csv_text(panel).encode("utf8")
    if kind == "html":
        return page(panel).encode("utf8")
    if _empty(panel):
        raise SelectionError(say("there is no text yet: type a sentence, or choose a preset."))
    return picture(panel, kind, millimetres(width))


def _empty(panel: Any) -> bool:
    return panel.needs_text and panel.workbench.empty


def file_name(panel: Any, kind: str) -> str:
    """A name that tells what is inside: panel, look, text."""
    parts = [type(panel).__name__.removesuffix("Panel"), *panel.shown_as(), panel.workbench.text]
    return "-".join(["bertlab", *filter(None, map(slug, map(str, parts)))]) + f".{kind}"


def millimetres(width: str | float | None) -> float | None:
    """The width of a picture: "one column", "two columns", a number of millimetres; None or "" as it is drawn.

    Raises:
        SelectionError: another word, or a number that is no width.
    """
    if width is None or width == "":
        return None
    if isinstance(width, str):
        if width not in COLUMNS:
            given = {"width": width, "one": ONE, "two": TWO}
            raise SelectionError(say("the width {width!r} was given; give millimetres, or {one!r} or {two!r}", **given))
        return COLUMNS[width]
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not math.isfinite(width):
        raise SelectionError(say("the width {width!r} was given; it must be a number of millimetres", width=width))
    if not NARROWEST <= width <= WIDEST:
        given = {"width": width, "least": NARROWEST, "most": WIDEST}
        raise SelectionError(say("a width of {width:g} mm was given; allowed is {least:g} to {most:g}", **given))
    return float(width)


# ------------------------------------------------------------------------------------------------------- pictures


@functools.cache
def font_families() -> list[str]:
    """Fonts for exported pictures: matplotlib's own, then those of this machine for other scripts."""
    from matplotlib.font_manager import get_font_names

    there = set(get_font_names())
    return ["DejaVu Sans", "DejaVu Sans Mono", *(name for name in FONTS if name in there)]


def picture(panel: Any, kind: str, width: float | None) -> bytes:
    """The panel's figure with its caption, `width` millimetres wide; SVG and PDF keep their text as text."""
    import matplotlib

    settings = {"font.family": font_families(), "svg.fonttype": "none", "pdf.fonttype": 42, "savefig.dpi": 200}
    buffer = io.BytesIO()
    with matplotlib.rc_context(settings):
        figure = panel.figure() if width is None else panel.figure(width / INCH)
        if width is not None:
            figure.set_figwidth(width / INCH)
        _caption(figure, panel.caption())
        figure.savefig(buffer, format=kind)
    return buffer.getvalue()


def _caption(figure: Any, text: str) -> None:
    """The caption under the picture, in as many lines as the width asks for; the picture keeps its height."""
    wide, high = figure.get_size_inches()
    size = 6
    lines = textwrap.wrap(text, max(24, int(wide * 72 / (0.52 * size)))) or [""]
    extra = len(lines) * size * 1.35 / 72 + 0.06
    figure.set_size_inches(wide, high + extra)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, extra / (high + extra), 1, high / (high + extra)))
    figure.text(0.01, 0.02 / (high + extra), "\n".join(lines), fontsize=size, color="#555555", va="bottom")


def png(pixels: Any) -> bytes:
    """A (height, width, 3) uint8 array as a PNG file: small pictures for static twins, without matplotlib."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + pixels[row].tobytes() for row in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b"")


# ----------------------------------------------------------------------------------------------------- rows, page


def csv_text(panel: Any) -> str:
    """Rows as UTF-8; every row names model, sentence, settings and seed."""
    rows, origin = panel.table(), {f"from_{name}": value for name, value in panel.provenance().items()}
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, [*names, *origin])
    writer.writeheader()
    for row in rows or [{}]:
        writer.writerow({**row, **origin})
    return out.getvalue()


def page(panel: Any) -> str:
    """One offline HTML page: the panel as it is, and what was computed beforehand for other choices."""
    answers, patches = ({}, {}) if _empty(panel) else panel.precomputed()
    answers = {"code:{}": {"result": panel.code()}, **answers}
    state = {name: getattr(panel, name) for name in panel.traits_synced if name != "layout"}
    state["presets"], state["busy"], state["twin"] = [], {}, ""
    parts = ", ".join(map(_script_json, (state, answers, patches)))
    title = html.escape(f"{panel.question} {panel.caption_text()}")
    return (
        f'<!doctype html><html {language.written()}><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>body{{margin:0;color-scheme:light dark}}{panel.style()}</style>"
        "</head>"
        f'<body><div id="panel">{"" if _empty(panel) else panel.static_html()}</div>'
        f'<p style="font:11px sans-serif;margin:8px 16px">{html.escape(panel.caption())}</p>'
        f'<script type="module">{page_text(panel.script_path())}'
        f'renderPage({parts}, document.getElementById("panel"));\n'
        "</script></body></html>"
    )


def _script_json(part: Any) -> str:
    """A value as JSON inside a script: no text of a user can end the script, or begin a comment in it."""
    return json.dumps(_encode_bytes(part), ensure_ascii=False).replace("<", "\\u003c")


def _encode_bytes(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(bytes(value)).decode("ascii")}
    if isinstance(value, (list, tuple)):
        return [_encode_bytes(item) for item in value]
    if isinstance(value, dict):
        return {key: _encode_bytes(item) for key, item in value.items()}
    return value


def style_of(panel: type) -> str:
    """The style sheet of a class of panels."""
    script = panel.script_path()
    return style_text(script.with_suffix(".css"), f'.bertlab[data-panel="{script.stem}"]')
