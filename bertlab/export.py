"""A model outside of Python: as torch's exported program, or as an ONNX file that other programs run.

Batch and sequence stay open, so that any length the model takes goes in. What hook points see (`record`) can come out
beside the outputs, so that another program sees the inside.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bertlab.files import replacing
from bertlab.model import BertForMultipleChoice, BertPreTrainedModel, class_of
from bertlab.recording import record as recording_of
from bertlab.tokenizer import AutoTokenizer

TOLERANCE = 1e-4
LARGEST_FILE = 2**31 - 2**20  # bytes that one ONNX file can hold
NEEDED = ("onnx", "onnxscript")


class Exported(nn.Module):
    """A model that takes its inputs by name and returns named tensors in a row: what exporters understand.

    Args:
        model: any of bertlab's torch models.
        record: patterns of hook points (`"*.probs"`) whose values are returned too.
    """

    def __init__(self, model: BertPreTrainedModel, record: Iterable[str] = ()):
        super().__init__()
        self.model = model.eval()
        self.record = [record] if isinstance(record, str) else list(record)
        self.names: list[str] = []  # of the outputs, known after a pass

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, ...]:
        """Run the model; the last two are for cross-attention."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids}
        if encoder_hidden_states is not None:
            inputs["encoder_hidden_states"] = encoder_hidden_states
            inputs["encoder_attention_mask"] = encoder_attention_mask
        values: dict[str, torch.Tensor] = {}
        options: dict[str, Any] = {"return_dict": True}
        if self.model.config.is_decoder and _takes(self.model, "use_cache"):
            options["use_cache"] = False
        if self.record:
            with recording_of(self.model, self.record) as recording:
                outputs = self.model(**inputs, **options)
            values = {name: recording[name] for name in recording}
        else:
            outputs = self.model(**inputs, **options)
        named = {**_flat(outputs), **values}
        self.names = list(named)
        return tuple(named.values())


def _flat(outputs: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """`hidden_states` of three layers as `hidden_states.0`, `hidden_states.1`, ..."""
    flat: dict[str, torch.Tensor] = {}
    for name, value in outputs.items():
        parts = {name: value} if isinstance(value, torch.Tensor) else {f"{name}.{i}": x for i, x in enumerate(value)}
        flat.update(parts)
    return flat


def _takes(model: nn.Module, argument: str) -> bool:
    return argument in inspect.signature(model.forward).parameters


def inputs_of(model: BertPreTrainedModel, batch: int = 2, sequence: int = 7, seed: int = 0) -> dict[str, torch.Tensor]:
    """Inputs that a model takes, drawn at random, one row of them padded: (batch, sequence), or for multiple choice
    (batch, 3, sequence)."""
    config, generator = model.config, torch.Generator().manual_seed(seed)
    shape = (batch, 3, sequence) if isinstance(model, BertForMultipleChoice) else (batch, sequence)
    mask = torch.ones(shape, dtype=torch.long)
    mask[0, ..., max(sequence // 2, 1) :] = 0
    inputs = {
        "input_ids": torch.randint(config.vocab_size, shape, generator=generator),
        "attention_mask": mask,
        "token_type_ids": torch.randint(config.type_vocab_size, shape, generator=generator),
    }
    if config.add_cross_attention and _takes(model, "encoder_hidden_states"):
        keys = sequence + 2
        inputs["encoder_hidden_states"] = torch.randn(batch, keys, config.hidden_size, generator=generator)
        inputs["encoder_attention_mask"] = torch.ones(batch, keys, dtype=torch.long)
    return inputs


def open_axes(model: BertPreTrainedModel, inputs: Mapping[str, torch.Tensor]) -> dict[str, dict[int, Any]]:
    """Which axes of the inputs stay open, for `dynamic_shapes` of torch's exporters."""
    batch = torch.export.Dim("batch", min=1)
    choices = torch.export.Dim("choices", min=1)
    sequence = torch.export.Dim("sequence", min=1, max=model.config.max_position_embeddings)
    keys = torch.export.Dim("keys", min=1)
    axes = {}
    for name, tensor in inputs.items():
        if name.startswith("encoder_"):
            axes[name] = {0: batch, 1: keys}
        else:
            axes[name] = {0: batch, 1: choices, 2: sequence} if tensor.dim() == 3 else {0: batch, 1: sequence}
    return axes


def export_program(model: BertPreTrainedModel, record: Iterable[str] = ()) -> torch.export.ExportedProgram:
    """The model as torch's exported program, batch and sequence open: `export_program(model).module()(**inputs)`.

    Args:
        model: any of bertlab's torch models; it is set to evaluation.
        record: patterns of hook points whose values are returned after the outputs.

    Raises:
        LookupError: for a pattern that no hook point fits.
    """
    wrapper, inputs = Exported(model, record), inputs_of(model)
    with torch.no_grad():
        wrapper(**inputs)  # a pattern that fits nothing is said now
        return torch.export.export(wrapper, (), kwargs=inputs, dynamic_shapes=open_axes(model, inputs), strict=False)


def export_onnx(model: BertPreTrainedModel, path: str | os.PathLike, record: Iterable[str] = ()) -> list[str]:
    """Write a model as an ONNX file, and where onnxruntime is installed run it at other lengths and compare.

    Args:
        model: any of bertlab's torch models; it is set to evaluation.
        path: the file to write.
        record: patterns of hook points whose values are outputs too, under the points' names.

    Returns:
        The names of the outputs.

    Raises:
        ImportError: naming what is to be installed.
        LookupError: for a pattern that no hook point fits.
        ValueError: for a model beyond the 2 GB of one file, and where the file computes something else.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f'writing ONNX needs {" and ".join(missing)}: pip install "bertlab[onnx]"')
    size = sum(parameter.nbytes for parameter in model.parameters())
    if size > LARGEST_FILE:
        raise ValueError(f"the model has {size / 1e9:.1f} GB, an ONNX file holds 2; load it as torch.float16")
    program = export_program(model, record)
    inputs = inputs_of(model)
    wrapper = Exported(model, record)
    with torch.no_grad():
        wrapper(**inputs)
    with replacing(path) as unfinished:
        with _quietly():
            torch.onnx.export(
                program, kwargs=inputs, f=str(unfinished), input_names=list(inputs), output_names=wrapper.names,
                dynamo=True, external_data=False, verbose=False,
            )  # fmt: skip
        if is_checkable():
            check_onnx(model, unfinished, record)
    return wrapper.names


@contextmanager
def _quietly() -> Iterator[None]:
    """The exporter speaks of libraries that are not installed and not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def is_checkable() -> bool:
    """Whether onnxruntime is here to run what was written."""
    return importlib.util.find_spec("onnxruntime") is not None


def check_onnx(model: BertPreTrainedModel, path: str | os.PathLike, record: Iterable[str] = ()) -> float:
    """Run an ONNX file at other lengths than it was traced with, beside the model; the greatest difference.

    Raises:
        ValueError: where an output differs by more than 1e-4.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wrapper, worst = Exported(model, record), 0.0
    longest = model.config.max_position_embeddings
    for batch, sequence in ((1, 1), (3, min(11, longest)), (2, min(33, longest))):
        inputs = inputs_of(model, batch, sequence, seed=sequence)
        with torch.no_grad():
            wanted = wrapper(**inputs)
        found = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
        for name, expected, given in zip(wrapper.names, wanted, found, strict=True):
            expected = expected.float().numpy()
            # Scores of masked places are the lowest number there is: they are compared as shares of it.
            difference = float(np.max(np.abs(given - expected) / np.maximum(np.abs(expected), 1.0), initial=0.0))
            worst = max(worst, difference)
            if not difference <= TOLERANCE:
                raise ValueError(
                    f"the ONNX file at {batch} x {sequence} tokens gives {name} that differs by {difference:.2g}; its "
                    "exporter may be too old: pip install -U onnx onnxscript"
                )
    return worst


def onnx_folder(
    source: str | os.PathLike, target: str | os.PathLike, record: Iterable[str] = ()
) -> tuple[Path, list[str]]:
    """Write a checkpoint of any framework as a folder with `model.onnx`, its configuration and its vocabulary.

    Args:
        source: a folder, a shipped model or a name on the Hub; the model is of the class that its configuration names.
        target: the folder to write; made when it does not exist.
        record: patterns of hook points whose values are outputs too.

    Returns:
        The path of the file and the names of its outputs.
    """
    model = class_of(source).from_pretrained(source)
    target = Path(target).expanduser()
    if target.is_file():
        raise ValueError(f"{target} is a file; give the folder to write into")
    target.mkdir(parents=True, exist_ok=True)
    names = export_onnx(model, target / "model.onnx", record)
    model.config.save_pretrained(target)
    try:
        AutoTokenizer.from_pretrained(source).save_pretrained(target)
    except OSError:
        pass  # a folder without a vocabulary stays one
    return target / "model.onnx", names
