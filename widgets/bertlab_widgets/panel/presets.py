"""Presets as data: each panel's folder holds a presets.json, a list of examples with a note for the teacher.

    {"name": "A fact", "note": "What to ask, and what to look at.", "text": "...", "text_pair": "...",
     "mask": ["Paris"], "select": ["it"], and settings of the panel by name}

One with `"script": "Han"` is written in Chinese, name and note too. It is offered where the vocabulary reads its text
without [UNK], and comes first where that is a vocabulary of Chinese, so that a panel opens on it.

`mask` and `select` name words of the text, not positions, so that a preset fits every vocabulary. Choosing a preset
sets everything: settings that it does not name go back to the beginning, edits and selection are taken back.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from bertlab.language import say

from ..workbench import SelectionError, Workbench
from .reading import SIGNS

WORDS = {"mask": "masked", "select": "selected"}  # in the file -> the trait of the workbench


def load_presets(folder: Path) -> dict[str, dict]:
    """The presets of a panel: name -> note and state; empty where the folder has none.

    Raises:
        ValueError: two presets have one name.
    """
    path = Path(folder) / "presets.json"
    if not path.is_file():
        return {}
    found: dict[str, dict] = {}
    for entry in json.loads(path.read_text(encoding="utf8")):
        name = entry.pop("name")
        if name in found:
            raise ValueError(f"{path} has two presets of the name {name!r}")
        found[name] = entry
    return found


def word_spans(text: str, words: list[str]) -> list[tuple[int, int]]:
    """(first character, behind the last one) of each word in the text; a word named twice stands for two places.

    Raises:
        ValueError: a word does not occur in the text, or not so often.
    """
    found: list[tuple[int, int]] = []
    for word in words:
        alone = re.escape(word) if SIGNS.match(word) else rf"(?<!\w){re.escape(word)}(?!\w)"
        places = re.finditer(alone, text)
        place = next((match.span() for match in places if match.span() not in found), None)
        if place is None:
            raise ValueError(f"a preset names {word!r}, which its text does not have there: {text!r}")
        found.append(place)
    return found


def positions_of(workbench: Workbench, words: list[str]) -> list[int]:
    """The positions of all pieces of these words in the workbench's first sentence."""
    spans = word_spans(workbench.text, words)
    return [
        position
        for position, token in enumerate(workbench.encoding.tokens)
        if token["word"] is not None
        and token["segment"] == 0
        and any(start <= token["start"] and token["end"] <= end for start, end in spans)
    ]


def preset_named(presets: dict[str, dict], name: str) -> dict:
    """The state of a preset, without its note and its script.

    Raises:
        SelectionError: there is no preset of this name.
    """
    if name not in presets:
        known = ", ".join(presets) or say("none")
        raise SelectionError(say("preset {name!r} was given; there are {known}", name=name, known=known))
    return {key: value for key, value in presets[name].items() if key not in ("note", "script")}
