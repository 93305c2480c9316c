"""From a name or a path to a local folder: a folder, the shipped model, or a model of the Hugging Face Hub.

Everything here deals in files, not in tensors. `resolve` downloads no more than what was asked for, checks
every file name that a downloaded file mentions, and says in one sentence what is missing and what to do.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from bertlab.files.mistaken import mistaken
from bertlab.files.names import FILE_KINDS, all_weight_file_names, check_plain_names
from bertlab.files.repository import Repository
from bertlab.files.shipped import ModelNotFoundError, did_you_mean, shipped_folder, shipped_models


def resolve(
    name_or_path: str | os.PathLike,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    proxies: Mapping[str, str] | None = None,
    subfolder: str = "",
    variant: str | None = None,
    use_safetensors: bool | None = None,
    weights_of: str | None = None,
    files: str | Iterable[str] = FILE_KINDS,
) -> Path:
    """The local folder that holds a model's files.

    Tried in this order: an existing folder; the name of a shipped model (`shipped_models()`); a name on the
    Hugging Face Hub, such as "bert-base-uncased", whose files come from its cache or are downloaded into it.
    What looks like a path ("./x", "/x", "~/x", "x/") is never looked for on the Hub.

    `revision` is a branch, tag or commit of the Hub; `token` an access token, True for the saved one, False
    for none; `local_files_only` (or HF_HUB_OFFLINE=1) uses the cache alone; `variant="fp16"` asks for
    `model.fp16.safetensors`; `use_safetensors` True or False rules out the other weight format; `weights_of`
    "tf" or "flax" asks for the weights that this framework wrote, None for PyTorch's and only where there are
    none for the others'. `files` says what is needed: any of "config", "tokenizer", "weights".
    `proxies` is for huggingface_hub before 1.0; later ones read HTTPS_PROXY.

    Raises `ModelNotFoundError` (an OSError) when there is no such model or it lacks a needed file,
    `PermissionError` when the Hub refuses access, `ConnectionError` when it cannot be reached and the cache
    does not help, ValueError or TypeError for arguments that cannot be meant.
    """
    kinds = _check_kinds(files)
    check_plain_names(subfolder=subfolder, revision=revision, variant=variant)
    is_path_object = isinstance(name_or_path, os.PathLike)
    name = os.fspath(name_or_path) if is_path_object else name_or_path
    if not isinstance(name, str):
        raise TypeError(
            f"A model is given by a name or a path, not by {type(name).__name__}; "
            'pass a string such as "bertlab-mini" or a folder'
        )
    if not name.strip() or "\0" in name:
        raise ValueError(f'{name!r} is no model name or path; pass one such as "bertlab-mini" or "./folder"')

    folder = Path(name).expanduser()
    if folder.is_dir():
        return _inner_folder(folder, subfolder)
    if os.path.lexists(folder):
        what = mistaken(folder) if folder.is_file() else None
        raise NotADirectoryError(
            f"{str(folder)!r} is no folder; pass one that holds config.json, vocabulary and weights."
            + (f" The file {what}." if what else "")
        )
    if name in shipped_models():
        return _inner_folder(shipped_folder(name), subfolder)
    if is_path_object or _looks_like_a_path(name):
        raise ModelNotFoundError(
            f"{name!r} looks like a path, and there is no such folder (looked in {str(Path.cwd())!r}); "
            f"check the spelling.{did_you_mean(name)}"
        )
    if name.startswith("bertlab-") and "/" not in name:
        raise ModelNotFoundError(
            f"{name!r} is no folder here and no model shipped with bertlab; "
            f"shipped are: {', '.join(shipped_models()) or 'none in this installation'}"
        )
    if force_download and (local_files_only or _offline_by_environment()):
        raise ValueError("force_download=True needs the network, which is switched off; drop one of the two")
    if proxies:
        _check_that_proxies_are_taken()
    repository = Repository(
        name=name,
        revision=revision,
        cache_dir=None if cache_dir is None else str(Path(cache_dir).expanduser()),
        token=token,
        local_only=local_files_only or _offline_by_environment(),
        force_download=force_download,
        proxies=proxies,
        subfolder=subfolder,
    )
    return repository.folder_with(kinds, all_weight_file_names(variant, use_safetensors, weights_of))


HUB_OPTIONS = tuple(
    option for option in inspect.signature(resolve).parameters if option not in ("name_or_path", "files")
)


def take_options(arguments: MutableMapping[str, Any]) -> dict[str, Any]:
    """Move the arguments that `resolve` understands out of `arguments`, a dict of keyword arguments.

    `from_pretrained` methods take options for finding the files and options for the configuration in one
    list; this tells them apart. The old `use_auth_token` becomes `token`; the obsolete `resume_download` and
    `mirror` are dropped, for downloads always resume.
    """
    options = {name: arguments.pop(name) for name in HUB_OPTIONS if name in arguments}
    old_token = arguments.pop("use_auth_token", None)
    if old_token is not None:
        options.setdefault("token", old_token)
    for obsolete in ("resume_download", "mirror"):
        arguments.pop(obsolete, None)
    return options


def _looks_like_a_path(name: str) -> bool:
    return (
        name.startswith((".", "/", "~"))
        or name.endswith("/")
        or "\\" in name
        or name.count("/") > 1
        or re.match("[A-Za-z]:", name) is not None
    )


def _inner_folder(folder: Path, subfolder: str) -> Path:
    inner = folder / subfolder if subfolder else folder
    if not inner.is_dir():
        raise ModelNotFoundError(f"{str(folder)!r} has no folder {subfolder!r} in it; check subfolder=")
    return inner


def _check_kinds(files: str | Iterable[str]) -> tuple[str, ...]:
    kinds = (files,) if isinstance(files, str) else tuple(files)
    for kind in kinds:
        if kind not in FILE_KINDS:
            raise ValueError(f"files={kind!r} is unknown; ask for any of {', '.join(FILE_KINDS)}")
    if not kinds:
        raise ValueError(f"files is empty; ask for any of {', '.join(FILE_KINDS)}")
    return kinds


def _offline_by_environment() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, read now, for a notebook may set it late."""
    return any(
        os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE")
        for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    )


def _check_that_proxies_are_taken() -> None:
    from huggingface_hub import hf_hub_download

    if "proxies" not in inspect.signature(hf_hub_download).parameters:
        raise ValueError(
            "the installed huggingface_hub takes no proxies= argument; set the environment variable "
            "HTTPS_PROXY to the proxy's address instead"
        )
