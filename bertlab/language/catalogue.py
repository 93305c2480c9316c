"""Sentences by their English text: gettext's catalogues, with the values that a sentence speaks of by name."""

from __future__ import annotations

import gettext
import os
from pathlib import Path
from typing import Any

SOURCE = "en"  # the language in which the code is written
DOMAIN = "bertlab"
RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")

_folders = [Path(__file__).parent]
_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_current = SOURCE


def known(folder: str | Path | None = None) -> list[str]:
    """The languages that there are: English, and the folders with a catalogue; `folder` is looked at too."""
    folders = [*_folders, *([Path(folder)] if folder else [])]
    return [SOURCE, *sorted({path.parts[-3] for place in folders for path in place.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")})]


def use(language: str, folder: str | Path | None = None) -> None:
    """Speak a language from now on, in this process; panels that are already open keep theirs.

    Args:
        language: a code such as "zh"; "zh-CN" and "zh_CN.UTF-8" are understood as "zh" where there is no closer one.
        folder: where catalogues of your own stand, as FOLDER/zh/LC_MESSAGES/bertlab.mo; beside those that ship.

    Raises:
        LookupError: there is no catalogue of this language.
    """
    global _catalogue, _current
    wanted = str(language).split(".")[0].replace("-", "_")
    folders = [*([Path(folder)] if folder else []), *_folders]
    for name in (wanted, wanted.split("_")[0]):
        found = [path for place in folders if (path := place / name / "LC_MESSAGES" / f"{DOMAIN}.mo").is_file()]
        if found:
            with open(found[0], "rb") as file:
                _catalogue, _current = gettext.GNUTranslations(file), name
            return
        if name == SOURCE:
            _catalogue, _current = gettext.NullTranslations(), SOURCE
            return
    raise LookupError(f"the language {language!r} was given; there are {', '.join(known(folder))}")


def current() -> str:
    """The code of the language that is spoken, such as "zh"."""
    return _current


def direction() -> str:
    """ "ltr" or "rtl": how the language that is spoken is written."""
    return "rtl" if _current.split("_")[0] in RIGHT_TO_LEFT else "ltr"


def written() -> str:
    """The attributes of an HTML element that holds what is said: `lang="zh" dir="ltr"`."""
    return f'lang="{_current.replace("_", "-")}" dir="{direction()}"'


def say(message: str, /, **values: Any) -> str:
    """A sentence in the language that is spoken.

    `say("{token} falls to {now}.", token=..., now=...)`: the braces are those of `str.format`; a message without
    values is taken as it is.
    """
    return _filled(_catalogue.gettext(message) if message else "", message, values)


def say_n(one: str, many: str, count: int, /, **values: Any) -> str:
    """A sentence about a number of things: `say_n("{count} head", "{count} heads", 3)`; `{count}` needs no naming."""
    source = one if count == 1 else many
    return _filled(_catalogue.ngettext(one, many, count), source, {"count": count, **values})


def mark(message: str) -> str:
    """The message itself: marks a sentence that is written down here and said later, with `say(message)`."""
    return message


def _filled(said: str, source: str, values: dict[str, Any]) -> str:
    if not values:
        return said
    try:
        return said.format(**values)
    except (LookupError, ValueError):  # a translation that names what is not there: better English than nothing
        return source.format(**values)


def translations(messages: list[str]) -> dict[str, str | list[str]]:
    """What a panel's JavaScript needs: message -> its translation, or a list of its plural forms; only what has one.

    Args:
        messages: English ones; of those with a plural the singular.
    """
    catalogue: dict = getattr(_catalogue, "_catalog", {})
    plurals: dict[str, dict[int, str]] = {}
    for key, text in catalogue.items():
        if isinstance(key, tuple):
            plurals.setdefault(key[0], {})[key[1]] = text
    found: dict[str, str | list[str]] = {}
    for message in messages:
        if message in plurals:
            found[message] = [text for _, text in sorted(plurals[message].items())]
        elif message and message in catalogue:
            found[message] = catalogue[message]
    return found


if chosen := os.environ.get("BERTLAB_LANGUAGE"):
    try:
        use(chosen)
    except LookupError as error:
        import warnings

        warnings.warn(f"BERTLAB_LANGUAGE: {error}", stacklevel=2)
