"""The folder that a command trains into: what stands there is never overwritten, mixed with, or taken for its own."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bertlab.data import Corpus, DataError
from bertlab.files import read_json, resolve, write_whole
from bertlab.training import alone_in, vocabulary_digest
from bertlab.training import checkpoints as complete_checkpoints

WEIGHTS = (
    "*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin*", "tf_model.h5", "flax_model.msgpack",
)  # fmt: skip
PARTS = (
    *WEIGHTS, "config.json", "generation_config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "task.json",
)  # fmt: skip


def refuse_overwriting(out: Path, base: str, resume: bool) -> None:
    """Raise a ValueError where a run would end by overwriting a model that is not its own.

    Args:
        base: what the run starts from.
        resume: whether it may go on from its checkpoints; one that may not puts aside what it finds.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file: give a folder")
    if os.path.realpath(out) == os.path.realpath(resolve(base)):
        raise ValueError(
            f"--out {out} is the model that the run starts from and would overwrite it: give another --out"
        )
    found = model_parts(out, WEIGHTS)
    if found and resume and not complete_checkpoints(out / "checkpoints"):
        raise ValueError(
            f"{out} holds {found[0].name} of another run already: give another --out, or --no-resume to put aside what "
            "is there"
        )


def refuse_writing_over(log: str | None, read: Sequence[str | None]) -> None:
    """Raise a ValueError if the log would be written into a file that the command reads."""
    for path in read:
        if log is not None and path is not None and os.path.realpath(log) == os.path.realpath(path):
            raise ValueError(f"--log-file {log} is read by this command too: give another file for the log")


def model_parts(folder: Path, patterns: Sequence[str] = PARTS) -> list[Path]:
    """The files of a model or an adapter that stand in a folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir()
        if path.is_file() and any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns)
    )  # fmt: skip


def save_whole(out: Path, save: Callable[[Path], Any]) -> Path | None:
    """Let `save` write a model into a folder, and put its files into `out` when all are there.

    Returns:
        Where the files of another model went that stood in `out`, or None if there were none.
    """
    unfinished = out / ".model.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        save(unfinished)
        former, new = model_parts(out), sorted(unfinished.iterdir())
        if [path.name for path in former] == [path.name for path in new] and all(
            one.read_bytes() == other.read_bytes() for one, other in zip(former, new, strict=True)
        ):
            return None
        aside = free_name(out, "former") if former else None
        if aside is not None:
            aside.mkdir()
            for path in former:
                os.rename(path, aside / path.name)
        for path in new:
            os.rename(path, out / path.name)
        return aside
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def free_name(folder: Path, stem: str, suffix: str = "") -> Path:
    """The first of stem-1, stem-2, ... that does not exist."""
    number = 1
    while (path := folder / f"{stem}-{number}{suffix}").exists():
        number += 1
    return path


@contextmanager
def holding(out: Path, first: bool) -> Iterator[None]:
    """The folder for this command alone; TrainingError if another one is at work in it."""
    if not first:
        yield
        return
    with alone_in(out):
        yield


def tokenised(files: Sequence[str], tokenizer: Any, folder: Path, first: bool) -> Corpus:
    """The text as a corpus: from `folder`, where an earlier call with these texts and this vocabulary left it, or
    built there.

    Args:
        first: whether this process builds; others wait for it.
    """
    about = {"texts": [_digest(file) for file in files], "vocabulary": vocabulary_digest(tokenizer)}
    found = _opened(folder, about)
    while found is None and not first:
        time.sleep(0.2)
        found = _opened(folder, about)
    if found is not None:
        return found
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    Corpus.build(list(files), tokenizer, unfinished)
    write_whole(unfinished / "sources.json", json.dumps(about) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(unfinished, folder)
    return Corpus.open(folder)


def _opened(folder: Path, about: dict[str, Any]) -> Corpus | None:
    try:
        return Corpus.open(folder) if read_json(folder / "sources.json") == about else None
    except (OSError, DataError, ValueError):  # nothing there, half of it, or of an earlier bertlab
        return None


def _digest(file: str) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while piece := stream.read(2**20):
            digest.update(piece)
    return digest.hexdigest()[:16]
