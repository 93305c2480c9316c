"""Question answering: the stretch of the text that answers, start and end, in windows where the text is long."""

from __future__ import annotations

import copy
import math

import torch

from bertlab.language import mark, say, say_n

from ..panel import html_table, percent
from . import pictures
from .explaining import Question
from .reading import Reading, best_first

ABOUT = {"start": mark("start at {token}"), "end": mark("end at {token}")}
MOST_WINDOWS = 24  # more are read, but not all drawn in the ruler


class Spans(Reading):
    """Start and end of an answer, all legal spans in one distribution with "no answer"."""

    kind = "answer"
    guessed = mark("Which words will it answer with?")

    def reads(self) -> tuple[str, list[int]]:
        return say("The head reads the vector of every token; [CLS] stands for “no answer”."), [0]

    def found(self):
        """`lab.answer` for the question and its text, read in windows of `window_size` tokens where that is set."""
        panel, workbench, model = self.panel, self.workbench, self.model
        narrow = copy.copy(self.lab)
        if panel.window_size:
            narrow.max_length = min(panel.window_size, narrow.max_length)

        def compute():
            with workbench.lock, self.ablating():
                return narrow.answer(workbench.text, workbench.text_pair, task=self.task, stride=panel.stride)

        key = ("answer", self.task, model, panel.window_size, panel.stride, *workbench.key)
        return workbench.cached(key, compute)

    def read(self) -> dict:
        found, context = self.found(), self.workbench.text_pair
        spans, none = answer_spans(found, context)
        windows = found.windows
        shown = min(self.panel.window if self.panel.window >= 0 else _holding(found), len(windows) - 1)
        window, possible = windows[shown], len(spans)
        tokens = [
            {
                "text": token,
                "context": inside,
                "start": start,
                "end": end,
                "in_answer": inside and offset[0] >= found.start and offset[1] <= found.end,
            }
            for token, inside, offset, start, end in zip(
                window.tokens, window.in_context, window.offsets, window.start_probabilities, window.end_probabilities
            )
        ]
        rows = [{"label": span["text"], "value": span["probability"]} for span in spans[:5]]
        rows = best_first([*rows, {"label": say("no answer"), "value": none, "none": True}])
        return {
            "rows": rows,
            "tokens": tokens,
            "ruler": [_stretch(window, len(context)) for window in windows[:MOST_WINDOWS]],
            "windows": len(windows),
            "shown": shown,
            "chance": {"at": 1 / (possible + 1), "text": say("chance 1 in {count:,}", count=possible + 1)},
            "answer": _said(found, possible, none),
            "short": found.text if found.has_answer else say("no answer"),
        }

    def data(self) -> dict:
        found = self.found()
        return {
            "text": found.text,
            "probability": found.probability,
            "no answer": found.no_answer_probability,
            "start": [window.start_probabilities for window in found.windows],
            "end": [window.end_probabilities for window in found.windows],
        }

    def table(self) -> list[dict]:
        return [
            {
                "task": self.task,
                "window": number,
                "token": token,
                "in_context": inside,
                "start_probability": start,
                "end_probability": end,
            }
            for number, window in enumerate(self.found().windows)
            for token, inside, start, end in zip(
                window.tokens, window.in_context, window.start_probabilities, window.end_probabilities
            )
        ]

    def code(self) -> list[str]:
        panel, workbench, lines = self.panel, self.workbench, []
        if panel.window_size:
            size = min(panel.window_size, self.lab.max_length)
            lines.append(f"lab.max_length = {size}  # windows of so many tokens")
        return [
            *lines,
            f"question, text = {workbench.text!r}, {workbench.text_pair!r}",
            *self.within(f"found = lab.answer(question, text, task={self.task!r}, stride={panel.stride})"),
            'result = {"text": found.text, "probability": found.probability, "no answer": found.no_answer_probability}',
            'result["start"] = [window.start_probabilities for window in found.windows]',
            'result["end"] = [window.end_probabilities for window in found.windows]',
        ]

    def question(self) -> Question:
        from bertlab.analysis import targets

        window, tokenizer = self.found().windows[self.view["shown"]], self.lab.tokenizer
        ids = tokenizer.convert_tokens_to_ids(window.tokens)
        second = window.tokens.index(tokenizer.sep_token) + 1
        side = self.panel.side
        values = window.start_probabilities if side == "start" else window.end_probabilities
        place = max((i for i, inside in enumerate(window.in_context) if inside), key=values.__getitem__)
        return Question(
            self.model,
            self.batch_of(ids, [int(i >= second) for i in range(len(ids))]),
            getattr(targets, f"answer_{side}")(place, "log_probability"),
            window.tokens,
            self.kept(window.tokens),
            say(ABOUT[side], token=window.tokens[place]),
            (
                f"model, target = lab.task_model({self.task!r}), targets.answer_{side}({place}, 'log_probability')",
                f"ids = torch.tensor([{ids}], device=lab.device)",
                "batch = {'input_ids': ids, 'token_type_ids': "
                f"(torch.arange({len(ids)}, device=ids.device) >= {second}).long()[None]}}",
            ),
        )

    def grade(self, guess: str) -> str:
        words, said = set(guess.lower().split()), set(self.found().text.lower().split())
        common = len(words & said)
        score = 2 * common / (len(words) + len(said)) if common else 0
        return say("Your words and the model's overlap with F1 {score}.", score=percent(score))

    def figure(self, width: float = 7.0):
        tokens = [token for token in self.view["tokens"] if token["context"] or token["text"] == "[CLS]"][:80]
        return pictures.starts_and_ends(tokens, self.panel.answer)

    def static_html(self) -> str:
        return html_table([{"answer": row["label"], "probability": percent(row["value"])} for row in self.view["rows"]])


def _said(found, possible: int, none: float) -> str:
    """The answer as a sentence: the best of so many possible spans beside "no answer"."""
    given = {"text": found.text, "probability": percent(found.probability), "none": percent(none)}
    if not found.has_answer:
        return say("The text gives no answer, {none}; the best span, “{text}”, has {probability}.", **given)
    return say_n(
        "The answer is “{text}”, {probability}, among {count:,} possible span; “no answer” has {none}.",
        "The answer is “{text}”, {probability}, among {count:,} possible spans; “no answer” has {none}.",
        possible,
        **given,
    )


def answer_spans(found, context: str, longest: int = 30) -> tuple[list[dict], float]:
    """All legal spans of an `Answer`, most probable first, and the probability of no answer.

    One softmax over the spans of all windows and "no answer", as `Lab.answer` takes it.
    """
    scores, none = {}, []
    for window in found.windows:
        start, end = torch.tensor(window.start_logits), torch.tensor(window.end_logits)
        none.append(float(start[0] + end[0]))
        inside = torch.tensor(window.in_context)
        at = torch.arange(len(inside))
        distance = at[None, :] - at[:, None]
        legal = inside[:, None] & inside[None, :] & (distance >= 0) & (distance < longest)
        both = start[:, None] + end[None, :]  # (start, end)
        for (i, j), score in zip(legal.nonzero().tolist(), both[legal].tolist(), strict=True):
            place = (window.offsets[i][0], window.offsets[j][1])
            scores[place] = max(scores.get(place, -math.inf), score)
    probabilities = torch.tensor([min(none), *scores.values()]).softmax(0).tolist()
    spans = [
        {"text": context[start:end], "start": start, "end": end, "probability": p}
        for (start, end), p in zip(scores, probabilities[1:], strict=True)
    ]
    return best_first(spans, "probability"), probabilities[0]


def _holding(found) -> int:
    """The first window whose likeliest start is that of the answer; the first one where there is none."""
    for number, window in enumerate(found.windows):
        starts = [p for p, inside in zip(window.start_probabilities, window.in_context) if inside]
        for offset, inside, p in zip(window.offsets, window.in_context, window.start_probabilities):
            if inside and offset[0] <= found.start < offset[1] and p == max(starts):
                return number
    return 0


def _stretch(window, length: int) -> list:
    """Where a window lies in the text, from 0 to 1, and how many tokens it has."""
    inside = [offset for offset, keep in zip(window.offsets, window.in_context) if keep]
    return [inside[0][0] / max(1, length), inside[-1][1] / max(1, length), len(window.tokens)]
