"""Checkpoints that survive anything: written beside their place and renamed into it when complete.

A checkpoint is a folder `checkpoint-00000120` with `model.safetensors` (all weights, tied ones once),
`state.pt` (optimiser and random states) and `progress.json` (step, settings, evaluations). A folder of that
name is always complete: whoever is killed while writing leaves only a `.unfinished` folder behind. Copies under other
names, such as `checkpoint-best`, are nobody's business here.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bertlab.files import read_json
from bertlab.training.settings import TrainingError

_NAME = re.compile(r"checkpoint-(\d{8,})")
_FIELDS = {"step": int, "seconds": (int, float), "finished": bool, "best": dict, "settings": dict}
_STATE = {"optimizer": dict, "random_states": list, "best_weights": dict}


def checkpoints(folder: str | Path) -> list[Path]:
    """The complete checkpoints in a folder, oldest first."""
    found = [path for path in Path(folder).glob("checkpoint-*") if _NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=_step)


def write_checkpoint(
    folder: str | Path,
    step: int,
    weights: Mapping[str, Tensor],
    state: Mapping[str, Any],
    progress: Mapping[str, Any],
    keep: int = 2,
) -> Path:
    """Write a checkpoint and remove what is older than it and the `keep` - 1 before it.

    Raises:
        TrainingError: the disk is full or not writable, or the memory; what was there before stays intact.
    """
    from safetensors.torch import save

    folder = Path(folder)
    final = folder / f"checkpoint-{step:08d}"
    unfinished = folder / f".{final.name}.unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        packed = io.BytesIO()
        torch.save(_in_memory(dict(state)), packed)
        _write(unfinished / "model.safetensors", save(dict(weights), metadata={"format": "pt"}))
        _write(unfinished / "state.pt", packed.getbuffer())
        _write(unfinished / "progress.json", (json.dumps(progress, indent=2) + "\n").encode())
        _sync(unfinished)
        if final.exists():
            _remove(final)
        os.rename(unfinished, final)
        _sync(folder)
    except (OSError, MemoryError, RuntimeError) as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, RuntimeError) and not out_of_memory(error):
            raise
        raise TrainingError(
            f"the checkpoint of step {step} was not saved in {folder}, because {_reason(error)}; {last_good(folder)}"
        ) from error
    for old in [path for path in checkpoints(folder) if _step(path) <= step][:-keep]:
        _remove(old)
    return final


def set_aside(folder: str | Path, name: str = "former", newer_than: int | None = None) -> Path | None:
    """Move checkpoints into a folder of their own beside their place, where nothing goes on from them or removes them.

    Args:
        name: of that folder; it is numbered.
        newer_than: only those after this step.

    Returns:
        The folder, or None if there was nothing to move.
    """
    moved = [path for path in checkpoints(folder) if newer_than is None or _step(path) > newer_than]
    if not moved:
        return None
    number = 1
    while (target := Path(folder) / f"{name}-{number}").exists():
        number += 1
    target.mkdir()
    for path in moved:
        os.rename(path, target / path.name)
    return target


def last_good(folder: str | Path | None) -> str:
    """A clause that says which checkpoint there is to go on from."""
    complete = checkpoints(folder) if folder is not None else []
    if complete:
        return f"the last good checkpoint is {complete[-1]}: start again with the same settings to go on from it"
    return "there is no checkpoint yet"


def _in_memory(state: Any) -> Any:
    """The same with every tensor in the computer's own memory, so that it opens where there is no such device."""
    if isinstance(state, Tensor):
        return state.cpu()
    if isinstance(state, Mapping):
        return {name: _in_memory(value) for name, value in state.items()}
    return type(state)(map(_in_memory, state)) if isinstance(state, (list, tuple)) else state


def read_checkpoint(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]] | None:
    """Weights, state and progress of the newest readable checkpoint in a folder, None if there is none."""
    from safetensors.torch import load_file

    for path in reversed(checkpoints(folder)):
        try:
            progress = _checked(read_json(path / "progress.json"), _FIELDS, "progress.json")
            weights = load_file(path / "model.safetensors")
            state = torch.load(path / "state.pt", map_location="cpu", weights_only=True)
            _checked(state, _STATE, "state.pt")
        except Exception as error:  # whatever a damaged file makes a reader raise
            warnings.warn(f"{path} is damaged ({error}); going back to the one before", stacklevel=2)
            continue
        return weights, state, progress
    return None


def read_progress(folder: str | Path) -> dict[str, Any]:
    """How far a run came: "step", "seconds", "finished", ... of its newest checkpoint.

    Raises:
        FileNotFoundError: there is no checkpoint in the folder.
        ValueError: the newest one is damaged.
    """
    complete = checkpoints(folder)
    if not complete:
        raise FileNotFoundError(f"there is no checkpoint in {folder}")
    return _checked(read_json(complete[-1] / "progress.json"), _FIELDS, str(complete[-1] / "progress.json"))


def all_weights(model: nn.Module) -> dict[str, Tensor]:
    """The model's state on the CPU, each tensor once (tied names are left out)."""
    seen: set[int] = set()
    weights = {}
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) not in seen:
            seen.add(id(value))
            weights[name] = value.detach().to("cpu").contiguous()
    return weights


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights back into the model that they are from.

    Raises:
        TrainingError: they are those of another model.
    """
    own = model.state_dict()
    wrong = [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]
    missing = [name for name in all_weights(model) if name not in weights]
    if wrong or missing:
        name = (wrong + missing)[0]
        raise TrainingError(f"the checkpoint is that of another model: {name!r} differs; use another folder")
    with torch.no_grad():
        for name, value in weights.items():
            own[name].copy_(value)


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _checked(content: Any, fields: Mapping[str, Any], name: str) -> Any:
    """The content, if it has the fields, each of its kind."""
    for field, kind in fields.items():
        if not isinstance(content, dict) or not isinstance(content.get(field), kind):
            raise ValueError(f"{name} does not say {field!r} as a checkpoint does")
    return content


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was not enough."""
    text = str(error).lower()
    return isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) or any(
        clue in text for clue in ("out of memory", "can't allocate memory", "cannot allocate memory")
    )


def _reason(error: BaseException) -> str:
    if out_of_memory(error):
        return "there is not enough memory to pack it"
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "the disk is full" if full else f"it could not be written ({getattr(error, 'strerror', None) or error})"


def _write(path: Path, content) -> None:
    with open(path, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a folder so that no half of it is ever taken for a checkpoint."""
    doomed = path.with_name(f".{path.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    os.rename(path, doomed)
    shutil.rmtree(doomed, ignore_errors=True)
