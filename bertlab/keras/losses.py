"""The losses of TensorFlow's classes: one for each example, or the mean over the tokens that have a label, (1,)."""

from __future__ import annotations

from typing import Any

from bertlab.keras.backend import check_range, is_concrete, keras

ops = keras.ops
IGNORED = -100


def fitted(labels: Any, logits: Any) -> Any:
    """Class numbers, one for each row of the scores: a last axis of one is dropped, one number serves a batch of one.

    Raises:
        ValueError: for labels of another shape.
    """
    wanted = tuple(logits.shape[:-1])
    if len(labels.shape) == len(logits.shape) and labels.shape[-1] == 1:
        labels = ops.squeeze(labels, -1)
    if len(labels.shape) == 0 and wanted == (1,):
        labels = ops.reshape(labels, wanted)
    known = zip(labels.shape, wanted)
    if len(labels.shape) != len(wanted) or any(None not in pair and pair[0] != pair[1] for pair in known):
        raise ValueError(f"the labels have shape {tuple(labels.shape)}; give {wanted}, a class number for each")
    return labels


def crossentropy(labels: Any, logits: Any) -> Any:
    """(...) class numbers and (..., classes) scores -> (...): the negative logarithm of each label's probability.

    Raises:
        ValueError: for labels of another shape.
        IndexError: for a label that is no class.
    """
    labels = ops.cast(fitted(labels, logits), "int32")
    check_range("labels", labels, logits.shape[-1], "number of classes")
    scores = ops.take_along_axis(ops.log_softmax(logits, axis=-1), ops.expand_dims(labels, -1), axis=-1)
    return -ops.squeeze(scores, -1)


def _mean(losses: Any, counted: Any) -> Any:
    counted = ops.cast(counted, losses.dtype)
    return ops.reshape(ops.sum(losses * counted) / ops.sum(counted), (1,))


def _only(labels: Any, logits: Any, kept: Any) -> Any:
    """The losses of the places that are kept, in a row: what `config.tf_legacy_loss` asks for."""
    if not is_concrete(kept):
        raise ValueError("tf_legacy_loss keeps as many losses as there are labels; that cannot be traced: set it off")
    places = ops.convert_to_tensor(ops.convert_to_numpy(ops.reshape(kept, (-1,))).nonzero()[0].astype("int32"))
    labels = ops.take(ops.reshape(labels, (-1,)), places)
    return crossentropy(labels, ops.take(ops.reshape(logits, (-1, logits.shape[-1])), places, axis=0))


def language_modeling_loss(labels: Any, logits: Any, legacy: bool = False) -> Any:
    """The mean over the tokens whose label is not -100."""
    if legacy:
        return _only(labels, logits, ops.reshape(labels, (-1,)) != IGNORED)
    labels = fitted(labels, logits)
    return _mean(crossentropy(ops.relu(labels), logits), labels != IGNORED)


def pretraining_loss(labels: Any, next_sentence_label: Any, logits: Any, pair_logits: Any) -> Any:
    """Masked language modelling + next sentence, each a mean over the labels that are not -100."""
    return language_modeling_loss(labels, logits) + language_modeling_loss(next_sentence_label, pair_logits)


def token_classification_loss(labels: Any, logits: Any, legacy: bool = False) -> Any:
    """The mean over the tokens whose label is not negative (-1 is an old way to leave one out)."""
    if legacy:
        flat = ops.reshape(labels, (-1,))
        old_way = is_concrete(labels) and bool((ops.convert_to_numpy(labels) == -1).any())
        return _only(labels, logits, flat != (-1 if old_way else IGNORED))
    labels = fitted(labels, logits)
    return _mean(crossentropy(ops.relu(labels), logits), labels >= 0)


def sequence_classification_loss(labels: Any, logits: Any) -> Any:
    """(batch,): the squared error where there is one label, else the cross-entropy."""
    if logits.shape[-1] != 1:
        return crossentropy(labels, logits)
    if len(labels.shape) < 2:
        labels = ops.reshape(labels, (-1, 1))
    if labels.shape[0] != logits.shape[0] and None not in (labels.shape[0], logits.shape[0]):
        raise ValueError(f"the labels have shape {tuple(labels.shape)}; give ({logits.shape[0]},), a number for each")
    return ops.mean(ops.square(logits - ops.cast(labels, logits.dtype)), axis=-1)


def next_sentence_loss(labels: Any, logits: Any, legacy: bool = False) -> Any:
    """(batch,): 0 where the label is -100."""
    if legacy:
        return _only(labels, logits, ops.reshape(labels, (-1,)) != IGNORED)
    labels = fitted(labels, logits)
    return crossentropy(ops.relu(labels), logits) * ops.cast(labels != IGNORED, logits.dtype)


def question_answering_loss(start_positions: Any, end_positions: Any, start_logits: Any, end_logits: Any) -> Any:
    """(batch,): the mean of both positions' losses; positions outside of the text are an error."""
    return (crossentropy(start_positions, start_logits) + crossentropy(end_positions, end_logits)) / 2
