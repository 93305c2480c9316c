"""A label or a number for the whole text: sentiment, emotions, inference, similarity, and the next sentence."""

from __future__ import annotations

import torch

from ..panel import listed, percent, quoted, signed
from . import pictures
from .reading import SentenceReading, best_first, rank_verdict

READS_CLS = "The head reads [CLS] alone: its vector after the last layer, through the pooler"
NEXT_SENTENCE = {"is_next": "is next", "random": "random"}  # as the data have it -> as it is said


class Labels(SentenceReading):
    """Labels that compete, or, in a multi-label task, have a probability each."""

    kind = "labels"
    guessed = "Which label will the head give?"

    def reads(self) -> tuple[str, list[int]]:
        made = "a number for each label" if self.several else f"the {len(self.names)} numbers that compete"
        return f"{READS_CLS}, becomes {made}.", [0]

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

    def sentence(self, label: str) -> str:
        """The label as the beginning of a sentence."""
        return f"The head says {quoted(label)}"

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
            chance = {"at": 0.5, "text": "threshold 50 %"}
            likely = [row["label"] for row in ranked if row["value"] > 0.5]
            answer = (
                f"The head says {listed(likely, 4)}: above one half, and each label has a probability of its own."
                if likely
                else f"No label is above one half; {quoted(best['label'])} comes nearest with {percent(best['value'])}."
            )
            short = ", ".join(likely) or "none"
        else:
            chance = {"at": 1 / len(rows), "text": f"chance {percent(1 / len(rows))}"}
            short = best["label"]
            answer = f"{self.sentence(short)}, {percent(best['value'])}; chance is {percent(chance['at'])}."
        return {
            "rows": ranked if len(rows) > 4 else rows,
            "names": list(found),
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
        return rank_verdict(guess, [row["label"] for row in best_first(self.view["rows"])], "labels")


class NextSentence(Labels):
    """Whether the second sentence comes next: the pre-trained head's answer, or that of a model trained for it."""

    names = list(NEXT_SENTENCE)
    several = False
    guessed = "What will the head say of the second sentence?"

    @property
    def pre_trained(self) -> bool:
        """Whether the head that came with the model answers."""
        return self.model is self.lab.model

    @property
    def logits_code(self) -> str:
        """The logits for the reader of the code."""
        return "lab.model(**batch).seq_relationship_logits[0]" if self.pre_trained else SentenceReading.logits_code

    def said(self, name: str) -> str:
        return NEXT_SENTENCE[name]

    def sentence(self, label: str) -> str:
        which = "comes next" if label == NEXT_SENTENCE["is_next"] else "is a random one"
        return f"The second sentence {which}, says the head"

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
    guessed = "Which number will the head give?"
    LOW, HIGH = 0, 5

    def reads(self) -> tuple[str, list[int]]:
        return f"{READS_CLS}, becomes this one number.", [0]

    def data(self) -> float:
        return float(self.logits()[0])

    def read(self) -> dict:
        value = self.data()
        scale = " on a scale from 0, unrelated, to 5, the same" if self.task == "similarity" else ""
        answer = f"The head gives {signed(value)}{scale}."
        return {"value": value, "low": self.LOW, "high": self.HIGH, "answer": answer, "short": signed(value)}

    def table(self) -> list[dict]:
        return [{"task": self.task, "score": self.data()}]

    def result_code(self) -> list[str]:
        return ["result = float(logits[0])"]

    def target(self) -> tuple[object, str, str]:
        from bertlab.analysis import targets

        return targets.label(0), "a high number", "label(0)"

    def grade(self, guess: str) -> str:
        try:
            return f"Your guess is {abs(float(guess.replace(',', '.')) - self.view['value']):.2f} away."
        except ValueError:
            return f"`{guess}` is no number."

    def figure(self, width: float = 7.0):
        figure, axes = pictures.bars([self.task], [self.data()], self.panel.answer)
        axes.set_xlim(self.LOW, self.HIGH)
        return figure
