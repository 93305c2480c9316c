"""What a vocabulary can read: which presets suit it, and what to say of a text that the model does not know or see."""

from __future__ import annotations

import re

from bertlab.language import say, say_n

from ..workbench import Encoding, Workbench, encode
from .words import in_a_row

ENGLISH = "The animal didn't cross the street because it was too tired."
CHINESE = "这只动物没有过马路，因为它太累了。"
MOST_SPLIT = 0.25  # of the words of ENGLISH, where a vocabulary is one of English
SIGNS = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)  # no letters: words by themselves


def offered(presets: dict[str, dict], workbench: Workbench) -> list[str]:
    """The names of the presets for this vocabulary: those of a script only where it reads them whole.

    They come first where the vocabulary is one of Chinese, and after the others where it reads English as well.
    """
    own = [name for name, state in presets.items() if "script" in state and _reads(workbench, state)]
    others = [name for name, state in presets.items() if "script" not in state]
    return own + others if is_chinese(workbench) else others + own


def is_chinese(workbench: Workbench) -> bool:
    """Whether the vocabulary reads a Chinese sentence, and the words of an English one mostly in pieces."""

    def look() -> bool:
        chinese, english = (_words(_encoded(workbench, text), (text, "")) for text in (CHINESE, ENGLISH))
        split = sum(len(word) > 1 or word[0]["unknown"] for word in english)
        return not any(map(_is_unknown, chinese)) and split > MOST_SPLIT * len(english)

    return workbench.cached(("is Chinese",), look)


def notes(workbench: Workbench, preset_note: str) -> str:
    """What is said under the text: the preset's note, else what was cut off; and whether the words are known."""
    encoding = workbench.encoding
    return in_a_row([say(preset_note) or _cut_note(encoding), _unknown_note(workbench)])


def _cut_note(encoding: Encoding) -> str:
    cut = [part for part in encoding.cut if part]
    if not cut:
        return ""
    shown = cut[0][:60] + ("…" if len(cut[0]) > 60 else "")
    return say(
        "Cut after {count} tokens, the model's limit: “{words}” and what follows is not seen.",
        count=encoding.length, words=shown,
    )  # fmt: skip


def _unknown_note(workbench: Workbench) -> str:
    words = _words(workbench.encoding, (workbench.text, workbench.text_pair))
    unknown = sum(map(_is_unknown, words))
    if not words or 2 * unknown < len(words):
        return ""
    return say_n(
        "This vocabulary does not know the one word of this text: it is [UNK] or falls into single letters, "
        "so the model can say little about it.",
        "This vocabulary does not know {count} of {words} words of this text: they are [UNK] or fall into single "
        "letters, so the model can say little about them.",
        len(words), count=unknown, words=len(words),
    )  # fmt: skip


def _encoded(workbench: Workbench, text: str, text_pair: str = "") -> Encoding:
    return encode(workbench.lab.tokenizer, text, text_pair, workbench.limit)


def _reads(workbench: Workbench, state: dict) -> bool:
    texts = (state["text"], state.get("text_pair", ""))
    return workbench.cached(
        ("reads", *texts), lambda: not any(token["unknown"] for token in _encoded(workbench, *texts).tokens)
    )


def _words(encoding: Encoding, texts: tuple[str, str]) -> list[list[dict]]:
    """The pieces of each word that has letters or digits."""
    found: dict[tuple, list[dict]] = {}
    for token in encoding.tokens:
        if token["word"] is not None and not token["special"]:
            found.setdefault((token["segment"], token["word"]), []).append(token)
    return [
        pieces
        for (segment, _), pieces in found.items()
        if any(character.isalnum() for character in texts[segment][pieces[0]["start"] : pieces[-1]["end"]])
    ]


def _is_unknown(pieces: list[dict]) -> bool:
    """Whether a word is [UNK], or is taken apart into its letters."""
    letters = [piece["text"].removeprefix("##") for piece in pieces]
    spelled = all(len(letter) == 1 and letter.isalpha() and not SIGNS.match(letter) for letter in letters)
    return any(piece["unknown"] for piece in pieces) or (len(pieces) > 1 and spelled)
