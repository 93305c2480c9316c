"""How `compile`, `fit`, `evaluate` and `predict` treat these models: the model's own loss where none is given, labels
beside the inputs or among them, metrics of the output that the labels are for.

Keras asks a model for four things: one step's data, the loss, the metrics, what to return. `TFBertPreTrainedModel`
answers them with the functions here, the same on every backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bertlab.keras.backend import keras

ops = keras.ops
OWN_LOSS = ("auto", "auto_with_warning", "passthrough")  # what compile's `loss` may say for "the model's own"


class MeanOfBatches(keras.metrics.Mean):
    """The mean over batches, each counted once: for a loss that is a mean over tokens, as TensorFlow counted it."""

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take one batch's loss in; its number of examples does not matter."""
        super().update_state(values)


def plain(x: Any) -> Any:
    """A BatchEncoding as a dictionary, which Keras can cut into batches; anything else as it is."""
    return dict(x) if isinstance(x, Mapping) and type(x) is not dict else x


def with_labels_inside(model: Any, data: Any) -> tuple[Any, ...]:
    """One step's (x, y, weights), x as a dictionary; where the loss is the model's own, with the labels in it."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
    names = model.label_names
    if not isinstance(x, dict):
        x = dict(zip(model.input_names(), x)) if isinstance(x, (list, tuple)) else {"input_ids": x}
    x = {**x, "return_dict": True}
    if y is None or not model.uses_own_loss:
        return x, y, weight
    if isinstance(y, dict):
        renamed = {model.label_of_output.get(name, name): value for name, value in y.items()}
    elif len(names) == 1 and not isinstance(y, (list, tuple)):
        renamed = {names[0]: y}
    else:
        raise ValueError(
            f"{type(model).__name__} has the labels {', '.join(names) or 'none'}; give y as a dictionary of these"
        )
    return {**renamed, **x}, y, weight


def matched(model: Any, x: Any, y: Any, outputs: Any) -> tuple[Any, Any]:
    """(labels, the output that they are for), for a loss of the user's and for metrics.

    Raises:
        ValueError: where a loss is compiled and there are no labels.
    """
    found = {name: value for name, value in outputs.items() if name != "loss"}
    first = next(iter(found.values()))
    if y is None:
        y = {name: x[name] for name in model.label_names if isinstance(x, dict) and name in x}
        if not y and not model.uses_own_loss:
            raise ValueError("a loss is compiled, but there are no labels: give y, or labels among the inputs")
    if isinstance(y, dict):
        output_of = {label: output for output, label in model.label_of_output.items()}
        y = {output_of.get(name, name): value for name, value in y.items()}
        if len(y) > 1:
            return y, {name: value for name, value in found.items() if name in y}
        name, y = next(iter(y.items()), (None, None))
        return y, found.get(name, first)
    if isinstance(y, (list, tuple)):
        return y, type(y)(list(found.values())[: len(y)])
    return y, first


def own_loss(loss: Any, sample_weight: Any) -> Any:
    """The model's loss, one number: the (weighted) mean over the examples, or over what it already is a mean of.

    Raises:
        ValueError: where the labels were missing, so that there is none.
    """
    if loss is None:
        raise ValueError("the model has no loss without labels: give y, or labels among the inputs")
    if len(loss.shape) > 1:
        loss = ops.mean(loss, axis=tuple(range(1, len(loss.shape))))
    if sample_weight is not None:
        loss = loss * ops.reshape(ops.cast(sample_weight, loss.dtype), (-1,))
    return ops.mean(loss)
