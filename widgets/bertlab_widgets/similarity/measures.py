"""The numbers of a `SimilarityPanel`: two sentences split into pairs at every layer, a list as matrices of cosines,
what unrelated sentences get, and what the trained head says."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from bertlab.language import mark, say

from ..workbench import SelectionError, mask_id

POOLINGS = {
    "mean": mark("mean of all tokens"),
    "cls": "[CLS]",
    "max": mark("maximum of all tokens"),
    "pooler": mark("pooler on [CLS]"),
}
EXAMPLES = [
    "A cat is asleep on the windowsill.",
    "The kitten is dozing by the window.",
    "A man is playing the flute.",
    "Someone makes music on the pavement.",
    "The bank raised its interest rates.",
    "Borrowing money has become more expensive.",
    "It will rain all day tomorrow.",
    "Take an umbrella in the morning.",
]
EACH_TOPIC = 4  # shipped sentences of each topic that stand for unrelated ones
QUICK = 2e10  # floating-point operations that need no progress bar
MOST_TEXTS = 100  # of a list


class Measures:
    """What is measured for a panel; every number is kept by the workbench until text or model change."""

    def __init__(self, panel: Any):
        self.panel = panel

    @property
    def workbench(self):
        """The state that all panels share."""
        return self.panel.workbench

    # --- two sentences

    @property
    def texts(self) -> tuple[str, str]:
        """Both sentences; the first one twice where there is no second."""
        return self.workbench.text, self.workbench.text_pair or self.workbench.text

    @property
    def sides(self) -> tuple[int, int]:
        """The segment of the strip that each sentence is."""
        return (0, 1) if self.workbench.text_pair else (0, 0)

    def encodings(self) -> list[Any]:
        """Each sentence by itself as the tokenizer gives it, masks and changed tokens in place."""
        workbench, found = self.workbench, []
        for text, segment in zip(self.texts, self.sides, strict=True):
            encoding = workbench.lab.tokenizer(text, truncation=True, max_length=workbench.limit, return_tensors="pt")
            for position, identifier in self.edits(segment).items():
                encoding["input_ids"][0, position] = identifier
            found.append(encoding)
        return found

    def edits(self, segment: int) -> dict[int, int]:
        """What was masked or changed in a sentence: its own place -> the id that stands there now."""
        workbench, places = self.workbench, self._places(segment)
        edits = {places[at]: token for at, token in workbench.forced.items() if at in places}
        mask = mask_id(workbench)
        return dict(sorted({**edits, **{places[at]: mask for at in workbench.masked if at in places}}.items()))

    def _places(self, segment: int) -> dict[int, int]:
        """For each position of the strip that belongs to a segment its place in the sentence by itself."""
        tokens = self.workbench.encoding.tokens
        own = [i for i, token in enumerate(tokens) if token["segment"] == segment]
        frame = [i for i in own if tokens[i]["special"] and tokens[i]["word"] is None]
        words = [i for i in own if i not in frame]
        places = {position: number + 1 for number, position in enumerate(words)}
        for position in frame:
            first = segment == 0 and position == 0 and len(frame) > 1
            places[position] = 0 if first else len(words) + 1
        return places

    def marks(self) -> list[list[int]]:
        """For each position of the strip the row and the column that it is, -1 where it is none."""
        found = [[-1, -1] for _ in self.workbench.encoding.tokens]
        for side, (segment, encoding) in enumerate(zip(self.sides, self.encodings(), strict=True)):
            numbers = self._numbers(encoding)
            for position, place in self._places(segment).items():
                if place < len(numbers):
                    found[position][side] = numbers[place]
        return found

    def _numbers(self, encoding: Any) -> list[int]:
        """The row of each token: its own, or that of its word."""
        from bertlab.analysis import words

        return words.of(encoding) if self.panel.words else list(range(encoding["input_ids"].shape[1]))

    def special(self) -> tuple[list[int], list[int]]:
        """Which rows and which columns are [CLS], [SEP] and their like."""
        special = set(self.workbench.lab.tokenizer.all_special_ids)
        left_out = {self.workbench.lab.tokenizer.mask_token_id, self.workbench.lab.tokenizer.unk_token_id}
        found = []
        for encoding in self.encodings():
            ids, numbers = encoding["input_ids"][0].tolist(), self._numbers(encoding)
            found.append(sorted({numbers[i] for i, token in enumerate(ids) if token in special - left_out}))
        return found[0], found[1]

    def pairs(self) -> dict:
        """`cells` (layers + 1, tokens of a, tokens of b), `cosines` of every layer, the names of rows and columns."""
        workbench, panel = self.workbench, self.panel

        def compute() -> dict:
            from bertlab.analysis import similarity

            a, b = self.encodings()
            with workbench.ablating():
                found = similarity.explain_layers(workbench.lab, a, b, words=panel.words, pooling=panel.pooling)
            return {
                "cells": torch.stack([one.pairs.float() for one in found]),
                "cosines": [one.cosine for one in found],
                "a": found[0].tokens_a,
                "b": found[0].tokens_b,
            }

        return workbench.cached(("similar pairs", panel.pooling, panel.words, *workbench.key), compute)

    def head(self) -> dict:
        """`score` of the trained similarity head, which reads both sentences together; or what is `missing`."""
        workbench = self.workbench
        if "similarity" not in workbench.lab.tasks:
            told = mark("{name} has no trained similarity head: fine-tune one in the panel Train.")
            return {"missing": say(told, name=workbench.lab.name)}

        def compute() -> dict:
            model = workbench.lab.task_model("similarity")
            if getattr(model.config, "num_labels", 0) != 1:
                return {"missing": say("the similarity head of this lab does not give one number.")}
            batch = workbench.batch()
            if not workbench.text_pair:
                batch = workbench.lab.tokenizer(
                    *self.texts, truncation=True, max_length=workbench.limit, return_tensors="pt"
                ).to(workbench.lab.device)
            with torch.no_grad(), self._ablating(model):
                return {"score": float(workbench.lab.sound(model(**batch).logits.float())[0, 0])}

        return workbench.cached(("similarity head", *workbench.key), compute)

    def _ablating(self, model: Any):
        workbench = self.workbench
        if not workbench.ablated:
            return contextlib.nullcontext()
        from bertlab.analysis.ablation import ablate

        return ablate(model, list(workbench.ablated), **workbench.ablation_options())

    # --- unrelated sentences, and a list

    def unrelated_texts(self) -> tuple[list[str], list[Any]]:
        """Sentences that have nothing to do with each other, and the topic of each: the corpus of the workbench (each
        sentence a topic of its own), or those that ship."""
        if self.workbench.corpus:
            return list(self.workbench.corpus)[:64], list(range(len(self.workbench.corpus)))[:64]
        from bertlab.data import samples

        topics: dict[str, list[str]] = {}
        for row in samples("topics"):
            topics.setdefault(row["label"], []).append(row["text"])
        rows = [(text, topic) for topic, texts in topics.items() for text in texts[:EACH_TOPIC]]
        return [text for text, _ in rows], [topic for _, topic in rows]

    def unrelated(self) -> torch.Tensor | None:
        """(layers + 1, pairs): the cosines of unrelated sentences, sorted; None while they are being measured."""
        texts, topics = self.unrelated_texts()
        if len(set(topics)) < 2:
            return None
        found = self._matrices(texts, say("Measuring unrelated sentences"))
        if found is None:
            return None
        different = torch.tensor([[i < j and a != b for j, b in enumerate(topics)] for i, a in enumerate(topics)])
        return found[:, different].sort(-1).values

    @property
    def listed(self) -> list[str]:
        """The list: the sentence that is typed above, its second one, then the panel's own or some examples."""
        own = [text for text in (self.workbench.text, self.workbench.text_pair) if text.strip()]
        others = [text for text in self.panel.sentences if text.strip()] or EXAMPLES
        return list(dict.fromkeys([*own, *others]))[:MOST_TEXTS]

    def matrices(self) -> torch.Tensor | None:
        """(layers + 1, texts, texts): the cosines of the list; None while they are being measured."""
        return self._matrices(self.listed, say("Measuring the list"))

    def order(self, matrix: torch.Tensor) -> list[int]:
        """The order in which alike sentences stand together: average linkage, its leaves from left to right."""
        if not self.panel.grouped or len(matrix) < 3:
            return list(range(len(matrix)))
        from scipy.cluster.hierarchy import leaves_list, linkage
        from scipy.spatial.distance import squareform

        distance = (1 - (matrix + matrix.T) / 2).clamp(min=0).fill_diagonal_(0).double().numpy()
        return leaves_list(linkage(squareform(distance, checks=False), "average", optimal_ordering=True)).tolist()

    def _matrices(self, texts: list[str], label: str) -> torch.Tensor | None:
        from bertlab.analysis import similarity

        workbench, lab, pooling = self.workbench, self.workbench.lab, self.panel.pooling
        key = ("similarity matrices", tuple(texts), pooling, workbench.key[-1])

        def measure(progress=None) -> torch.Tensor:
            return similarity.matrices(lab, texts, pooling=pooling, progress=progress).float().cpu()

        def at_once() -> torch.Tensor:
            with workbench.ablating():
                return measure()

        def work(progress) -> None:
            found = measure(progress)
            if workbench.lab is lab:  # another one may have come meanwhile
                workbench.cached(key, lambda: found)

        if workbench.known(key) or self._work(texts) < QUICK:
            return workbench.cached(key, at_once)
        self.panel.find(work, label)
        return None

    def _work(self, texts: list[str]) -> float:
        """About how many floating-point operations the texts take."""
        config = self.workbench.config
        layer = 4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size
        tokens = sum(len(text) for text in texts) / 4
        return 2.0 * config.num_hidden_layers * layer * tokens

    def too_long(self) -> None:
        """Refuse a list with a sentence that the model does not take."""
        for text in self.listed:
            length = len(self.workbench.lab.tokenizer(text, verbose=False)["input_ids"])
            if length > self.workbench.limit:
                told = mark("“{text}…” has {length} tokens; the model takes {limit}: shorten it")
                raise SelectionError(say(told, text=text[:40], length=length, limit=self.workbench.limit))
