"""The look Explanation: six ways to say which tokens a prediction rests on, as ranks, and how far they agree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from bertlab.language import mark, say

from ..panel import Look, Stopped, listed, quoted, signed
from ..workbench import SelectionError
from . import pictures
from .said import right
from .watched import off_code, setting_code, under

METHODS = {
    "attention": mark("attention"),
    "norm_weighted": mark("norm-weighted"),
    "rollout": mark("rollout"),
    "gradient_x_input": mark("gradient × input"),
    "integrated_gradients": mark("integrated gradients"),
    "effect": mark("effect of hiding"),
}
SHUFFLES, RARE = 2000, 0.95


class Reasons(Look):
    """A table of ranks: which token comes first, by which method."""

    name, label = "explain", mark("Explaining the prediction")
    in_small_steps = False

    def needs(self) -> None:
        if self.workbench.encoding.length < 3:
            raise SelectionError(say("There are too few tokens to rank: type a longer sentence"))

    def steps(self) -> Iterator[float]:
        from bertlab.analysis.explanations import compare

        watching, workbench, key = self.panel.watching, self.workbench, self.key()

        def between(share: float) -> None:
            if self.panel.job.mine:
                if self.panel.job.cancelled.is_set():
                    raise Stopped
                self.panel.job.report({"label": say(self.label), "done": share})
                workbench.lock.give_way()

        try:
            with workbench.lock, watching.switched_off():
                out = compare(workbench.model, watching.batch(), watching.target(), progress=between)
        except Stopped:
            return
        self.keep(key, {"scores": out.scores, "correlation": out.correlation})
        yield 1.0

    # --- shown

    def ranks(self, scores: torch.Tensor) -> list[int]:
        """1 for the highest score; equal ones share the best of their ranks."""
        return [int((scores > value).sum()) + 1 for value in scores]

    def chance(self) -> float:
        """The |rank correlation| that one of 20 shuffled orders of so many tokens reaches."""
        count = self.workbench.encoding.length

        def compute() -> float:
            generator = torch.Generator().manual_seed(0)
            order = torch.arange(count, dtype=torch.float64)
            order = (order - order.mean()) / (order - order.mean()).norm()
            drawn = torch.rand(SHUFFLES, count, generator=generator).argsort(1)
            return float((order[drawn] @ order).abs().quantile(RARE))

        return self.workbench.cached(("shuffled ranks", count), compute)

    def view(self, found: dict | None) -> dict:
        rows = []
        if found:
            ranks = {name: self.ranks(found["scores"][name]) for name in METHODS}
            for place, token in enumerate(self.panel.watching.token_names()):
                rows.append(
                    {
                        "place": place,
                        "token": token,
                        "ranks": [ranks[name][place] for name in METHODS],
                        "scores": [float(f"{float(found['scores'][name][place]):.3g}") for name in METHODS],
                    }
                )
        correlation = found["correlation"] if found else {}
        return {
            "rows": rows,
            "methods": [[name, say(text)] for name, text in METHODS.items()],
            "correlation": [[_known(correlation[one][other]) for other in METHODS] for one in METHODS if correlation],
            "chance": round(self.chance(), 3),
            "watched_place": self.panel.watching.now().place,
        }

    def first(self, found: dict, name: str) -> list[str]:
        """The tokens that come first by a method."""
        scores = found["scores"][name]
        names = self.panel.watching.token_names()
        return [names[i] for i in (scores == scores.max()).nonzero().flatten().tolist()]

    def sentence(self, found: dict | None) -> str:
        if not found:
            return say("Scoring the tokens in six ways …")
        return say(
            "{finding} One of 20 shuffled orders reaches |ρ| {chance}.",
            finding=self._finding(found),
            chance=signed(self.chance()),
        )

    def _finding(self, found: dict) -> str:
        """Which token matters, to which attention speaks, and how far attention and the effect of hiding agree."""
        agree = found["correlation"]["effect"]
        best = max((name for name in METHODS if name != "effect"), key=lambda name: _or(agree[name], -2.0))
        said = {
            "word": quoted(self.panel.watching.now().word),
            "hidden": listed(self.first(found, "effect")[:1]),
            "first": listed(self.first(found, "attention")[:1]),
            "rho": signed(agree["attention"]),
        }
        if math.isnan(agree["attention"]):
            return say(
                "{word} loses most when {hidden} is hidden; attention ranks {first} first, and gives no order to "
                "compare.",
                **said,
            )
        if best == "attention":
            return say(
                "{word} loses most when {hidden} is hidden; attention ranks {first} first and agrees with hiding by "
                "ρ = {rho}, most of all.",
                **said,
            )
        return say(
            "{word} loses most when {hidden} is hidden; attention ranks {first} first and agrees with hiding by "
            "ρ = {rho}, {method} most (ρ = {most}).",
            **said,
            method=say(METHODS[best]),
            most=signed(agree[best]),
        )

    def data(self) -> dict[str, torch.Tensor]:
        return self.whole()["scores"]

    def table(self) -> list[dict]:
        found = self.whole()
        ranks = {name: self.ranks(found["scores"][name]) for name in METHODS}
        rows: list[dict] = [
            {"place": place, "token": token}
            | {name: float(found["scores"][name][place]) for name in METHODS}
            | {f"rank_{name}": ranks[name][place] for name in METHODS}
            for place, token in enumerate(self.panel.watching.token_names())
        ]
        agree = {name: found["correlation"][name]["effect"] for name in METHODS}
        return [*rows, {"place": "", "token": say("Spearman with the effect of hiding"), **agree}]

    def code(self) -> list[str]:
        lines = setting_code(self.panel, "explanations")
        before, line = off_code(self.panel)
        body = ["found = explanations.compare(lab.model, batch, target)"]
        said = "result = found.scores  # method -> (tokens,); found.correlation[a][b] is Spearman's"
        return [*lines, *before, *under(line, body), said]

    def figure(self, width: float):
        found = self.whole()
        ranks = torch.tensor([self.ranks(found["scores"][name]) for name in METHODS], dtype=torch.float32)
        agree = [found["correlation"][name]["effect"] for name in METHODS]
        names = [f"{say(text)}\nρ = {signed(rho)}" for text, rho in zip(METHODS.values(), agree, strict=True)]
        return pictures.ranks_figure(ranks, names, self.panel.watching.token_names(), width)

    # --- predict first

    def gate(self) -> str:
        return say("Which token, once hidden, takes most from “{word}”?", word=self.panel.watching.now().word)

    def options(self) -> list[str]:
        names = self.panel.watching.token_names()
        return list(dict.fromkeys(names)) if len(names) <= 24 else []

    def grade(self, guess: str) -> str:
        found = self.whole()
        ranks, names = self.ranks(found["scores"]["effect"]), self.panel.watching.token_names()
        wanted = guess.strip().casefold()
        places = [i for i, name in enumerate(names) if name.casefold() == wanted]
        first = listed(self.first(found, "effect")[:1])
        if not places:
            return say("{guess} is not among the tokens; hiding {first} takes most.", guess=quoted(guess), first=first)
        rank = min(ranks[i] for i in places)
        if rank == 1:
            return right(say("{first} takes most", first=first))
        return say("Your {guess} is number {rank}; {first} takes most.", guess=quoted(guess), rank=rank, first=first)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)


def _or(value: Any, other: float) -> float:
    return other if math.isnan(value) else value
