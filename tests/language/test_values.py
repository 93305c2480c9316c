"""Every sentence of the code gets the values that it names, and no other."""

import ast
import string
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for place in ("bertlab", "widgets/bertlab_widgets") for path in sorted((ROOT / place).rglob("*.py"))]


def named(message: str) -> set[str]:
    """The names in a message's braces, those inside a format among them."""
    found = set()
    for _, name, layout, _ in string.Formatter().parse(message):
        if name is not None:
            found |= {name.split(".")[0]} | named(layout or "")
    return found


def unlike(source: str) -> list[str]:
    """The calls of say() and say_n() whose values and braces differ, where both stand in the call itself."""
    found = []
    for node in ast.walk(ast.parse(source)):
        kind = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if kind not in ("say", "say_n") or any(word.arg is None for word in node.keywords):
            continue
        messages = node.args[: 1 if kind == "say" else 2]
        if not all(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in messages):
            continue
        unnamed = {"count"} if kind == "say_n" else set()  # it may be named too, where it is not what is counted
        wanted = set().union(*(named(part.value) for part in messages)) - unnamed
        given = {word.arg for word in node.keywords if word.arg} - unnamed
        if wanted != given:
            found.append(f"line {node.lineno}: {messages[0].value!r} names {sorted(wanted)}, given are {sorted(given)}")
    return found


def test_a_value_that_is_missing_or_named_otherwise_is_found():
    assert not unlike(
        'say("{a} of {b:{c}}", a=1, b=2, c=3); say_n("{count} of {a}", "{count:,} of {a}", n, a=1); say("a")'
    )
    assert len(unlike('say("{a}", b=1); say("{a}"); say("a", b=1); say_n("{b}", "{c}", n, b=1)')) == 4


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_sentence_gets_the_values_that_it_names(path):
    assert unlike(path.read_text(encoding="utf8")) == []
