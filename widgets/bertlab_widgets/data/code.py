"""The lines of Python that judge the same rows again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .sets import GIVEN, SHIPPED, Wanted

MOST_WRITTEN = 12  # rows from Python that stand in the code themselves
CHUNK = 32  # rows that run together in the panel


def lines_of(panel: Any) -> str:
    """The code of a `DataPanel`: it leaves in `result` what `.data()` gives."""
    judged, wanted, off, off_code = panel.judged, panel.shown_set, *panel.heads_off()
    if judged is None:
        return "\n".join([*panel.lab_code(), "result = None  # nothing is predicted yet"])
    lines = [*panel.lab_code(), "from bertlab.analysis import errors", *rows_code(wanted, judged, panel.given)]
    asked = repr(judged.task)
    if not off and judged.labelled == judged.known:
        return "\n".join([*lines, f"result = errors.table(lab, rows, {asked})"])
    labelled = "" if judged.labelled == judged.known else ", labelled=False"
    running = [
        "found = []",
        f"for at in range(0, len(rows), {CHUNK}):",
        f"    part = errors.stream(lab, rows[at : at + {CHUNK}], {asked}{labelled})",
        "    found += sorted(part, key=lambda row: row.number)",
    ]
    if off:
        before, context = off_code
        lines += ["from bertlab.analysis import ablation", *before, f"with {context}:"]
        running = [f"    {line}" for line in running]
    return "\n".join([*lines, *running, f"result = errors.table_of(found, errors.labels_of(lab, {asked}))"])


def rows_code(wanted: Wanted, judged: Any, given: Any) -> list[str]:
    """Lines that leave the rows in `rows`, as far as they were judged."""
    known, rows = judged.known, judged.rows
    cut = f"[:{known}]" if known < judged.total or rows.more else ""
    columns = f", columns={wanted.renamed!r}" if wanted.columns else ""
    if wanted.source == GIVEN:
        short = isinstance(given, (list, tuple)) and len(given) <= MOST_WRITTEN and all(map(_is_plain, given))
        before = [f"rows = {[dict(row) for row in given]!r}"] if short else ["# rows: what was given to the panel"]
        return ["from bertlab.data import read", *before, f"rows = list(read(rows{columns})){cut}"]
    if wanted.source in SHIPPED:
        name = "sentence_pairs" if wanted.source == "sentence_pairs" else "samples"
        split = "" if wanted.split == "both" else f", {wanted.split!r}"
        found = "sentence_pairs()" if name == "sentence_pairs" else f"samples({wanted.source!r}{split})"
        reading = f", read\nrows = list(read({found}{columns})){cut}" if columns else f"\nrows = {found}{cut}"
        return f"from bertlab.data import {name}{reading}".split("\n")
    path = str(Path(wanted.source).expanduser().resolve())
    found = f"read({path!r}{columns})"
    if cut:
        return ["import itertools", "from bertlab.data import read", f"rows = list(itertools.islice({found}, {known}))"]
    return ["from bertlab.data import read", f"rows = list({found})"]


def _is_plain(row: Any) -> bool:
    return isinstance(row, Mapping) and all(
        isinstance(value, (str, int, float, bool, type(None))) for value in row.values()
    )
