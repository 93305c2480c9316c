"""Which prediction an `IntervenePanel` acts upon: a place, a word there, and how likely the model finds it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.language import say

from ..workbench import SelectionError, Workbench, ablation_code, input_code, watched_place

SHOWN = 6  # words with a bar


@dataclass(frozen=True)
class Watched:
    """One word at one place.

    `hidden` says that the panel itself puts [MASK] there, because nothing in the text is masked; `own` that the word
    is the whole model's first choice.
    """

    place: int
    token: int
    word: str
    hidden: bool
    own: bool


class Watching:
    """The watched prediction of a panel: its batch, and its logits as they are and in the whole model."""

    def __init__(self, panel: Any):
        self.panel = panel

    @property
    def workbench(self) -> Workbench:
        """The state behind the panel."""
        return self.panel.workbench

    def batch(self) -> dict[str, torch.Tensor]:
        """The model's arguments, the watched place hidden."""
        place, hidden = watched_place(self.workbench)
        ids = self.workbench.input_ids.clone()
        if hidden:
            ids[0, place] = self.workbench.lab.tokenizer.mask_token_id
        return self.workbench.batch(ids)

    @contextlib.contextmanager
    def switched_off(self, *, heads: bool = True) -> Iterator[None]:
        """Heads and neurons that are off, are off inside."""
        from bertlab.analysis import neurons

        with contextlib.ExitStack() as stack:
            if heads:
                stack.enter_context(self.workbench.ablating())
            if self.panel.neurons:
                stack.enter_context(neurons.ablate(self.workbench.model, self.panel.neurons))
            yield

    @property
    def key(self) -> tuple:
        """What the numbers of every look depend on."""
        neurons = tuple(map(tuple, self.panel.neurons))
        word = self.now()
        return (*self.workbench.key, neurons, word.place, word.token, self.panel.measure)

    def now_whole(self) -> tuple[int, bool]:
        """What the whole model's first choice depends on, beside text, masks and changed tokens."""
        return watched_place(self.workbench)

    def whole_logits(self) -> torch.Tensor:
        """(vocabulary,) at the watched place with every head and neuron on."""
        key = ("watched", *self.workbench.key[:-1], *watched_place(self.workbench))
        return self.workbench.cached(key, lambda: self._run(off=False))

    def logits(self) -> torch.Tensor:
        """(vocabulary,) at the watched place as heads and neurons are switched."""
        if not self.workbench.ablated and not self.panel.neurons:
            return self.whole_logits()
        neurons = tuple(map(tuple, self.panel.neurons))
        key = ("watched off", *self.workbench.key, neurons, *watched_place(self.workbench))
        return self.workbench.cached(key, lambda: self._run(off=True))

    def _run(self, *, off: bool) -> torch.Tensor:
        from bertlab.analysis import evaluating

        model = self.workbench.model
        context = self.switched_off() if off else contextlib.nullcontext()
        with self.workbench.lock, torch.no_grad(), evaluating(model), context:
            return self.at_place(model(**self.batch()))

    def at_place(self, output: Any) -> torch.Tensor:
        """(vocabulary,): the word logits of an output at the watched place.

        Raises:
            SelectionError: the model has no head for words.
        """
        logits = getattr(output, "prediction_logits", None)
        if logits is None:
            raise SelectionError(
                say(
                    "{model} has no masked-language-model head, so it predicts no words to act upon: load a model that "
                    "has one, bertlab.load() for example",
                    model=self.workbench.lab.name,
                )
            )
        return logits[0, watched_place(self.workbench)[0]].float().cpu()

    def now(self) -> Watched:
        """The word that is followed: the one that was asked for, else the whole model's first choice.

        Raises:
            SelectionError: the word that was asked for is no single token of the vocabulary.
        """
        place, hidden = watched_place(self.workbench)
        tokenizer, best = self.workbench.lab.tokenizer, int(self.whole_logits().argmax())
        token = best
        if self.panel.word:
            token = token_named(self.workbench, self.panel.word)
        return Watched(place, token, tokenizer.convert_ids_to_tokens([token])[0], hidden, token == best)

    def token_names(self) -> list[str]:
        """The tokens as the model gets them, the watched place hidden."""
        ids = self.batch()["input_ids"][0].tolist()
        return self.workbench.lab.tokenizer.convert_ids_to_tokens(ids)

    def target(self) -> Any:
        """The same as a target of `bertlab.analysis`."""
        from bertlab.analysis.targets import masked_token

        word = self.now()
        return masked_token(word.place, word.token, self.panel.measure)

    def value(self, logits: torch.Tensor) -> float:
        """The measure of the watched word in logits (vocabulary,)."""
        return float(self.target().of(logits[None]))

    def bars(self, before: torch.Tensor, now: torch.Tensor, count: int = SHOWN) -> list[dict]:
        """The likeliest words of two logits (vocabulary,), and the watched word, with both probabilities."""
        before, now = before.softmax(-1), now.softmax(-1)
        watched = self.now().token
        best = [*before.topk(count - 2).indices.tolist(), *now.topk(count - 2).indices.tolist()]
        ids = list(dict.fromkeys([watched, *best]))
        ids = [watched, *sorted(ids[1:], key=lambda token: -max(float(before[token]), float(now[token])))][:count]
        names = self.workbench.lab.tokenizer.convert_ids_to_tokens(ids)
        return [
            {"token": name, "probability": float(now[i]), "before": float(before[i]), "watched": i == watched}
            for name, i in zip(names, ids, strict=True)
        ]


def token_named(workbench: Workbench, word: str) -> int:
    """The id of a word that is one token.

    Raises:
        SelectionError: it is not.
    """
    tokenizer = workbench.lab.tokenizer
    for name in (word, word.lower()):
        token = tokenizer.convert_tokens_to_ids(name)
        if token is not None and token != tokenizer.unk_token_id:
            return int(token)
    raise SelectionError(say("{word!r} is no single token of this vocabulary: follow another word", word=word))


def setting_code(panel: Any, imports: str, *, more: tuple[str, ...] = ()) -> list[str]:
    """Lines that leave `lab`, the model's input in `batch` and the watched number in `target`."""
    word, workbench = panel.watching.now(), panel.workbench
    names = sorted({*imports.split(", "), "targets", *(["ablation"] if workbench.ablated else [])})
    if panel.neurons:
        names = sorted({*names, "neurons"})
    lines = ["import torch", f"from bertlab.analysis import {', '.join(names)}", *more, *panel.lab_code()]
    lines += input_code(workbench)
    if word.hidden:
        lines.append(f"batch['input_ids'][0, {word.place}] = lab.tokenizer.mask_token_id")
    lines.append(f"target = targets.masked_token({word.place}, {word.token}, {panel.measure!r})  # {word.word}")
    return lines


def off_code(panel: Any, contexts: tuple[str, ...] = ()) -> tuple[list[str], str]:
    """What goes before, and the `with` line under which everything runs as it is switched; "" where nothing is off."""
    before, contexts = [], list(contexts)
    if panel.workbench.ablated:
        before, context = ablation_code(panel.workbench)
        contexts.append(context)
    if panel.neurons:
        contexts.append(f"neurons.ablate(lab.model, {[tuple(pair) for pair in panel.neurons]})")
    return before, f"with {', '.join(contexts)}:" if contexts else ""


def under(line: str, body: list[str]) -> list[str]:
    """The lines, indented under a `with` line where there is one."""
    return [line, *(f"    {one}" for one in body)] if line else body
