"""A label or a number for the whole text: sentiment, emotions, inference, similarity, and the next sentence."""

from __future__ import annotations

import torch

from bertlab.language import mark, say

from ..panel import guessed_number, listed, percent, quoted, signed
from . import pictures
from .reading import SentenceReading, best_first, rank_verdict

NEXT_SENTENCE = {"is_next": mark("is next"), "random": mark("random")}  # as the data have it -> as it is said


class Labels(SentenceReading):
    """Labels that compete, or, in a multi-label task, have a probability each."""

    kind = "labels"
    guessed = mark("Which label will the head give?")

    def reads(self) -> tuple[str, list[int]]:
        if self.several:
            said = say(
                "The head reads [CLS] alone: its vector after the last layer, through the pooler, becomes a number for "
                "each label."
            )
        else:
            said = say(
                "The head reads [CLS] alone: its vector after the last layer, through the pooler, becomes the {count} "
                "numbers that compete.",
                count=len(self.names),
            )
        return said, [0]

    @property
    def names(self) -> list[str]:
        """The labels in the order of the logits."""
        config = self.model.config
        return [config.id2label[i] for i in range(config.num_labels)]

    @property
    def several(self) -> bool:
        """Whether several labels may hold at once."""
        return self.model.config.problem_type == "multi_label_classification"

    def said(self, name: str) -> str:
        """A label for an audience."""
        return name

    def sentence(self, label: str, **numbers: str) -> str:
        """The answer, with the label's `probability` and `chance`."""
        return say("The head says {label}, {probability}; chance is {chance}.", label=quoted(label), **numbers)

    def sentence_of_several(self, ranked: list[dict], likely: list[str]) -> str:
        """The answer where several labels may hold; `likely` are those above one half."""
        if likely:
            labels = listed(likely, 4)
            return say(
                "The head says {labels}: above one half, and each label has a probability of its own.", labels=labels
            )
        best, probability = quoted(ranked[0]["label"]), percent(ranked[0]["value"])
        return say(
            "No label is above one half; {label} comes nearest with {probability}.", label=best, probability=probability
        )

    def data(self) -> dict[str, float]:
        logits = self.logits()
        values = (logits.sigmoid() if self.several else logits.softmax(-1)).tolist()
        return dict(zip(self.names, values, strict=True))

    def read(self) -> dict:
        found, several = self.data(), self.several
        rows = [{"label": self.said(name), "value": value} for name, value in found.items()]
        ranked = best_first(rows)
        best = ranked[0]
        if several:
            chance = {"at": 0.5, "text": say("threshold 50 %")}
            likely = [row["label"] for row in ranked if row["value"] > 0.5]
            answer = self.sentence_of_several(ranked, likely)
            short = ", ".join(likely) or say("none")
        else:
            by_chance = percent(1 / len(rows))
            chance = {"at": 1 / len(rows), "text": say("chance {probability}", probability=by_chance)}
            short = best["label"]
            answer = self.sentence(short, probability=percent(best["value"]), chance=by_chance)
        return {
            "rows": ranked if len(rows) > 4 else rows,
            "names": [[name, self.said(name)] for name in found],
            "chance": chance,
            "multiple": several,
            "answer": answer,
            "short": short,
        }

    def result_code(self) -> list[str]:
        made = "sigmoid()" if self.several else "softmax(-1)"
        return [f"result = dict(zip(model.config.id2label.values(), logits.{made}.tolist()))"]

    def explained(self) -> str:
        """The label whose reasons are looked for: the chosen one, or the answer."""
        found = self.data()
        return self.panel.explained if self.panel.explained in found else max(found, key=found.__getitem__)

    def target(self) -> tuple[object, str, str]:
        from bertlab.analysis import targets

        about = self.explained()
        index = self.names.index(about)
        independent = ", independent=True" if self.several else ""
        return (
            targets.label(index, "log_probability", independent=self.several),
            about,
            f"label({index}, 'log_probability'{independent})",
        )

    def offered(self) -> list[str]:
        names = [self.said(name) for name in self.names]
        return names if len(names) <= 30 else []

    def grade(self, guess: str) -> str:
        ranked = [row["label"] for row in best_first(self.view["rows"])]
        return rank_verdict(guess, ranked, mark("`{guess}` is not among the {count} labels."))


class NextSentence(Labels):
    """Whether the second sentence comes next: the pre-trained head's answer, or that of a model trained for it."""

    names = list(NEXT_SENTENCE)
    several = False
    guessed = mark("What will the head say of the second sentence?")

    @property
    def pre_trained(self) -> bool:
        """Whether the head that came with the model answers."""
        return self.model is self.lab.model

    @property
    def logits_code(self) -> str:
        """The logits for the reader of the code."""
        return "lab.model(**batch).seq_relationship_logits[0]" if self.pre_trained else SentenceReading.logits_code

    def said(self, name: str) -> str:
        return say(NEXT_SENTENCE[name])

    def sentence(self, label: str, **numbers: str) -> str:
        if label == self.said("is_next"):
            return say("The second sentence comes next, says the head, {probability}; chance is {chance}.", **numbers)
        return say("The second sentence is a random one, says the head, {probability}; chance is {chance}.", **numbers)

    def logits(self) -> torch.Tensor:
        return self.workbench.result.nsp_logits.cpu() if self.pre_trained else super().logits()

    def result_code(self) -> list[str]:
        return [f"result = dict(zip({self.names}, logits.softmax(-1).tolist()))"]

    def target(self) -> tuple[object, str, str]:
        from bertlab.analysis import targets

        about = self.explained()
        index = self.names.index(about)
        return (
            targets.next_sentence(index, "log_probability"),
            self.said(about),
            f"next_sentence({index}, 'log_probability')",
        )


class Number(SentenceReading):
    """One number, such as how alike two sentences are."""

    kind = "number"
    guessed = mark("Which number will the head give?")
    LOW, HIGH = 0, 5

    def reads(self) -> tuple[str, list[int]]:
        said = say(
            "The head reads [CLS] alone: its vector after the last layer, through the pooler, becomes this one number."
        )
        return said, [0]

    def data(self) -> float:
        return float(self.logits()[0])

    def read(self) -> dict:
        value = self.data()
        number = signed(value)
        if self.task == "similarity":
            answer = say("The head gives {value} on a scale from 0, unrelated, to 5, the same.", value=number)
        else:
            answer = say("The head gives {value}.", value=number)
        return {"value": value, "low": self.LOW, "high": self.HIGH, "answer": answer, "short": number}

    def table(self) -> list[dict]:
        return [{"task": self.task, "score": self.data()}]

    def result_code(self) -> list[str]:
        return ["result = float(logits[0])"]

    def target(self) -> tuple[object, str, str]:
        from bertlab.analysis import targets

        return targets.label(0), say("a high number"), "label(0)"

    def grade(self, guess: str) -> str:
        number = guessed_number(guess)
        if number is None:
            return say("`{guess}` is no number.", guess=guess)
        return say("Your guess is {away:.2f} away.", away=abs(number - self.view["value"]))

    def figure(self, width: float = 7.0):
        figure, axes = pictures.bars([self.task], [self.data()], self.panel.answer)
        axes.set_xlim(self.LOW, self.HIGH)
        return figure
