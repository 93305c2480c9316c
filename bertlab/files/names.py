"""What things are called: the files of a model's folder, and the tensors in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bertlab.files.whole import read_json

if TYPE_CHECKING:
    import torch

# Files

TOKENIZER_FILES = (
    "tokenizer_config.json",
    "vocab.txt",
    "tokenizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
)

FILE_KINDS = ("config", "tokenizer", "weights")

CONFIG_FILES = ("config.json", "bert_config.json")  # the second beside checkpoints of TensorFlow 1

FOREIGN_WEIGHTS = {
    "tf_model.h5": "TensorFlow",
    "tf_model.h5.index.json": "TensorFlow",
    "flax_model.msgpack": "Flax",
    "flax_model.msgpack.index.json": "Flax",
    "bert_model.ckpt.index": "TensorFlow 1",
    "model.ckpt.index": "TensorFlow 1",
}

SHARD_ENDINGS = (".safetensors", ".bin", ".h5", ".msgpack")


def weight_file_names(variant: str | None = None, use_safetensors: bool | None = None) -> list[str]:
    """The names under which a folder's weights are looked for, best first.

    safetensors before pickled `.bin` files, one file before an index of shards. A variant stands before the
    last part of the name: `model.fp16.safetensors`, `model.safetensors.index.fp16.json`.
    """
    check_plain_names(variant=variant)
    names = []
    if use_safetensors is not False:
        names += ["model.safetensors", "model.safetensors.index.json"]
    if use_safetensors is not True:
        names += ["pytorch_model.bin", "pytorch_model.bin.index.json"]
    if variant:
        names = [f"{stem}.{variant}.{ending}" for stem, ending in (name.rsplit(".", 1) for name in names)]
    return names


def all_weight_file_names(
    variant: str | None = None, use_safetensors: bool | None = None, weights_of: str | None = None
) -> list[str]:
    """`weight_file_names`, and after them those of TensorFlow and Flax, which know neither variants nor `.bin`.

    With `weights_of` "tf" or "flax" only what that framework writes, `model.safetensors` being the last of it: only
    what stands in that file tells whose it is.
    """
    if weights_of not in (None, "tf", "flax"):
        raise ValueError(f"weights_of is {weights_of!r}; it can be 'tf', 'flax' or None")
    if weights_of is not None:
        of_flax = weights_of == "flax"
        return [*(name for name in FOREIGN_WEIGHTS if name.startswith("flax") == of_flax), "model.safetensors"]
    foreign = list(FOREIGN_WEIGHTS) if not variant and use_safetensors is None else []
    return weight_file_names(variant, use_safetensors) + foreign


def is_weight_file(path: Path) -> bool:
    """Whether a path is that of a file of weights, or of an index of shards."""
    return (
        path.name.endswith((*SHARD_ENDINGS, ".index", ".safetensors.index.json", ".bin.index.json")) and path.is_file()
    )


def is_shard_index(file_name: str) -> bool:
    """Whether this weight file is the JSON index of a checkpoint split into shards."""
    return file_name.endswith(".json")


def read_shard_index(path: str | os.PathLike) -> dict[str, str]:
    """The `weight_map` of a shard index: tensor name -> file name of the shard that holds it.

    Raises ValueError when the file is no such index, or when it names a file that is not inside its folder.
    """
    path = Path(path)
    weight_map = read_json(path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ValueError(
            f'{str(path)!r} is no shard index: it must be a mapping whose "weight_map" maps the name of '
            "each tensor to the file that holds it; save the checkpoint again"
        )
    for tensor_name, shard in weight_map.items():
        if not stays_inside(shard) or not shard.endswith(SHARD_ENDINGS):
            raise ValueError(
                f"{str(path)!r} says that {tensor_name!r} is in {shard!r}, but a shard must be a "
                ".safetensors or .bin file (.h5 of TensorFlow, .msgpack of Flax) inside the folder of its index; do "
                "not trust this checkpoint"
            )
    return weight_map


def foreign_weights_hint(file_names: Iterable[str]) -> str:
    """A sentence on weights of other frameworks among `file_names`; empty when there are none."""
    found = {FOREIGN_WEIGHTS[name]: name for name in file_names if name in FOREIGN_WEIGHTS}
    if not found:
        return ""
    listed = " and ".join(f"{framework} weights ({name})" for framework, name in found.items())
    return f" It has only {listed}; leave out what rules them out (variant=, use_safetensors=, from_tf=, from_flax=)."


def stays_inside(file_name: object) -> bool:
    """Whether this is a relative file name that on any system stays inside the folder it is relative to."""
    if not isinstance(file_name, str) or not file_name.isprintable() or ":" in file_name:
        return False
    return all(part not in ("", ".", "..") for part in re.split(r"[/\\]", file_name))


def check_plain_names(**options: str | None) -> None:
    """Options that become part of a file's path or address must not lead anywhere else."""
    for option, value in options.items():
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise TypeError(f"{option} must be a string, not {type(value).__name__}")
        if not stays_inside(value) or (option == "variant" and not re.fullmatch(r"[\w-]+", value)):
            raise ValueError(f'{option}={value!r} is no plain name, such as "main" or "onnx/small"')


# Tensors

# A copy's name -> the name it shares its tensor with, in a model whose vocabulary head is tied to its embeddings.
TIED_NAMES = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}

# How the last part of a name was spelled by checkpoints converted from TensorFlow.
LEGACY_ENDINGS = {
    "LayerNorm.gamma": "LayerNorm.weight",
    "LayerNorm.beta": "LayerNorm.bias",
}

# What wrappers around a model put before every name: torch.nn.DataParallel, torch.compile.
WRAPPER_PREFIXES = ("module.", "_orig_mod.")

# Buffers that hold 0, 1, 2, ... or zeros, which older checkpoints carry and no model needs.
OBSOLETE_BUFFERS = ("embeddings.position_ids", "embeddings.token_type_ids")


def rename_legacy(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors under today's names.

    `LayerNorm.gamma` and `.beta` become `.weight` and `.bias`; the prefix of a wrapper around the whole model
    goes away; the `position_ids` buffer is left out. ValueError when two tensors would get the same name.
    """
    renamed: dict[str, torch.Tensor] = {}
    prefix = ""
    for wrapper in WRAPPER_PREFIXES:
        if state and all(name.startswith(prefix + wrapper) for name in state):
            prefix += wrapper
    for old_name, tensor in state.items():
        name = old_name.removeprefix(prefix)
        if name.endswith(OBSOLETE_BUFFERS):
            continue
        for old_ending, ending in LEGACY_ENDINGS.items():
            if name.endswith(old_ending):
                name = name.removesuffix(old_ending) + ending
        if name in renamed:
            raise ValueError(f"the checkpoint holds {name!r} twice, once as {old_name!r}; remove one of the two")
        renamed[name] = tensor
    return renamed


def match(checkpoint_names: Iterable[str], model_names: Iterable[str], base_prefix: str = "bert") -> dict[str, str]:
    """Name in the checkpoint -> name in the model, for every tensor that has a place there.

    A checkpoint of the bare model fits a model with a head, and the other way round: where the very name is
    not found, it is tried with and without the prefix of the bare model.
    """
    wanted = set(model_names)
    names = list(checkpoint_names)
    mapping = {name: name for name in names if name in wanted}
    taken = set(mapping)
    for name in names:
        for place in (f"{base_prefix}.{name}", name.removeprefix(f"{base_prefix}.")):
            if name not in mapping and place in wanted and place not in taken:
                mapping[name] = place
                taken.add(place)
    return mapping
