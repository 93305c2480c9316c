"""How sure a trained head is: set by rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from bertlab.data import Row, Task, encode
from bertlab.recipes.sets import TaskSets
from bertlab.training import predict


def calibrate(model, tokenizer, sets: TaskSets) -> None:
    """Set the thresholds of a multi-label head by the calibration rows, the temperature of a classifier by dev rows.

    A temperature changes no answer, and one number cannot learn the dev rows by heart.
    """
    if sets.task.kind == "multilabel" and sets.calibration:
        centre_thresholds(model, tokenizer, sets.calibration, sets.task)
    elif sets.task.kind == "classification":
        set_temperature(model, tokenizer, [row for rows in sets.dev.values() for row in rows], sets.task)


def set_temperature(model, tokenizer, rows: Sequence[Row], task: Task) -> float:
    """Divide the logits of a classifier by the temperature at which the rows' labels are likeliest.

    A trained network is mostly surer than it is right (Guo et al. 2017, section 4.2). Returns the temperature, from a
    quarter to eight.
    """
    from scipy.optimize import minimize_scalar

    probabilities = torch.from_numpy(np.stack(predict(model, tokenizer, rows, task)))  # (rows, labels)
    logits = probabilities.double().clamp_min(1e-37).log()
    labels = torch.tensor([feature["labels"] for feature in encode(rows, task, tokenizer)])  # (rows,)
    found = minimize_scalar(
        lambda exponent: F.cross_entropy(logits / 2.0**exponent, labels).item(), bounds=(-2.0, 3.0), method="bounded"
    )
    temperature = 2.0 ** float(found.x)
    with torch.no_grad():
        model.classifier.weight /= temperature
        model.classifier.bias /= temperature
    return temperature


def centre_thresholds(model, tokenizer, rows: Sequence[Row], task: Task, fewest: int = 30) -> list[float]:
    """Shift the biases of a multi-label head so that a probability of one half is the best threshold.

    The threshold of each label is the one with the highest F1 on rows that were not trained on; labels with
    fewer than `fewest` examples there take the threshold that is best for all labels together.
    Returns the thresholds.
    """
    probabilities = np.stack(predict(model, tokenizer, rows, task))  # (rows, labels)
    truth = np.zeros_like(probabilities, dtype=bool)
    for number, row in enumerate(rows):
        truth[number, row["labels"]] = True
    grid = np.arange(0.04, 0.7, 0.02)
    scores = np.stack([_f1_by_label(probabilities >= threshold, truth) for threshold in grid])  # (grid, labels)
    frequent = truth.sum(axis=0) >= fewest
    together = grid[int(scores[:, frequent].mean(axis=1).argmax())] if frequent.any() else 0.3
    thresholds = np.where(frequent, grid[scores.argmax(axis=0)], together)
    with torch.no_grad():
        shift = torch.from_numpy(np.log(thresholds / (1 - thresholds)))
        model.classifier.bias -= shift.to(model.classifier.bias)
    return thresholds.tolist()


def _f1_by_label(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    hits = (predicted & truth).sum(axis=0)
    return 2 * hits / np.maximum(1, predicted.sum(axis=0) + truth.sum(axis=0))
