"""A vocabulary: the tokens and ids of a vocab.txt, of a tokenizer.json, or of a mapping."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

from bertlab.files import mistaken, read_json

MOST_BYTES = 1 << 28  # a vocab.txt of a million tokens has some 10 MB


def read_vocabulary(source: str | os.PathLike | Mapping[str, int], unk_token: str = "[UNK]") -> dict[str, int]:
    """The tokens and ids of a vocab.txt (a token a line, its number the id), of a tokenizer.json, or of a mapping.

    Lines end at line feeds (also after carriage returns) and are not stripped: a blank or an unusual line separator
    can be a token. Where a token stands in several lines the last one counts, as in the documented classes, and a
    warning names it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not UTF-8, is something else than a vocabulary, or lacks `unk_token`.
    """
    if isinstance(source, Mapping):
        vocabulary = dict(source)
        place = "The vocabulary"
        check_ids(vocabulary, place)
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        place = repr(str(path))
        if not path.is_file():
            raise FileNotFoundError(
                f"there is no vocabulary file {place}; give the path of a vocab.txt, or load a tokenizer by name or "
                "folder with from_pretrained"
            )
        if path.suffix == ".json":
            vocabulary = vocabulary_of_json(path)
        else:
            vocabulary = _read_lines(path)
    else:
        raise TypeError(f"A vocabulary is a path or a mapping from tokens to ids, not {type(source).__name__}")
    if unk_token not in vocabulary:
        raise ValueError(
            f"{place} has no {unk_token!r} among its {len(vocabulary)} tokens, so unknown words would have no id; "
            "add it, or name the vocabulary's own with unk_token=..."
        )
    return vocabulary


def _read_lines(path: Path) -> dict[str, int]:
    what = mistaken(path)
    if what is None and path.stat().st_size > MOST_BYTES:
        what = f"has {path.stat().st_size} bytes, more than any vocabulary"
    if what is not None:
        raise ValueError(f"{str(path)!r} is no vocabulary: it {what}")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"the vocabulary {str(path)!r} is not UTF-8 text (byte {error.start}: {error.reason}); save it as UTF-8, "
            "or check that it is the right file"
        ) from None
    if text.startswith("\ufeff"):
        raise ValueError(
            f"the vocabulary {str(path)!r} begins with a byte order mark, which would be part of its first token; "
            "save it as UTF-8 without one"
        )
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    vocabulary: dict[str, int] = {}
    repeated: dict[str, list[int]] = {}
    for number, token in enumerate(lines):
        if token in vocabulary:
            repeated.setdefault(token, [vocabulary[token] + 1]).append(number + 1)
        vocabulary[token] = number
    if repeated:
        _warn_of_repeated(path, repeated)
    return vocabulary


def _warn_of_repeated(path: Path, repeated: dict[str, list[int]]) -> None:
    shown = [
        f"{token[:40]!r} in lines {', '.join(map(str, lines[:-1][:5]))} and {lines[-1]}"
        for token, lines in list(repeated.items())[:5]
    ]
    more = f", and {len(repeated) - 5} more tokens" if len(repeated) > 5 else ""
    warnings.warn(
        f"the vocabulary {str(path)!r} has {'; '.join(shown)}{more}; the last line of a token gives its id, and the "
        "ids of the other lines stand for nothing",
        stacklevel=2,
    )


def vocabulary_of_json(path: Path) -> dict[str, int]:
    """The WordPiece vocabulary of a tokenizer.json."""
    model = read_json(path).get("model")
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict) or "merges" in model:
        kind = model.get("type") if isinstance(model, dict) else None
        raise ValueError(
            f"{str(path)!r} holds no WordPiece vocabulary (its model is {kind!r}); BERT's tokenizers need one"
        )
    check_ids(model["vocab"], repr(str(path)))
    return model["vocab"]


def check_ids(vocabulary: Mapping[str, int], place: str) -> None:
    """Refuse a mapping of tokens that are no strings, or of ids that are none or belong to two tokens."""
    for token, token_id in vocabulary.items():
        if not isinstance(token, str) or type(token_id) is not int or not 0 <= token_id < 2**31:
            raise ValueError(f"{place} maps {token!r} to {token_id!r}; it must map strings to ids from 0 on")
    if len(set(vocabulary.values())) < len(vocabulary):
        raise ValueError(f"{place} gives one id to two tokens; every token needs its own")
