"""What a `ComparePanel` holds against each other: the other model, the other text, and what either side computes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from bertlab.language import mark, say

from ..workbench import (
    SelectionError,
    Workbench,
    ablation_code,
    encode,
    input_code,
    lab_code,
    mask_id,
    watched_place,
)
from .sides import Seen, aligned, seen

BEFORE, UNTRAINED, TASK = "before", "untrained", "task:"
OTHER_DRAW = 1011  # so that a model which is itself fresh from a small seed is not drawn again
UNLIKE = {  # numbers in which two models have to be alike, and what is said where they are not
    "num_hidden_layers": mark(
        "{a} has {one} layers and {b} {other}, so they cannot be held against each other head by head: choose a model "
        "of the same size"
    ),
    "num_attention_heads": mark(
        "{a} has {one} heads a layer and {b} {other}, so they cannot be held against each other head by head: choose a "
        "model of the same size"
    ),
}
NO_ENCODER = ("generation", "seq2seq")  # tasks whose adapters leave the encoder as it is, or read from the left


class Both:
    """The two sides of a panel: `a` is what the workbench looks at, `b` another model or another text."""

    def __init__(self, panel: Any):
        self.panel, self._labs = panel, {}

    @property
    def workbench(self) -> Workbench:
        """The state behind the panel."""
        return self.panel.workbench

    # --- the other model

    def choices(self) -> list[list[str]]:
        """[value, text] of every model that is one click away."""
        lab = self.workbench.lab
        found = [[BEFORE, say("the model before training")]] if hasattr(lab, "before") else []
        tasks = [name for name in lab.tasks if name not in NO_ENCODER]
        found += [[TASK + name, after_learning(name)] for name in tasks]
        return [*found, [UNTRAINED, say("the same with random weights")]]

    @property
    def chosen(self) -> str:
        """The other model: as it was chosen, else the first one that is a click away."""
        return self.panel.other or self.choices()[0][0]

    def lab(self) -> Any:
        """The other model's lab; the workbench's own where two texts are compared. None while it is not open yet."""
        if self.panel.against == "text":
            return self.workbench.lab
        if self.chosen == BEFORE:
            return getattr(self.workbench.lab, "before", None)
        return self._labs.get(self._name())

    def _name(self) -> tuple:
        return (self.chosen, id(self.workbench.lab) if self.at_hand(self.chosen) else 0)

    def at_hand(self, name: str) -> bool:
        """Whether a model is made from the workbench's own, and needs not be fetched."""
        return name in (BEFORE, UNTRAINED) or name.startswith(TASK)

    def open(self) -> None:
        """Open the other model.

        Raises:
            SelectionError: it is not there, or does not fit.
        """
        import bertlab
        from bertlab.lab import trained_for

        name, lab = self.chosen, self.workbench.lab
        if name.startswith(TASK) and name not in dict(self.choices()):
            task = name.removeprefix(TASK)
            told = mark("{model} has no encoder that was trained for {task}: choose another model to compare with")
            raise SelectionError(say(told, model=lab.name, task=task))
        try:
            if name == BEFORE:
                raise LookupError(say("the model on show was not trained here, so there is none of before"))
            if name == UNTRAINED:
                opened = untrained(lab, self.workbench.seed)
            elif name.startswith(TASK):
                with self.workbench.lock:
                    opened = trained_for(lab, name.removeprefix(TASK))
            else:
                opened = bertlab.load(name, device=str(lab.device))
        except Exception as error:
            problem = say("{model} could not be opened: {reason}", model=name, reason=error)
            raise SelectionError(problem) from error
        self._labs = {**dict(list(self._labs.items())[-2:]), self._name(): opened}

    def check(self) -> None:
        """Refuse models that cannot be held against each other.

        Raises:
            SelectionError: of another vocabulary, depth, or number of heads.
        """
        mine, theirs = self.workbench.lab, self.lab()
        if mine is theirs:
            return
        if mine.tokenizer is not theirs.tokenizer and mine.tokenizer.get_vocab() != theirs.tokenizer.get_vocab():
            raise SelectionError(
                say(
                    "{a} and {b} have different vocabularies, so their tokens are not the same: choose a model of the "
                    "same vocabulary",
                    a=mine.name, b=theirs.name,
                )
            )  # fmt: skip
        for counted, message in UNLIKE.items():
            one, other = getattr(mine.model.config, counted), getattr(theirs.model.config, counted)
            if one != other:
                raise SelectionError(say(message, a=mine.name, one=one, b=theirs.name, other=other))
        limit = min(theirs.model.config.max_position_embeddings, theirs.tokenizer.model_max_length)
        if self.workbench.encoding.length > limit:
            problem = say("{model} takes at most {limit} tokens: shorten the text", model=theirs.name, limit=limit)
            raise SelectionError(problem)

    def names(self) -> tuple[str, str]:
        """What both sides are called: two models, or two texts."""
        if self.panel.against == "text":
            return "A", "B"
        name = self.chosen
        if name == BEFORE:
            return self.workbench.lab.name, say("before training")
        if name.startswith(TASK):
            return self.workbench.lab.name, after_learning(name.removeprefix(TASK))
        if name == UNTRAINED:
            return self.workbench.lab.name, say("untrained")
        return self.workbench.lab.name, self.lab().name

    # --- what they read

    def watched(self) -> tuple[int, bool]:
        """Where predictions are watched, and whether that token is hidden; other looks take the text as it is."""
        place, hidden = watched_place(self.workbench)
        return place, hidden and self.panel.look == "predictions"

    def batches(self) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """The model's arguments on both sides, masks and the watched place hidden in both.

        Raises:
            SelectionError: there is no second text.
        """
        workbench, (place, hidden) = self.workbench, self.watched()
        mask = mask_id(workbench)
        ids = workbench.input_ids.clone()
        if hidden:
            ids[0, place] = mask
        first = workbench.batch(ids)
        if self.panel.against == "model":
            return first, first
        encoding = self.other_encoding()
        ids, there = encoding.input_ids.clone(), dict(self.pairs())
        for one in workbench.masks_in(first["input_ids"]):
            if one in there:
                ids[0, there[one]] = mask
        device = first["input_ids"].device
        types, marks = encoding.token_type_ids, torch.ones_like(ids)
        second = {"input_ids": ids, "token_type_ids": types, "attention_mask": marks}
        return first, {name: value.to(device) for name, value in second.items()}

    def other_encoding(self) -> Any:
        """The second text as tokens.

        Raises:
            SelectionError: there is none.
        """
        text, workbench = self.panel.other_text.strip(), self.workbench
        if not text:
            problem = say("type a second text to compare with the first, such as one with a word exchanged")
            raise SelectionError(problem)
        key = ("encoding", text, workbench.text_pair)
        tokenizer = workbench.lab.tokenizer
        found = workbench.cached(key, lambda: encode(tokenizer, text, workbench.text_pair, workbench.limit))
        if all(token["special"] for token in found.tokens):
            raise SelectionError(say("the second text holds no words: type some"))
        return found

    def pairs(self) -> list[tuple[int, int]]:
        """Which places belong together."""
        tokens = [token["text"] for token in self.workbench.encoding.tokens]
        if self.panel.against == "model":
            return [(i, i) for i in range(len(tokens))]
        return aligned(tokens, [token["text"] for token in self.other_encoding().tokens])

    # --- what they compute

    def key(self) -> tuple:
        """What the numbers depend on."""
        workbench = self.workbench
        other = (self.panel.against, self.panel.other_text.strip() if self.panel.against == "text" else self._name())
        place, hidden = self.watched()
        return (*workbench.key, place if hidden else -1, *other)

    @contextlib.contextmanager
    def switched_off(self) -> Iterator[None]:
        """Heads that are off, are off in both models."""
        workbench = self.workbench
        if not workbench.ablated:
            yield
            return
        from bertlab.analysis.ablation import ablate, corpus_means

        options, other = workbench.ablation_options(), self.lab()
        with contextlib.ExitStack() as stack:
            stack.enter_context(workbench.ablating())
            if other is not workbench.lab:
                if workbench.ablation == "corpus":
                    key = ("means of the other", *self._name(), tuple(workbench.corpus))
                    texts = workbench.sentences()
                    options = {**options, "means": workbench.cached(key, lambda: corpus_means(other, texts))}
                stack.enter_context(ablate(other.model, workbench.ablated, **options))
            yield

    def sides(self) -> tuple[Seen, Seen]:
        """What is computed on both sides, run once and remembered."""
        return (self._side("a"), self._side("b"))

    def _side(self, which: str) -> Seen:
        def compute() -> Seen:
            lab, batch = (self.workbench.lab, self.batches()[0]) if which == "a" else (self.lab(), self.batches()[1])
            with self.workbench.lock, self.switched_off():
                return seen(lab, batch)

        return self.workbench.cached(("compare", which, *self.key()), compute)

    # --- as code

    def code(self, *imports: str) -> list[str]:
        """Lines that leave `lab` and `other`, and what either side computes in `a` and `b`, and `pairs`."""
        workbench, (place, hidden) = self.workbench, self.watched()
        lines = ["import torch", *imports, "from bertlab_widgets.compare import distances, seen", *self.labs_code()]
        lines += input_code(workbench)
        if hidden:
            lines.append(f"batch['input_ids'][0, {place}] = lab.tokenizer.mask_token_id")
        if self.panel.against == "text":
            second = repr(self.panel.other_text.strip()) + (f", {workbench.text_pair!r}" if workbench.text_pair else "")
            lines.append(f'second = lab.tokenizer({second}, truncation=True, return_tensors="pt").to(lab.device)')
            covered = workbench.masks_in(self.batches()[1]["input_ids"])
            if covered:
                lines.append(f"second['input_ids'][0, {covered}] = lab.tokenizer.mask_token_id")
        else:
            lines.append("second = batch")
        before, line = self.off_code()
        run = "a, b = seen(lab, batch), seen(other, second)"
        lines += [*before, *([line, f"    {run}"] if line else [run])]
        return [*lines, f"pairs = {self.pairs()}  # places that belong together"]

    def labs_code(self) -> list[str]:
        """Lines that leave both labs in `lab` and `other`."""
        lines, name = self.panel.lab_code(), self.chosen
        if self.panel.against == "text":
            return [*lines, "other = lab"]
        if name == BEFORE:
            return [*lines, "trained = lab", *lab_code(self.lab()), "lab, other = trained, lab"]
        if name.startswith(TASK):
            made = f"other = trained_for(lab, {name.removeprefix(TASK)!r})"
            return [*lines, "from bertlab.lab import trained_for", made]
        if name == UNTRAINED:
            return [
                *lines,
                "from bertlab_widgets.compare import untrained",
                f"other = untrained(lab, seed={self.workbench.seed})",
            ]
        source = str(Path(name).expanduser().resolve()) if Path(name).expanduser().is_dir() else name
        return [*lines, f"other = bertlab.load({source!r})"]

    def off_code(self) -> tuple[list[str], str]:
        """What goes before, and the `with` line under which the heads are off in both; "" where all are on."""
        if not self.workbench.ablated:
            return [], ""
        before, first = ablation_code(self.workbench)
        _, second = ablation_code(self.workbench, "other.model")
        second = second.replace("corpus_means(lab,", "corpus_means(other,")
        contexts = first if self.panel.against == "text" else f"{first}, {second}"
        return ["from bertlab.analysis import ablation", *before], f"with {contexts}:"


def after_learning(task: str) -> str:
    """What the encoder that learnt a task is called."""
    return say("after learning {task}", task=task.replace("_", " "))


def untrained(lab: Any, seed: int = 0) -> Any:
    """A lab of the same size and vocabulary whose weights were drawn and never trained: what training gave is what
    differs."""
    import copy

    from bertlab.lab import Lab
    from bertlab.model import BertForPreTraining

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(OTHER_DRAW + seed)
        model = BertForPreTraining(copy.deepcopy(lab.model.config))
    return Lab(model.to(device=lab.device, dtype=lab.model.dtype), lab.tokenizer, f"{lab.name}, untrained")
