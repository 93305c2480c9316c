"""`bertlab convert`: a checkpoint of any framework as a folder of another one."""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

FILES = {
    "safetensors": "model.safetensors",
    "bin": "pytorch_model.bin",
    "h5": "tf_model.h5",
    "msgpack": "flax_model.msgpack",
}
FRAMEWORKS = {"h5": "TensorFlow", "msgpack": "Flax"}
# The activations that both libraries' documented classes know by name.
ACTIVATIONS = {
    "h5": "gelu gelu_10 gelu_fast gelu_new mish quick_gelu relu sigmoid silu swish tanh".split(),
    "msgpack": "gelu gelu_new quick_gelu relu silu swish".split(),
}


def convert(source: str | os.PathLike, target: str | os.PathLike, to: str) -> tuple[Path, int]:
    """Write the checkpoint of a folder, of whatever framework, as that of another folder, and read it again.

    Values and types stay as they are; only HDF5, which has no bfloat16, gets these as float32. One tensor at a time is
    in memory, but for `to="bin"`, which needs them all.

    Args:
        source: a folder, a shipped model, or a name on the Hub.
        target: the folder to write; the source's own folder may be, its other weights stay then.
        to: one of `FILES`.

    Returns:
        The path of the weights and the number of tensors in them.

    Raises:
        OSError: when there is nothing to read, or writing fails.
        ValueError: when the other framework cannot hold this model, or the target holds another one.
    """
    from bertlab.files import read_state_dict, read_weights, rename_legacy, resolve
    from bertlab.model import BertConfig

    if to not in FILES:
        raise ValueError(f"to is {to!r}; the formats are {', '.join(FILES)}")
    folder, target = resolve(source, files=("config", "weights")), Path(target).expanduser()
    config = BertConfig.from_pretrained(folder)
    _check_target(folder, target, to)
    state = _with_prefix(rename_legacy(read_state_dict(folder)))
    _check_fits(config, state, to)
    _complete(config, state)
    expected = {name: _checksum(tensor, to) for name, tensor in state.items()}
    path = _write(state, target, to, config)
    del state  # and with it the pages of the source's file

    written = rename_legacy(read_weights(path))
    if to == "h5" or to == "msgpack":  # which do not keep the copies
        expected = {name: value for name, value in expected.items() if name in written or ".decoder." not in name}
    found = {name: _checksum(tensor, to) for name, tensor in _with_prefix(written).items()}
    if found != expected:
        wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        path.unlink()
        raise OSError(f"{path} did not hold what was written ({', '.join(wrong[:3])}); the disk may be full or broken")
    if not (folder.exists() and target.exists() and folder.samefile(target)):
        config.save_pretrained(target)
        _copy_vocabulary(folder, target)
    return path, len(found)


def _check_target(folder: Path, target: Path, to: str) -> None:
    if target.is_file():
        raise ValueError(f"{target} is a file; give the folder to write into")
    own = target.is_dir() and target.samefile(folder)
    if own and (target / FILES[to]).exists():
        raise ValueError(f"{target / FILES[to]} is there already; give another folder as the target")
    weights = re.compile(r".*\.(safetensors|bin|h5|msgpack|index)(\.index\.json)?")
    others = [path.name for path in target.glob("*") if weights.fullmatch(path.name) and path.name != FILES[to]]
    if others and not own:
        raise ValueError(
            f"{target} holds {', '.join(sorted(others)[:3])}, which may be another model's; give an empty folder"
        )


def _with_prefix(state: Mapping[str, Any]) -> dict[str, Any]:
    """The names of the bare model, which lack `bert.`, with it."""
    roots = ("bert.", "cls.", "classifier.", "qa_outputs.")
    return {name if name.startswith(roots) else f"bert.{name}": tensor for name, tensor in state.items()}


def _check_fits(config: Any, state: Mapping[str, Any], to: str) -> None:
    """What would give other outputs there is refused."""
    if to not in FRAMEWORKS:
        return
    framework = FRAMEWORKS[to]
    if config.position_embedding_type != "absolute":
        raise ValueError(
            f"position_embedding_type is {config.position_embedding_type!r}, which {framework} does not look at; it "
            "would compute something else"
        )
    if config.pruned_heads:
        raise ValueError(f"the model has pruned heads, which {framework} cannot hold; write safetensors or bin")
    if config.hidden_act not in ACTIVATIONS[to]:
        raise ValueError(f"hidden_act is {config.hidden_act!r}; {framework} knows {', '.join(ACTIVATIONS[to])}")
    if to == "h5" and not config.tie_word_embeddings and any(name.startswith("cls.predictions") for name in state):
        raise ValueError("tie_word_embeddings is False, but TensorFlow's vocabulary head is always tied")


def _complete(config: Any, state: Mapping[str, Any]) -> None:
    """What a configuration of TensorFlow 1 does not tell: the class, and how many labels there are."""
    if "classifier.bias" in state and config.num_labels != len(state["classifier.bias"]) > 1:
        config.num_labels = len(state["classifier.bias"])
    if config.architectures == ["BertForCausalLM"]:  # Flax's name of it alone
        config.architectures = ["BertLMHeadModel"]
    if not config.architectures:
        heads = {name.split(".")[0] + "." + name.split(".")[1] for name in state} & {
            "cls.predictions", "cls.seq_relationship", "classifier.weight", "qa_outputs.weight"
        }  # fmt: skip
        language_model = "BertLMHeadModel" if config.is_decoder else "BertForMaskedLM"
        named = {
            frozenset(): "BertModel",
            frozenset({"cls.predictions", "cls.seq_relationship"}): "BertForPreTraining",
            frozenset({"cls.predictions"}): language_model,
            frozenset({"cls.seq_relationship"}): "BertForNextSentencePrediction",
            frozenset({"classifier.weight"}): "BertForSequenceClassification",
            frozenset({"qa_outputs.weight"}): "BertForQuestionAnswering",
        }
        config.architectures = [named.get(frozenset(heads), "BertModel")]


def _write(state: dict[str, Any], target: Path, to: str, config: Any) -> Path:
    from bertlab.files import write_safetensors, write_together, write_weights

    bare = all(name.startswith("bert.") for name in state)
    if to in FRAMEWORKS:
        kind = config.architectures[0]
        snake = re.sub("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower()
        write_weights(
            state, target, to, tied=config.tie_word_embeddings, bare=bare, model_name=f"tf_{snake}",
            max_shard_size="1000GB",
        )  # fmt: skip
        return target / FILES[to]
    named = {name.removeprefix("bert.") if bare else name: state.pop(name) for name in list(state)}
    write: Callable[[Path], object]
    if to == "bin":
        write = partial(_write_bin, named)
    else:
        write = partial(write_safetensors, arrays=named, written_by="pt")
    write_together(target, {FILES[to]: write}, stale=[FILES[to]])
    return target / FILES[to]


def _write_bin(tensors: dict[str, Any], path: Path) -> None:
    import torch

    for name in tensors:  # each takes the place of the source's, whose pages can go
        tensors[name] = _alone(tensors[name])
    torch.save(tensors, path)


def _alone(tensor: Any) -> Any:
    """A tensor of just these bytes, copied only where it is a part of more."""
    tensor = tensor.contiguous()
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


def _checksum(tensor: Any, to: str) -> tuple[str, tuple[int, ...], int]:
    """The type, the shape and a checksum of the values, as the target holds them."""
    import torch

    from bertlab.files import raw_bytes

    tensor = tensor.float() if to == "h5" and tensor.dtype == torch.bfloat16 else tensor
    return str(tensor.dtype), tuple(tensor.shape), zlib.crc32(raw_bytes(tensor))


def _copy_vocabulary(folder: Path, target: Path) -> None:
    from bertlab.files import TOKENIZER_FILES

    for name in (*TOKENIZER_FILES, "generation_config.json"):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)
