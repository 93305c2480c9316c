"""Predictions of a head model, and how good they are by the metrics of the task. Draws no random numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from bertlab.data import DataError, Feature, Task, collate, encode, length, length_sorted_batches, read
from bertlab.tasks import answered, parts
from bertlab.training.optimizer import choose_precision

SMALLER_IS_BETTER = ("loss", "perplexity", "masked_loss", "next_sentence_loss")


def main_metric(task: Task) -> str:
    """The name of the metric that a task is judged by; tagging with entity labels counts whole entities."""
    return task.rules.metric(task)


def check_fit(model: nn.Module, task: Task) -> None:
    """Whether a model can do a task.

    Raises:
        TypeError: it has another head. ValueError: other labels, or too few positions.
    """
    wanted = task.model_class
    if type(model).__name__ != wanted:
        raise TypeError(f"{task.kind} is the task of a {wanted}, but the model is a {type(model).__name__}")
    expected = task.rules.model_labels(task)
    if expected is not None and model.config.num_labels != expected:
        raise ValueError(
            f"the task has {expected} label(s) but the model {model.config.num_labels}: build the model with "
            "**task.config()"
        )
    check_labels(list(task.labels), [str(model.config.id2label.get(number)) for number in range(len(task.labels))])
    if task.max_length > model.config.max_position_embeddings:
        raise ValueError(
            f"max_length is {task.max_length}, but the model has positions for {model.config.max_position_embeddings}"
        )


def check_labels(of_task: Sequence[str], of_model: Sequence[str]) -> None:
    """Whether the ids of a task's labels and of a model's belong together.

    They do where the names are the same but for case and blanks, or where one side has only numbers for names (0, 1 or
    LABEL_0, LABEL_1, ...).

    Raises:
        ValueError: they have other names, or the same ones in another order.
    """
    if any(_numbered(names) for names in (of_task, of_model)):
        return
    one, two = ([name.strip().casefold() for name in names] for names in (of_task, of_model))
    if one != two:
        order = " in another order" if sorted(one) == sorted(two) else ""
        raise ValueError(
            f"the labels of the task are {list(of_task)}, but the model has them as {list(of_model)}{order}: the "
            "ids of the two do not belong together; give the task the model's names with labels=[...], or build the "
            "model with **task.config()"
        )


def _numbered(names: Sequence[str]) -> bool:
    """Whether names say nothing but their ids."""
    return all(name.strip().upper() in (str(number), f"LABEL_{number}") for number, name in enumerate(names))


def evaluate(
    model: nn.Module,
    tokenizer: Any,
    data: Any,
    task: Task,
    *,
    batch_size: int = 64,
    precision: str = "auto",
    columns: Mapping[str, Any] | None = None,
    threshold: float = 0.5,
) -> dict[str, float]:
    """The metrics of a model on a labelled set, in percent, beside its mean loss.

    classification: accuracy, macro_f1, matthews (where a row has probabilities, its likeliest label counts);
    regression: spearman, pearson; multilabel: macro_f1, micro_f1 (labels with a probability of at least
    `threshold`); tagging: accuracy and, for BIO labels, span_f1, precision, recall; choice, next_sentence: accuracy;
    qa: exact_match, f1 (and no_answer_accuracy where some questions have no answer); causal: perplexity.

    Args:
        data: anything that `bertlab.data.read` reads.

    Raises:
        DataError: the set is empty or has no labels.
        TypeError, ValueError: the model is not one for this task.
    """
    check_fit(model, task)
    rows: list[Any] = list(read(data, columns=columns))
    if not rows:
        raise DataError("the evaluation data is empty")
    rows = answered(rows, task)
    features = encode(rows, task, tokenizer)
    return evaluate_features(
        model, features, rows, task, batch_size=batch_size, precision=precision, threshold=threshold,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


def evaluate_features(
    model: nn.Module,
    features: Sequence[Feature],
    rows: Sequence[Mapping[str, Any]],
    task: Task,
    *,
    batch_size: int = 64,
    precision: str = "auto",
    threshold: float = 0.5,
    pad_token_id: int = 0,
) -> dict[str, float]:
    """As `evaluate`, for rows that are encoded already."""
    outputs: list[Any] = [None] * len(features)
    loss, terms, rules = 0.0, 0, task.rules
    for numbers, batch, output in _outputs(model, features, task, batch_size, precision, pad_token_id):
        if not all(name in batch for name in rules.targets):
            raise DataError("the evaluation data has no labels")
        loss += float(rules.loss(output, batch))
        terms += rules.terms(batch)
        for place, number in enumerate(numbers):
            outputs[number] = rules.outputs(output, place)
    scores = {"loss": loss / max(1, terms)}
    scores.update(rules.score(outputs, features, rows, task, threshold, scores["loss"]))
    return scores


def predict(
    model: nn.Module,
    tokenizer: Any,
    data: Iterable[Mapping[str, Any]] | Any,
    task: Task,
    *,
    batch_size: int = 64,
    precision: str = "auto",
    no_answer: bool = True,
) -> list[Any]:
    """One prediction for each row: probabilities (classification, multilabel, choice, next_sentence), a number
    (regression), tags by word (tagging), or the answer's text (qa; "" for none, unless `no_answer` is False).
    """
    check_fit(model, task)
    rows = list(read(data))
    features = encode(rows, task, tokenizer)
    outputs: list[Any] = [None] * len(features)
    for numbers, _, output in _outputs(model, features, task, batch_size, precision, tokenizer.pad_token_id):
        for place, number in enumerate(numbers):
            outputs[number] = task.rules.outputs(output, place)
    return task.rules.predict(outputs, features, rows, task, no_answer)


@torch.inference_mode()
def _outputs(
    model: nn.Module,
    features: Sequence[Feature],
    task: Task,
    batch_size: int,
    precision: str,
    pad_token_id: int,
) -> Iterator[tuple[list[int], dict[str, Tensor], Any]]:
    """(numbers of the features, batch, model output) for batches of similar length."""
    device = next(model.parameters()).device
    by_count: dict[int, list[int]] = {}
    for number, feature in enumerate(features):  # choices of different counts cannot share a batch
        by_count.setdefault(parts(feature), []).append(number)
    with in_eval_mode(model), autocast(model, device, precision):
        for group in by_count.values():
            for batch_numbers in length_sorted_batches([length(features[n]) for n in group], batch_size):
                numbers = [group[place] for place in batch_numbers]
                batch = collate([features[number] for number in numbers], task, pad_token_id)
                batch = {name: value.to(device) for name, value in batch.items()}
                targets = task.rules.targets
                output = model(**{name: value for name, value in batch.items() if name not in targets})
                yield numbers, batch, output


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """The model in eval mode, afterwards in the mode it was in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def autocast(model: nn.Module, device: torch.device, precision: str):
    """A context in which matrix products run in the chosen precision."""
    config: Any = model.config
    dtype = choose_precision(precision, device, config.hidden_size)
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)
