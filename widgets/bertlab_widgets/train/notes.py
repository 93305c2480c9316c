"""What a reader should know of the data: what was guessed, what was left out, what looks like something else."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bertlab.language import mark, say
from bertlab.rows import guessed_columns

from .rows import MASKED

SEPARATORS = {
    "\t": mark("a tab"),
    ",": mark("a comma"),
    ";": mark("a semicolon"),
    ":": mark("a colon"),
    "|": mark("a bar"),
}
WHERE = (  # the part of a line that may be its label
    (
        -1,
        mark(
            "read as running text without labels, though every line ends in one word set off by {sign}, such as "
            "{word!r}; if these are labels, write text, a tab, and the label"
        ),
    ),
    (
        0,
        mark(
            "read as running text without labels, though every line begins with one word set off by {sign}, such as "
            "{word!r}; if these are labels, write text, a tab, and the label"
        ),
    ),
)
_listening = threading.Lock()  # who listens changes the process's filters for a moment: one at a time


@contextmanager
def hearing() -> Iterator[list[str]]:
    """What is warned of inside, by this thread, as sentences; warnings of other threads go where they went.

    Where another thread listens just now nothing is heard: warnings then go to stderr, as always.
    """
    found: list[str] = []
    own = threading.get_ident()
    if not _listening.acquire(blocking=False):
        yield found
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            others = warnings.showwarning

            def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
                if threading.get_ident() != own or not issubclass(category, UserWarning):
                    others(message, category, *place, **more)
                elif str(message) not in found:
                    found.append(str(message))

            warnings.showwarning = show
            yield found
    finally:
        _listening.release()


def notes_on(rows: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
    """What was guessed of a set that somebody gave, and what it may have been meant for."""
    said = []
    if guessed := guessed_columns(rows[0], kind if kind != MASKED else "causal"):
        read = say(", ").join(
            say("{name} from {column!r}", name=name, column=column) for name, column in guessed.items()
        )
        said.append(
            say("columns taken by their names: {read}; others can be named under the path, text = review", read=read)
        )
    if kind == MASKED and (problem := looks_labelled([str(row.get("text", "")) for row in rows])):
        said.append(problem)
    return said


def looks_labelled(texts: Sequence[str]) -> str:
    """That lines read as texts without labels look like a text and a label each; empty where they do not."""
    for sign, name in SEPARATORS.items():
        parts = [text.split(sign) for text in texts]
        if not all(len(part) > 1 for part in parts):
            continue
        for at, message in WHERE:
            words = [part[at].strip() for part in parts]
            if all(re.fullmatch(r"[\w+-]{1,24}", word) for word in words):
                return say(message, sign=say(name), word=words[0])
    return ""
