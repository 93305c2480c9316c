"""What every kind of answer has: a view, numbers, rows, code that gives the same numbers, a guess to be graded."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch

from bertlab.language import mark, say

from ..panel import Panel, html_table, percent
from ..workbench import ablation_code, encode, input_code, word_numbers
from . import pictures
from .explaining import Question

PRE_TRAINED = ("fill_mask", "next_sentence")  # their heads came with the model


class Reading:
    """One kind of answer: how a `TasksPanel` reads it off the model, and what is shown, said and kept of it.

    `kind` names the picture that the JavaScript draws; `guessed` is the question of the predict-first gate,
    `noise` what is said where the lab has no trained model for the task.
    """

    kind = ""
    guessed = mark("What will the head answer?")
    noise = mark("This head has random weights (seed {seed}): its answer is noise until it is trained.")

    def __init__(self, panel: Panel):
        self.panel = panel

    @property
    def workbench(self):
        """The state that all panels share."""
        return self.panel.workbench

    @property
    def lab(self):
        """The lab whose model answers."""
        return self.panel.workbench.lab

    @property
    def task(self) -> str:
        """The chosen task."""
        return self.panel.task

    @property
    def model(self):
        """The model that answers."""
        return self.panel.task_model

    @property
    def model_code(self) -> str:
        """The same model for the reader of the code."""
        return "lab.model" if self.model is self.lab.model else f"lab.task_model({self.task!r})"

    @property
    def encoder(self):
        """The model whose heads the state switches off."""
        return self.model

    @property
    def encoder_code(self) -> str:
        """The same model for the reader of the code."""
        return self.model_code

    def ablating(self):
        """A context in which the heads that the state switches off are off."""
        workbench = self.workbench
        if not workbench.ablated:
            return contextlib.nullcontext()
        from bertlab.analysis.ablation import ablate

        return ablate(self.encoder, list(workbench.ablated), **workbench.ablation_options())

    # --- for each kind of answer

    def reads(self) -> tuple[str, list[int]]:
        """What the head reads, as a sentence, and the places of these tokens in the strip."""
        raise NotImplementedError

    def read(self) -> dict:
        """What the picture shows; with it `answer`, a sentence, and `short`, the answer in a word or two.

        Where something is missing for an answer, `missing` says what, and there is nothing else. While the answer is
        still being written, `done` is False.
        """
        raise NotImplementedError

    def data(self):
        """The numbers behind the picture, in the form that the code leaves in `result`."""
        raise NotImplementedError

    def table(self) -> list[dict]:
        """The numbers as rows for a CSV file."""
        return [
            {"task": self.task, "label": row["label"], "probability": row["value"], "chance": self.view["chance"]["at"]}
            for row in self.view["rows"]
        ]

    def code(self) -> list[str]:
        """Lines that leave `data()` in `result`; `lab` is there already."""
        raise NotImplementedError

    def question(self) -> Question | None:
        """The number of the answer whose reasons are looked for; None where there is nothing to explain."""
        return None

    def gate(self) -> str:
        """The question of the predict-first gate."""
        return say(self.guessed)

    def offered(self) -> list[str]:
        """What may be answered at the gate, where it can be listed."""
        return []

    def grade(self, guess: str) -> str:
        """One sentence that holds the guess against the answer."""
        raise NotImplementedError

    def figure(self, width: float = 7.0):
        """The static picture: a bar for each row of the table."""
        rows = [row for row in self.table() if "probability" in row][:40]
        names = [self.bar_name(row) for row in rows]
        figure, axes = pictures.bars(names, [row["probability"] for row in rows], self.panel.answer)
        pictures.probability_axis(axes, self.view.get("chance", {}))
        return figure

    def bar_name(self, row: dict) -> str:
        """What a bar of the static picture is called."""
        return str(row.get("label", row.get("token")))

    def static_html(self) -> str:
        """The answer as a small table, for notebooks that are only viewed."""
        rows = [{name: value for name, value in row.items() if name != "task"} for row in self.table()[:40]]
        return html_table(
            [{name: percent(v) if name == "probability" else v for name, v in row.items()} for row in rows]
        )

    # --- what they share

    @property
    def view(self) -> dict:
        """What the picture shows now."""
        return self.panel.view

    @property
    def specials(self) -> set[str]:
        """The tokens that frame a text or stand in for one."""
        return set(self.lab.tokenizer.all_special_tokens)

    def too_long(self, second: str = "") -> str:
        """That the text does not fit, where a task must read it whole; empty where it does."""
        limit = self.lab.max_length
        pieces = self.lab.tokenizer(self.workbench.text, second or None, truncation=True, max_length=limit + 1)
        if len(pieces["input_ids"]) <= limit:
            return ""
        return say(
            "The text is too long: this task reads it whole, and the model takes {limit} tokens; shorten it.",
            limit=limit,
        )

    def kept(self, names: Sequence[str]) -> list[bool]:
        """Which tokens stay when reasons are looked for: the special ones."""
        specials = self.specials
        return [name in specials for name in names]

    def batch_of(self, ids: list[int], types: list[int] | None = None) -> dict[str, torch.Tensor]:
        """One text of ids as a model's arguments."""
        batch = {"input_ids": torch.tensor([ids], device=self.lab.device)}
        return batch if types is None else {**batch, "token_type_ids": torch.tensor([types], device=self.lab.device)}

    def within(self, *lines: str, contexts: tuple[str, ...] = ()) -> list[str]:
        """The lines inside the contexts, and with the heads off that are off in the picture."""
        workbench, before = self.workbench, []
        if workbench.ablated:
            before, off = ablation_code(workbench, self.encoder_code)
            before, contexts = ["from bertlab.analysis import ablation", *before], (*contexts, off)
        if not contexts:
            return list(lines)
        return [*before, f"with {', '.join(contexts)}:", *("    " + line for line in lines)]


class SentenceReading(Reading):
    """An answer that one pass over the text (or pair) gives, masks and changed tokens of the state in place."""

    logits_code = "model(**batch).logits[0]"

    def tokens(self) -> tuple[list[dict], dict[str, torch.Tensor]]:
        """The tokens that the task reads, and the model's arguments."""
        workbench = self.workbench
        if self.panel.asked.second or not workbench.text_pair:
            return workbench.tokens, workbench.batch()
        tokenizer = self.lab.tokenizer
        key = ("encoding", workbench.text, "")
        encoding = workbench.cached(key, lambda: encode(tokenizer, workbench.text, "", workbench.limit))
        ids, inside = encoding.input_ids.clone(), encoding.length - 1
        for position, token in workbench.forced.items():
            if position < inside:
                ids[0, position] = token
        ids[0, [position for position in workbench.masked if position < inside]] = tokenizer.mask_token_id
        names = tokenizer.convert_ids_to_tokens(ids[0].tolist())
        batch = {"input_ids": ids, "token_type_ids": encoding.token_type_ids, "attention_mask": torch.ones_like(ids)}
        tokens = [dict(token, text=name) for token, name in zip(encoding.tokens, names, strict=True)]
        return tokens, {name: value.to(self.lab.device) for name, value in batch.items()}

    def logits(self) -> torch.Tensor:
        """The head's logits for this text: (labels,), or (sequence, labels) for a head that tags."""
        workbench, model = self.workbench, self.model

        def compute():
            batch = self.tokens()[1]
            with workbench.lock, torch.no_grad(), self.ablating():
                return model(**batch).logits[0].float().cpu()

        return workbench.cached(("task", self.task, model, *workbench.key), compute)

    def input_code(self) -> list[str]:
        """Lines that leave the model's input in `batch`."""
        return input_code(self.workbench, pair=bool(self.panel.asked.second))

    def code(self) -> list[str]:
        lines = self.input_code()
        if "lab.model" not in self.logits_code:
            lines.append(f"model = {self.model_code}")
        lines += self.within(f"logits = {self.logits_code}.float().cpu()", contexts=("torch.inference_mode()",))
        return [*lines, *self.result_code()]

    def result_code(self) -> list[str]:
        """Lines that make `result` from `logits`."""
        raise NotImplementedError

    def target(self) -> tuple[object, str, str]:
        """The number to be explained, as a target of `bertlab.analysis`; what it is about; and the target as code."""
        raise NotImplementedError

    def question(self) -> Question | None:
        tokens, batch = self.tokens()
        names = [token["text"] for token in tokens]
        target, about, said = self.target()
        model_line = ["model = lab.model"] if "lab.model" in self.logits_code else []
        return Question(
            self.model,
            batch,
            target,
            names,
            self.kept(names),
            about,
            (*model_line, f"target = targets.{said}"),
            words=word_numbers(tokens),
        )


def rank_verdict(guess: str, ranked: Sequence[str], not_there: str) -> str:
    """Where a guess stands among the names, the likeliest first; `not_there` is said of one that is none of them."""
    ranked = [name.lower() for name in ranked]
    if guess.strip().lower() not in ranked:
        return say(not_there, guess=guess, count=len(ranked))
    rank = ranked.index(guess.strip().lower()) + 1
    return say("Right.") if rank == 1 else say("Your `{guess}` is number {rank}.", guess=guess, rank=rank)


def joined(parts: Sequence[str]) -> str:
    """Parts of a sentence with commas and an "and"."""
    return parts[0] if len(parts) == 1 else say("{parts} and {last}", parts=", ".join(parts[:-1]), last=parts[-1])


def best_first(rows: Sequence[dict], name: str = "value") -> list[dict]:
    """Rows by a number of theirs, the highest first."""
    return sorted(rows, key=lambda row: -row[name])
