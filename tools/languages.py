"""The catalogues of bertlab/language: collect what the code says, keep each language up to date, compile it.

python tools/languages.py                 collect, update every catalogue, compile; says what has no translation
python tools/languages.py --add fr        begin a language
python tools/languages.py --fill zh F     take translations from JSON: {English: translation or [plural forms]}
python tools/languages.py --unsaid PATH   sentences under PATH that stand outside say(), say_n() and mark()
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from bertlab_widgets.panel.module import LITERAL

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ROOT / "bertlab" / "language"
KEYWORDS = {"say": None, "mark": None, "say_n": (1, 2), "sayN": (1, 2)}
PLACES = ("bertlab", "widgets/bertlab_widgets")
NO_DATE = datetime(2000, 1, 1, tzinfo=timezone.utc)
LITERALS = rf"{LITERAL}(?:\s*\+\s*{LITERAL})*"
SAID = re.compile(rf"\b(say|sayN|mark)\(\s*({LITERALS})(?:\s*,\s*({LITERALS}))?")
UNSAID = re.compile(r"[A-Za-z]{2,}[,:;]? [A-Za-z]{2}")  # two words
SILENT = ("code.py", "snippets.py", "bertviz_view.py", "sample_code.py")  # Python that is shown, in English


def collected() -> Catalog:
    """Every message of the code and of the presets."""
    catalogue = Catalog(project="bertlab", charset="utf-8", copyright_holder="the bertlab authors")
    for place in PLACES:
        for name, _, message, comments, _ in extract_from_dir(ROOT / place, METHODS, keywords=KEYWORDS):
            catalogue.add(message, locations=[(f"{place}/{name}".replace("\\", "/"), 0)], auto_comments=comments)
    for path in sorted((ROOT / "widgets").rglob("presets.json")):
        where = str(path.relative_to(ROOT))
        for preset in json.loads(path.read_text(encoding="utf8")):
            for part in ("name", "note"):
                if preset.get(part) and "script" not in preset:  # one of a script is written in its language
                    catalogue.add(preset[part], locations=[(where, 0)])
    for text, where in also_said():
        catalogue.add(text, locations=[(where, 0)])
    return catalogue


def said_in_javascript(file: Any, keywords: Any, tags: Any, options: Any) -> Iterator[tuple[int, str, Any, list[str]]]:
    """The messages of a module as Babel's extractors give them; its own one loses those in template strings."""
    source = file.read().decode("utf8")
    for found in SAID.finditer(source):
        texts = tuple(
            "".join(json.loads(part) for part in re.findall(LITERAL, text)) for text in found.groups()[1:] if text
        )
        yield source.count("\n", 0, found.start()) + 1, found[1], texts if found[1] == "sayN" else texts[0], []


def said_in_python(file: Any, keywords: Any, tags: Any, options: Any) -> Iterator[tuple[int, str, Any, list[str]]]:
    """The messages of a module as Babel's extractors give them; its own one loses those in f-strings."""
    for node in ast.walk(ast.parse(file.read().decode("utf8"))):
        name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        if name in KEYWORDS:
            texts = tuple(part.value for part in node.args if isinstance(getattr(part, "value", None), str))
            if texts:
                yield node.lineno, name, texts if name == "say_n" else texts[0], []


METHODS = [("**/vendor/**", "ignore"), ("**.py", said_in_python), ("**.js", said_in_javascript)]


def also_said() -> Iterator[tuple[str, str]]:
    """(message, file) of docstrings that panels show: those of the mistakes, and what each part of a model is."""
    mistakes = "bertlab/bugs/mistakes.py"
    for node in ast.parse((ROOT / mistakes).read_text(encoding="utf8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield ast.get_docstring(node) or "", mistakes
    for part in ("bert", "for_pretraining", "for_tasks", "head_layers", "layers"):
        path = f"bertlab/model/{part}.py"
        for node in ast.parse((ROOT / path).read_text(encoding="utf8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split()), path


def catalogue_file(language: str) -> Path:
    """Where a language's translations stand."""
    return LANGUAGES / language / "LC_MESSAGES" / "bertlab.po"


def languages() -> list[str]:
    """The languages that have a folder."""
    return sorted(path.name for path in LANGUAGES.iterdir() if catalogue_file(path.name).is_file())


def read(language: str) -> Catalog:
    """A catalogue as it stands."""
    return read_po(io.BytesIO(catalogue_file(language).read_bytes()), locale=language)


def write(language: str, catalogue: Catalog) -> None:
    """The catalogue as text, and compiled beside it."""
    path = catalogue_file(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_text(catalogue))
    path.with_suffix(".mo").write_bytes(compiled(catalogue))


def as_text(catalogue: Catalog) -> bytes:
    """A catalogue as a .po file: sorted, without line numbers and dates, so that a change shows what changed."""
    file = io.BytesIO()
    write_po(file, catalogue, width=110, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return b"".join(line for line in file.getvalue().splitlines(True) if b"-Date: " not in line)


def compiled(catalogue: Catalog) -> bytes:
    """A catalogue as gettext reads it; of the same text the same bytes, whenever it is compiled."""
    catalogue.creation_date = NO_DATE
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def updated(language: str, source: Catalog) -> Catalog:
    """A language's catalogue with exactly the messages of the code; translations of others are dropped."""
    old = read(language) if catalogue_file(language).is_file() else Catalog(locale=language)
    new = Catalog(locale=language, project="bertlab", charset="utf-8", copyright_holder="the bertlab authors")
    for message in source:
        if message.id:
            known = old.get(message.id)
            new.add(message.id, known.string if known else "", locations=message.locations)
    return new


def untranslated(catalogue: Catalog) -> list[str]:
    """The English of what has no translation, or one with other braces."""
    return [_first(message.id) for message in catalogue if message.id and (not _whole(message) or _braces(message))]


def _whole(message) -> bool:
    return all(message.string) if isinstance(message.string, (tuple, list)) else bool(message.string)


def _first(identity) -> str:
    return identity if isinstance(identity, str) else identity[0]


def names(text: str) -> set[str]:
    """The names in a message's braces."""
    return set(re.findall(r"(?<!\{)\{(\w+)", text))


def _braces(message) -> bool:
    """Whether a translation names what its message does not, or leaves a value out (a count may go unsaid)."""
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    texts = [message.string] if isinstance(message.string, str) else list(message.string)
    wanted = set().union(*map(names, ids))
    return any(not wanted - {"count"} <= names(text) <= wanted | {"count"} for text in texts)


def fill(language: str, file: Path) -> None:
    """Put translations of a JSON file into a language's catalogue."""
    catalogue = updated(language, collected())
    given = json.loads(file.read_text(encoding="utf8"))
    for message in catalogue:
        if message.id and _first(message.id) in given:
            text = given[_first(message.id)]
            plural = not isinstance(message.id, str)
            message.string = tuple([text] if isinstance(text, str) else text) if plural else text
    unknown = set(given) - {_first(message.id) for message in catalogue if message.id}
    for text in sorted(unknown):
        print(f"not said anywhere: {text!r}")
    write(language, catalogue)


def unsaid(place: Path) -> Iterator[str]:
    """Places in Python and JavaScript where a sentence stands outside say(), say_n() and mark()."""
    for path in sorted([place] if place.is_file() else place.rglob("*.py")):
        if path.suffix == ".py" and path.name not in SILENT:
            yield from _unsaid_python(path)
    for path in sorted([place] if place.is_file() else place.rglob("*.js")):
        if path.suffix == ".js" and "vendor" not in path.parts:
            yield from _unsaid_javascript(path)


def _unsaid_python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf8"))
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # docstrings
            silent.add(id(node.value))
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            said = node.args if name in KEYWORDS else node.args[:1] if name in ("info", "warn", "compile") else []
            silent.update(
                id(inner) for part in said for inner in ast.walk(part) if not isinstance(inner, ast.JoinedStr)
            )
            silent.update(id(word.value) for word in node.keywords if word.arg == "help")
        if isinstance(node, ast.JoinedStr):
            silent.update(
                id(inner) for part in node.values for inner in ast.walk(part) if isinstance(part, ast.Constant)
            )
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        if text and UNSAID.search(text) and not re.search(r"<\w+|style=|[{};]\s*$|sans-serif", text):
            yield f"{path.relative_to(ROOT)}:{node.lineno}: {text[:90]!r}"


COMMENT = re.compile(r"/\*[\s\S]*?\*/|^//[^\n]*|\s//\s[^\n]*", re.MULTILINE)
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`')


def _unsaid_javascript(path: Path) -> Iterator[str]:
    source = COMMENT.sub(lambda found: "\n" * found[0].count("\n"), path.read_text(encoding="utf8"))
    for found in STRING.finditer(source):
        text = found[1] if found[1] is not None else found[2]
        before = source[: found.start()].rstrip()
        spoken = re.search(r'\b(?:say|mark|sayN)\((?:\s*"(?:[^"\\]|\\.)*"\s*[,+])*$', before)
        if text and not spoken and UNSAID.search(re.sub(r"\$\{[^}]*\}", "…", text)):
            yield f"{path.relative_to(ROOT)}:{source.count(chr(10), 0, found.start()) + 1}: {text[:90]!r}"


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", metavar="LANGUAGE")
    parser.add_argument("--fill", nargs=2, metavar=("LANGUAGE", "FILE"))
    parser.add_argument("--unsaid", nargs="+", type=Path, metavar="PATH")
    options = parser.parse_args()
    if options.unsaid:
        lines = [line for place in options.unsaid for line in unsaid(place.resolve())]
        print("\n".join(lines))
        return bool(lines)
    if options.fill:
        fill(options.fill[0], Path(options.fill[1]))
    source = collected()
    for language in [*languages(), *([options.add] if options.add else [])]:
        catalogue = updated(language, source)
        write(language, catalogue)
        left = untranslated(catalogue)
        print(f"{language}: {len(catalogue)} messages, {len(left)} without a translation that fits")
        for text in left:
            print(f"  {text!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
