"""A run's model as a folder that bertlab and transformers open."""

from __future__ import annotations

import copy
from pathlib import Path

import torch

from bertlab.adapters import lora_layers, merge_lora, save_adapter
from bertlab.language import say
from bertlab.nano import EncoderDecoder

from ..workbench import SelectionError
from .run import LiveRun


def save(run: LiveRun, folder: Path, *, base: str, step: int, own: set[Path]) -> None:
    """Write the model as it is, whole, and its tokenizer; where LoRA was trained the adapter alone beside it.

    Args:
        base: the name of the lab that it was trained on; step: the step whose weights it has.
        own: folders that may be written again; this one is added.

    Raises:
        SelectionError: something else stands in the folder.
    """
    if folder.exists() and folder.resolve() not in own and (not folder.is_dir() or any(folder.iterdir())):
        raise SelectionError(
            say("{folder} is not empty, and what stands there would be overwritten: name a new folder", folder=folder)
        )
    if isinstance(run.model, EncoderDecoder):
        run.model.encoder.save_pretrained(folder / "encoder")
        run.model.decoder.save_pretrained(folder / "decoder")
    elif lora_layers(run.model):
        merge_lora(copy.deepcopy(run.model)).save_pretrained(folder)
        details = {"kind": run.kind, "step": step}
        save_adapter(run.model, folder, task=run.name, base=base, dtype=torch.float32, details=details)
    else:
        run.model.save_pretrained(folder)
    run.tokenizer.save_pretrained(str(folder))
    own.add(folder.resolve())


def saved_as(run: LiveRun, folder: Path) -> str:
    """What was written, in words."""
    if isinstance(run.model, EncoderDecoder):
        return say("saved in {folder}: encoder and decoder, each a folder of its own", folder=folder)
    if lora_layers(run.model):
        return say(
            "saved in {folder}: bertlab.load and transformers open it; the LoRA adapter alone lies beside it",
            folder=folder,
        )
    return say("saved in {folder}: bertlab.load and transformers open it", folder=folder)
