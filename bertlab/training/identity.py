"""What a run is: beside its settings the data, the vocabulary and the model that it starts from, as short digests.

A checkpoint belongs to one run. Another one, of the same settings on other data or from another base, is never
mixed with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from bertlab.data import Corpus, Mixture

# What each digest is of, in the words of an error.
ORIGINS = {
    "data": "other training data",
    "evaluation": "other evaluation data",
    "vocabulary": "another vocabulary",
    "start": "another model to start from",
}
_PROBE = "Don't STOP; naïve résumés, 東京 2nd-hand №5"

# model -> folder -> (what the run there started from, what it made of it); for runs of this process
_STARTS: WeakKeyDictionary[nn.Module, dict[Path, tuple[str, str]]] = WeakKeyDictionary()


def rows_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """Of labelled rows, in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(dict(row), sort_keys=True, default=_plain).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:16]


def corpus_digest(corpus: Sequence) -> str:
    """Of running text: all its tokens, and where sentences and documents end."""
    digest = hashlib.sha256()
    if isinstance(corpus, Mixture):
        parts = {name: [corpus_digest(part), corpus.shares[name]] for name, part in corpus.parts.items()}
        digest.update(json.dumps(parts).encode())
    elif isinstance(corpus, Corpus):
        for array in (corpus.ids, corpus.sentence_ends, corpus.document_ends):
            digest.update(str(array.dtype).encode())
            for start in range(0, len(array), 2**22):  # a piece at a time: the arrays may be larger than memory
                digest.update(array[start : start + 2**22].tobytes())
    else:
        for number in range(len(corpus)):
            document = [[int(token) for token in sentence] for sentence in corpus[number]]
            digest.update(json.dumps(document).encode() + b"\n")
    return digest.hexdigest()[:16]


def vocabulary_digest(tokenizer: Any) -> str:
    """Of a tokenizer: its vocabulary, its special tokens, and how it cuts a sentence with a bit of everything."""
    special = [getattr(tokenizer, f"{name}_token_id", None) for name in ("cls", "sep", "pad", "mask", "unk")]
    about = [sorted(tokenizer.get_vocab().items()), special, tokenizer.tokenize(_PROBE)]
    return hashlib.sha256(json.dumps(about).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def encoder_digest(model: nn.Module) -> str:
    """Of the encoder's weights: heads, the pooler and adapters, which may be fresh, are left out."""
    digest = hashlib.sha256()
    for name, parameter in getattr(model, "base_model", model).named_parameters():
        if ".lora_" not in name and "pooler" not in name:
            values = parameter.detach().to("cpu", torch.float32).contiguous()
            digest.update(f"{name} {tuple(values.shape)}".encode() + values.numpy().tobytes())
    return digest.hexdigest()[:16]


def start_digest(model: nn.Module, folder: str | Path) -> str:
    """Of what a run in a folder starts from; a model that it has trained half way is still of the same start."""
    now = encoder_digest(model)
    start, left = _STARTS.get(model, {}).get(Path(folder).resolve(), (now, now))
    return start if left == now else now


def remember_start(model: nn.Module, folder: str | Path, start: str) -> None:
    """Note, where a run leaves a model, from what it started."""
    _STARTS.setdefault(model, {})[Path(folder).resolve()] = (start, encoder_digest(model))


def difference(stored: Mapping[str, Any], settings: Mapping[str, Any], origin: Mapping[str, Any]) -> str:
    """What tells the run of a checkpoint from this one, as the end of "the checkpoint was made with"; "" if nothing.

    Args:
        stored: the "settings" and the "origin" of the checkpoint; older ones have no origin.
        settings, origin: those of this run.
    """
    former = stored["settings"]
    for name in {**former, **settings}:
        if former.get(name) != settings.get(name):
            return f"{name}={former.get(name)!r}, now it is {settings.get(name)!r}"
    former = stored.get("origin") or {}
    return " and ".join(
        words for name, words in ORIGINS.items() if name in former and name in origin and former[name] != origin[name]
    )


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else repr(value)
