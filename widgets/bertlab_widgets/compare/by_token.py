"""The looks of a `ComparePanel` at one text, token by token: attention, hidden states, predictions."""

from __future__ import annotations

import math
from typing import Any

import torch

from bertlab.language import say, say_n

from ..panel import guessed_number, moved, percent, quoted, signed, state_name
from ..panel.drawing import map_figure
from ..workbench import SelectionError, needs_word_head, token_names, words_code
from . import pictures
from .looks import Sided, known, state_labels
from .sides import cosines, distances


class AttentionLook(Sided):
    """One head on both sides, and the difference of its weights."""

    name = "attention"

    def depends_on(self) -> tuple:
        return ("attention",)

    def compare(self, a: Any, b: Any, pairs: list[tuple[int, int]]) -> dict:
        return {"moved": distances(a, b, pairs)}  # (layers, heads, pairs)

    def difference(self) -> torch.Tensor:
        """(pairs, pairs): B minus A of the head on show; or one side alone."""
        a, b = self.panel.both.sides()
        mine, theirs = map(list, zip(*self.panel.both.pairs(), strict=True))
        layer, head = self.panel.layer, self.panel.head
        one = a.attention[layer, head][mine][:, mine]
        other = b.attention[layer, head][theirs][:, theirs]
        return {"a": one, "b": other}.get(self.panel.side, other - one)

    def view(self, found: dict | None) -> dict:
        return {
            "tokens_now": self.names(),
            "moved": known(found["moved"].mean(-1)) if found else [],
            "map_key": str(hash((self.key(), self.panel.side))),
            "places": [i for i, _ in self.panel.both.pairs()],
        }

    def sentence(self, found: dict | None) -> str:
        if not found:
            return say("Running both …")
        layer, head = self.panel.layer, self.panel.head
        every = found["moved"].mean(-1)
        moved_here = float(every[layer, head])
        if math.isnan(moved_here):
            return say("Head {layer}.{head} is gone in one of the two: it has no difference.", layer=layer, head=head)
        a, b = self.panel.both.sides()
        mine, theirs = map(list, zip(*self.panel.both.pairs(), strict=True))
        change = b.attention[layer, head][theirs][:, theirs] - a.attention[layer, head][mine][:, mine]
        rows = [at for at, i in enumerate(mine) if i in self.workbench.selected] or list(range(len(mine)))
        row, key = divmod(int(change[rows].abs().argmax()), change.shape[1])
        row, names = rows[row], self.names()
        before = float(a.attention[layer, head][mine[row], mine[key]])
        return say(
            "Head {layer}.{head} moves {share} of its attention here (the middle head: {middle}); most from {query} to "
            "{key}, which {changes}.",
            layer=layer,
            head=head,
            share=percent(moved_here),
            middle=percent(float(every[~every.isnan()].median())),
            query=quoted(names[row]),
            key=quoted(names[key]),
            changes=moved(before, max(0.0, before + float(change[row, key]))),
        )

    def data(self) -> torch.Tensor:
        self.whole()
        return self.difference()

    def table(self) -> list[dict]:
        self.whole()
        places = [(i, name) for (i, _), name in zip(self.panel.both.pairs(), self.names(), strict=True)]
        shown = {"head": f"{self.panel.layer}.{self.panel.head}", "shown": self.panel.side}
        return [
            {**shown, "query": query, "query_token": one, "key": key, "key_token": other, "weight": value}
            for (query, one), row in zip(places, self.difference().tolist(), strict=True)
            for (key, other), value in zip(places, row, strict=True)
        ]

    def code(self) -> list[str]:
        layer, head = self.panel.layer, self.panel.head
        one = f"a.attention[{layer}, {head}][mine][:, mine]"
        other = f"b.attention[{layer}, {head}][theirs][:, theirs]"
        shown = {"a": one, "b": other}.get(self.panel.side, f"{other} - {one}")
        lines = [*self.panel.both.code(), "mine, theirs = map(list, zip(*pairs))"]
        return [*lines, f"result = {shown}  # (query, key)"]

    def figure(self, width: float):
        found = self.whole()
        return pictures.attention(
            found["moved"].mean(-1),
            self.difference(),
            self.names(),
            (self.panel.layer, self.panel.head),
            self.panel.side,
            width,
        )

    def gate(self) -> str:
        return say("Which layer's heads move most of their attention on this text?")

    def options(self) -> list[str]:
        count = self.workbench.layer_count
        return [str(layer) for layer in range(count)] if count <= 24 else []

    def grade(self, guess: str) -> str:
        every = self.whole()["moved"].mean(-1).nanmean(-1)
        layer = int(every.nan_to_num(-1).argmax())
        share = percent(float(every[layer]))
        said = say("layer {layer} moves most, {share} on average over its heads", layer=layer, share=share)
        return self.graded_choice(guess, [str(layer)], said)


class HiddenLook(Sided):
    """How far each token's hidden state moved, layer by layer: 1 - cosine."""

    name = "hidden"

    def needs(self) -> None:
        super().needs()
        a, b = self.workbench.config.hidden_size, self.panel.both.lab().model.config.hidden_size
        if a != b:
            raise SelectionError(
                say("the models are {a} and {b} wide, so their hidden states have no cosine", a=a, b=b)
            )

    def compare(self, a: Any, b: Any, pairs: list[tuple[int, int]]) -> dict:
        return {"cosine": cosines(a, b, pairs)}

    def view(self, found: dict | None) -> dict:
        cell = self.shown_cell(found)
        return {
            "rows": state_labels(self.workbench.layer_count),
            "columns": self.names(),
            "values": known(1 - found["cosine"]) if found else [],
            "top": self.top(found),
            "cell": list(cell) if cell else [],
            "places": [i for i, _ in self.panel.both.pairs()],
        }

    def top(self, found: dict | None) -> float:
        """Where the scale of colours ends."""
        largest = float((1 - found["cosine"]).nan_to_num(0.0).max()) if found else 1.0
        return next((top for top in (0.01, 0.05, 0.1, 0.25, 0.5, 1.0) if largest <= top), 2.0)

    def shown_cell(self, found: dict | None) -> tuple[int, int] | None:
        """The cell that is spoken of: the chosen one, else the one that moved furthest."""
        if not found:
            return None
        moved_far = 1 - found["cosine"]
        if self.panel.cell and self.panel.cell[0] < len(moved_far) and self.panel.cell[1] < moved_far.shape[1]:
            return tuple(self.panel.cell)
        places = [i for i, _ in self.panel.both.pairs()]
        chosen = [at for at, i in enumerate(places) if i in self.workbench.selected]
        columns = chosen or list(range(len(places)))
        row, at = divmod(int(moved_far[:, columns].nan_to_num(-1).argmax()), len(columns))
        return row, columns[at]

    def sentence(self, found: dict | None) -> str:
        if not found:
            return say("Running both …")
        row, column = self.shown_cell(found)
        cosine = found["cosine"]
        said = {
            "token": quoted(self.names()[column]),
            "cosine": signed(float(cosine[row, column])),
            "where": state_name(row),
            "mean": signed(float(cosine[row].mean())),
        }
        if self.panel.cell or self.workbench.selected:
            return say_n(
                "{token}: its two states have cosine {cosine} {where}; the mean of all {count:,} token there is "
                "{mean}.",
                "{token}: its two states have cosine {cosine} {where}; the mean of all {count:,} tokens there is "
                "{mean}.",
                cosine.shape[1],
                **said,
            )
        return say_n(
            "{token} moved furthest: its two states have cosine {cosine} {where}; the mean of all {count:,} token "
            "there is {mean}.",
            "{token} moved furthest: its two states have cosine {cosine} {where}; the mean of all {count:,} tokens "
            "there is {mean}.",
            cosine.shape[1],
            **said,
        )

    def data(self) -> torch.Tensor:
        return self.whole()["cosine"]

    def table(self) -> list[dict]:
        pairs, names = self.panel.both.pairs(), self.names()
        return [
            {"hidden_state": state, "place": i, "token": name, "cosine": value}
            for state, row in enumerate(self.whole()["cosine"].tolist())
            for (i, _), name, value in zip(pairs, names, row, strict=True)
        ]

    def code(self) -> list[str]:
        line = "result = torch.cosine_similarity(a.hidden[:, mine], b.hidden[:, theirs], dim=-1)  # (layers + 1, pairs)"
        return [*self.panel.both.code(), "mine, theirs = map(list, zip(*pairs))", line]

    def figure(self, width: float):
        found = self.whole()
        rows = state_labels(self.workbench.layer_count)
        label, top = say("1 − cosine of the token's two states"), self.top(found)
        return map_figure(1 - found["cosine"], rows, self.names(), width, label, top, self.shown_cell(found))

    def gate(self) -> str:
        return say("Which token's hidden state differs most after the last layer?")

    def options(self) -> list[str]:
        names = list(dict.fromkeys(self.names()))
        return names if len(names) <= 24 else []

    def grade(self, guess: str) -> str:
        last = self.whole()["cosine"][-1]
        best, names = int(last.argmin()), self.names()
        cosine = signed(float(last[best]))
        said = say("{token} differs most, cosine {cosine}", token=quoted(names[best]), cosine=cosine)
        if best in self.place_named(guess) or guess.strip() == names[best]:
            return say("Right: {said}.", said=said)
        return say("Your guess was {guess}; {said}.", guess=quoted(guess.strip()), said=said)


class PredictionsLook(Sided):
    """What either side expects at every place, and at the watched one."""

    name = "predictions"

    def needs(self) -> None:
        super().needs()
        for lab in (self.workbench.lab, self.panel.both.lab()):
            needs_word_head(lab, say("look at its attention and hidden states"))

    def compare(self, a: Any, b: Any, pairs: list[tuple[int, int]]) -> dict:
        mine, theirs = map(list, zip(*pairs, strict=True))
        return {"a": a.logits[mine].softmax(-1), "b": b.logits[theirs].softmax(-1)}  # (pairs, vocabulary)

    def rows(self, found: dict) -> list[dict]:
        """Place by place: the likeliest word on both sides."""
        best = [found[side].max(-1) for side in ("a", "b")]
        words = [token_names(self.workbench.lab.tokenizer, side.indices.tolist()) for side in best]
        moved_by = (found["a"] - found["b"]).abs().sum(-1) / 2
        return [
            {
                "place": i,
                "token": token,
                "before": words[0][at],
                "before_probability": float(best[0].values[at]),
                "after": words[1][at],
                "after_probability": float(best[1].values[at]),
                "changed": words[0][at] != words[1][at],
                "moved": float(moved_by[at]),
            }
            for at, ((i, _), token) in enumerate(zip(self.panel.both.pairs(), self.names(), strict=True))
        ]

    def watched(self) -> int | None:
        """The pair at which predictions are watched; None where its token has no partner."""
        place, _ = self.panel.both.watched()
        return next((at for at, (i, _) in enumerate(self.panel.both.pairs()) if i == place), None)

    def bars(self, found: dict) -> list[dict]:
        """The likeliest words of both sides at the watched place."""
        at = self.watched()
        if at is None:
            return []
        a, b = found["a"][at], found["b"][at]
        ids = list(dict.fromkeys([*a.topk(4).indices.tolist(), *b.topk(4).indices.tolist()]))
        ids.sort(key=lambda token: -float(max(a[token], b[token])))
        names = token_names(self.workbench.lab.tokenizer, ids)
        return [
            {"token": name, "probability": float(b[i]), "before": float(a[i])}
            for name, i in zip(names, ids, strict=True)
        ]

    def view(self, found: dict | None) -> dict:
        place, hidden = self.panel.both.watched()
        rows = self.rows(found) if found else []
        for row in rows:
            row |= {name: round(row[name], 4) for name in ("before_probability", "after_probability", "moved")}
        return {"rows": rows, "bars": self.bars(found) if found else [], "place": place, "hidden": hidden}

    def sentence(self, found: dict | None) -> str:
        if not found:
            return say("Running both …")
        rows, at = self.rows(found), self.watched()
        changed = sum(row["changed"] for row in rows)
        differs = say_n(
            "The likeliest word differs at {changed} of {count:,} place",
            "The likeliest word differs at {changed} of {count:,} places",
            len(rows),
            changed=changed,
        )
        if at is None:
            return say("{differs}; the watched token has no partner in the other text.", differs=differs)
        row, best = rows[at], int(found["a"][at].argmax())
        said = {
            "differs": differs,
            "place": row["place"],
            "word": quoted(row["before"]),
            "changes": moved(float(found["a"][at, best]), float(found["b"][at, best])),
        }
        if not row["changed"]:
            return say("{differs}; at place {place} {word} {changes}.", **said)
        return say(
            "{differs}; at place {place} {word} {changes}, behind {other} with {probability}.",
            **said,
            other=quoted(row["after"]),
            probability=percent(row["after_probability"]),
        )

    def data(self) -> list[tuple]:
        return [(row["before"], row["after"]) for row in self.rows(self.whole())]

    def table(self) -> list[dict]:
        return self.rows(self.whole())

    def code(self) -> list[str]:
        return [
            *self.panel.both.code(),
            "mine, theirs = map(list, zip(*pairs))",
            *words_code(self.workbench),
            "before, after = a.logits[mine].argmax(-1).tolist(), b.logits[theirs].argmax(-1).tolist()",
            "result = list(zip(words(before), words(after)))",
        ]

    def figure(self, width: float):
        found = self.whole()
        return pictures.predictions(self.rows(found), self.bars(found), width)

    def gate(self) -> str:
        return say_n(
            "At how many of {count:,} place does the likeliest word differ?",
            "At how many of {count:,} places does the likeliest word differ?",
            len(self.panel.both.pairs()),
        )

    def grade(self, guess: str) -> str:
        changed, number = sum(row["changed"] for row in self.rows(self.whole())), guessed_number(guess)
        said = say("it differs at {count}", count=changed)
        if number is None:
            return say("{guess} is no number; {said}.", guess=quoted(guess), said=said)
        if number == changed:
            return say("Right: {said}.", said=said)
        return say("Your guess was {guess}; {said}.", guess=format(number, "g"), said=said)
