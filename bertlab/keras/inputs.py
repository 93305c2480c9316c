"""The ways in which Keras users hand over inputs, brought to one: keywords.

As TensorFlow's classes took them: keywords, one tensor, a list in the order of the signature, a dictionary or a
BatchEncoding; labels may be among them, and an entry of the dictionary beats the keyword of the same name.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bertlab.keras.backend import is_tensor, keras

SWITCHES = ("use_cache", "output_attentions", "output_hidden_states", "return_dict")


def unpacked(call: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a model's `call`, so that it may be given any of these."""

    @functools.wraps(call)
    def call_with_keywords(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call(self, **unpack(call, self.config, args, kwargs))

    return call_with_keywords


def unpack(call: Callable[..., Any], config: Any, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by their names, tensors as the backend's own, switches as the configuration says.

    Raises:
        ValueError: for an unknown keyword, for what is no tensor, and where nothing is given.
        TypeError: for an unknown key of a dictionary.
        IndexError: for a list longer than the signature.
    """
    parameters = inspect.signature(call).parameters
    names = [name for name, parameter in parameters.items() if parameter.kind != parameter.VAR_KEYWORD][1:]
    open_ended = len(names) + 1 < len(parameters)
    if len(args) > len(names):
        raise TypeError(f"{len(args)} arguments are given; there are {len(names)}: {', '.join(names)}")
    given = {**dict(zip(names, args)), **kwargs}
    if "input_ids" not in given and "inputs" not in given:
        raise ValueError(
            "the first argument, input_ids, is missing; give it, or None with inputs_embeds: "
            "model(None, inputs_embeds=...) or model({'inputs_embeds': ...})"
        )
    if "inputs" in given:
        given["input_ids"] = _old_name(given.pop("inputs"))
    unknown = [name for name in given if name not in names]
    if unknown and not open_ended:
        raise ValueError(f"{unknown[0]!r} is no argument of this model; there are {', '.join(names)}")
    first = given.pop("input_ids")
    if isinstance(first, Mapping):
        entries = dict(first)
        if "inputs" in entries:
            entries["input_ids"] = _old_name(entries.pop("inputs"))
        wrong = [name for name in entries if name not in names]
        if wrong and not open_ended:
            raise TypeError(f"{wrong[0]!r} is no input of this model; there are {', '.join(names)}")
        given.update(entries)
    elif isinstance(first, (list, tuple)):
        if len(first) > len(names):
            raise IndexError(f"the list has {len(first)} inputs; there are {len(names)}: {', '.join(names)}")
        given.update(zip(names, first))
    else:
        given["input_ids"] = first

    values = {name: _tensors(name, value) for name, value in given.items() if name in names}
    for name in SWITCHES:
        if name in names and values.get(name) is None:
            values[name] = getattr(config, name)
    return values


def _old_name(value: Any) -> Any:
    warnings.warn("'inputs' is the old name of input_ids; use input_ids", FutureWarning, stacklevel=4)
    return value


def _tensors(name: str, value: Any) -> Any:
    """Arrays of numpy and of other frameworks as the backend's tensors."""
    if value is None or isinstance(value, (bool, int)) or is_tensor(value):
        return value
    if name == "past_key_values" and isinstance(value, (list, tuple)):
        return tuple(_tensors(name, part) for part in value)
    if isinstance(value, (str, bytes, list, tuple)) or not hasattr(value, "__array__"):
        raise ValueError(
            f"{name} is a {type(value).__name__}; give a tensor or an array, as the tokenizer does with "
            'return_tensors="np", "pt", "tf" or "jax"'
        )
    if hasattr(value, "detach"):  # a torch tensor for another backend
        value = value.detach().cpu()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype}; give numbers, as the tokenizer does")
    return keras.ops.convert_to_tensor(array.astype(np.int32) if array.dtype == np.int64 else array)
