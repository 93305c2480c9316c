"""The sentences of the panel: what the numbers of a set say, beside chance, with how uncertain they are; the gate."""

from __future__ import annotations

import math

from ..panel import counted, graded_share, percent, quoted, significant
from .judged import Judged

GUESSES = (("under 60 %", 0.0, 0.6), ("60 to 75 %", 0.6, 0.75), ("75 to 90 %", 0.75, 0.9), ("above 90 %", 0.9, 1.01))


def whole_set(judged: Judged, name: str) -> str:
    """How much of a set is right, beside chance and the most frequent label."""
    part = ""
    if judged.known < judged.total:
        part = f", the first {judged.known:,} of {counted(judged.total, 'row')}"
    elif judged.rows.more:
        part = f", the first {counted(judged.total, 'row')} of a longer set"
    if not judged.labelled:
        predicted = f"{counted(judged.known, 'row')} predicted"
        return f"“{name}”{part}: {predicted}; without labels there is no accuracy. {frequent(judged)}"
    accuracy, (label, majority) = judged.accuracy, judged.majority
    right = f"{int(judged.right.sum()):,} of {counted(judged.labelled, 'row')} right, {percent(accuracy)}"
    left = judged.known - judged.labelled
    unlabelled = f" ({left:,} have no label)" if left else ""
    return (
        f"“{name}”{part}: {right}{unlabelled}, uncertain by about "
        f"{uncertainty(accuracy, judged.labelled)} points; always "
        f"{quoted(label)} would give {percent(majority)}, chance {percent(1 / len(judged.labels))}."
    )


def uncertainty(share: float, count: int) -> str:
    """Half the width of the 95 % interval of a share (Wilson's), in points."""
    z = 1.96
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"±{max(1, round(100 * half))}" if half >= 0.01 else f"±{significant(100 * half)}"


def frequent(judged: Judged) -> str:
    """Which label is predicted most often."""
    counts = judged.matrix("").sum(0)
    best = int(counts.argmax())
    return f"Predicted most often: {quoted(judged.labels[best])}, {percent(counts[best] / counts.sum())}."


def confusion(judged: Judged, by: str) -> str:
    """What is taken for what most often; of groups, where most and where least is right."""
    counts = judged.matrix(by)
    if by:
        shares = [(share, name) for share, name in zip(judged.accuracies(by), judged.names(by)) if share is not None]
        if len(shares) < 2:
            return frequent(judged)
        (least, worst), (most, best) = min(shares), max(shares)
        return f"By {by}: most is right in {quoted(best)}, {percent(most)}, least in {quoted(worst)}, {percent(least)}."
    if not judged.labelled:
        return ""
    wrong = counts.copy()
    for number in range(len(wrong)):
        wrong[number, number] = 0
    if not wrong.sum():
        return "No row is wrong."
    gold, predicted = divmod(int(wrong.argmax()), len(judged.labels))
    return (
        f"Most often {quoted(judged.labels[gold])} is taken for {quoted(judged.labels[predicted])}: "
        f"{int(wrong[gold, predicted]):,} of {int(counts[gold].sum()):,}."
    )


def calibration(judged: Judged) -> str:
    """Whether the head is as sure as it is right."""
    if not judged.labelled:
        return "Without labels nobody can tell whether the head is as sure as it is right."
    _, error = judged.calibration()
    inside = judged.gold >= 0
    confidence = float(judged.confidence[inside].mean())
    gap = confidence - judged.accuracy
    what = "surer than it is right" if gap > 0 else "less sure than it is right"
    return (
        f"On average the head is {percent(confidence)} sure and {percent(judged.accuracy)} right"
        + (f": {what}, by {percent(abs(gap)).removesuffix(' %')} points" if abs(gap) >= 0.005 else "")
        + f". Expected calibration error {percent(error)} (0 % is perfect)."
    )


def part(judged: Judged, cell: list[int], by: str, number: int, count: int) -> str:
    """What the list was narrowed to."""
    said = []
    if cell:
        row, column = cell
        if row >= 0 and (by or judged.labelled):
            said.append(f"{by or 'labelled'} {quoted(judged.names(by)[row])}")
        if column >= 0:
            said.append(f"predicted {quoted(judged.labels[column])}")
    if number >= 0:
        said.append(f"confidence above {number * 10} % and up to {number * 10 + 10} %")
    return f"{counted(count, 'row')}: {', '.join(said)}."


def one_row(judged: Judged, number: int) -> str:
    """What the head says of one row."""
    row = judged.found[number]
    said = f"Row {number + 1}: the head says {quoted(row.prediction)}, {percent(row.confidence)}"
    if row.gold is None:
        return f"{said}; the row has no label."
    blind = f"a blind guess has {significant(math.log(len(judged.labels)))}"
    verdict = "which is its label" if row.right else f"but its label is {quoted(row.gold)}"
    cut = " It is longer than the model, and was read up to there." if row.cut else ""
    return f"{said}, {verdict}; loss {significant(row.loss)} nats ({blind}).{cut}"


# ---------------------------------------------------------------------------------------------------- predict first


def question(judged: Judged | None, name: str) -> str:
    """What the gate asks."""
    if judged is None or not judged.labelled:
        return "Which label will the head choose most often?"
    return (
        f"How many of the {judged.labelled:,} rows of “{name}” will the head get right? Chance is "
        f"{percent(1 / len(judged.labels))}: what is your guess?"
    )


def options(judged: Judged | None) -> list[str]:
    """What may be answered."""
    if judged is None:
        return []
    return [name for name, *_ in GUESSES] if judged.labelled else judged.labels[:12]


def graded(judged: Judged | None, guess: str) -> str:
    """The guess against the numbers."""
    if judged is None or not judged.known:
        return "Nothing is predicted yet."
    if judged.labelled:
        return graded_share(guess, judged.accuracy, GUESSES)
    best = judged.labels[int(judged.matrix("").sum(0).argmax())]
    return f"Right: {quoted(best)}." if guess == best else f"`{guess}` is not it: {quoted(best)}."
