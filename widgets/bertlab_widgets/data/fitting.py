"""Which head judges a set: the one that was chosen, or one that has the labels of the set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bertlab.analysis import errors
from bertlab.language import say
from bertlab.tasks import TASKS

from ..workbench import SelectionError
from .kinds import labels_in
from .sets import SHIPPED, Rows, Wanted

LOOKED_AT = 2_000  # rows by which a head is chosen
PAIRED = ("inference", errors.PAIRS)  # heads that read two texts
SINGLE = ("sentiment", "topics")  # and heads that read one; of others it is not known


def task_for(lab: Any, wanted: Wanted, rows: Rows) -> str:
    """The head that judges a set: the one that was chosen, the one that fits a set that ships, or one whose labels do.

    Raises:
        SelectionError: none fits; names what the set has.
    """
    names = errors.tasks_of(lab)
    if wanted.task:
        if wanted.task in (*lab.tasks, *TASKS) and wanted.task not in names:
            raise SelectionError(
                say(
                    "the head {task!r} does not choose one of several labels; those that do are {names}",
                    task=wanted.task,
                    names=say(", ").join(names),
                )
            )
        return wanted.task
    if wanted.source in SHIPPED and SHIPPED[wanted.source][1] in names:
        return SHIPPED[wanted.source][1]
    labels, two = label_names(rows.rows[:LOOKED_AT]), rows.read["pair"] is not None
    if labels:
        for name in names:
            known = errors.labels_of(lab, name)
            by_number = name in lab.tasks and _are_numbers_of(labels, known)
            if name not in (SINGLE if two else PAIRED) and (labels <= set(map(str.lower, known)) or by_number):
                return name
        raise SelectionError(_none_fits(lab, names, labels, wanted.source in SHIPPED))
    fitting = PAIRED if two else ["sentiment"]
    return next((name for name in [*fitting, *names] if name in names), names[0])


def label_names(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """The labels of some rows, in small letters; numbers of classes by the names that the source has for them."""
    return {_label_name(row, column, value) for row, column, value in labels_in(rows) if not isinstance(value, list)}


def _label_name(row: Mapping[str, Any], column: str, value: Any) -> str:
    named = getattr(row, "names", {}).get(column)
    try:
        number = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return str(value).strip().lower()
    if isinstance(value, bool):
        return str(value).lower()
    return named[number].lower() if named and 0 <= number < len(named) else str(number)


def _are_numbers_of(labels: set[str], names: Sequence[str]) -> bool:
    """Whether labels are the numbers of a head's labels, each of them."""
    return labels == {str(number) for number in range(len(names))}


def numbers_said(labels: set[str], names: Sequence[str]) -> str:
    """Which number was taken for which label, where a set has numbers and the head has names; empty where not."""
    if not _are_numbers_of(labels, names) or _are_numbers_of(set(names), names):
        return ""
    shown = say(", ").join(
        say("{number} for {label}", number=number, label=label) for number, label in enumerate(names[:12])
    )
    return say("Its labels are numbers, taken as those of the head: {numbers}.", numbers=shown)


def _none_fits(lab: Any, names: Sequence[str], labels: set[str], ships: bool) -> str:
    """What the labels of the set are, which heads there are, and what can be done."""
    if ships:
        advice = say("train one on it in TrainPanel, and let the lab answer with it")
    elif all(label.isdigit() for label in labels):
        advice = say(
            "choose under Head the one whose labels these numbers are, or (none) under Label to have the rows "
            "predicted and not judged"
        )
    else:
        advice = say(
            "give the set the names of a head's labels, train a head on it in TrainPanel, or choose (none) under "
            "Label to have the rows predicted and not judged"
        )
    return say(
        "no head of {lab} has the labels of this set ({labels}); it has heads for {heads}: {advice}",
        lab=lab.name,
        labels=_first(sorted(labels), 6),
        heads=say("; ").join(
            say("{head} ({labels})", head=name, labels=_first(errors.labels_of(lab, name), 4)) for name in names[:4]
        ),
        advice=advice,
    )


def _first(names: Sequence[str], most: int) -> str:
    return say(", ").join(names[:most]) + (" …" if len(names) > most else "")
