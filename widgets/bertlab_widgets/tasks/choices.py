"""Multiple choice: which ending fits the beginning best."""

from __future__ import annotations

import torch

from bertlab.language import mark, say

from ..panel import percent
from .explaining import Question
from .reading import Reading


class Choices(Reading):
    """Each ending is read together with the beginning, and their scores compete."""

    kind = "choice"
    guessed = mark("Which ending will it choose?")

    @property
    def choices(self) -> list[str]:
        """The endings that were given."""
        return [choice for choice in self.panel.choices if choice.strip()]

    def reads(self) -> tuple[str, list[int]]:
        said = say("The head reads [CLS] alone, once for each ending: its vector, through the pooler, gives the score.")
        return said, [0]

    def read(self) -> dict:
        workbench, model, choices = self.workbench, self.model, self.choices
        if len(choices) < 2:
            return {"missing": say("Give two endings or more to choose from.")}
        if too_long := self.too_long(max(choices, key=len)):
            return {"missing": too_long, "refused": True}

        def compute():
            with workbench.lock, self.ablating():
                return workbench.lab.choose(workbench.text, choices, task=self.task).probabilities

        values = workbench.cached(("choice", self.task, model, tuple(choices), *workbench.key), compute)
        best = max(range(len(values)), key=values.__getitem__)
        chance = 1 / len(values)
        return {
            "rows": [{"label": choice, "value": value} for choice, value in zip(choices, values, strict=True)],
            "chance": {"at": chance, "text": say("chance {probability}", probability=percent(chance))},
            "best": best,
            "answer": say(
                "The head chooses ending {letter}, “{ending}”, {probability}; chance is {chance}.",
                letter=letter(best),
                ending=choices[best],
                probability=percent(values[best]),
                chance=percent(chance),
            ),
            "short": letter(best),
        }

    def data(self) -> dict[str, float]:
        return {row["label"]: row["value"] for row in self.view["rows"]}

    def code(self) -> list[str]:
        return [
            f"choices = {self.choices!r}",
            *self.within(f"chosen = lab.choose({self.workbench.text!r}, choices, task={self.task!r})"),
            "result = dict(zip(choices, chosen.probabilities))",
        ]

    def question(self) -> Question:
        from bertlab.analysis import targets

        choices, best, text = self.choices, self.view["best"], self.workbench.text
        encoding = self.lab.encode([text] * len(choices), choices)
        batch = {name: value.unsqueeze(0) for name, value in encoding.items()}
        real = int(encoding["attention_mask"][best].sum())
        names = self.lab.tokenizer.convert_ids_to_tokens(encoding["input_ids"][best, :real].tolist())
        special = torch.isin(batch["input_ids"].cpu(), torch.tensor(self.lab.tokenizer.all_special_ids))
        return Question(
            self.model,
            batch,
            targets.choice(best, "log_probability"),
            names,
            self.kept(names),
            say("ending {letter}", letter=letter(best)),
            (
                f"model, target = lab.task_model({self.task!r}), targets.choice({best}, 'log_probability')",
                f"encoding = lab.encode([{text!r}] * len(choices), choices)",
                "batch = {name: value.unsqueeze(0) for name, value in encoding.items()}",
            ),
            best,
            special,
        )

    def offered(self) -> list[str]:
        return [f"{letter(i)}: {choice}" for i, choice in enumerate(self.choices)]

    def grade(self, guess: str) -> str:
        guess = guess.strip().upper()[:1]
        right = guess == letter(self.view["best"])
        return say("Right.") if right else say("Your {guess} was not its choice.", guess=guess)


def letter(index: int) -> str:
    """The name of an ending: A, B, ... and numbers after Z."""
    return chr(ord("A") + index) if index < 26 else str(index + 1)
