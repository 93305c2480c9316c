"""Opening a model for exploring: the one that ships, a folder, or a name on the Hub."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from bertlab.adapters import base_of
from bertlab.devices import find_device
from bertlab.files import read_json, resolve
from bertlab.lab.lab import Lab
from bertlab.lab.naming import task_name
from bertlab.model import BertConfig
from bertlab.model import heads as task_heads
from bertlab.tasks import TASKS
from bertlab.tokenizer import BertTokenizerFast

DEFAULT_MODEL = "bertlab-mini"


def load(name_or_path: str | os.PathLike = DEFAULT_MODEL, device: str = "auto", dtype: Any = None, **where: Any) -> Lab:
    """Open a model for exploring: the one that ships, a folder, or a name on the Hub.

    A checkpoint that was fine-tuned for a task answers for it (see `Lab.tasks`). A folder with an adapter opens its
    base, with the adapter among the tasks.

    Args:
        device: "auto" takes a GPU when there is one; or any torch device.
        dtype: type of the parameters, such as torch.bfloat16; float32 when None.
        where: `revision`, `cache_dir`, `token`, `local_files_only`, ... as `hub.resolve` knows them.

    Raises:
        OSError: when there is no such model. ValueError: when its files are broken or not BERT's, or this machine
            has no such device.
    """
    adapter = _adapter(name_or_path)
    if adapter is not None:
        return _with_adapter(Path(name_or_path).expanduser(), adapter, device, dtype, where)
    folder = resolve(name_or_path, **where)
    encoder, is_decoder = _read_from_both_sides(BertConfig.from_pretrained(folder))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = task_heads.BertForPreTraining.from_pretrained(folder, config=encoder, torch_dtype=dtype)
    _say_again(said, model)
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    lab = Lab(model.to(find_device(device)), tokenizer, name=_display_name(name_or_path))
    lab.model.config.name_or_path = str(name_or_path)
    for found in sorted((folder / "tasks").glob("*/config.json")):
        lab.adapters[found.parent.name] = found.parent
    own = (model.config.architectures or [""])[0]
    if own in {known.model_class for known in TASKS.values()}:  # a checkpoint that was fine-tuned for one task
        config = BertConfig.from_pretrained(folder)
        if own != "BertLMHeadModel":
            config, _ = _read_from_both_sides(config)
        own_model = getattr(task_heads, own).from_pretrained(folder, config=config, torch_dtype=dtype).to(lab.device)
        lab.add_task(task_name(own_model), own_model)
    if is_decoder:
        warnings.warn(
            f"{lab.name} was saved as a decoder, which reads from left to right: the lab's model and its tasks look at "
            "both sides of a word, which these weights may not have learnt; lab.generate reads as it did",
            UserWarning, stacklevel=2,
        )  # fmt: skip
    return lab


def _say_again(said: list[warnings.WarningMessage], model: task_heads.BertForPreTraining) -> None:
    """The warnings of loading, but for one of fresh heads alone: a lab marks what these answer."""
    fresh = model.loading_report.fresh if model.loading_report is not None else []
    only_heads = all(name.startswith(("cls.", "bert.pooler.")) for name in fresh)
    for warning in said:
        if not (only_heads and "not in the checkpoint" in str(warning.message)):
            warnings.warn(warning.message, warning.category, stacklevel=4)


def _read_from_both_sides(config: BertConfig) -> tuple[BertConfig, bool]:
    """The config of an encoder, and whether it was that of a decoder."""
    was_decoder = bool(config.is_decoder)
    config.is_decoder = config.add_cross_attention = False
    return config, was_decoder


def _adapter(name_or_path: str | os.PathLike) -> dict[str, Any] | None:
    """What the config of a folder with an adapter, or with a decoder alone, says of it."""
    folder = Path(name_or_path).expanduser()
    if any((folder / name).is_file() for name in ("adapter.safetensors", "decoder.safetensors")):
        if not (folder / "model.safetensors").is_file() and (folder / "config.json").is_file():
            about = read_json(folder / "config.json").get("bertlab")
            return about if isinstance(about, dict) else {}
    return None


def _with_adapter(folder: Path, about: dict[str, Any], device: str, dtype: Any, where: dict[str, Any]) -> Lab:
    base, task = about.get("base"), about.get("task") or folder.name
    if not isinstance(base, str):
        raise ValueError(
            f"{folder} holds an adapter, which is no model by itself, and does not say what its base is: open the "
            f"base, then lab.adapters[{str(task)!r}] = Path({str(folder)!r})"
        )
    try:
        lab = load(base_of(folder), device, dtype, **where)
    except OSError as error:
        raise OSError(
            f"{folder} holds an adapter for {base!r}, which cannot be opened ({error}); open it from where it is, then "
            f"lab.adapters[{str(task)!r}] = Path({str(folder)!r})"
        ) from error
    lab.forget(str(task))
    lab.adapters[str(task)] = folder
    lab.task_model(str(task))  # says now whether it fits the base
    return lab


def _display_name(name_or_path: str | os.PathLike) -> str:
    text = os.fspath(name_or_path)
    return Path(text).resolve().name if Path(text).expanduser().is_dir() else text
