"""What each value of a BERT is called by the frameworks: the one table that reading and writing their files goes by.

A model's own names are those of PyTorch's checkpoints, and its matrices are (out, in) as there. The other frameworks
keep the kernel of a linear layer as (in, out): `.T` in the table marks what is transposed, which is all that is ever
done to a tensor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from bertlab.files.names import TIED_NAMES

# A column holds what takes the place of the last part of the own name. `-` leaves that part away, `.` says that the
# framework has no such value. `#` is a layer's number; `attention` stands for `crossattention` too.
TABLE = """
own                                                     Flax       TensorFlow2  TensorFlow1
bert.embeddings.word_embeddings.weight                  embedding  weight       -
bert.embeddings.position_embeddings.weight              embedding  embeddings   -
bert.embeddings.token_type_embeddings.weight            embedding  embeddings   -
bert.embeddings.LayerNorm.weight                        scale      gamma        gamma
bert.embeddings.LayerNorm.bias                          bias       beta         beta
bert.encoder.layer.#.attention.self.query.weight        kernel.T   kernel.T     kernel.T
bert.encoder.layer.#.attention.self.query.bias          bias       bias         bias
bert.encoder.layer.#.attention.self.key.weight          kernel.T   kernel.T     kernel.T
bert.encoder.layer.#.attention.self.key.bias            bias       bias         bias
bert.encoder.layer.#.attention.self.value.weight        kernel.T   kernel.T     kernel.T
bert.encoder.layer.#.attention.self.value.bias          bias       bias         bias
bert.encoder.layer.#.attention.output.dense.weight      kernel.T   kernel.T     kernel.T
bert.encoder.layer.#.attention.output.dense.bias        bias       bias         bias
bert.encoder.layer.#.attention.output.LayerNorm.weight  scale      gamma        gamma
bert.encoder.layer.#.attention.output.LayerNorm.bias    bias       beta         beta
bert.encoder.layer.#.intermediate.dense.weight          kernel.T   kernel.T     kernel.T
bert.encoder.layer.#.intermediate.dense.bias            bias       bias         bias
bert.encoder.layer.#.output.dense.weight                kernel.T   kernel.T     kernel.T
bert.encoder.layer.#.output.dense.bias                  bias       bias         bias
bert.encoder.layer.#.output.LayerNorm.weight            scale      gamma        gamma
bert.encoder.layer.#.output.LayerNorm.bias              bias       beta         beta
bert.pooler.dense.weight                                kernel.T   kernel.T     kernel.T
bert.pooler.dense.bias                                  bias       bias         bias
cls.predictions.transform.dense.weight                  kernel.T   kernel.T     kernel.T
cls.predictions.transform.dense.bias                    bias       bias         bias
cls.predictions.transform.LayerNorm.weight              scale      gamma        gamma
cls.predictions.transform.LayerNorm.bias                bias       beta         beta
cls.predictions.bias                                    bias       bias         output_bias
cls.predictions.decoder.weight                          kernel.T   .            .
cls.seq_relationship.weight                             kernel.T   kernel.T     output_weights
cls.seq_relationship.bias                               bias       bias         output_bias
classifier.weight                                       kernel.T   kernel.T     output_weights
classifier.bias                                         bias       bias         output_bias
qa_outputs.weight                                       kernel.T   kernel.T     output_weights
qa_outputs.bias                                         bias       bias         output_bias
"""

# How they spell what stands before it, with slashes for points. (Files of safetensors keep Flax's points.)
BEGINNINGS = """
own                     Flax                    TensorFlow2                   TensorFlow1
encoder/layer/#         encoder/layer/#         encoder/layer_._#             encoder/layer_#
cls/predictions         cls/predictions         mlm___cls/predictions         cls/predictions
cls/seq_relationship    cls/seq_relationship    nsp___cls/seq_relationship    cls/seq_relationship
classifier              classifier              classifier                    -
qa_outputs              qa_outputs              qa_outputs                    cls/squad
"""

FORMATS = ("Flax", "TensorFlow2", "TensorFlow1")


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()[1:]]


def _names_of(format: str) -> dict[str, tuple[str, bool]]:
    """Own name -> (name in this format, whether it is transposed there), layers as `#`."""
    column = 1 + FORMATS.index(format)
    names = {}
    for own, *endings in _rows(TABLE):
        ending = endings[column - 1]
        if ending == ".":
            continue
        path = own.rpartition(".")[0].replace(".", "/")
        for cells in _rows(BEGINNINGS):
            path = re.sub(rf"^(bert/|){cells[0]}(?=/|$)", rf"\1{cells[column]}", path)
        parts = [part for part in (*path.split("/"), ending.removesuffix(".T")) if part != "-"]
        for attention in ("attention", "crossattention"):
            spelled = [re.sub("^attention$", attention, part) for part in parts]
            names[own.replace(".attention.", f".{attention}.")] = "/".join(spelled), ending.endswith(".T")
    return names


NAMES = {format: _names_of(format) for format in FORMATS}
OWN_NAMES = {
    format: {theirs: (own, turned) for own, (theirs, turned) in names.items()} for format, names in NAMES.items()
}
LAYER_NUMBER = re.compile(r"(?<=encoder[./])(layer(?:[./]|_\._|_))(\d+)(?=[./])")


def own_name(name: str, format: str) -> tuple[str, bool] | None:
    """The own name of a value that a framework calls `name`, and whether it is transposed; None when it is unknown.

    Args:
        name: with slashes; TensorFlow's `:0` at the end may be there, the bare model's `bert/` may be missing.
        format: one of `FORMATS`.
    """
    name = name.removesuffix(":0")
    number = LAYER_NUMBER.search(name)
    pattern = LAYER_NUMBER.sub(r"\1#", name, count=1)
    found = OWN_NAMES[format].get(pattern) or OWN_NAMES[format].get(f"bert/{pattern}")
    if found is None or number is None:
        return found
    return found[0].replace("#", number[2]), found[1]


def foreign_name(name: str, format: str) -> tuple[str, bool] | None:
    """The other way: what a framework calls the value with this own name, and whether it is transposed there."""
    number = LAYER_NUMBER.search(name)
    found = NAMES[format].get(LAYER_NUMBER.sub(r"\1#", name, count=1))
    if found is None or number is None:
        return found
    return found[0].replace("#", number[2]), found[1]


def format_of_names(state: Mapping[str, torch.Tensor]) -> str | None:
    """What the names of a file of safetensors tell: one of `FORMATS`, or None for PyTorch's own and unknown ones."""
    for name in state:
        if "/" in name or name.endswith(":0"):
            return "TensorFlow2"
        if name.endswith((".kernel", ".scale", ".embedding")):
            return "Flax"
    return None


def with_own_names(state: Mapping[str, torch.Tensor], format: str) -> dict[str, torch.Tensor]:
    """A checkpoint of another framework under the own names, kernels turned; what is unknown keeps its name.

    Raises:
        ValueError: when nothing in it has a name of this format, or two values would get one name.
    """
    renamed: dict[str, torch.Tensor] = {}
    known = 0
    for name, tensor in state.items():
        path = name.replace(".", "/") if format == "Flax" else name
        own, turned = own_name(path, format) or (name, False)
        if own in renamed:
            raise ValueError(f"holds {own!r} twice, the second time as {name!r}")
        known += own is not name
        renamed[own] = tensor.t() if turned and tensor.dim() == 2 else tensor
    if not known:
        raise ValueError(f"holds none of the names that a BERT has in {format} ({', '.join(list(state)[:3])})")
    return renamed


def with_foreign_names(state: Mapping[str, torch.Tensor], format: str, tied: bool = True) -> dict[str, torch.Tensor]:
    """A checkpoint under the names of another framework, kernels turned.

    A copy of the vocabulary's bias, and where the head is `tied` of the word embeddings, which the other frameworks do
    not store, is left out.

    Raises:
        ValueError: naming the values that the framework has no place for.
    """
    renamed, homeless = {}, []
    for name, tensor in state.items():
        source = state.get(TIED_NAMES.get(name, "")) if tied or name.endswith("bias") else None
        if source is not None and source.shape == tensor.shape and torch.equal(source, tensor):
            continue
        found = foreign_name(name, format) or foreign_name(f"bert.{name}", format)
        if found is None:
            homeless.append(name)
            continue
        renamed[found[0]] = tensor.t() if found[1] else tensor
    if homeless:
        shown = ", ".join(homeless[:4]) + (f" and {len(homeless) - 4} more" if len(homeless) > 4 else "")
        raise ValueError(f"{format} has no place for {shown} in a BERT")
    return renamed
