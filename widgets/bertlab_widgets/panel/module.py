"""The JavaScript and the style sheet of a panel, put together from small files when the panel is defined.

anywidget takes one plain ES module and one style sheet for a widget. A panel is written as several modules that import
each other and the kit by relative paths, as the browser itself would read them; here they become one, without a build
step: each module becomes a function that is called once and gives what it exports. Only the plain forms are known:

    import { name, other as mine } from "./file.js";
    export function name() {}      export const name = ...      export { name, other };

The style sheet of a panel holds for that panel alone: its rules are nested in `.bertlab[data-panel="name"]`.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from bertlab import language

HERE = Path(__file__).parent
KIT = HERE.parent / "kit"
IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"(\.[^"]+)";[^\S\n]*\n?', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function\*? (\w+)|const (\w+)|class (\w+))", re.MULTILINE)
EXPORTS = re.compile(r"^export\s*\{([^}]*)\};[^\S\n]*\n?", re.MULTILINE)
LITERAL = r'(?:"(?:[^"\\\n]|\\.)*")'
SAID = re.compile(rf"\b(?:say|sayN|mark)\(\s*({LITERAL}(?:\s*\+\s*{LITERAL})*)")
OTHER = re.compile(r"^(?:import\b|export\b).*$", re.MULTILINE)


class ModuleError(ValueError):
    """A module that cannot be joined: a file that is missing, a circle, a form of import that is not known."""


def joined(*entries: Path) -> tuple[str, list[str]]:
    """All modules that `entries` need, each after those that it imports, and the names of the constants that hold them.

    Raises:
        ModuleError: names the file and what is wrong in it.
    """
    done: dict[Path, str] = {}
    texts: list[str] = []

    def visit(path: Path, above: tuple[Path, ...]) -> str:
        if path in above:
            raise ModuleError(f"{path.name} imports itself, by way of {', '.join(one.name for one in above[1:])}")
        if path not in done:
            if not path.is_file():
                raise ModuleError(f"{above[-1].name if above else 'a panel'} imports {path}, which is not there")
            source = path.read_text(encoding="utf8")
            needed = {found[2]: visit((path.parent / found[2]).resolve(), (*above, path)) for found in _imports(source)}
            done[path] = f"${len(done)}_{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}"
            texts.append(_as_function(path, source, done[path], needed))
        return done[path]

    names = [visit(Path(entry).resolve(), ()) for entry in entries]
    return "".join(texts), names


def _imports(source: str) -> list[re.Match]:
    return list(IMPORT.finditer(source))


def _as_function(path: Path, source: str, name: str, needed: dict[str, str]) -> str:
    """A module as `const name = (() => { ...; return {what it exports}; })();`."""

    def bound(found: re.Match) -> str:
        names = re.sub(r"\s+as\s+", ": ", " ".join(found[1].split()))
        return f"const {{ {names} }} = {needed[found[2]]};\n"

    exported = [next(filter(None, found.groups())) for found in EXPORT.finditer(source)]
    for found in EXPORTS.finditer(source):
        exported += [part.strip() for part in found[1].split(",") if part.strip()]
    text = EXPORTS.sub("", EXPORT.sub("", IMPORT.sub(bound, source)))
    if other := OTHER.search(text):
        raise ModuleError(f"{path.name} has {other[0].strip()!r}, a form of import or export that is not joined")
    return f"const {name} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _panel_text(entry: Path, *more: Path) -> tuple[str, list[str]]:
    text, (frame, own, *names) = joined(KIT / "frame.js", entry, *more)
    return f"{text}const spec = {own}.spec;\nconst render = context => {frame}.renderPanel(context, spec);\n", names


@cache
def module_text(entry: Path) -> str:
    """What anywidget gets for a panel: one plain ES module that draws it; `spec` can be imported too."""
    return f"{_panel_text(entry)[0]}export {{ spec }};\nexport default {{ render }};\n"


@cache
def widget_text(entry: Path) -> str:
    """The module of a widget that is no panel: `entry` exports `render`."""
    text, (name,) = joined(entry)
    return f"{text}export default {{ render: {name}.render }};\n"


@cache
def page_text(entry: Path) -> str:
    """The same for a page without a kernel: the module leaves `renderPage(state, answers, patches, element)`."""
    text, (standalone,) = _panel_text(entry, KIT / "standalone.js")
    return (
        f"{text}const renderPage = (state, answers, patches, el) =>\n"
        f"  render({{ model: {standalone}.standaloneModel(state, answers, patches), el }});\n"
    )


@cache
def said_in(text: str) -> list[str]:
    """The messages that a module says, in English, as they stand in its say(), sayN() and mark()."""
    parts = (re.findall(LITERAL, found[1]) for found in SAID.finditer(text))
    return list(dict.fromkeys("".join(json.loads(part) for part in literals) for literals in parts))


def speech(text: str, *more: str) -> dict:
    """What kit/language.js takes: the translations of what a module says, and of `more`; empty for English."""
    if language.current() == language.SOURCE:
        return {}
    messages = language.translations([*said_in(text), *more])
    return {"language": language.current(), "direction": language.direction(), "messages": messages}


@cache
def style_text(sheet: Path | None, scope: str = "") -> str:
    """The style sheet of all panels, and that of one panel, which holds for what `scope` selects alone."""
    common = (HERE / "panel.css").read_text(encoding="utf8")
    if sheet is None or not sheet.is_file():
        return common
    return f"{common}\n{scope} {{\n{sheet.read_text(encoding='utf8')}}}\n"
