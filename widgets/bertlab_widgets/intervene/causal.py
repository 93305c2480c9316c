"""The look Both sides: the same weights reading from both sides, and from left to right alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from bertlab.language import mark, say

from ..panel import Look, moved, quoted
from ..workbench import SelectionError, mask_id
from . import pictures
from .edges import graded_percent
from .watched import off_code, setting_code

TOKENS_PER_PASS = 1024


def left_to_right(length: int) -> torch.Tensor:
    """(1, query, key): 1 where a token may look, itself and what is left of it."""
    return torch.ones(length, length, dtype=torch.long).tril()[None]


class BothSides(Look):
    """How likely each word is when it is hidden: seen from both sides, and from the left."""

    name, label = "causal", mark("Reading from both sides and from the left")

    def needs(self) -> None:
        if mask_id(self.workbench) is None:
            raise SelectionError(say("this vocabulary has no [MASK] to hide words with: load a model that has one"))

    def places(self) -> list[int]:
        """The words that are hidden one by one."""
        return [i for i, token in enumerate(self.workbench.encoding.tokens) if not token["special"]]

    def steps(self) -> Iterator[float]:
        key, places = self.key(), self.places()
        length = self.workbench.encoding.length
        together = max(1, TOKENS_PER_PASS // length)
        found: dict = {"places": places, "both": [], "left": [], "watched": self._watched_from_left()}
        total = 2 * len(places)
        for at in range(0, len(places), together):
            some = places[at : at + together]
            both = self._surprise(some, None)
            left = self._surprise(some, left_to_right(length))
            found = {**found, "both": [*found["both"], *both], "left": [*found["left"], *left]}
            self.so_far(key, found)
            yield 2 * (at + len(some)) / max(1, total)
        self.keep(key, found)

    def _surprise(self, places: list[int], mask: torch.Tensor | None) -> list[float]:
        """-ln p of the token at each place, while it is hidden."""
        from bertlab.analysis import evaluating

        watching, workbench = self.panel.watching, self.workbench
        model, ids = workbench.model, self._shown_ids().repeat(len(places), 1)
        rows, at = torch.arange(len(places)), torch.tensor(places)
        truth = ids[rows, at]
        ids[rows, at] = workbench.lab.tokenizer.mask_token_id
        batch = workbench.batch(ids)
        if mask is not None:
            batch["attention_mask"] = mask.expand(len(places), -1, -1).to(batch["input_ids"].device)
        with workbench.lock, torch.no_grad(), evaluating(model), watching.switched_off():
            hidden = model.base_model(**batch).last_hidden_state[rows, at]
            logits = model.cls.predictions(hidden).float().cpu()
        return (-logits.log_softmax(-1)[rows, truth]).tolist()

    def _shown_ids(self) -> torch.Tensor:
        """(1, sequence): the text with its words in place, changed ones changed, none hidden."""
        ids = self.workbench.encoding.input_ids.clone()
        for place, token in self.workbench.forced.items():
            ids[0, place] = token
        return ids

    def _watched_from_left(self) -> torch.Tensor:
        """(vocabulary,): the watched place read from the left alone."""
        from bertlab.analysis import evaluating

        watching, workbench = self.panel.watching, self.workbench
        batch = watching.batch()
        batch["attention_mask"] = left_to_right(workbench.encoding.length).to(batch["input_ids"].device)
        model = workbench.model
        with workbench.lock, torch.no_grad(), evaluating(model), watching.switched_off():
            return watching.at_place(model(**batch))

    # --- shown

    def chance(self) -> float:
        """The surprise of somebody who knows nothing: ln V."""
        return math.log(self.workbench.token_count)

    def view(self, found: dict | None) -> dict:
        watching = self.panel.watching
        both = watching.logits()
        tokens = self.workbench.encoding.tokens
        known = len(found["both"]) if found else 0
        return {
            "words": [[place, tokens[place]["text"]] for place in self.places()],
            "both": [round(value, 3) for value in found["both"]] if found else [],
            "left": [round(value, 3) for value in found["left"]] if found else [],
            "bars": watching.bars(both, found["watched"]) if found else [],
            "chance": round(self.chance(), 3),
            "known": known,
            "place": watching.now().place,
        }

    def sentence(self, found: dict | None) -> str:
        if not found or not found["both"]:
            return say("Hiding the words one by one …")
        word, watching = self.panel.watching.now(), self.panel.watching
        both = float(watching.logits().softmax(-1)[word.token])
        left = float(found["watched"].softmax(-1)[word.token])
        means = [sum(found[side]) / len(found[side]) for side in ("both", "left")]
        gaps = [b - a for a, b in zip(found["both"], found["left"], strict=True)]
        most = self.workbench.encoding.tokens[found["places"][gaps.index(max(gaps))]]["text"]
        costs = {"both": means[0], "left": means[1], "nothing": self.chance()}
        if max(gaps) > 0:
            costs_said = say(
                "Hidden one by one, the words cost {both:.2f} nats each from both sides and {left:.2f} from the left "
                "(knowing nothing: {nothing:.2f}); {word} needs its right side most.",
                word=quoted(most),
                **costs,
            )
        else:
            costs_said = say(
                "Hidden one by one, the words cost {both:.2f} nats each from both sides and {left:.2f} from the left "
                "(knowing nothing: {nothing:.2f}).",
                **costs,
            )
        changes = moved(both, left)
        return say(
            "Read from the left alone, {word} {changes}. {costs}",
            word=quoted(word.word), changes=changes, costs=costs_said,
        )  # fmt: skip

    def data(self) -> dict[str, list[float]]:
        found = self.whole()
        return {side: found[side] for side in ("both", "left")}

    def table(self) -> list[dict]:
        found, tokens = self.seen(), self.workbench.encoding.tokens
        known = zip(found["places"], found["both"], found["left"])  # noqa: B905 - a part, where it was stopped
        return [
            {"place": place, "token": tokens[place]["text"], "nats_both_sides": both, "nats_from_the_left": left}
            | {"knowing_nothing": self.chance()}
            for place, both, left in known
        ]

    def code(self) -> list[str]:
        workbench = self.workbench
        lines = setting_code(self.panel, "targets")
        lines = [line for line in lines if "mask_token_id" not in line and not line.startswith("target =")]
        before, line = off_code(self.panel, ("torch.no_grad()",))
        length = workbench.encoding.length
        return [
            *lines,
            *before,
            f"places, result = {self.places()}, {{}}",
            f"left = torch.ones({length}, {length}, dtype=torch.long).tril()[None]  # (1, query, key)",
            'for name, mask in (("both", batch["attention_mask"][0]), ("left", left[0])):',
            "    result[name] = []",
            "    for place in places:",
            '        ids = batch["input_ids"].clone()',
            "        ids[0, place] = lab.tokenizer.mask_token_id",
            '        changed = {**batch, "input_ids": ids, "attention_mask": mask[None].to(lab.device)}',
            f"        {line}",
            "            logits = lab.model(**changed).prediction_logits[0, place]",
            '        truth = batch["input_ids"][0, place]',
            "        result[name].append(-float(logits.float().log_softmax(-1)[truth]))",
        ]

    def figure(self, width: float):
        found = self.seen()
        tokens = self.workbench.encoding.tokens
        count = len(found["both"])
        names = [tokens[place]["text"] for place in found["places"][:count]]
        return pictures.both_figure(names, found["both"], found["left"], self.chance(), width)

    # --- predict first

    def gate(self) -> str:
        word = self.panel.watching.now().word
        return say("How likely will “{word}” be from the left alone, in percent?", word=word)

    def grade(self, guess: str) -> str:
        return graded_percent(self, guess, self.whole()["watched"])
