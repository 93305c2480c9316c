"""What is to be trained, on what, and how: the settings of a run, without a widget and without a model.

`preparing.prepared(plan, lab)` reads the data, builds the model and returns a `LiveRun` that is ready to start;
`code.training_lines(plan, lab)` writes the lines that do the same in a notebook.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bertlab.data import DataError, Task, column_of, infer_task, read, samples
from bertlab.lab import Lab
from bertlab.language import mark, say, say_n
from bertlab.nano import DEFAULTS as NANO_DEFAULTS
from bertlab.nano import SETTINGS as NANO
from bertlab.training import main_metric

from ..workbench import SelectionError
from .notes import hearing, notes_on
from .rows import MASKED, MOST_TOKENS, about_rows, about_text, described, guessing, kind_of, pasted_rows, split_rows

SETS = {
    "sentiment": "classification",
    "topics": "classification",
    "pairs": "classification",
    "entities": "tagging",
    "questions": "qa",
    "choices": "choice",
    "similarity": "regression",
}
TASK_NAMES = {"pairs": "inference", "entities": "ner", "questions": "qa", "choices": "choice"}  # names that Lab knows
KINDS = ("", "classification", "multilabel", "regression", "tagging", "choice", "qa", "next_sentence", MASKED)
LORA_RATE, FULL_RATE = 2e-3, 2e-4  # what suits the shipped model and the small sets
BATCH_SIZE = 16
NANO_TITLES = {
    "agreement": mark(
        "A nano model of 0.1 M weights meets one grammar and must find the verb's form; guessing is 50 %."
    ),
    "reversal": mark("A nano encoder and decoder of 0.1 M weights learn to write letters backwards."),
    "text": mark("A nano model of 0.6 M weights reads 17,500 words; below the unigram entropy it uses the context."),
}


@dataclass(frozen=True)
class Plan:
    """The settings that decide what a run learns; see `TrainPanel` for their meaning."""

    dataset: str = "sentiment"
    file: str = ""
    pasted: str = ""
    columns: str = ""
    task: str = ""
    freeze: int = -1
    rank: int = 8
    rate: float = 0.0
    head_rate: float = 0.0
    batch_size: int = 0
    epochs: float = 4.0
    steps: int = 0
    precision: str = "auto"
    device: str = "auto"
    seed: int = 0

    # --- the data

    @property
    def nano(self) -> bool:
        """Whether a nano model is trained from nothing."""
        return self.dataset in NANO

    @property
    def waiting(self) -> bool:
        """Whether the data is still to be named or pasted."""
        named = {"file": self.file, "pasted": self.pasted}
        return self.dataset in named and not named[self.dataset].strip()

    @property
    def task_name(self) -> str:
        """The name under which the lab knows the trained model."""
        if self.dataset == "file":
            return Path(self.file).name.partition(".")[0] or "file"
        return TASK_NAMES.get(self.dataset, self.dataset)

    def rows(self) -> list:
        """The examples of the chosen set, held-out ones included.

        Raises:
            DataError: with file and line; FileNotFoundError.
        """
        if self.dataset in SETS:
            return samples(self.dataset)
        if self.dataset == "pasted":
            return pasted_rows(self.pasted)
        if not self.file.strip():
            raise DataError(
                say("no file was named: give the path of a .jsonl, .csv, .tsv, .conll, .txt or SQuAD .json file")
            )
        rows = list(read(self.file.strip(), columns=self.named_columns()))
        if not rows:
            raise DataError(say("{file} is empty: it needs at least two examples", file=self.file))
        return rows

    def named_columns(self) -> dict[str, str] | None:
        """`columns`, such as "text = review, label = stars", as {name wanted: name in the file}; None for none.

        Raises:
            SelectionError: a part is not of this form.
        """
        parts = [part.strip() for part in self.columns.split(",") if part.strip()]
        found = dict(map(str.strip, part.split("=", 1)) for part in parts if "=" in part)
        if len(found) < len(parts) or not all(found) or not all(found.values()):
            raise SelectionError(
                say(
                    "columns is {columns!r}; write name = column in the file, text = review for one",
                    columns=self.columns,
                )
            )
        return found or None

    def kind(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """The kind of task: as set, as the set wants it, or as its columns say."""
        return self.task or SETS.get(self.dataset) or kind_of(rows)

    def task_of(self, lab: Lab, rows: Sequence, kind: str) -> Task:
        """The task that the rows speak of."""
        return infer_task(kind, rows, max_length=min(MOST_TOKENS, lab.max_length), name=self.task_name)

    def about(self, lab: Lab) -> dict:
        """The chosen set in figures: examples, labels, what guessing gets."""
        if self.nano:
            nothing = {"rows": 0, "held_out": 0, "labels": [], "examples": [], "lines": {}, "chance": {}}
            return {"title": say(NANO_TITLES[self.dataset]), **nothing}
        with hearing() as heard:
            rows = self.rows()
            kind = self.kind(rows)
            train, held_out = split_rows(rows)
            task = None if kind == MASKED else self.task_of(lab, rows, kind)
        notes = [*self.notes(rows, kind), *heard]
        if task is None:
            lines = {"ln V": math.log(len(lab.tokenizer))}
            return {**about_text(train, held_out), "lines": lines, "kind": kind, "notes": notes}
        lines, chance = guessing(task, train, held_out)
        figures = {"lines": lines, "chance": chance, "metric": main_metric(task), "kind": kind, "notes": notes}
        return {**about_rows(train, held_out, task), **figures}

    def notes(self, rows: Sequence[Mapping[str, Any]], kind: str) -> list[str]:
        """What was guessed of rows that somebody gave, in words; of a set that ships nothing has to be."""
        return notes_on(rows, kind) if self.dataset in ("file", "pasted") else []

    def sentence(self, lab: Lab) -> tuple[str, str]:
        """(text, second text) of a held-out example, to watch; empty where the data cannot be read."""
        if self.nano or self.waiting:
            return "", ""
        try:
            rows = self.rows()
            kind, (train, held_out) = self.kind(rows), split_rows(rows)
            row = (held_out or train)[0]
            if kind == MASKED:
                return column_of(row, "text", str), ""
            return described(row, self.task_of(lab, rows, kind))[:2]
        except (ValueError, LookupError, OSError):
            return "", ""

    # --- the numbers

    def suits(self) -> dict[str, Any]:
        """What is taken where a setting is 0."""
        nano = NANO_DEFAULTS.get(self.dataset, {})
        return {
            "rate": nano.get("learning_rate", LORA_RATE if self.rank else FULL_RATE),
            "batch_size": nano.get("batch_size", BATCH_SIZE),
            "steps": nano.get("steps", 0),
            "nano": self.nano,
        }

    def options(self) -> dict[str, Any]:
        """The settings of the engine, beside the length of the run."""
        suits = self.suits()
        options = {"learning_rate": self.rate or suits["rate"], "batch_size": self.batch_size or suits["batch_size"]}
        if self.head_rate:
            options["head_learning_rate"] = self.head_rate
        if self.precision != "auto":
            options["precision"] = self.precision
        if self.device != "auto":
            options["device"] = self.device
        return {**options, "seed": self.seed}

    def planned(self, rows: int) -> int:
        """Steps that a run over so many rows will take."""
        suits = self.suits()
        return self.steps or suits["steps"] or round(self.epochs * self._per_epoch(rows))

    def _per_epoch(self, rows: int) -> int:
        return max(1, math.ceil(rows / self.options()["batch_size"]))

    def length(self, rows: int) -> tuple[int, int]:
        """(steps, steps of an epoch) of a run over so many rows.

        Raises:
            SelectionError: that is less than one step.
        """
        steps = self.planned(rows)
        if steps < 1:
            raise SelectionError(
                say(
                    "epochs is {epochs:g}, which is less than one step: give more epochs, or steps.", epochs=self.epochs
                )
            )
        return steps, self._per_epoch(rows)

    # --- what is said about it

    def named(self) -> dict[str, str]:
        """The settings in words, by name (see `said.SETTINGS`); what a person compares two runs by."""
        suits, frozen = self.suits(), {-1: say("nothing"), 0: say("the embeddings")}
        steps = self.steps or suits["steps"]
        return {
            "data": {"file": self.file, "pasted": pasted_lines(self.pasted)}.get(self.dataset, self.dataset),
            "task": self.task or say("as the data says"),
            "LoRA rank": str(self.rank) if self.rank else say("off"),
            "frozen": frozen.get(self.freeze) or say_n("{count} layer", "{count} layers", self.freeze),
            "rate": f"{self.rate or suits['rate']:g}",
            "rate of the head": f"{self.head_rate:g}" if self.head_rate else say("same"),
            "batch": str(self.batch_size or suits["batch_size"]),
            "epochs": say("by steps") if steps else f"{self.epochs:g}",
            "steps": str(steps) if steps else say("by epochs"),
            "precision": self.precision,
            "device": self.device,
            "seed": str(self.seed),
        }


def pasted_lines(text: str) -> str:
    """Pasted lines by their number."""
    return say_n("{count} pasted line", "{count} pasted lines", len(text.splitlines()))


PLANNED = tuple(field.name for field in fields(Plan))  # the settings of a panel that make its plan
