"""Catalogues made for one test: a few sentences of some language, or every sentence of a language that there is not."""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from languages import collected, compiled  # noqa: E402

PSEUDO = "en_XA"  # stands for no language: what is said in it is English between brackets


def write(folder, code, messages):
    """A catalogue of {English, or (singular, plural): translation} in a folder, for `language.use(code, folder)`."""
    catalogue = Catalog(locale=code.split("_")[0])
    for message, text in messages.items():
        catalogue.add(message, text)
    place = folder / code / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "bertlab.mo").write_bytes(compiled(catalogue))
    return folder


def bracketed(text):
    """A sentence as it is said in the language that there is not."""
    return f"⟦{text}⟧"


def write_pseudo(folder):
    """Everything that the code says, between brackets: what stands outside of them on a screen was not said."""
    messages = [message.id for message in collected() if message.id]
    said = {text: bracketed(text) if isinstance(text, str) else tuple(map(bracketed, text)) for text in messages}
    return write(folder, PSEUDO, said)
