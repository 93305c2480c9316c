"""The look Switches: heads and neurons on or off, and the game to break a prediction with as few as may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from bertlab.language import mark, say, say_n

from ..panel import Look, guessed_number, moved, percent, quoted, significant
from ..workbench import heads_named, token_names, words_code
from . import pictures
from .edges import graded_percent
from .said import both, guessed, neuron_names, neurons_named, no_number, right
from .watched import off_code, setting_code

OFFERED = 10  # neurons that are offered as switches
MOST = 12  # switches after which the greedy player gives up


def margin_of(watching: Any, token: int) -> Any:
    """How far the token's logit is above every other, as a function of the output: below 0 it is no first choice."""

    def margin(output: Any) -> torch.Tensor:
        logits = output.prediction_logits[:, watching.now().place].float()
        others = logits.clone()
        others[:, token] = -torch.inf
        return logits[:, token] - others.max(-1).values

    return margin


class Switches(Look):
    """What is on and off, what the prediction makes of it, and how a greedy player would break it."""

    name, label = "switches", mark("Looking for the fewest switches")

    def key(self) -> tuple:
        # The greedy player begins with everything on, whatever is off now.
        watching, state = self.panel.watching, self.workbench.key[:-1]
        return ("intervene", self.name, *state, *watching.now_whole(), self.workbench.ablation, *self._corpus())

    def _corpus(self) -> tuple:
        return (tuple(self.workbench.corpus),) if self.workbench.ablation == "corpus" else ()

    def steps(self) -> Iterator[float]:
        watching, workbench, key = self.panel.watching, self.workbench, self.key()
        token = int(watching.whole_logits().argmax())
        if workbench.ablation == "corpus":
            yield from (0.0 for _ in workbench.measure_means())
        options, metric = workbench.ablation_options(), margin_of(watching, token)
        with workbench.lock:
            offered, batch = self.offered(), watching.batch()
        found = {"heads": [], "neurons": [], "margins": [], "alone": {}, "broken": False}
        for step in range(MOST):
            best, at = None, (float("inf"), ())
            for kind, pair, margin, done in self._tries(found, offered, batch, metric, options):
                if step == 0:
                    found["alone"][kind, pair] = margin
                if margin < at[0]:
                    best, at = kind, (margin, pair)
                yield (step + done) / MOST
            if best is None:
                break
            found[best] = [*found[best], at[1]]
            found["margins"] = [*found["margins"], at[0]]
            if at[0] < 0:
                found["broken"] = True
                break
            self.so_far(key, found)
        self.keep(key, found)

    def _tries(self, found: dict, offered: list, batch: dict, metric: Any, options: dict) -> Iterator[tuple]:
        """Each switch that is still on, tried beside those that are off: (kind, pair, margin, share done)."""
        from bertlab.analysis import ablation, evaluating, neurons
        from bertlab.analysis.targets import evaluate

        workbench, model = self.workbench, self.workbench.model

        def so_far():
            return (
                ablation.ablate(model, found["heads"], **options),
                neurons.ablate(model, found["neurons"]),
            )

        heads = [pair for pair in self.heads_there() if pair not in found["heads"]]
        rest = [pair for pair in offered if pair not in found["neurons"]]
        total = len(heads) + len(rest)
        sweep = ablation.sweep(model, batch, metric, heads=heads, **options) if heads else iter(())
        done = 0
        while True:
            off, quiet = so_far()
            with workbench.lock, off, quiet:
                one = next(sweep, None)
            if one is None:
                break
            done += 1
            yield "heads", (one.layer, one.head), float(one.value[0]), done / total
        for pair in rest:
            off, quiet = so_far()
            with workbench.lock, torch.no_grad(), evaluating(model), off, quiet, neurons.ablate(model, [pair]):
                margin = float(evaluate(model, batch, metric)[0])
            done += 1
            yield "neurons", pair, margin, done / total

    def heads_there(self) -> list[tuple[int, int]]:
        """The heads that the model has."""
        from bertlab.analysis.heads import remaining_heads

        return [(layer, head) for layer, numbers in remaining_heads(self.workbench.model).items() for head in numbers]

    def offered(self) -> list[tuple[int, int]]:
        """The neurons whose silence should cost the whole model's prediction most, by one gradient: activation times
        gradient, summed over the places."""
        key = ("offered", *self.workbench.key[:-1], *self.panel.watching.now_whole())
        return self.workbench.cached(key, self._by_gradient)

    def _by_gradient(self) -> list[tuple[int, int]]:
        from bertlab.analysis import evaluating
        from bertlab.recording import names, record

        watching, model = self.panel.watching, self.workbench.model
        token, place = int(watching.whole_logits().argmax()), watching.now().place
        with self.workbench.lock, torch.enable_grad(), evaluating(model):
            with record(model, names.neurons(), retain_grad=True) as recording:
                output = model(**watching.batch())
            value = output.prediction_logits[0, place].float().log_softmax(-1)[token]
            parts = [recording[names.neurons(layer)] for layer in range(self.workbench.layer_count)]
            gradients = torch.autograd.grad(value, parts)
        found = [
            (float(weight), layer, int(neuron))
            for layer, (active, gradient) in enumerate(zip(parts, gradients, strict=True))
            for weight, neuron in zip(*(active * gradient)[0].detach().float().sum(0).topk(
                min(OFFERED, active.shape[-1])), strict=True)
        ]  # fmt: skip
        return [(layer, neuron) for _, layer, neuron in sorted(found, reverse=True)[:OFFERED]]

    def words_of(self, layer: int, neuron: int) -> list[str]:
        """What a neuron promotes, three words."""
        from bertlab.analysis import neurons

        def compute() -> list[str]:
            try:
                with self.workbench.lock:
                    ids = [word.token_id for word in neurons.words(self.workbench.model, layer, neuron, 3)]
            except LookupError:
                return []
            return token_names(self.workbench.lab.tokenizer, ids)

        return self.workbench.cached(("promoted", layer, neuron), compute)

    # --- shown

    def count_off(self) -> int:
        """How many switches are off."""
        return len(self.workbench.ablated) + len(self.panel.neurons)

    def broken(self) -> bool:
        """Whether another word than the whole model's is the first choice now."""
        watching = self.panel.watching
        return int(watching.logits().argmax()) != int(watching.whole_logits().argmax())

    def par(self, found: dict | None) -> int | None:
        """How many switches the greedy player needed; None where it is not known, or it did not get there."""
        return len(found["margins"]) if found and found["broken"] else None

    def view(self, found: dict | None) -> dict:
        watching, workbench = self.panel.watching, self.workbench
        there = set(self.heads_there())
        rows, columns = range(workbench.layer_count), range(workbench.head_count)
        alone = found["alone"] if found else {}
        pairs = list(dict.fromkeys([*self.offered(), *map(tuple, self.panel.neurons)]))
        return {
            "layers": workbench.layer_count,
            "heads": workbench.head_count,
            "gone": [[layer, head] for layer in rows for head in columns if (layer, head) not in there],
            "bars": watching.bars(watching.whole_logits(), watching.logits()),
            "offered": [[layer, neuron, self.words_of(layer, neuron)] for layer, neuron in pairs],
            "off": self.count_off(),
            "broken": self.broken(),
            "par": self.par(found),
            "given_up": bool(found and self.done and not found["broken"]),
            "margins": [[alone.get(("heads", (layer, head))) for head in columns] for layer in rows]
            if self.panel.hint
            else [],
            "margin": self.margin(watching.whole_logits()),
        }

    def margin(self, logits: torch.Tensor) -> float:
        """How far the whole model's first choice is above every other word, in logits."""
        token = int(self.panel.watching.whole_logits().argmax())
        others = logits.clone()
        others[token] = -torch.inf
        return float(logits[token] - others.max())

    def sentence(self, found: dict | None) -> str:
        watching, tokenizer = self.panel.watching, self.workbench.lab.tokenizer
        whole, now = watching.whole_logits(), watching.logits()
        token = int(whole.argmax())
        name = quoted(token_names(tokenizer, [token])[0])
        before, after = float(whole.softmax(-1)[token]), float(now.softmax(-1)[token])
        par = self._par_said(found)
        if not self.count_off():
            return say(
                "Everything is on: {word} is the first choice, {probability}. Break this prediction{par}.",
                word=name, probability=percent(before), par=par,
            )  # fmt: skip
        if self.broken():
            first = int(now.argmax())
            return say_n(
                "Broken with {count:,} switch{par}: without {off} {word} is ahead with {probability}.",
                "Broken with {count:,} switches{par}: without {off} {word} is ahead with {probability}.",
                self.count_off(),
                par=par,
                off=self.off_said(),
                word=quoted(token_names(tokenizer, [first])[0]),
                probability=percent(float(now.softmax(-1)[first])),
            )
        return say_n(
            "Without {off} {word} {changes} and is still first, {ahead} ahead in logits. That is {count:,} "
            "switch{par}.",
            "Without {off} {word} {changes} and is still first, {ahead} ahead in logits. That is {count:,} "
            "switches{par}.",
            self.count_off(),
            off=self.off_said(),
            word=name,
            changes=moved(before, after),
            ahead=significant(self.margin(now)),
            par=par,
        )

    def _par_said(self, found: dict | None) -> str:
        if found and self.done and not found["broken"]:
            return say(" (a greedy player did not within {count})", count=len(found["margins"]))
        par = self.par(found)
        return say(" (par {count})", count=par) if par else ""

    def off_said(self) -> str:
        """What is off, in words; empty where everything is on."""
        heads, neurons = list(self.workbench.ablated), self.panel.neurons
        said = [*([heads_named(heads)] if heads else []), *([neurons_named(neurons)] if neurons else [])]
        return both(said) if said else ""

    def data(self) -> dict[str, float]:
        return {row["token"]: row["probability"] for row in self.rows()}

    def rows(self) -> list[dict]:
        """The likeliest words now."""
        probabilities = self.panel.watching.logits().softmax(-1)
        before = self.panel.watching.whole_logits().softmax(-1)
        best = probabilities.topk(5)
        names = token_names(self.workbench.lab.tokenizer, best.indices.tolist())
        return [
            {"token": name, "probability": float(p), "with_everything_on": float(before[i])}
            for name, i, p in zip(names, best.indices.tolist(), best.values, strict=True)
        ]

    def table(self) -> list[dict]:
        found = self.found()
        off = self.off_said() or say("nothing")
        return [
            {"off": off, "switches": self.count_off(), "broken": self.broken(), "par": self.par(found), **row}
            for row in self.rows()
        ]

    def code(self) -> list[str]:
        lines = setting_code(self.panel, "targets")
        before, line = off_code(self.panel, ("torch.no_grad()",))
        place = self.panel.watching.now().place
        return [
            *lines,
            *before,
            line,
            f"    logits = lab.model(**batch).prediction_logits[0, {place}].float()",
            "best = logits.softmax(-1).topk(5)",
            *words_code(self.workbench),
            "result = dict(zip(words(best.indices.tolist()), best.values.tolist()))",
        ]

    def figure(self, width: float):
        off, rows, columns = set(self.workbench.ablated), self.workbench.layer_count, self.workbench.head_count
        watching = self.panel.watching
        grid = [[0.0 if (layer, head) in off else 1.0 for head in range(columns)] for layer in range(rows)]
        bars = watching.bars(watching.whole_logits(), watching.logits())
        label = say("heads: dark is on")
        if self.panel.neurons:
            label = say("heads: dark is on; neurons off: {names}", names=neuron_names(self.panel.neurons))
        return pictures.grid_and_bars(grid, bars, width, label)

    # --- predict first

    def gate(self) -> str:
        if self.count_off():
            word = self.panel.watching.now().word
            return say("How likely will “{word}” be without {off}, in percent?", word=word, off=self.off_said())
        name = token_names(self.workbench.lab.tokenizer, [int(self.panel.watching.whole_logits().argmax())])[0]
        return say("With how few switches can “{word}” be broken as the first choice?", word=name)

    def grade(self, guess: str) -> str:
        if self.count_off():
            return graded_percent(self, guess, None)
        found, number = self.whole(), guessed_number(guess)
        par = self.par(found)
        if par is None:
            count = len(found["margins"])
            return say("A greedy player did not break it within {count} switches.", count=count)
        said = say("a greedy player needs {count}", count=par)
        if number is None:
            return no_number(guess, said)
        return right(said) if int(number) == par else guessed(str(int(number)), said)
