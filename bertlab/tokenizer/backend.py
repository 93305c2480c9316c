"""The tokenizer of the `tokenizers` library under the fast one: made, read from a file, and given its options."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bertlab.tokenizer.pipeline import normalizer_options
from bertlab.tokenizer.tokens import AddedToken
from bertlab.tokenizer.vocabulary import vocabulary_of_json

_SURROGATE = re.compile("[\ud800-\udfff]")


def new_backend(vocabulary: dict[str, int], unk_token: str, prefix: str, asked: dict[str, Any], most_characters: int):
    """A backend that cuts as BERT does, with this vocabulary and the options that were asked for."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    backend = Tokenizer(
        models.WordPiece(
            vocabulary,
            unk_token=unk_token,
            continuing_subword_prefix=prefix,
            max_input_chars_per_word=most_characters,
        )
    )
    backend.normalizer = _normalizer(asked)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix=prefix)
    return backend


def _normalizer(options: Mapping[str, Any]):
    from tokenizers import normalizers

    return normalizers.BertNormalizer(
        clean_text=options.get("clean_text", True),
        handle_chinese_chars=options.get("tokenize_chinese_chars", True),
        strip_accents=options.get("strip_accents"),
        lowercase=options.get("do_lower_case", True),
    )


def loaded_backend(tokenizer_object: Any, path: str | os.PathLike | None, asked: dict[str, Any]):
    """The backend of a tokenizer.json (or a copy of the given one), with the normalization that was asked for."""
    from tokenizers import Tokenizer

    if tokenizer_object is not None:
        backend = Tokenizer.from_str(tokenizer_object.to_str())
    else:
        vocabulary_of_json(Path(path))  # explains what is wrong better than the backend does
        try:
            backend = Tokenizer.from_file(os.fspath(path))
        except Exception as error:
            raise ValueError(f"the tokenizer in {os.fspath(path)!r} cannot be read: {error}") from error
    said = normalizer_options(pipeline_of(backend))
    if said and any(said.get(name) != value for name, value in asked.items()):
        backend.normalizer = _normalizer(said | asked)
    return backend


def pipeline_of(backend: Any) -> dict[str, Any]:
    """The steps of a backend, as a tokenizer.json has them."""
    model = backend.model
    steps = {"normalizer": backend.normalizer, "pre_tokenizer": backend.pre_tokenizer}
    pipeline = {name: None if step is None else json.loads(step.__getstate__()) for name, step in steps.items()}
    most = getattr(model, "max_input_chars_per_word", None)
    return pipeline | {"model": {"type": type(model).__name__, "max_input_chars_per_word": most}}


def without_gaps(backend: Any):
    """A backend that gives ids beyond the last one to new tokens; it counts tokens, and lines of a token count too.

    Where lines of a vocabulary stand for nothing, their ids get names that no text has.
    """
    vocabulary = backend.get_vocab(with_added_tokens=False)
    missing = set(range(max(vocabulary.values(), default=-1) + 1)) - set(vocabulary.values())
    if not missing:
        return backend
    state = json.loads(backend.to_str())
    state["model"]["vocab"] |= {f"[no token {token_id}]": token_id for token_id in sorted(missing)}
    return type(backend).from_str(json.dumps(state))


def without_surrogates(text: Any) -> Any:
    """A text or list of words in which halves of surrogate pairs, which the backend cannot take, are U+FFFD."""
    if isinstance(text, str):
        return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
    return [without_surrogates(word) for word in text]


def backend_token(token: Any) -> Any:
    """A string or token as the backend takes it; `normalized` only if set, for it depends on `special`."""
    from tokenizers import AddedToken as BackendToken

    if not isinstance(token, AddedToken):
        return token
    options = asdict(token)
    if token.normalized == (not token.special):
        del options["normalized"]
    return BackendToken(**options)
