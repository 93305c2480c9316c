"""The sentences of the panel: what the numbers of a set say, beside chance, with how uncertain they are; the gate."""

from __future__ import annotations

import math
from typing import Any

from bertlab.language import mark, say, say_n

from ..panel import graded_share, in_a_row, percent, quoted, significant
from ..train import blind_share
from ..workbench import heads_named
from .judged import Judged

GUESSES = (
    (mark("under 60 %"), 0.0, 0.6),
    (mark("60 to 75 %"), 0.6, 0.75),
    (mark("75 to 90 %"), 0.75, 0.9),
    (mark("above 90 %"), 0.9, 1.01),
)
HEADS_SAID = {  # name of a task -> that of its head, in a menu and behind the model's name
    "sentiment": mark("sentiment"),
    "emotions": mark("emotions"),
    "inference": mark("inference"),
    "next_sentence": mark("next sentence"),
}


def head_name(task: str) -> str:
    """The name of a task's head; one that bertlab does not know has the name that it was given."""
    return say(HEADS_SAID.get(task, task.replace("_", " ")))


SURER = mark(
    "On average the head is {sure} sure and {right} right: surer than it is right, by {points} points. Expected "
    "calibration error {error} (0 % is perfect)."
)
LESS_SURE = mark(
    "On average the head is {sure} sure and {right} right: less sure than it is right, by {points} points. Expected "
    "calibration error {error} (0 % is perfect)."
)


def whole_set(judged: Judged, name: str) -> str:
    """How much of a set is right, beside chance and the most frequent label."""
    which = set_said(judged, name)
    if not judged.labelled:
        predicted = say_n("{count:,} row predicted", "{count:,} rows predicted", judged.known)
        return say(
            "{set}: {predicted}; without labels there is no accuracy. {frequent}",
            set=which,
            predicted=predicted,
            frequent=frequent(judged),
        )
    label, majority = judged.majority
    return say(
        "{set}: {right}, uncertain by about {points} points; always {label} would give {majority}, chance {chance}.",
        set=which,
        right=right_said(judged),
        points=uncertainty(judged.accuracy, judged.labelled),
        label=quoted(label),
        majority=blind_share(majority),
        chance=blind_share(1 / len(judged.labels)),
    )


def set_said(judged: Judged, name: str) -> str:
    """The set by its name, and how much of it is known."""
    if judged.known < judged.total:
        known = f"{judged.known:,}"
        return say_n(
            "“{name}”, the first {known} of {count:,} row",
            "“{name}”, the first {known} of {count:,} rows",
            judged.total,
            name=name,
            known=known,
        )
    if judged.rows.more:
        return say_n(
            "“{name}”, the first {count:,} row of a longer set",
            "“{name}”, the first {count:,} rows of a longer set",
            judged.total,
            name=name,
        )
    return say("“{name}”", name=name)


def right_said(judged: Judged) -> str:
    """How many rows are right, and how many have no label to be right about."""
    values = {"right": f"{int(judged.right.sum()):,}", "share": percent(judged.accuracy)}
    left = f"{judged.known - judged.labelled:,}"
    if judged.known == judged.labelled:
        return say_n(
            "{right} of {count:,} row right, {share}",
            "{right} of {count:,} rows right, {share}",
            judged.labelled,
            **values,
        )
    return say_n(
        "{right} of {count:,} row right, {share} ({left} have no label)",
        "{right} of {count:,} rows right, {share} ({left} have no label)",
        judged.labelled,
        left=left,
        **values,
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
    label, share = quoted(judged.labels[best]), percent(counts[best] / counts.sum())
    return say("Predicted most often: {label}, {share}.", label=label, share=share)


def confusion(judged: Judged, by: str) -> str:
    """What is taken for what most often; of groups, where most and where least is right."""
    counts = judged.matrix(by)
    if by:
        shares = [(share, name) for share, name in zip(judged.accuracies(by), judged.names(by)) if share is not None]
        if len(shares) < 2:
            return frequent(judged)
        (least, worst), (most, best) = min(shares), max(shares)
        return say(
            "By {by}: most is right in {best}, {most}, least in {worst}, {least}.",
            by=by,
            best=quoted(best),
            most=percent(most),
            worst=quoted(worst),
            least=percent(least),
        )
    if not judged.labelled:
        return ""
    wrong = counts.copy()
    for number in range(len(wrong)):
        wrong[number, number] = 0
    if not wrong.sum():
        return say("No row is wrong.")
    gold, predicted = divmod(int(wrong.argmax()), len(judged.labels))
    return say(
        "Most often {gold} is taken for {predicted}: {count:,} of {total:,}.",
        gold=quoted(judged.labels[gold]),
        predicted=quoted(judged.labels[predicted]),
        count=int(wrong[gold, predicted]),
        total=int(counts[gold].sum()),
    )


def calibration(judged: Judged) -> str:
    """Whether the head is as sure as it is right."""
    if not judged.labelled:
        return say("Without labels nobody can tell whether the head is as sure as it is right.")
    _, error = judged.calibration()
    inside = judged.gold >= 0
    confidence = float(judged.confidence[inside].mean())
    gap = confidence - judged.accuracy
    values = {"sure": percent(confidence), "right": percent(judged.accuracy), "error": percent(error)}
    if abs(gap) < 0.005:
        return say(
            "On average the head is {sure} sure and {right} right. Expected calibration error {error} (0 % is "
            "perfect).",
            **values,
        )
    message = SURER if gap > 0 else LESS_SURE
    return say(message, points=significant(100 * abs(gap)), **values)


def part(judged: Judged, cell: list[int], by: str, number: int, count: int) -> str:
    """What the list was narrowed to."""
    said = []
    if cell:
        row, column = cell
        if row >= 0 and by:
            said.append(f"{by} {quoted(judged.names(by)[row])}")
        elif row >= 0 and judged.labelled:
            said.append(say("labelled {label}", label=quoted(judged.names(by)[row])))
        if column >= 0:
            said.append(say("predicted {label}", label=quoted(judged.labels[column])))
    if number >= 0:
        ends = {"low": number * 10, "high": number * 10 + 10}
        said.append(say("confidence above {low} % and up to {high} %", **ends))
    return say_n("{count:,} row: {parts}.", "{count:,} rows: {parts}.", count, parts=say(", ").join(said))


def one_row(judged: Judged, number: int) -> str:
    """What the head says of one row."""
    row = judged.found[number]
    values = {"number": number + 1, "prediction": quoted(row.prediction), "share": percent(row.confidence)}
    if row.gold is None:
        return say("Row {number}: the head says {prediction}, {share}; the row has no label.", **values)
    values |= {"loss": significant(row.loss), "blind": significant(math.log(len(judged.labels)))}
    if row.right:
        said = say(
            "Row {number}: the head says {prediction}, {share}, which is its label; loss {loss} nats (a blind guess "
            "has {blind}).",
            **values,
        )
    else:
        said = say(
            "Row {number}: the head says {prediction}, {share}, but its label is {gold}; loss {loss} nats (a blind "
            "guess has {blind}).",
            gold=quoted(row.gold),
            **values,
        )
    cut = say("It is longer than the model, and was read up to there.")
    return in_a_row([said, cut]) if row.cut else said


def of_panel(panel: Any) -> str:
    """The answer line: of the chosen row, of what the list was narrowed to, or of the look."""
    judged, shown = panel.judged, panel.shown_set.name
    if judged is None or not judged.known:
        return say("{set}: nothing is predicted yet.", set=panel.wanted.name)
    if panel.row >= 0 and panel.row in judged.found:
        said = one_row(judged, panel.row)
    elif panel.cell or panel.bin >= 0:
        said = part(judged, panel.cell, panel.by_now, panel.bin, len(panel.numbers()))
    elif panel.look == "calibration":
        said = calibration(judged)
    else:
        said = whole_set(judged, shown)
        if panel.look == "confusion":
            said = in_a_row([said, confusion(judged, panel.by_now)])
    off, _ = panel.heads_off()
    return say("With {heads} off: {said}", heads=heads_named(off), said=said) if off else said


# ---------------------------------------------------------------------------------------------------- predict first


def question(judged: Judged | None, name: str) -> str:
    """What the gate asks."""
    if judged is None or not judged.labelled:
        return say("Which label will the head choose most often?")
    return say_n(
        "How many of the {count:,} row of “{name}” will the head get right? Chance is {chance}: what is your guess?",
        "How many of the {count:,} rows of “{name}” will the head get right? Chance is {chance}: what is your guess?",
        judged.labelled,
        name=name,
        chance=blind_share(1 / len(judged.labels)),
    )


def options(judged: Judged | None) -> list[str]:
    """What may be answered."""
    if judged is None:
        return []
    return [say(name) for name, *_ in GUESSES] if judged.labelled else judged.labels[:12]


def graded(judged: Judged | None, guess: str) -> str:
    """The guess against the numbers."""
    if judged is None or not judged.known:
        return say("Nothing is predicted yet.")
    if judged.labelled:
        return graded_share(guess, judged.accuracy, GUESSES)
    best = judged.labels[int(judged.matrix("").sum(0).argmax())]
    if guess == best:
        return say("Right: {label}.", label=quoted(best))
    return say("`{guess}` is not it: {label}.", guess=guess, label=quoted(best))
