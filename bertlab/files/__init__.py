"""Files and folders: what is written is written whole, what is read is checked, what has a name is found.

Read `whole` first, then `hub` (from a name to a folder), `reading` (from a folder to tensors), `loading` (from tensors
into a model) and `writing` (the way back). Only the last three need torch, and are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

from bertlab.files.hub import resolve, take_options
from bertlab.files.mistaken import mistaken
from bertlab.files.names import (
    CONFIG_FILES,
    TOKENIZER_FILES,
    all_weight_file_names,
    is_weight_file,
    rename_legacy,
)
from bertlab.files.options import take_loading_options
from bertlab.files.shipped import ModelNotFoundError, shipped_models
from bertlab.files.whole import read_json, replacing, replacing_all, write_whole

_NEEDS_TORCH = {
    "StateDict": "reading",
    "read_state_dict": "reading",
    "read_weights": "reading",
    "LoadingReport": "loading",
    "check_foreign": "loading",
    "warn_of_gaps": "loading",
    "foreign_name": "foreign_names",
    "own_name": "foreign_names",
    "write_weights": "foreign_writing",
    "write_safetensors": "foreign_writing",
    "raw_bytes": "mapped",
    "write_together": "writing",
    "load_into": "loading",
    "resolve_dtype": "loading",
    "warn_of_fresh": "loading",
    "write_state_dict": "writing",
}

__all__ = [
    "CONFIG_FILES",
    "LoadingReport",
    "ModelNotFoundError",
    "StateDict",
    "TOKENIZER_FILES",
    "all_weight_file_names",
    "check_foreign",
    "foreign_name",
    "is_weight_file",
    "load_into",
    "mistaken",
    "own_name",
    "raw_bytes",
    "read_json",
    "read_state_dict",
    "read_weights",
    "rename_legacy",
    "replacing",
    "replacing_all",
    "resolve",
    "resolve_dtype",
    "shipped_models",
    "take_loading_options",
    "take_options",
    "warn_of_fresh",
    "warn_of_gaps",
    "write_safetensors",
    "write_state_dict",
    "write_together",
    "write_weights",
    "write_whole",
]


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"bertlab.files has no {name!r}; see dir(bertlab.files)")
    value = getattr(importlib.import_module(f"bertlab.files.{_NEEDS_TORCH[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
