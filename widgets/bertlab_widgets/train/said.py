"""What is said of a training: before it, while it runs, after it; and the names of parts, figures and settings.

Plain functions of a `Plan`, of what is known of a set (`about`), and of a `LiveRun` with what `view` makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bertlab.language import mark, say, say_n

from ..panel import full_stop, guessed_number, in_a_row, listed, percent, quoted, sentence_case
from .run import LiveRun
from .view import ENDED, figures_of, metric_of
from .weights import part_said

PHASES = {
    "idle": mark("not trained here yet"),
    "preparing": mark("preparing"),
    "training": mark("training"),
    "paused": mark("paused"),
    "done": mark("done"),
    "stopped": mark("stopped"),
    "failed": mark("failed"),
}
METRICS = {
    "accuracy": mark("accuracy"),
    "span_f1": mark("F1 of spans"),
    "macro_f1": mark("macro F1"),
    "f1": mark("F1"),
    "masked_top5": mark("word among the first five"),
    "spearman": mark("rank correlation"),
    "masked_loss": mark("masked loss"),
    "masked_top1": mark("word found first"),
    "matthews": mark("Matthews"),
}
BASELINES = {  # names of what knowing nothing gives; "ln 2" and the like are said as they are
    "chance": mark("chance"),
    "majority": mark("majority"),
    "always the mean": mark("always the mean"),
    "unigram entropy": mark("unigram entropy"),
}
SETTINGS = {
    "data": mark("data"),
    "task": mark("task"),
    "LoRA rank": mark("LoRA rank"),
    "frozen": mark("frozen"),
    "rate": mark("rate"),
    "rate of the head": mark("rate of the head"),
    "batch": mark("batch"),
    "epochs": mark("epochs"),
    "steps": mark("steps"),
    "precision": mark("precision"),
    "device": mark("device"),
    "seed": mark("seed"),
}

# --------------------------------------------------------------------------------------------------------------- names


def readable(metric: str) -> str:
    """The name of a metric for an audience."""
    return say(METRICS.get(metric, metric.replace("_", " ")))


def blind_share(share: float) -> str:
    """What a blind guess gets, exact where two decimals make it so: 12.5 % is one in eight, and 13 % is not."""
    value = 100 * share
    exact = round(value, 2)
    return say("{number:g} %", number=exact) if math.isclose(value, exact) else percent(share)


def guess_of(chance: Mapping[str, float] | None) -> str:
    """What guessing gets, as "chance is 50 %"; empty where nothing is known."""
    return next(
        (
            say("{baseline} is {share}", baseline=say(BASELINES.get(name, name)), share=blind_share(value / 100))
            for name, value in (chance or {}).items()
        ),
        "",
    )


# -------------------------------------------------------------------------------------------------------- before a run


def invitation(plan: Any, about: Mapping[str, Any]) -> str:
    """The answer line before a run."""
    if plan.waiting:
        if plan.dataset == "pasted":
            return say("Name a file, or paste lines: text, a tab, and the label.")
        return say("Give the path of a file to learn from.")
    if not about:
        return say("The data cannot be used as it is.")
    if plan.nano:
        return say("{title} Press Start.", title=about["title"])
    guess, figures = guess_of(about.get("chance")), {"held_out": f"{about['held_out']:,}"}
    if not guess:
        return say_n(
            "{count:,} example to learn from, {held_out} held out. Press Start.",
            "{count:,} examples to learn from, {held_out} held out. Press Start.",
            about["rows"],
            **figures,
        )
    return say_n(
        "{count:,} example to learn from, {held_out} held out; {guess}. Press Start.",
        "{count:,} examples to learn from, {held_out} held out; {guess}. Press Start.",
        about["rows"],
        guess=guess,
        **figures,
    )


def gate(about: Mapping[str, Any], chance: Mapping[str, float] | None) -> str:
    """The question before a run, and after it."""
    guess, held, metric = guess_of(chance), about.get("held_out"), about.get("metric", "accuracy")
    if held and metric != "accuracy":
        name = readable(metric)
        if guess:
            return say("What {metric} will it reach, in percent ({guess})?", metric=name, guess=guess)
        return say("What {metric} will it reach, in percent?", metric=name)
    if held and guess:
        return say(
            "How many of {held} held-out examples will it get right, in percent ({guess})?", held=held, guess=guess
        )
    if held:
        return say("How many of {held} held-out examples will it get right, in percent?", held=held)
    if guess:
        return say("What accuracy will it reach, in percent ({guess})?", guess=guess)
    return say("What accuracy will it reach, in percent?")


def grade(guess: str, run: LiveRun | None) -> str:
    """A guess in percent held against what the run reached; `run` is None before it has."""
    number = guessed_number(guess)
    if number is None:
        return say("Your guess was `{guess}`; a number of percent can be graded.", guess=guess)
    figures = figures_of(run) if run is not None else []
    if not figures:
        return say("Your guess: {number:g} %. Start, and see.", number=number)
    reached = figures[-1][1]
    return say(
        "You said {number:g} %, it is {reached}: {apart:.0f} points off.",
        number=number,
        reached=percent(reached / 100),
        apart=abs(number - reached),
    )


# ------------------------------------------------------------------------------------------------------------- of a run


def sentence(run: LiveRun, view: Mapping[str, Any], look: str, moment: int) -> str:
    """The answer line of a run, about the look that is shown."""
    if not run.history:
        return say("{trained:,} of {parameters:,} weights will be trained.", **_sizes(run))
    phase, back = view["phase"], None
    where = say("Step {step:,} of {steps:,}", step=run.step, steps=run.steps)
    if phase in ENDED and moment >= 0 and run.moments:
        back = run.moments[moment].step
        where = say("Back at step {back:,} of {step:,}", back=back, step=run.step)
    if look == "layers":
        parts, watched = [_moved_said(run, back)], ""
    elif look == "attention":
        parts, watched = [_attention_said(view.get("attention"))], ""
    else:
        parts, watched = _curves_said(run, back), _watched_said(run, view["watched"], phase)
    return in_a_row([_about(where, parts), watched, run.message])


def _sizes(run: LiveRun) -> dict[str, int]:
    return {name: run.about[name] for name in ("trained", "parameters")}


def _about(where: str, parts: Sequence[str]) -> str:
    """One sentence of a place in the run and one or two things that are so there."""
    if not parts:
        return full_stop(where)
    if len(parts) == 1:
        return say("{where}: {first}.", where=where, first=parts[0])
    return say("{where}: {first}; {second}.", where=where, first=parts[0], second=parts[1])


def _curves_said(run: LiveRun, back: int | None) -> list[str]:
    """The loss beside knowing nothing, and the figure on held-out data; of a moment gone back to, the figure alone."""
    parts, figures = [], figures_of(run)
    if back is None:
        recent = [item.loss for item in run.history[-5:]]
        loss = sum(recent) / len(recent)
        parts.append(say("the loss is {loss:.2f}", loss=loss))
        for name, value in list(run.lines.items())[:1]:
            parts = [
                say(
                    "the loss is {loss:.2f}, knowing nothing is {nothing:.2f} ({name})",
                    loss=loss,
                    nothing=value,
                    name=say(BASELINES.get(name, name)),
                )
            ]
    else:
        figures = [pair for pair in figures if pair[0] <= back]
    if figures:
        values = {"metric": readable(metric_of(run)), "now": percent(figures[-1][1] / 100)}
        if figures[-1][0]:
            before = percent(figures[0][1] / 100)
            parts.append(say("{metric} on held-out data {now}, {before} before", before=before, **values))
        else:
            parts.append(say("{metric} on held-out data {now}", **values))
    return parts


def _watched_said(run: LiveRun, shown: Sequence[Mapping[str, Any]], phase: str) -> str:
    """What the model says of the sentence above, now and before."""
    if not shown or not shown[0].get("rows") or phase == "training":
        return ""
    label, value = max(shown[0]["rows"], key=lambda pair: pair[1])
    before = shown[0]["then"].get(label)
    write = "{:.2f}".format if run.kind == "regression" else percent
    values = {"label": quoted(str(label)), "value": write(value)}
    if before is None:
        return say("For the sentence above: {label} {value}.", **values)
    return say("For the sentence above: {label} {value}, {before} before.", before=write(before), **values)


def _moved_said(run: LiveRun, back: int | None) -> str:
    """Which part of the model has moved farthest from where it began, and which least."""
    known = [values for step, values in run.changes if back is None or step <= back]
    moved = sorted((known[-1] if known else {}).items(), key=lambda pair: -pair[1])
    if not moved or not moved[0][1]:
        return say("no weight has moved yet")
    most = {"most": quoted(part_said(moved[0][0])), "share": percent(moved[0][1])}
    still = [part_said(name) for name, value in moved if not value]
    if still:
        return say(
            "{most} has moved most, by {share} of its weights; {still} not at all", still=listed(still, 3), **most
        )
    if len(moved) == 1:
        return say("{most} has moved most, by {share} of its weights", **most)
    return say(
        "{most} has moved most, by {share} of its weights, {least} least, by {little}",
        least=quoted(part_said(moved[-1][0])),
        little=percent(moved[-1][1]),
        **most,
    )


def _attention_said(shown: Mapping[str, Any] | None) -> str:
    """How far the attention of the head on show has moved, and which head's has moved most."""
    if shown is None:
        return say("type a sentence above to see what attention does with it")
    change, cross = shown["change"], shown["cross"]
    own = change[shown["layer"]][shown["head"]]
    most, layer, head = max((value, i, j) for i, row in enumerate(change) for j, value in enumerate(row))
    if not most:
        if cross:
            return say("no cross-attention head looks elsewhere than before the run")
        return say("no head looks elsewhere than before the run")
    name, other = f"{shown['layer']}.{shown['head']}", f"{layer}.{head}"
    named = say("cross-attention head {name}", name=name) if cross else say("head {name}", name=name)
    if other == name:
        message = mark("{share} of the attention of {head} has moved, more than of any other")
    else:
        message = mark("{share} of the attention of {head} has moved; most has that of {other}, {most}")
    return say(message, share=percent(own), head=named, other=other, most=percent(most))


# ------------------------------------------------------------------------------------------------------------ settings


def apart(plan: Any, other: Any) -> str:
    """Where a plan differs from another, in its own words: "LoRA rank 2, rate 0.01"."""
    mine, theirs = plan.named(), other.named()
    by_the_other = {"epochs": say("by steps"), "steps": say("by epochs")}  # steps and epochs: one of them is given
    said = [
        say("{name} {value}", name=say(SETTINGS[name]), value=value)
        for name, value in mine.items()
        if value != theirs[name] and value != by_the_other.get(name)
    ]
    if not said and plan.pasted != other.pasted:
        return say("other pasted lines")
    return say(", ").join(said) or say("same settings")


def settings_line(run: LiveRun) -> str:
    """The run's settings and what it reached, in one line: what a pin says."""
    named, names = run.plan.named(), ["LoRA rank", "rate", "batch", "seed"]
    if run.plan.freeze >= 0:
        names.insert(1, "frozen")
    kept = [named["data"], *(say("{name} {value}", name=say(SETTINGS[name]), value=named[name]) for name in names)]
    figures, loss = figures_of(run), run.history[-1].loss if run.history else None
    reached = [say("loss {loss:.2f}", loss=loss)] if loss is not None else []
    if figures:
        value = percent(figures[-1][1] / 100)
        reached.append(say("{name} {value}", name=readable(metric_of(run)), value=value))
    reached.append(say("after {step:,} steps", step=run.step))
    return say("{settings}: {reached}.", settings=say(", ").join(kept), reached=say(", ").join(reached))


def notes_said(notes: Sequence[str], adopted: Sequence[str]) -> list[str]:
    """Sentences of what is to be known of the data, and of the tasks that are answered with what was trained here."""
    said = [full_stop(sentence_case(note.rstrip(".。"))) for note in notes]
    if adopted:
        tasks = say(", ").join(adopted)
        said.append(say("The lab answers for {tasks} with what was trained here; Reset takes it back.", tasks=tasks))
    return said
