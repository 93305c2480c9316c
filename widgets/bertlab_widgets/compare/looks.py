"""What the looks of a `ComparePanel` have in common, and the one that goes by layer and head."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from bertlab.language import mark, say, say_n

from ..panel import Look, Stopped, listed, percent, signed, state_name
from ..workbench import CORPUS, SelectionError
from . import pictures
from .sides import cosines, distances


def known(values: torch.Tensor, digits: int = 4) -> list:
    """Numbers as JSON: rounded, None where there is none."""
    if values.dim() > 1:
        return [known(row, digits) for row in values]
    return [None if math.isnan(value) else round(value, digits) for value in values.tolist()]


def state_labels(layers: int) -> list[str]:
    """The hidden states as names of rows."""
    return [say("embeddings"), *(say("after {layer}", layer=layer) for layer in range(layers))]


class Sided(Look):
    """A look at both sides of one text: its numbers are those of the sides, computed in a moment."""

    label = mark("Running both")

    def steps(self) -> Iterator[float]:
        key = self.key()
        a, b = self.panel.both.sides()
        yield 0.9
        self.keep(key, self.compare(a, b, self.panel.both.pairs()))

    def compare(self, a: Any, b: Any, pairs: list[tuple[int, int]]) -> dict:
        """The numbers, from both sides."""
        raise NotImplementedError

    def needs(self) -> None:
        if not self.panel.both.pairs():
            raise SelectionError(say("the two texts have no token in common: type one that is like the first"))

    def names(self) -> list[str]:
        """The tokens of the first side that have a partner; "keys / key" where they differ."""
        both = self.panel.both
        first, second = (self.tokens_of(batch) for batch in both.batches())
        return [first[i] if first[i] == second[j] else f"{first[i]} / {second[j]}" for i, j in both.pairs()]

    def tokens_of(self, batch: dict) -> list[str]:
        """The tokens of a batch of one text."""
        return self.workbench.lab.tokenizer.convert_ids_to_tokens(batch["input_ids"][0].tolist())

    def place_named(self, guess: str) -> list[int]:
        """The pairs whose token is the one that was guessed."""
        wanted = guess.strip().casefold()
        return [i for i, name in enumerate(self.names()) if wanted in name.casefold().split(" / ")]


class Overview(Sided):
    """Hidden states and attention, layer by layer and head by head: over many sentences, or over this text."""

    name, label = "overview", mark("Comparing over many sentences")

    @property
    def in_small_steps(self) -> bool:
        """Many sentences run in a thread from the beginning."""
        return not self.over_many

    @property
    def over_many(self) -> bool:
        """Whether the numbers are those of many sentences."""
        return self.panel.against == "model" and self.panel.over == "samples"

    def needs(self) -> None:
        if not self.over_many:
            super().needs()
        elif not self.texts():
            raise SelectionError(say("none of the sentences fits into this model: compare over this text"))

    def texts(self) -> list[str]:
        """The sentences that fit into both models."""
        workbench, other = self.workbench, self.panel.both.lab()
        most = min(workbench.lab.max_length, other.max_length)
        key = ("fitting", most, tuple(workbench.corpus))
        tokens = workbench.lab.tokenizer
        fits = lambda text: len(tokens(text, truncation=True, max_length=most + 1)["input_ids"]) <= most  # noqa: E731
        return workbench.cached(key, lambda: [text for text in workbench.sentences() if fits(text)])

    def depends_on(self) -> tuple:
        return ("samples", tuple(self.workbench.corpus)) if self.over_many else ("text", *self.counted())

    def counted(self) -> list[int]:
        """The pairs whose numbers count in this text: those of selected tokens, where there are such, else all."""
        pairs = self.panel.both.pairs()
        return [at for at, (i, _) in enumerate(pairs) if i in self.workbench.selected] or list(range(len(pairs)))

    def steps(self) -> Iterator[float]:
        if not self.over_many:
            yield from super().steps()
            return
        from bertlab.analysis import compare

        key, workbench, both, job = self.key(), self.workbench, self.panel.both, self.panel.job

        def between(share: float) -> None:
            if job.mine:
                if job.cancelled.is_set():
                    raise Stopped
                job.report({"label": say(self.label), "done": 0.8 * share})
                workbench.lock.give_way()

        try:
            with workbench.lock, both.switched_off():
                out = compare.models(workbench.lab, both.lab(), self.texts(), progress=between)
                shuffled = self._shuffled()
        except Stopped:
            return
        found = {"cosine": out.cosine, "cka": out.cka, "attention": out.attention, "tokens": out.tokens}
        self.keep(key, {**found, "changed": len(out.changed), "shuffled": shuffled})
        yield 1.0

    def _shuffled(self) -> torch.Tensor:
        """(2, layers + 1): cosine and CKA of the two models' states when the tokens of one are shuffled."""
        from bertlab.analysis.geometry import cka
        from bertlab.recording import names

        workbench, clouds = self.workbench, []
        texts = self.texts()[:40]
        for lab in (workbench.lab, self.panel.both.lab()):
            batch = lab.encode(texts)
            recording = lab.record(batch, names=names.all_hidden())
            real = batch["attention_mask"].bool().cpu()
            states = range(workbench.layer_count + 1)
            clouds.append([recording.hidden(state).float().cpu()[real] for state in states])
        order = torch.randperm(len(clouds[0][0]), generator=torch.Generator().manual_seed(workbench.seed))
        same_width = clouds[0][0].shape == clouds[1][0].shape
        rows = [
            (float(torch.cosine_similarity(x, y[order], dim=1).mean()) if same_width else math.nan, cka(x, y[order]))
            for x, y in zip(*clouds, strict=True)
        ]
        return torch.tensor(rows).T

    def compare(self, a: Any, b: Any, pairs: list[tuple[int, int]]) -> dict:
        mine, theirs = map(list, zip(*pairs, strict=True))
        order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(self.workbench.seed)).tolist()
        shuffled = cosines(a, b, [(i, theirs[k]) for i, k in zip(mine, order, strict=True)]).mean(-1)
        rows = self.counted()
        return {
            "cosine": cosines(a, b, pairs)[:, rows].mean(-1),
            "cka": None,
            "attention": distances(a, b, pairs)[:, :, rows].mean(-1),
            "tokens": len(rows),
            "changed": int((a.logits[mine].argmax(-1) != b.logits[theirs].argmax(-1))[rows].sum()),
            "shuffled": torch.stack([shuffled, torch.full_like(shuffled, torch.nan)]),
        }

    def view(self, found: dict | None) -> dict:
        if not found:
            return {"cosine": [], "cka": [], "shuffled": [[], []], "attention": [], "tokens": 0}
        return {
            "cosine": known(found["cosine"]),
            "cka": known(found["cka"]) if found["cka"] is not None else [],
            "shuffled": known(found["shuffled"]),
            "attention": known(found["attention"]),
            "tokens": found["tokens"],
        }

    def sentence(self, found: dict | None) -> str:
        if not found:
            return say("Running both over many sentences …")
        said = self._of_all_that_count(found)
        selected = [place for place in self.workbench.selected if place < self.workbench.encoding.length]
        if not selected:
            return said
        if self.over_many:
            return say(
                "{sentence} A selected token changes nothing here: the numbers are of many sentences.", sentence=said
            )
        names = [name for name, (i, _) in zip(self.names(), self.panel.both.pairs(), strict=True) if i in selected]
        if not names:
            return say("{sentence} The selected token has no partner in the other text, so all count.", sentence=said)
        return say("At {tokens}: {sentence}", tokens=listed(names), sentence=said[:1].lower() + said[1:])

    def _of_all_that_count(self, found: dict) -> str:
        """Where states and attention of the tokens that count differ most."""
        cosine, attention = found["cosine"], found["attention"]
        layer, head = divmod(int(attention.nan_to_num(-1.0).argmax()), attention.shape[1])
        said = {
            "layer": layer,
            "head": head,
            "share": percent(float(attention[layer, head])),
            "middle": percent(float(attention[~attention.isnan()].median())),
            "words": say_n(
                "The likeliest word differs at {count:,} place.",
                "The likeliest word differs at {count:,} places.",
                found["changed"],
            ),
        }
        if cosine.isnan().all():
            return say(
                "Head {layer}.{head} moves most of its attention, {share} (the middle head: {middle}). {words}", **said
            )
        state = int(cosine.nan_to_num(2.0).argmin())
        return say_n(
            "Hidden states differ most {where}: cosine {cosine} on average over {count:,} token (tokens shuffled: "
            "{shuffled}); head {layer}.{head} moves most of its attention, {share} (the middle head: {middle}). "
            "{words}",
            "Hidden states differ most {where}: cosine {cosine} on average over {count:,} tokens (tokens shuffled: "
            "{shuffled}); head {layer}.{head} moves most of its attention, {share} (the middle head: {middle}). "
            "{words}",
            found["tokens"],
            **said,
            where=state_name(state),
            cosine=signed(float(cosine[state])),
            shuffled=signed(float(found["shuffled"][0, state])),
        )

    def data(self) -> dict[str, torch.Tensor]:
        found = self.whole()
        names = ("cosine", "cka", "attention") if found["cka"] is not None else ("cosine", "attention")
        return {name: found[name] for name in names}

    def table(self) -> list[dict]:
        found = self.whole()
        rows: list[dict] = []
        for state, cosine in enumerate(known(found["cosine"], 6)):
            cka = "" if found["cka"] is None else float(found["cka"][state])
            row = {"hidden_state": state, "cosine": cosine, "cka": cka, "tokens": found["tokens"]}
            rows.append({**row, "cosine_shuffled": known(found["shuffled"][0], 6)[state]})
        for layer, heads in enumerate(known(found["attention"], 6)):
            rows += [{"layer": layer, "head": head, "attention_moved": value} for head, value in enumerate(heads)]
        return rows

    def code(self) -> list[str]:
        both = self.panel.both
        if not self.over_many:
            return [
                *both.code(),
                "mine, theirs = map(list, zip(*pairs))",
                f"rows = {self.counted()}  # pairs that count: of selected tokens, or all",
                "cosine = torch.cosine_similarity(a.hidden[:, mine], b.hidden[:, theirs], dim=-1)",
                "attention = distances(a, b, pairs)",
                'result = {"cosine": cosine[:, rows].mean(-1), "attention": attention[:, :, rows].mean(-1)}',
            ]
        before, line = both.off_code()
        workbench = self.workbench
        corpus = [f"corpus = {list(workbench.corpus)!r}"] if workbench.corpus else ["from bertlab.data import samples"]
        corpus += [] if workbench.corpus else [CORPUS]
        if len(self.texts()) < len(workbench.sentences()):
            most = min(workbench.lab.max_length, both.lab().max_length)
            corpus.append(f"corpus = [text for text in corpus if len(lab.tokenizer(text)['input_ids']) <= {most}]")
        run = "found = compare.models(lab, other, corpus)"
        return [
            "from bertlab.analysis import compare",
            *both.labs_code(),
            *corpus,
            *before,
            *([line, f"    {run}"] if line else [run]),
            'result = {"cosine": found.cosine, "cka": found.cka, "attention": found.attention}',
        ]

    def figure(self, width: float):
        return pictures.overview(self.whole(), self.panel.layer, self.panel.head, width)

    def gate(self) -> str:
        return say("After which layer (0 is the first one) do the hidden states differ most?")

    def options(self) -> list[str]:
        count = self.workbench.layer_count
        return [say("embeddings"), *(str(layer) for layer in range(count))] if count <= 24 else []

    def grade(self, guess: str) -> str:
        cosine = self.whole()["cosine"]
        if cosine.isnan().all():
            return say("The models are of unequal width, so their states have no cosine.")
        state = int(cosine.argmin())
        number = signed(float(cosine[state]))
        said = say("they differ most {where}, cosine {cosine}", where=state_name(state), cosine=number)
        return self.graded_choice(guess, [say("embeddings")] if state == 0 else [str(state - 1)], said)
