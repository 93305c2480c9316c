"""BertTextModel: a tokenizer and a model as one module, from texts to outputs, saved and loaded as one folder.

It is not traced into a graph: the tokenizer works on texts, before the graph begins.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bertlab.files import read_json, resolve, write_whole
from bertlab.model import heads
from bertlab.model.bert import BertModel
from bertlab.model.config import BertConfig
from bertlab.model.pretrained import BertPreTrainedModel
from bertlab.tokenizer import AutoTokenizer, GraphTokenizer

OPTIONS_FILE = "text_model.json"


class BertTextModel(nn.Module):
    """From texts to the outputs of a model.

        text_model = BertTextModel.from_pretrained("bertlab-mini")
        text_model(["Hello, my dog is cute"]).last_hidden_state

    Args:
        model: any of bertlab's models.
        tokenizer: a BertTokenizer, BertTokenizerFast or TFBertTokenizer.
        options: for every call of the tokenizer, `max_length` for instance; padding and truncation are on by default.

    Raises:
        TypeError: when the first is no module, or the second cannot be called.
    """

    def __init__(self, model: BertPreTrainedModel, tokenizer: Any, **options: Any):
        super().__init__()
        if not isinstance(model, nn.Module) and isinstance(tokenizer, nn.Module):
            model, tokenizer = tokenizer, model
        if not isinstance(model, nn.Module) or not callable(tokenizer):
            raise TypeError(
                f"a BertTextModel is made of a model and a tokenizer, not of a {type(model).__name__} and a "
                f"{type(tokenizer).__name__}; see BertTextModel.from_pretrained(name_or_folder)"
            )
        self.model, self.tokenizer, self.options = model, tokenizer, options

    def forward(self, text: Any, text_pair: Any = None, **model_options: Any) -> Any:
        """Run the model on texts.

        Args:
            text: one text or a list of them; for multiple choice a list of lists, the choices.
            text_pair: the second texts, of pairs.
            model_options: for the model: `labels`, `output_attentions`, ...

        Raises:
            TypeError: for what is no text, and where a graph is traced.
        """
        if torch.compiler.is_compiling() or torch.jit.is_tracing():
            raise TypeError("a BertTextModel is not traced into a graph; trace its .model, on the tokenizer's tensors")
        inputs = inputs_of_texts(self.tokenizer, text, text_pair, self.options)
        device = next(self.model.parameters()).device
        return self.model(**{name: torch.from_numpy(x).to(device) for name, x in inputs.items()}, **model_options)

    @property
    def config(self) -> BertConfig:
        """The model's configuration."""
        return self.model.config

    def save_pretrained(self, save_directory: str | os.PathLike, **options: Any) -> None:
        """Write model, tokenizer and the tokenizer's options into one folder, which is a model's folder too."""
        save_text_model(self, save_directory, options)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike, model_class: Any = None, **options: Any
    ) -> BertTextModel:
        """Load what `save_pretrained` wrote, or any folder or name that has a model and a tokenizer.

        Args:
            pretrained_model_name_or_path: a folder, the shipped model's name or one on the Hub.
            model_class: the model's class; the one that its configuration names (`architectures`) when None.
            options: for the calls of the tokenizer, beside those that were saved.

        Raises:
            OSError: when nothing is found under that name.
        """
        model_class = model_class or class_of(pretrained_model_name_or_path)
        model = model_class.from_pretrained(pretrained_model_name_or_path)
        tokenizer, saved = load_text_tokenizer(pretrained_model_name_or_path)
        return cls(model, tokenizer, **{**saved, **options})


def inputs_of_texts(tokenizer: Any, text: Any, text_pair: Any, options: dict[str, Any]) -> dict[str, np.ndarray]:
    """The inputs of a model for texts: (batch, sequence), or (batch, choices, sequence) for lists of choices.

    Raises:
        TypeError: for what is no text.
    """
    if isinstance(text, str):
        text = [text]
        text_pair = [text_pair] if isinstance(text_pair, str) else text_pair
    if not isinstance(text, (list, tuple, np.ndarray)):
        raise TypeError(f"texts are wanted, and {type(text).__name__} is given: a text, or a list of texts")
    text = list(text)
    choices = len(text[0]) if text and isinstance(text[0], (list, tuple)) else None
    if choices is not None:
        if any(len(row) != choices for row in text):
            raise ValueError("the rows hold different numbers of choices; give as many everywhere")
        text = [one for row in text for one in row]
        text_pair = None if text_pair is None else [one for row in text_pair for one in row]
    graph_tokenizer = getattr(tokenizer, "graph_tokenizer", tokenizer)  # within a TFBertTokenizer
    if isinstance(graph_tokenizer, GraphTokenizer):  # whose padding and truncation are on from the start
        inputs = graph_tokenizer(text, text_pair, **options)
    else:
        options = {"padding": True, "truncation": True, **options}
        inputs = dict(tokenizer(text, text_pair, return_tensors="np", **options))
    if choices is not None:
        inputs = {name: array.reshape(-1, choices, array.shape[-1]) for name, array in inputs.items()}
    return inputs


def class_of(name_or_folder: str | os.PathLike) -> type[BertPreTrainedModel]:
    """The class that a checkpoint's configuration names, TensorFlow's and Flax's names being those of the same head."""
    architectures = BertConfig.from_pretrained(name_or_folder).architectures or ["BertModel"]
    name = str(architectures[0]).removeprefix("TF").removeprefix("Flax").replace("ForCausalLM", "LMHeadModel")
    return BertModel if name == "BertModel" else getattr(heads, name, BertModel)


def save_text_model(text_model: Any, folder: str | os.PathLike, options: dict[str, Any]) -> None:
    """Write the model with `options`, the tokenizer, and how the one calls the other."""
    folder = Path(folder)
    text_model.model.save_pretrained(folder, **options)
    saved: dict[str, Any] = {"options": text_model.options}
    graph_tokenizer = getattr(text_model.tokenizer, "graph_tokenizer", text_model.tokenizer)
    if isinstance(graph_tokenizer, GraphTokenizer):
        saved["graph_tokenizer"] = graph_tokenizer.options
    else:
        text_model.tokenizer.save_pretrained(folder)
    write_whole(folder / OPTIONS_FILE, json.dumps(saved, indent=2) + "\n")


def load_text_tokenizer(name_or_folder: str | os.PathLike) -> tuple[Any, dict[str, Any]]:
    """The tokenizer, and the options of its calls."""
    path = Path(name_or_folder).expanduser() / OPTIONS_FILE
    saved = read_json(path) if path.is_file() else {}
    options = saved.get("options", {})
    if "graph_tokenizer" in saved:
        return GraphTokenizer(**saved["graph_tokenizer"]), options
    return AutoTokenizer.from_pretrained(resolve(name_or_folder, files="tokenizer")), options
