"""Between the files' names and the variables of a Keras model: the table of `bertlab.files` is all there is to it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bertlab.files import (
    LoadingReport,
    load_into,
    own_name,
    read_state_dict,
    read_weights,
    resolve,
    warn_of_gaps,
    write_weights,
)
from bertlab.keras.backend import keras

FIRST_OF_TENSORFLOW = ("model.safetensors", "model.safetensors.index.json", "tf_model.h5", "tf_model.h5.index.json")
TIED = {  # PyTorch stores the vocabulary head, TensorFlow's classes share it
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def tensorflow_names(model: Any) -> dict[str, Any]:
    """Every weight by the name that TensorFlow gave it: `bert/encoder/layer_._0/attention/self/query/kernel`."""
    paths = {variable.path: variable for variable in model.weights}
    above = next(path for path in paths if path.endswith("word_embeddings/weight")).rpartition("bert/embeddings")[0]
    return {path.removeprefix(above).replace("/layer_", "/layer_._"): value for path, value in paths.items()}


def own_state(model: Any) -> dict[str, torch.Tensor]:
    """A copy of the weights under the names and in the orientation of PyTorch's checkpoints."""
    state = {}
    for name, variable in tensorflow_names(model).items():
        own, turned = own_name(name, "TensorFlow2")
        tensor = torch.from_numpy(np.array(keras.ops.convert_to_numpy(variable.value)))
        state[own] = tensor.t() if turned else tensor
    return state


def read(
    name_or_folder: str | os.PathLike, where: Mapping[str, Any], weights_of: str | None
) -> Mapping[str, torch.Tensor]:
    """The tensors of a checkpoint of any format. `weights_of` "tf" or "flax" says whose to take, "pt" takes PyTorch's;
    None takes TensorFlow's where several stand in a folder."""
    path = Path(name_or_folder).expanduser()
    if path.is_file():
        return read_weights(path)
    where = {**where, "weights_of": None if weights_of == "pt" else weights_of}
    folder = resolve(name_or_folder, files="weights", **where)
    if weights_of is None:
        first = next((name for name in FIRST_OF_TENSORFLOW if (folder / name).is_file()), "")
        where["weights_of"] = "tf" if first.startswith("tf_model") else None
    options = {name: where.get(name) for name in ("use_safetensors", "variant", "weights_of")}
    return read_state_dict(folder, **options)


def load(model: Any, state: Mapping[str, torch.Tensor], ignore_mismatched_sizes: bool = False) -> LoadingReport:
    """Give the variables the values of a checkpoint, and say in a report, and in warnings, what had no place.

    Raises:
        ValueError: for tensors of another shape than the model's, or where nothing fits.
    """
    state = {name: tensor for name, tensor in state.items() if not _is_copy(name, state)}
    values = own_state(model)
    # `load_into` knows all about names, shapes and types; it needs to see a module with these values.
    stand_in = type(type(model).__name__, (nn.Module,), {"state_dict": lambda self: values})()
    report = load_into(stand_in, state, tied={}, ignore_mismatched_sizes=ignore_mismatched_sizes)
    if not any(".encoder." in name or ".embeddings." in name for name in report.loaded):
        raise ValueError(
            f"the checkpoint holds nothing of the encoder of {type(model).__name__}; it would be noise: is this a BERT?"
        )
    loaded = set(report.loaded)
    for name, variable in tensorflow_names(model).items():
        own, turned = own_name(name, "TensorFlow2")
        if own in loaded:
            variable.assign((values[own].t() if turned else values[own]).numpy())
    warn_of_gaps(report.fresh, report.unused, type(model).__name__)
    return report


def resized(layer: Any, attribute: str, rows: int) -> None:
    """Give a weight of a layer another number of rows: old ones keep their values, new ones start as the layer's do."""
    old = getattr(layer, attribute)
    *above, _, name = old.path.split("/")
    values = keras.ops.convert_to_numpy(old.value)[:rows]
    layer._tracker.unlock()  # Keras's own way to change a layer that is built: it does so for LoRA
    layer._untrack_variable(old)
    with contextlib.ExitStack() as scopes:
        for part in above:
            scopes.enter_context(keras.name_scope(part))
        start = keras.initializers.get(layer.initializer_of(attribute))
        new = layer.add_weight(shape=(rows, *old.shape[1:]), initializer=start, name=name)
    setattr(layer, attribute, new)
    layer._tracker.lock()
    table = np.array(keras.ops.convert_to_numpy(new.value))
    table[: len(values)] = values
    new.assign(table)


def write(model: Any, folder: Path, to: str, max_shard_size: int | str) -> None:
    """Write the weights as `tf_model.h5` ("h5") or as `model.safetensors` with TensorFlow's names ("tf"), and remove
    what an earlier save left in the folder's other formats: it would be read in their place."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=TF)(?=Bert)", "_", type(model).__name__).lower()
    written = {path.name for path in write_weights(own_state(model), folder, to, model_name=name,
                                                   max_shard_size=max_shard_size)}  # fmt: skip
    for path in folder.iterdir():
        if path.name in FIRST_OF_TENSORFLOW and path.name not in written:
            path.unlink()


def _is_copy(name: str, state: Mapping[str, torch.Tensor]) -> bool:
    """Whether a tensor is the copy that PyTorch stores of a shared one; one with values of its own has no place."""
    for copy, source in TIED.items():
        if name == copy:
            shared = state.get(source, state.get(source.removeprefix("bert.")))
            return shared is not None and shared.shape == state[name].shape and torch.equal(shared, state[name])
    return False
