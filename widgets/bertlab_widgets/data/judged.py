"""What is known of a set: one number a row for everything that is sorted, counted and looked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from bertlab.analysis import errors
from bertlab.language import say

from ..panel import shortened
from .fitting import LOOKED_AT, label_names, numbers_said
from .sets import Rows

SORTS = ("loss", "doubt", "sure", "order")
NONE = -1
MOST_CELLS = 400  # cells of a matrix that are sent to the browser
BINS = errors.BINS


class Judged:
    """The rows of a set as a head judges them, growing batch after batch; numbers of rows are those of the set.

    `by` in its methods is a column of the set whose values are the rows of the matrix; "" for the labels.
    """

    def __init__(self, rows: Rows, labels: Sequence[str], task: str):
        count = len(rows.rows)
        self.rows, self.labels, self.task = rows, list(labels), task
        self.number_of = {label: number for number, label in enumerate(labels)}
        self.found: dict[int, errors.JudgedRow] = {}
        self.predicted = np.full(count, NONE, dtype=np.int32)
        self.gold = np.full(count, NONE, dtype=np.int32)
        self.confidence = np.full(count, np.nan)
        self.loss = np.full(count, np.nan)
        self._groups: dict[str, np.ndarray] = {}

    @cached_property
    def numbers_said(self) -> str:
        """Which number among the labels was taken for which label of the head; empty where they are names."""
        return numbers_said(label_names(self.rows.rows[:LOOKED_AT]), self.labels)

    def add(self, row: errors.JudgedRow, number: int) -> None:
        """One more row; `number` is its place in the set."""
        self.found[number] = row
        self.predicted[number] = self.number_of[row.prediction]
        self.confidence[number] = row.confidence
        if row.gold is not None:
            self.gold[number], self.loss[number] = self.number_of[row.gold], row.loss

    @property
    def total(self) -> int:
        """How many rows the set has."""
        return len(self.predicted)

    @property
    def known(self) -> int:
        """How many of them are predicted."""
        return len(self.found)

    @property
    def right(self) -> np.ndarray:
        """(rows,) of booleans: labelled, predicted, and the same."""
        return (self.gold != NONE) & (self.gold == self.predicted)

    @property
    def labelled(self) -> int:
        """How many of the predicted rows have a label."""
        return int((self.gold != NONE).sum())

    @property
    def accuracy(self) -> float:
        """The share of labelled rows that is right; NaN without one."""
        return float(self.right.sum() / self.labelled) if self.labelled else math.nan

    @property
    def majority(self) -> tuple[str, float]:
        """The most frequent label among the rows, and its share."""
        counts = np.bincount(self.gold[self.gold != NONE], minlength=len(self.labels))
        return self.labels[int(counts.argmax())], float(counts.max() / counts.sum())

    # --- the matrix

    def names(self, by: str) -> list[str]:
        """What stands at the rows of the matrix."""
        if by:
            return self.rows.groups[by]
        return self.labels if self.labelled else [say("all rows")]

    def row_of(self, by: str) -> np.ndarray:
        """(rows,): in which row of the matrix each row of the set is counted; -1 for none."""
        if not by:
            return self.gold if self.labelled else np.where(self.predicted == NONE, NONE, 0)
        if by not in self._groups:
            number_of = {name: number for number, name in enumerate(self.rows.groups[by])}
            self._groups[by] = np.array(
                [number_of.get(str(row.get(by)), NONE) for row in self.rows.rows], dtype=np.int32
            )
        return np.where(self.predicted == NONE, NONE, self._groups[by])

    def matrix(self, by: str) -> np.ndarray:
        """(rows of the matrix, labels): how many rows of the set."""
        at, width = self.row_of(by), len(self.labels)
        inside = (at != NONE) & (self.predicted != NONE)
        height = len(self.names(by))
        counts = np.bincount(at[inside] * width + self.predicted[inside], minlength=height * width)
        return counts.reshape(height, width)

    def accuracies(self, by: str) -> list[float | None]:
        """The share that is right in each row of the matrix; None where none has a label."""
        at, judged, right = self.row_of(by), self.gold != NONE, self.right
        shares = []
        for number in range(len(self.names(by))):
            inside = (at == number) & judged
            shares.append(float(right[inside].mean()) if inside.any() else None)
        return shares

    def matrix_view(self, by: str) -> dict:
        """The matrix as the browser draws it: the fullest cells, [row, column, count]; names, totals, shares right."""
        counts = self.matrix(by)
        places = counts.ravel().argsort(kind="stable")[::-1][:MOST_CELLS].tolist()
        cells = [[*divmod(place, counts.shape[1]), int(counts.ravel()[place])] for place in places]
        return {
            "by": by,
            "names": self.names(by),
            "totals": counts.sum(1).tolist(),
            "cells": [cell for cell in cells if cell[2]],
            "right": self.accuracies(by),
        }

    # --- calibration

    def bin_of(self) -> np.ndarray:
        """(rows,): the bin of each row's confidence, from above its lower end to its upper end; -1 if unknown."""
        with np.errstate(invalid="ignore"):
            number = np.ceil(self.confidence * BINS) - 1
        return np.where(np.isnan(number), NONE, number.clip(0, BINS - 1)).astype(np.int32)

    def calibration(self) -> tuple[list[dict], float]:
        """The bins with count, mean confidence and accuracy (None in an empty one), and the expected error."""
        at, judged = np.where(self.gold != NONE, self.bin_of(), NONE), self.labelled
        found, error = [], 0.0
        for number in range(BINS):
            inside = at == number
            count = int(inside.sum())
            confidence = float(self.confidence[inside].mean()) if count else None
            accuracy = float(self.right[inside].mean()) if count else None
            ends = {"low": number / BINS, "high": (number + 1) / BINS}
            found.append({**ends, "count": count, "confidence": confidence, "accuracy": accuracy})
            error += abs(accuracy - confidence) * count / judged if count else 0.0
        return found, error

    # --- the list

    def listed(self, sort: str, cell: Sequence[int], by: str, part: int) -> np.ndarray:
        """The numbers of the rows to show, in their order: those of a cell of the matrix (-1 for a whole row or column
        of it) and of a bin of the calibration (-1 for all)."""
        inside = self.predicted != NONE
        if cell:
            row, column = cell
            inside &= (row == NONE) | (self.row_of(by) == row)
            inside &= (column == NONE) | (self.predicted == column)
        if part != NONE:
            inside &= (self.bin_of() == part) & ((self.gold != NONE) | (self.labelled == 0))
        numbers = inside.nonzero()[0]
        if sort == "order":
            return numbers
        unlabelled = sort == "loss" and not self.labelled  # without losses, doubt comes next
        key = -self.loss if sort == "loss" and not unlabelled else self.confidence
        key = -key if sort == "sure" else key
        return numbers[np.argsort(np.nan_to_num(key[numbers], nan=np.inf), kind="stable")]

    def shown(self, number: int, by: str = "", most: int = 240) -> dict:
        """A row as the list shows it."""
        row = self.found[number]
        text, pair = self.rows.texts(number)
        return {
            "number": number,
            "text": in_one_line(text, most),
            "pair": in_one_line(pair, most),
            "gold": row.gold,
            "prediction": row.prediction,
            "confidence": round(row.confidence, 5),
            "loss": None if row.loss is None else round(row.loss, 4),
            "right": row.right,
            "cut": row.cut,
            "group": str(self.rows.rows[number].get(by, "")) if by else "",
        }

    def table(self) -> errors.ErrorTable:
        """As `bertlab.analysis.errors` gives it."""
        return errors.table_of([self.found[number] for number in sorted(self.found)], self.labels)


def in_one_line(text: str, most: int) -> str:
    """A text without its line breaks, cut where it is longer."""
    return shortened(" ".join(text[: 4 * most].split()), most)
