"""The look Cut edges: attention from one token to another taken away, in a head, a layer or all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from bertlab.language import mark, say, say_n

from ..panel import Look, guessed_number, moved, percent, points, quoted, signed
from ..workbench import SelectionError
from . import pictures
from .said import chance_of, guessed, no_number, right
from .watched import off_code, setting_code, under

DRAWS = 5  # sets of as many edges drawn by chance, to hold the cut ones against
EVERY = -1  # in place of a head: all of the layer


class Noting:
    """The watched number as a function of the output, which keeps the logits of each run beside it."""

    def __init__(self, watching: Any):
        self.watching, self.target, self.kept = watching, watching.target(), []

    def __call__(self, output: Any) -> torch.Tensor:
        self.kept.append(self.watching.at_place(output))
        return self.target(output)


class Edges(Look):
    """The prediction without the edges that were cut."""

    name, label = "edges", mark("Cutting edges")

    def edges(self) -> list[tuple[int, int | None, int, int]]:
        """The cut edges as `patching.knock_out` takes them."""
        return [(layer, None if head == EVERY else head, query, key) for layer, head, query, key in self.panel.cut]

    def depends_on(self) -> tuple:
        return (tuple(map(tuple, self.panel.cut)), self.panel.renormalise)

    def steps(self) -> Iterator[float]:
        key = self.key()
        if not self.panel.cut:
            self.keep(key, {})
            return
        found = self._knocked_out(self.edges())
        yield 1 / (DRAWS + 1)
        found["chance"] = []
        for draw in range(DRAWS):
            found["chance"].append(self._knocked_out(self.drawn(draw))["value"])
            yield (draw + 2) / (DRAWS + 1)
        self.keep(key, found)

    def _knocked_out(self, edges: list) -> dict:
        from bertlab.analysis.patching import knock_out

        watching, noting = self.panel.watching, Noting(self.panel.watching)
        with self.workbench.lock, watching.switched_off():
            out = knock_out(self.workbench.model, watching.batch(), noting, edges, renormalise=self.panel.renormalise)
        return {"value": float(out.value), "change": float(out.change), "before": noting.kept[0], "now": noting.kept[1]}

    def drawn(self, draw: int) -> list:
        """As many edges of the same layers and heads, drawn by chance."""
        length = self.workbench.encoding.length
        generator = torch.Generator().manual_seed(1000 * self.workbench.seed + draw)
        drawn = []
        for head in dict.fromkeys((layer, head) for layer, head, _, _ in self.edges()):
            count = sum(edge[:2] == head for edge in self.edges())
            places = torch.randperm(length * length, generator=generator)[:count].tolist()
            drawn += [(*head, *divmod(place, length)) for place in places]
        return drawn

    # --- the map on which one clicks

    def weights(self, layer: int, head: int) -> torch.Tensor:
        """(query, key): attention of one head, or the mean of the layer's for `EVERY`; zeros where it is gone."""
        from bertlab.analysis import evaluating
        from bertlab.analysis.heads import head_numbers
        from bertlab.recording import names, record

        workbench, watching = self.workbench, self.panel.watching
        layer = workbench._check_index(layer, workbench.layer_count, "layer")

        def compute() -> torch.Tensor:
            model = workbench.model
            with workbench.lock, torch.no_grad(), evaluating(model), watching.switched_off():
                with record(model, names.probs(layer)) as recording:
                    model.base_model(**watching.batch())
            return recording.attention(layer)[0].float().cpu()  # (heads left, query, key)

        maps = workbench.cached(("edges", layer, *watching.key), compute)
        numbers = head_numbers(workbench.model, layer)
        if head == EVERY:
            return maps.mean(0) if len(numbers) else maps.sum(0)
        workbench._check_index(head, workbench.head_count, "head")
        return maps[numbers.index(head)] if head in numbers else torch.zeros(maps.shape[1:])

    def toggled(self, query: int | None, key: int | None, layer: int, head: int) -> list[list[int]]:
        """The cut edges after one was clicked; without a query all that look at the key, without a key the whole row
        but the token's own place. What is all cut already is put back.

        Raises:
            SelectionError: for a head that is gone.
        """
        from bertlab.analysis.heads import head_numbers

        workbench, length = self.workbench, self.workbench.encoding.length
        for place in (query, key):
            if place is not None:
                workbench._check_index(place, length, "token")
        heads = {"head": [(layer, head)], "layer": [(layer, EVERY)]}.get(
            self.panel.span, [(number, EVERY) for number in range(workbench.layer_count)]
        )
        heads = [(number, one) for number, one in heads if head_numbers(workbench.model, number)]
        if self.panel.span == "head" and head not in head_numbers(workbench.model, layer):
            raise SelectionError(
                say("head {layer}.{head} was pruned from this model: choose another one", layer=layer, head=head)
            )
        if query is None:
            pairs = [(other, key) for other in range(length) if other != key]
        elif key is None:
            pairs = [(query, other) for other in range(length) if other != query]
        else:
            pairs = [(query, key)]
        wanted = [[*one, *pair] for one in heads for pair in pairs]
        now = [list(edge) for edge in self.panel.cut]
        if all(edge in now for edge in wanted):
            return [edge for edge in now if edge not in wanted]
        return now + [edge for edge in wanted if edge not in now]

    # --- shown

    def view(self, found: dict | None) -> dict:
        watching = self.panel.watching
        before = watching.logits()
        now = found["now"] if found else before
        return {
            "tokens_now": self.panel.watching.token_names(),
            "bars": watching.bars(before, now),
            "cut": [list(edge) for edge in self.panel.cut],
            "place": watching.now().place,
            "map_key": str(hash(watching.key)),
        }

    def sentence(self, found: dict | None) -> str:
        word, watching = self.panel.watching.now(), self.panel.watching
        whole = float(watching.logits().softmax(-1)[word.token])
        count = len(self.panel.cut)
        if not count:
            return say(
                "No edge is cut: {word} has {probability}. Click a cell: its row looks at its column no more.",
                word=quoted(word.word), probability=percent(whole),
            )  # fmt: skip
        if not found:
            return say_n("Cutting {count:,} edge …", "Cutting {count:,} edges …", count)
        changes = moved(whole, float(found["now"].softmax(-1)[word.token]))
        chance = found.get("chance")
        if not chance:
            return say_n(
                "Without {count:,} edge {word} {changes}.", "Without {count:,} edges {word} {changes}.", count,
                word=quoted(word.word), changes=changes,
            )  # fmt: skip
        mean = sum(chance) / len(chance) - watching.value(watching.logits())
        return say_n(
            "Without {count:,} edge {word} {changes}; as many drawn by chance change it by {by_chance} (mean of "
            "{draws} draws).",
            "Without {count:,} edges {word} {changes}; as many drawn by chance change it by {by_chance} (mean of "
            "{draws} draws).",
            count,
            word=quoted(word.word),
            changes=changes,
            by_chance=points(mean) if self.panel.measure == "probability" else signed(mean),
            draws=len(chance),
        )

    def data(self) -> float:
        found = self.whole()
        return found["change"] if found else 0.0

    def table(self) -> list[dict]:
        found, watching = self.seen(), self.panel.watching
        names, word = self.panel.watching.token_names(), watching.now().word
        whole = watching.value(watching.logits())
        ends = {"word": word, "measure": self.panel.measure, "whole": whole, "without": found.get("value", whole)}
        rows = [
            {"layer": layer, "head": "all" if head is None else head, "query": query, "query_token": names[query]}
            | {"key": key, "key_token": names[key], "weight": float(self.weights(layer, EVERY if head is None else head)
                                                                   [query, key])}
            | ends
            for layer, head, query, key in self.edges()
        ]  # fmt: skip
        return rows or [{"layer": "", "head": "", "query": "", "key": "", **ends}]

    def code(self) -> list[str]:
        lines = setting_code(self.panel, "patching")
        before, line = off_code(self.panel)
        if not self.panel.cut:
            return [*lines, "result = 0.0  # no edge is cut"]
        body = [
            f"edges = {self.edges()}  # (layer, head or None for all, query, key)",
            f"out = patching.knock_out(lab.model, batch, target, edges, renormalise={self.panel.renormalise})",
            "result = float(out.change)",
        ]
        return [*lines, *before, *under(line, body)]

    def figure(self, width: float):
        layer, head = self.panel.layer, EVERY if self.panel.span != "head" else self.panel.head
        cut = [(q, k) for at, h, q, k in self.panel.cut if at == layer and h in (EVERY, head)]
        if head == EVERY:
            title = say("layer {layer}, all heads: row looks at column (√ of the weight)", layer=layer)
        else:
            title = say("layer {layer}, head {head}: row looks at column (√ of the weight)", layer=layer, head=head)
        found = self.seen()
        before = self.panel.watching.logits()
        bars = self.panel.watching.bars(before, found["now"] if found else before)
        return pictures.matrix_and_bars(
            self.weights(layer, head), self.panel.watching.token_names(), cut, bars, width, title
        )

    # --- predict first

    def gate(self) -> str:
        word = self.panel.watching.now().word
        if not self.panel.cut:
            return say("How likely is “{word}” before an edge is cut, in percent?", word=word)
        return say_n(
            "How likely will “{word}” be without {count:,} edge, in percent?",
            "How likely will “{word}” be without {count:,} edges, in percent?",
            len(self.panel.cut),
            word=word,
        )

    def grade(self, guess: str) -> str:
        return graded_percent(self, guess, self.whole().get("now") if self.panel.cut else None)


def graded_percent(look: Look, guess: str, logits: torch.Tensor | None) -> str:
    """A guess of a probability in percent against the watched word's."""
    watching, number = look.panel.watching, guessed_number(guess)
    logits = watching.logits() if logits is None else logits
    is_now = 100 * float(logits.softmax(-1)[watching.now().token])
    said = chance_of(watching.now().word, is_now / 100)
    if number is None:
        return no_number(guess, said)
    near = abs(number - is_now) <= max(2.0, 0.15 * is_now)
    return right(said) if near else guessed(say("{number} %", number=guess.strip().rstrip("%").strip()), said)
