"""What the shown answer rests on: computed at once where it is quick, in a thread or on demand where it is not."""

from __future__ import annotations

import time

from bertlab.language import mark, say

from ..panel import Panel, in_a_row, quoted, significant
from . import explaining

SHORT_WORK = 4e9  # floating-point operations that an attribution may take before it goes on in a thread
NOISE = 0.02  # nats, or points of a score: what is smaller is no reason
LONG_WORK = 1e12  # and those above which it waits until it is asked for
SETTINGS = (  # of the panel, which decide what is asked
    *("task", "attribution", "explained", "side", "step", "word", "window", "window_size", "stride", "choices"),
    *("prefix", "search", "new_tokens", "temperature", "top_k", "top_p", "draw", "beams", "longest"),
)


class Reasons:
    """The attribution of a panel's answer, in its view under "attribution".

    There stands either what `explaining.explain` found, or `pending`, while a thread computes it, or `offer`: how many
    passes through the model it would take.
    """

    def __init__(self, panel: Panel):
        self.panel = panel

    @property
    def found(self) -> dict:
        """What the view holds now."""
        return self.panel.view.get("attribution", {})

    def key(self) -> tuple:
        """What the attribution depends on."""
        panel = self.panel
        values = [getattr(panel, name) for name in SETTINGS]
        settings = tuple(tuple(value) if isinstance(value, list) else value for value in values)
        return ("attribution", panel.task_model, *settings, *panel.workbench.key)

    def code(self) -> list[str]:
        """Lines that leave the scores in `scores`; none where nothing is shown, or heads are off."""
        panel = self.panel
        if not self.found.get("scores") or panel.workbench.ablated:
            return []
        question = panel.attribution_question()
        mask = panel.workbench.lab.tokenizer.mask_token_id
        return explaining.code(question, panel.attribution, mask, panel.words)

    def look(self, asked: bool = False) -> None:
        """Put the attribution into the view; `asked`: however long it takes."""
        panel, workbench = self.panel, self.panel.workbench
        if panel.attribution == "off" or "missing" in panel.view:
            return
        reading, question = panel.reading, panel.attribution_question()
        if question is None or not question.places:
            return
        key, method, mask = self.key(), panel.attribution, workbench.lab.tokenizer.mask_token_id
        passes = explaining.passes(question, method)
        shown = {"about": question.about, "method": method}

        def show(found: dict) -> None:
            if key == self.key() and "missing" not in panel.view:
                if panel.words:
                    found = explaining.by_words(found, question, workbench.lab.tokenizer)
                panel.view = {**panel.view, "attribution": found}
                number, several = panel.view.get("kind") == "number", len(panel.view.get("gaps", [])) > 1
                about = found["about"] if several or panel.view.get("kind") in ("tags", "answer") else ""
                panel.answer = in_a_row([panel.answer, most_for_it(found, about, number)])

        def compute(progress=lambda done: None) -> dict:
            def run():
                watched = explaining.watched(question.model, passes, progress, panel.job.cancelled.is_set)
                with reading.ablating(), watched:
                    return explaining.explain(question, method, mask)

            return workbench.cached(key, run)

        told = [time.monotonic()]

        def progress(done: float) -> None:
            if not workbench.ablated:  # with heads off the model is not the others' to use meanwhile
                workbench.lock.give_way()
            if time.monotonic() - told[0] > 0.5:
                told[0] = time.monotonic()
                panel.busy = {"label": say("Attribution"), "done": done}

        def steps():
            try:
                show(compute(progress))
            except explaining.Cancelled:
                offer()
            yield 1.0

        def offer() -> None:
            panel.view = {**panel.view, "attribution": {**shown, "offer": passes}}

        size = explaining.work(question, method)
        if workbench.known(key) or (size <= SHORT_WORK and not panel.job.mine):
            if not panel.job.running:
                panel.job.cancelled.clear()
            show(compute())
        elif size > LONG_WORK and not asked:
            offer()
        else:
            panel.job.end()
            panel.view = {**panel.view, "attribution": {**shown, "pending": True}}
            panel.start(steps(), say("Attribution"))


def most_for_it(found: dict, about: str = "", number: bool = False) -> str:
    """Which token speaks most for the answer, as a sentence.

    Args:
        about: what the reasons are of, where that is not the answer as a whole.
        number: whether the answer is a number that tokens raise.
    """
    scored = [
        (score, token)
        for score, token, kept in zip(found["scores"], found["tokens"], found["keep"], strict=True)
        if not kept
    ]
    if not scored:
        return ""
    score, token = max(scored)
    given = {"token": quoted(token), "about": about, "size": significant(score)}
    if number:
        return say("{token} raises it most.", **given) if score >= NOISE else say("No token by itself raises it.")
    if score <= 0:
        return say("No token speaks for “{about}”.", **given) if about else say("No token speaks for it.")
    if score >= NOISE:
        said = mark("{token} speaks most for “{about}”.") if about else mark("{token} speaks most for it.")
        return say(said, **given)
    hardly = (
        mark("Hardly a token matters by itself: {token} speaks most for “{about}”, by {size} nats only.")
        if about
        else mark("Hardly a token matters by itself: {token} speaks most for it, by {size} nats only.")
    )
    return say(hardly, **given)
