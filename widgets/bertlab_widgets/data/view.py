"""What the stage draws of a set: as data for the browser."""

from __future__ import annotations

from typing import Any

from bertlab.language import say

from ..panel import in_a_row
from ..train import blind_share
from .sets import GIVEN, SHIPPED, columns_seen


def view_of(panel: Any) -> dict[str, Any]:
    """The view of a `DataPanel`, with the first page of its list."""
    judged, wanted = panel.judged, panel.wanted
    frame = {
        "name": panel.shown_set.name,
        "sources": sources(panel.given is not None),
        "file": panel.source not in SHIPPED and panel.source != GIVEN,
        "ships": panel.source in SHIPPED and panel.source != "sentence_pairs",
    }
    if judged is None:
        return {**frame, "nothing": True, "columns": columns_seen(wanted, panel.given), "read": {}}
    bins, error = judged.calibration()
    rows = judged.rows
    return {
        **frame,
        "task": judged.task,
        "trained": panel.workbench.lab.is_trained(judged.task),
        "total": judged.total,
        "known": judged.known,
        "labelled": judged.labelled,
        "labels": judged.labels,
        "accuracy": judged.accuracy if judged.labelled else None,
        "majority": judged.majority[1] if judged.labelled else None,
        "majority_said": blind_share(judged.majority[1]) if judged.labelled else "",
        "matrix": judged.matrix_view(panel.by_now),
        "calibration": {"bins": bins, "error": error},
        "list": {"key": panel.list_key, "by": panel.by_now, "at": panel.place(), **panel.page()},
        "opens": panel.workbench.opener is not None,
        "columns": rows.columns if wanted == panel.shown_set else columns_seen(wanted, panel.given),
        "read": rows.read,
        "groups": list(rows.groups),
        "guessed": "" if wanted.source in SHIPPED else guessed(judged),
        "stale": panel.stale,
        "pinned": panel.pinned.get("set", {}),
    }


def sources(given: bool) -> list[list[str]]:
    """[name, title] of the sets that can be chosen."""
    ship = [[name, say("{title} (ships)", title=say(title))] for name, (title, _) in SHIPPED.items()]
    return ship + ([[GIVEN, say("Rows given in Python")]] if given else [])


def guessed(judged: Any) -> str:
    """What was guessed of the set: its columns, and what its labels stand for."""
    return in_a_row([judged.rows.guessed(), judged.numbers_said])
