"""The panel: every head on one text, in one view; what is peculiar to an answer stands with its `Reading`."""

from __future__ import annotations

import copy
from dataclasses import replace

from traitlets import Bool, Enum, Float, Int, List, Unicode, validate

from bertlab.lab import TASKS
from bertlab.language import mark, say

from ..panel import Panel, in_a_row, quoted
from ..workbench import SelectionError
from . import explaining, pictures
from .asked import ASKED, Asked, asked_by
from .choices import Choices
from .gaps import Gaps
from .labels import Labels, NextSentence, Number
from .reading import PRE_TRAINED, Reading
from .reasons import Reasons
from .rewriting import Rewriting
from .spans import Spans
from .tags import Tags
from .writing import Writing

PRE_TRAINED_READINGS = {"fill_mask": Gaps, "next_sentence": NextSentence}
READINGS = {  # class of the task's model -> how its answer is read
    "BertForTokenClassification": Tags,
    "BertForQuestionAnswering": Spans,
    "BertForMultipleChoice": Choices,
    "BertLMHeadModel": Writing,
    "EncoderDecoder": Rewriting,
}
FIRST_TEXT_ONLY = mark("This task reads the first text only.")
AS_TYPED = mark("This task reads the text as it was typed: masks and changed tokens are not seen.")


class TasksPanel(Panel):
    """Every head on one text: its probabilities beside chance, what they rest on, and whether it was ever trained.

        panel = TasksPanel(lab, "A warm, funny film.", task="sentiment")
        panel.data()                                    # {"negative": ..., "positive": ...}
        panel.reseed()                                  # where the head is untrained: other weights, another answer
        TasksPanel(lab, "Who came?", "Anna came late.", task="qa", window_size=24, stride=8)
        TasksPanel(lab, "Once upon a time", task="generation", search="beam", beams=3)

    Settings: `task`; `count` (bars); `head_seed` (of an untrained head); `choices` (endings); `window_size`, `stride`,
    `window` (how a long text is read for questions, 0 = as the model can); `search` (greedy, sample, beam),
    `new_tokens`, `use_cache`, `temperature`, `top_k`, `top_p`, `draw` (seed of sampling), `beams`, `prefix` (ids of
    tokens put after the text), `step`; `word` (looked at, in tagging); `attribution` (off, occlusion, gradient,
    integrated), `explained` (the label whose reasons are shown, "" for the answer), `side` (start or end).
    """

    script = "tasks.js"
    question_text = mark("What does BERT answer?")
    settings = (
        "task",
        "choices",
        "count",
        "head_seed",
        "window_size",
        "stride",
        "window",
        "search",
        "new_tokens",
        "use_cache",
        "temperature",
        "top_k",
        "top_p",
        "draw",
        "beams",
        "prefix",
        "step",
        "longest",
        "cross_layer",
        "cross_head",
        "alignment",
        "word",
        "attribution",
        "explained",
        "side",
        "words",
    )
    calls = (*Panel.calls, "reseed", "go_on", "explain")
    lasting = ("task", "text")

    task = Unicode("fill_mask").tag(sync=True)
    tasks = List(help="[name, title, trained] of every task").tag(sync=True)
    choices = List(Unicode()).tag(sync=True)
    count = Int(8, min=1, max=50).tag(sync=True)
    head_seed = Int(0, min=0).tag(sync=True)
    window_size = Int(0, min=0).tag(sync=True)
    stride = Int(128, min=0).tag(sync=True)
    window = Int(-1, min=-1, help="the window shown; -1 for the one that holds the answer").tag(sync=True)
    search = Enum(("greedy", "sample", "beam"), "greedy").tag(sync=True)
    new_tokens = Int(12, min=1, max=200).tag(sync=True)
    use_cache = Bool(True).tag(sync=True)
    temperature = Float(1.0).tag(sync=True)
    top_k = Int(0, min=0).tag(sync=True)
    top_p = Float(1.0).tag(sync=True)
    draw = Int(0, min=0).tag(sync=True)
    beams = Int(3, min=2, max=8).tag(sync=True)
    prefix = List(Int()).tag(sync=True)
    step = Int(0, min=0).tag(sync=True)
    longest = Int(48, min=1, max=200, help="tokens that a decoder writes from a source at most").tag(sync=True)
    cross_layer = Int(-1, min=-1, help="the layer whose cross-attention is shown; -1 for the mean").tag(sync=True)
    cross_head = Int(-1, min=-1, help="the head whose cross-attention is shown; -1 for the mean").tag(sync=True)
    alignment = Enum(("lines", "matrix"), "lines").tag(sync=True)
    word = Int(-1, min=-1, help="the word whose labels are shown; -1 for the least certain one").tag(sync=True)
    words = Bool(False, help="words instead of pieces, in what the answer rests on").tag(sync=True)
    attribution = Enum(("off", *explaining.METHODS), "occlusion").tag(sync=True)
    explained = Unicode(help="the label whose reasons are shown; empty for the one that is answered").tag(sync=True)
    side = Enum(("start", "end"), "start").tag(sync=True)
    reseeds = List(help="[{seed, said}] of the untrained heads tried on this text").tag(sync=True)

    def __init__(self, *arguments, **settings):
        self._drawn: dict[str, tuple] = {}  # task -> the seed and the model of its untrained head
        self._readings: dict[type, Reading] = {}
        self.reasons = Reasons(self)
        super().__init__(*arguments, **settings)

    def opening(self, settings: dict) -> dict:
        """Without a text: the first preset of the chosen task."""
        task = settings.get("task", "fill_mask")
        return {"preset": next((name for name, state in self.preset_states.items() if state["task"] == task), "")}

    # --- tasks and their models

    @validate("task")
    def _check_task(self, proposal):
        names = self.task_names()
        if proposal.value not in names:
            there = say(", ").join(names)
            raise SelectionError(say("there is no task {task!r}; there are {tasks}.", task=proposal.value, tasks=there))
        return proposal.value

    def task_names(self) -> list[str]:
        """The tasks of the course, then those that were added to this lab under other names."""
        return [*ASKED, *(name for name in self.workbench.lab.tasks if name not in ASKED)]

    @property
    def asked(self) -> Asked:
        """What the chosen task asks of its user; it speaks of the model's own labels where these are others."""
        asked, known = asked_by(self.task), TASKS.get(self.task)
        if self.task in PRE_TRAINED or (known is not None and self.task != "sentiment"):
            return asked
        model = self.task_model
        names = [str(model.config.id2label.get(i, i)) for i in range(model.config.num_labels)]
        as_known = known is not None and [name.lower() for name in names] == list(known.labels)
        if as_known or len(names) < 2 or type(model).__name__ != "BertForSequenceClassification":
            return asked
        if len(names) > 5:
            question = say("What does the head call the text: one of {count} labels?", count=len(names))
        else:
            labels, last = say(", ").join(names[:-1]), names[-1]
            question = say("What does the head call the text: {labels} or {last}?", labels=labels, last=last)
        return replace(asked, question=question)

    @property
    def reading(self) -> Reading:
        """How the chosen task's answer is read off its model."""
        kind = PRE_TRAINED_READINGS.get(self.task)
        if kind is None:
            model = self.task_model
            kind = READINGS.get(type(model).__name__) or (Number if model.config.num_labels == 1 else Labels)
        if kind not in self._readings:
            self._readings[kind] = kind(self)
        return self._readings[kind]

    @property
    def kind(self) -> str:
        """How the task's answer looks: gaps, labels, number, tags, answer, choice, generation or rewriting."""
        return self.reading.kind

    @property
    def trained(self) -> bool:
        """Whether the chosen task's head was trained."""
        return self.workbench.lab.is_trained(self.task)

    @property
    def reseedable(self) -> bool:
        """Whether the head is one of random weights that can be drawn again."""
        return not self.trained and self.task not in (*PRE_TRAINED, "generation")

    @property
    def task_model(self):
        """The model of the task; an untrained head is drawn with `head_seed`, so that its noise can be had again."""
        lab = self.workbench.lab
        if self.task in PRE_TRAINED and self.task not in lab.tasks:
            return lab.model
        if self.reseedable:
            drawn = self._drawn.get(self.task)
            if drawn is None or drawn[0] != self.head_seed or lab.task_model(self.task) is not drawn[1]:
                lab.reseed(self.task, self.head_seed)
                self._drawn[self.task] = (self.head_seed, lab.task_model(self.task))
        return lab.task_model(self.task)

    def reason(self) -> str:
        """Why the answer means nothing yet; empty where the head is trained."""
        if self.trained:
            return ""
        if self.task == "generation":
            return say("This model was never trained to write from left to right; here its weights are read that way.")
        if not self.reseedable:
            return say("This head was not in the checkpoint: its weights are random, and its answer is noise.")
        return say(self.reading.noise, seed=self.head_seed)

    # --- generation: another token at a step

    def generation_steps(self) -> list[dict]:
        """One dict a new token: the token, its probability and the alternatives; or, for a beam search, its beams."""
        reading = self.reading
        return reading.steps if isinstance(reading, Writing) else []

    def go_on(self, step: int, token: int) -> None:
        """Take another token at one step, and let the model go on from there."""
        reading = self.reading
        if not isinstance(reading, Writing):
            raise SelectionError(say("the task {task!r} writes no text: choose one that does.", task=self.task))
        put = reading.put_in(step, token)
        with self.workbench.together():
            self.prefix, self.step = put, 0

    # --- what the answer rests on

    def attribution_question(self) -> explaining.Question | None:
        """The number that is explained, of the answer as it is shown; None where there is nothing to explain."""
        return self.reading.question()

    def explain(self) -> None:
        """Find out what the answer rests on, however long it takes."""
        self.reasons.look(asked=True)

    def attributions(self) -> list[dict]:
        """What the answer rests on, token by token; empty where it is not computed (yet)."""
        found = self.reasons.found
        return [
            {"place": place, "token": token, "score": score, "about": found["about"], "method": found["method"]}
            for place, (token, score) in enumerate(zip(found.get("tokens", []), found.get("scores", []), strict=True))
        ]

    # --- untrained heads

    def reseed(self, times: int = 1) -> None:
        """Draw the untrained head again, `times` times, each with the next seed; `reseeds` keeps what they said."""
        if not self.reseedable:
            raise SelectionError(
                say(
                    "the head of {task!r} is not one of random weights, so there is nothing to draw again.",
                    task=self.task,
                )
                if self.trained
                else self.reason()
            )
        self.job.end()
        if times == 1:
            self.head_seed += 1
            return

        def draws():
            for done in range(int(times)):
                self.head_seed += 1
                yield (done + 1) / times

        self.run_for_a_moment(draws(), say("Drawing heads"), lambda: self._update({"head_seed"}))

    def _remember_head(self, view: dict) -> None:
        if self.reseedable and "short" in view:
            others = [row for row in self.reseeds if row["seed"] != self.head_seed]
            self.reseeds = [*others, {"seed": self.head_seed, "said": view["short"]}][-40:]

    # --- long work

    def stop(self) -> None:
        """Cancel the computation that is running; a text that is half written stays as it is."""
        super().stop()
        self.job.end()
        if self.view.get("done") is False:
            self.show_again()

    def show_again(self) -> None:
        """Bring the view up to date with what a thread has found."""
        self._update({"found"})

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        with self.job.turn() as mine:
            if mine:
                self._look(changed)

    def _look(self, changed: set[str]) -> None:
        new = bool(changed & {"version", "task"})
        if new:
            self.reseeds = []
            if "prefix" not in changed and self.prefix:
                self.prefix = []
        reading, asked, lab = self.reading, self.asked, self.workbench.lab
        if new or not isinstance(reading, Writing):
            self.job.end()
        self.tasks = [
            [name, say(ASKED[name].title) if name in ASKED else name, lab.is_trained(name)]
            for name in self.task_names()
        ]
        self.question = asked.question
        view = {
            "task": self.task,
            "kind": reading.kind,
            "fields": [asked.first, asked.second],
            "optional": bool(asked.second) and not asked.pair,
            "trained": self.trained,
            "reason": self.reason(),
            "reseedable": self.reseedable,
            "examples": [name for name, state in self.preset_states.items() if state["task"] == self.task],
        }
        if asked.pair and not self.workbench.text_pair.strip():
            read = {"missing": asked.missing}
        elif strange := self._unread():
            read = {"missing": strange, "refused": True}
        else:
            read = reading.read()
        if "missing" not in read:
            view["reads"], view["read_at"] = reading.reads()
        if "missing" in read:
            if read.pop("refused", False):
                self.show_error(ValueError(read["missing"]))
            self.view, self.answer = {**view, **read}, read["missing"]
            return
        self._remember_head(read)
        self.answer = read.pop("answer")
        self.view = {**view, **self._with_pinned(read)}
        if read.get("done", True):
            self.reasons.look()

    def _unread(self) -> str:
        """What is said of a token that the tokenizer has and the model has not; empty where there is none."""
        size = self.workbench.config.vocab_size
        own = self.workbench.lab.tokenizer.mask_token if self.task == "fill_mask" else ""  # of [MASK] it speaks itself
        for token in self.workbench.tokens:
            if token["id"] >= size and token["text"] != own:
                return say(
                    "{token} has the id {id}, but {model} knows the ids 0 to {last} only: take it out of the text.",
                    token=quoted(token["text"]),
                    id=token["id"],
                    model=self.workbench.lab.name,
                    last=size - 1,
                )
        return ""

    @property
    def _answered(self) -> bool:
        return "kind" in self.view and "missing" not in self.view

    def _with_pinned(self, view: dict) -> dict:
        values = self.pinned.get("values", {}) if self.pinned.get("task") == self.task else {}
        for row in view.get("rows", []):
            if row["label"] in values:
                row["before"] = values[row["label"]]
        return view

    def pinned_view(self) -> dict:
        return {"task": self.task, "values": {row["label"]: row["value"] for row in self.view.get("rows", [])}}

    def heading_now(self) -> dict:
        heading, model = super().heading_now(), self.task_model
        before, now = (say("training") if one.training else say("eval") for one in (self.workbench.lab.model, model))
        state = ", ".join(filter(None, [heading["state"].replace(before, now), getattr(model, "made_here", "")]))
        return {**heading, "state": state, "untrained": self.reason()}

    def note_now(self) -> str:
        return in_a_row([super().note_now(), "" if self.preset else self._not_read()])

    def _not_read(self) -> str:
        """What of the text and its edits the task does not read."""
        workbench = self.workbench
        if workbench.text_pair and not self.asked.second:
            return say(FIRST_TEXT_ONLY)
        if (workbench.masked or workbench.forced) and isinstance(self.reading, (Spans, Choices, Writing)):
            return say(AS_TYPED)
        return ""

    # --- predict first

    def gate(self) -> str:
        return self.reading.gate()

    def gate_options(self) -> list[str]:
        return self.reading.offered() if self._answered else []

    def grade(self, guess: str) -> str:
        return self.reading.grade(guess) if guess and self._answered else ""

    # --- data, code, pictures

    def data(self):
        """The numbers behind the picture, in the form that `.code()` leaves in `result`."""
        return self.reading.data() if self._answered else {}

    def table(self) -> list[dict]:
        if not self._answered:
            return []
        return [*self.reading.table(), *({"task": self.task, **row} for row in self.attributions())]

    def code(self) -> str:
        """The lines that leave `data()` in `result`, and below them those that leave the attribution in `scores`."""
        if "missing" in self.view:
            return f"# {self.view['missing']}"
        lines = list(getattr(self.task_model, "made_by", None) or self.lab_code())
        if self.reseedable:
            lines.append(f"lab.reseed({self.task!r}, {self.head_seed})  # an untrained head: random weights")
        lines += [*self.reading.code(), *self.reasons.code()]
        return "\n".join(
            [
                *(["import torch"] if any("torch." in line for line in lines) and "import torch" not in lines else []),
                *lines,
            ]
        )

    def shown_as(self) -> list[str]:
        return [self.task]

    def static_html(self) -> str:
        return self.reading.static_html() if self._answered else ""

    def figure(self, width: float = 7.0):
        figure = self.reading.figure() if self._answered else pictures.bars([], [], self.answer)[0]
        if self._answered and self.reasons.found.get("scores") and len(figure.axes) == 1:
            pictures.with_reasons(figure, self.reasons.found)
        if not self.trained:
            pictures.mark_untrained(figure)
        return figure

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every task on this text, so that a phone can go from one to the other."""
        keep, patches = self.task, {}
        names = ("view", "answer", "question", "heading", "note", "task", "reseeds", "gate_question")
        try:
            for task in [*(name for name in self.task_names() if name != keep), keep]:
                self.task = task
                if not self.error and self.wait(20):
                    patches[f'task:"{task}"'] = {name: copy.deepcopy(getattr(self, name)) for name in names}
        finally:
            self.task = keep
        return {}, patches
