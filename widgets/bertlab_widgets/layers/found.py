"""What is looked for in a `LayersPanel`: nearest contexts, probes, neurons, what each layer would say.

What takes long goes on in a thread; until it is there the view says `waiting`, or offers to start it.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import Any

import torch

from bertlab.language import say, say_n

from ..workbench import SelectionError, token_names

KEPT = 8  # indices and lists of neurons that are kept
COUNTER = itertools.count()
TOP = 10  # neurons, words, contexts that are shown
CORPUS_CODE = 'texts = [row["text"] for name in ("topics", "sentiment") for row in samples(name)]'


class Found:
    """The results of long searches, kept for the lab and the corpus that they were made of."""

    def __init__(self, panel: Any):
        self.panel = panel
        self._kept: OrderedDict[tuple, Any] = OrderedDict()
        self.declined: set[tuple] = set()  # what was stopped waits until it is asked for

    @property
    def workbench(self):
        """The state that all panels share."""
        return self.panel.workbench

    def corpus(self) -> list[str]:
        """The sentences that are searched: the workbench's own, or those that ship."""
        if self.workbench.corpus:
            return list(self.workbench.corpus)
        from bertlab.data import samples

        return [row["text"] for name in ("topics", "sentiment") for row in samples(name)]

    def key(self, kind: str, *more: Any) -> tuple:
        """What a result depends on."""
        workbench = self.workbench
        weights = workbench.cached(("weights",), lambda: next(COUNTER))  # another number for other weights
        return (kind, weights, tuple(workbench.corpus), workbench.key[-1], *more)

    def get(self, key: tuple) -> Any:
        """What was found under a key, or None."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: tuple, value: Any) -> None:
        """Keep a result; the oldest of many go."""
        self._kept[key] = value
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def search(self, key: tuple, work, label: str, *, asked: bool = False) -> Any:
        """What `work(progress)` gives: at once where it is known, else None while a thread looks for it.

        It starts by itself the first time; where it was stopped, when it is asked for.
        """
        found, panel = self.get(key), self.panel
        if found is not None or (key in self.declined and not asked):
            return found
        self.declined.discard(key)

        def stopped() -> None:
            self.declined.add(key)
            panel._update({"found"})

        panel.find(lambda progress: self.put(key, work(progress)), label, stopped)
        return None

    def waits(self, kind: str, *more: Any) -> bool:
        """Whether a result that is not there comes by itself: it does, unless its search was stopped."""
        return self.key(kind, *more) not in self.declined

    # --- nearest contexts

    def index(self, *, asked: bool = False) -> Any:
        """The tokens of the corpus at the hidden state that is shown, made to be searched."""
        from bertlab.analysis.neighbours import Index

        state, corpus = self.panel.state_number, self.fitting()

        def work(progress):
            return Index(self.workbench.lab, corpus, layer=state, progress=progress)

        label = say_n("Indexing {count} sentence", "Indexing {count} sentences", len(corpus))
        return self.search(self.key("index", state), work, label, asked=asked)

    def fitting(self) -> list[str]:
        """The corpus without what the model does not take, so that one long line does not spoil the rest."""
        workbench = self.workbench

        def compute() -> list[str]:
            texts = [text for text in self.corpus() if text.strip()]
            rows = workbench.lab.tokenizer(texts, verbose=False)["input_ids"] if texts else []
            return [text for text, row in zip(texts, rows, strict=True) if len(row) <= workbench.limit]

        texts = workbench.cached(("fitting", tuple(workbench.corpus)), compute)
        if not texts:
            raise SelectionError(say("the corpus holds no sentence that the model takes; give shorter ones"))
        return texts

    def neighbours(self, index: Any, place: int) -> list[dict]:
        """The tokens of the corpus nearest to a place of the text, the sentence itself left out."""
        workbench = self.workbench
        vector = workbench.recording.hidden(self.panel.state_number)[0, place].float()
        count = min(len(index), self.panel.count)
        rows = [{**vars(one), "similarity": round(one.similarity, 4)} for one in index.search(vector, count)]
        return self.with_spans(rows)

    def with_spans(self, rows: list[dict]) -> list[dict]:
        """The rows with the characters of their token in the text: `start`, and `end` behind the last one."""
        encoded = self.workbench.lab.tokenizer(
            [row["text"] for row in rows], return_offsets_mapping=True, verbose=False
        )
        spans = [offsets[row["place"]] for offsets, row in zip(encoded["offset_mapping"], rows, strict=True)]
        return [{**row, "start": span[0], "end": span[1]} for row, span in zip(rows, spans, strict=True)]

    def chance(self, index: Any) -> float:
        """The mean cosine of two tokens of the corpus: what nearness is held against."""
        from bertlab.analysis import geometry

        vectors = index.vectors
        step = max(1, len(vectors) // 2000)
        return geometry.anisotropy(vectors[::step]) if len(vectors) > 1 else 1.0

    # --- every layer read as the last

    def lens(self, place: int, count: int = 3) -> list[dict]:
        """For each hidden state the best tokens, the token's own rank, entropy and distance to the last layer."""
        workbench = self.workbench

        def compute() -> dict:
            from bertlab.analysis import lens

            truth = workbench.encoding.tokens[place]["id"]
            with workbench.ablating():
                logits = lens.layer_logits(workbench.model, workbench.recording, head="token", places=[place])
            found = lens.view(logits[:, 0, 0], top_k=count, truth=truth)
            return {name: getattr(found, name).cpu() for name in found.__dataclass_fields__}

        found = workbench.cached(("layers lens", place, count, *workbench.key), compute)
        return [
            {
                "state": state,
                "best": [
                    {"token": token, "probability": float(p)}
                    for token, p in zip(token_names(workbench.lab.tokenizer, ids.tolist()), probabilities, strict=True)
                ],
                "truth": float(found["truth_probability"][state]),
                "rank": int(found["truth_rank"][state]),
                "entropy": float(found["entropy"][state]),
                "divergence": float(found["divergence"][state]),
            }
            for state, (ids, probabilities) in enumerate(zip(found["ids"], found["probabilities"], strict=True))
        ]

    # --- probes

    def probe_steps(self, rows: list[dict], seed: int, show):
        """Probe one hidden state after the other; yields the share done, shows each result as it comes."""
        from bertlab.analysis.probing import each_layer

        workbench, count, found = self.workbench, self.workbench.layer_count + 1, []
        with workbench.lock, workbench.ablating():
            results = each_layer(workbench.lab, rows, seed=seed)
            first = next(results)  # reads all sentences with the model; what follows needs it no more
        found.append(first)
        show(list(found))
        yield 1 / count
        for probe in results:
            found.append(probe)
            show(list(found))
            yield len(found) / count

    # --- neurons

    def activations(self, layer: int, place: int) -> torch.Tensor:
        """(neurons,): how active each neuron of a layer is at a place of the text."""
        from bertlab.recording import names

        workbench, name = self.workbench, names.neurons(layer)

        def compute() -> torch.Tensor:
            return workbench.run(names=(name,)).recording[name][0].float().cpu()  # (sequence, neurons)

        return workbench.cached(("neurons", layer, *workbench.key), compute)[place]

    def promoted(self, layer: int, neuron: int) -> list[dict]:
        """The words that a neuron's output vector speaks for."""
        from bertlab.analysis import neurons

        model = self.workbench.model
        count = min(TOP, model.config.vocab_size)
        with self.workbench.lock:
            found = neurons.words(model, layer, neuron, count)
        names = token_names(self.workbench.lab.tokenizer, [one.token_id for one in found])
        return [{"token": name, "logit": one.logit} for name, one in zip(names, found, strict=True)]

    def contexts(self, layer: int, neuron: int, *, asked: bool = False) -> list[dict] | None:
        """The contexts of the corpus that move a neuron most; None while they are looked for."""
        from bertlab.analysis import neurons

        corpus = self.fitting()

        def work(progress):
            found = neurons.strongest(self.workbench.lab, corpus, layer, 8, special=False, progress=progress)
            return [[vars(one) for one in contexts] for contexts in found]

        label = say("Listening to the neurons of layer {layer}", layer=layer)
        found = self.search(self.key("contexts", layer), work, label, asked=asked)
        return None if found is None else self.with_spans(found[neuron])

    def without(self, layer: int, neuron: int, place: int) -> dict | None:
        """The best word at a place with the neuron and without it; None where the model predicts no words."""
        from bertlab.analysis import neurons

        workbench = self.workbench
        if workbench.result.mlm_logits is None:
            return None
        before = workbench.probabilities(place)

        def compute() -> torch.Tensor:
            with neurons.ablate(workbench.model, [(layer, neuron)]):
                return workbench.probabilities(place, workbench.run(names=()))

        after = workbench.cached(("without neuron", layer, neuron, place, *workbench.key), compute)
        best = int(before.argmax())
        token = token_names(workbench.lab.tokenizer, [best])[0]
        return {"token": token, "before": float(before[best]), "after": float(after[best])}
