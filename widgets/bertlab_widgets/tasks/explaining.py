"""What a task's answer rests on: `bertlab.analysis.attribution` put to the answer that a `TasksPanel` shows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from bertlab.language import mark

from ..workbench import Around

METHODS = {  # name -> as a picture names it
    "occlusion": mark("occlusion"),  # how far the number falls when nobody may look at the token: Zeiler & Fergus 2014
    "gradient": mark("gradient"),  # × input, what a straight line through this point says: Shrikumar et al. 2016
    "integrated": mark("integrated"),  # gradients from [MASK] to the token, 32 steps: Sundararajan et al. 2017
}
FRACTIONS = (0.1, 0.2, 0.3, 0.5)  # of the tokens, taken away for the comprehensiveness curve
ORDERS = 3  # random orders that the curve is held against
STEPS = 32


class Cancelled(Exception):
    """The computation was stopped by its user."""


@dataclass(frozen=True)
class Question:
    """One number of a task's output, and the tokens among which its reasons are looked for.

    `keep` marks the tokens that stay in every case: special ones and the place that is asked for. In multiple choice
    `row` is the choice whose `tokens` are shown, without padding, and `keep_each` (1, choices, sequence) marks what
    stays in each; `words` are the numbers of the tokens' words, where they are known. `code` builds `model`, `batch`
    and `target` for the reader.
    """

    model: torch.nn.Module
    batch: dict[str, torch.Tensor]
    target: object
    tokens: list[str]
    keep: list[bool]
    about: str
    code: tuple[str, ...]
    row: int | None = None
    keep_each: torch.Tensor | None = None
    words: Sequence[int] | None = None

    @property
    def word_numbers(self) -> list[int]:
        """The word of each token, from 0 upwards; without `words` a piece that continues joins the one before it."""
        if self.words is not None:
            return list(self.words)
        numbers: list[int] = []
        for token in self.tokens:
            numbers.append(numbers[-1] if numbers and token.startswith("##") else len(set(numbers)))
        return numbers

    @property
    def length(self) -> int:
        """How many positions the batch has, padding included."""
        return self.batch["input_ids"].shape[-1]

    @property
    def stays(self) -> torch.Tensor:
        """`keep` as a mark for each position, (sequence,) or (1, choices, sequence)."""
        return torch.tensor(self.keep) if self.keep_each is None else self.keep_each

    @property
    def places(self) -> list[int]:
        """The positions that may be changed, in one of the choices at least."""
        return (~self.stays).view(-1, self.length).any(0).nonzero().flatten().tolist()


def passes(question: Question, method: str) -> int:
    """How many texts the method and its curve send through the model; one with gradients counts three times."""
    choices = question.batch["input_ids"].shape[1] if question.row is not None else 1
    own = {"occlusion": len(question.places) * choices, "gradient": 3, "integrated": 3 * STEPS}[method]
    return own + 2 * len(FRACTIONS) * (1 + ORDERS) + 3


def work(question: Question, method: str) -> float:
    """About how many floating-point operations that is."""
    config = question.model.config
    weights = config.num_hidden_layers * (4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size)
    return 2.0 * weights * question.batch["input_ids"].numel() * passes(question, method)


@contextlib.contextmanager
def watched(model, total: int, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> Iterator[None]:
    """Inside, every pass of the model reports how far things are, and stops them where they were cancelled."""
    done, own = 0, threading.get_ident()

    def look(forward, arguments, named):
        nonlocal done
        if threading.get_ident() == own:  # else somebody else uses the model between two passes
            if cancelled():
                raise Cancelled
            given = next(value for value in (*arguments, *named.values()) if isinstance(value, torch.Tensor))
            done += len(given)
            progress(min(1.0, done / max(1, total)))
        return forward(*arguments, **named)

    around = Around(model.base_model, look)
    try:
        yield
    finally:
        around.remove()


def explain(question: Question, method: str, mask_token_id: int) -> dict:
    """Scores of the tokens, their completeness where the method promises it, and the comprehensiveness curve."""
    from bertlab.analysis import attribution

    model, batch, target = question.model, question.batch, question.target
    keep = question.stays
    if method == "occlusion":
        found = attribution.occlusion(model, batch, target, groups=[[place] for place in question.places])
    elif method == "gradient":
        found = attribution.gradient_x_input(model, batch, target)
    else:
        found = attribution.integrated_gradients(model, batch, target, baseline=mask_token_id, keep=keep, steps=STEPS)
    faithful = attribution.faithfulness(
        model, batch, found.target, found.scores, fractions=FRACTIONS, keep=keep, random_orders=ORDERS
    )
    scores = found.scores[0] if question.row is None else found.scores[0, question.row]
    scores = [
        0.0 if kept else score for kept, score in zip(question.keep, scores[: len(question.keep)].tolist(), strict=True)
    ]
    return {
        "method": method,
        "about": question.about,
        "tokens": question.tokens,
        "scores": scores,
        "keep": question.keep,
        "value": float(found.value[0]),
        "gap": None if found.gap is None else float(found.gap[0]),
        "baseline": None if found.baseline_value is None else float(found.baseline_value[0]),
        "fractions": list(FRACTIONS),
        "falls": faithful.comprehensiveness[:, 0].tolist(),
        "random_falls": faithful.random_comprehensiveness[:, 0].tolist(),
    }


def by_words(found: dict, question: Question, tokenizer) -> dict:
    """What `explain` found with the scores of a word's pieces added up; a word is kept where all its pieces are."""
    from bertlab.analysis import words

    numbers = question.word_numbers
    moved = words.total(torch.tensor([0.0 if kept else 1.0 for kept in found["keep"]]), numbers)
    return {
        **found,
        "tokens": words.names(found["tokens"], numbers, tokenizer),
        "scores": words.total(torch.tensor(found["scores"], dtype=torch.float64), numbers).tolist(),
        "keep": (moved == 0).tolist(),
        "words": True,
    }


def code(question: Question, method: str, mask: int, by_words: bool = False) -> list[str]:
    """Lines that compute the scores again, after those that build `model`, `batch` and `target`."""
    length, places = question.length, question.places
    keep = [place for place in range(length) if place not in places]
    which = "[0]" if question.row is None else f"[0, {question.row}, :{len(question.keep)}]"
    marked = f"torch.isin(torch.arange({length}), torch.tensor({keep}))"
    if question.keep_each is not None:
        marked = "torch.isin(batch['input_ids'].cpu(), torch.tensor(lab.tokenizer.all_special_ids))"
    call = {
        "occlusion": [
            f"groups = [[place] for place in range({length}) if place not in {keep}]",
            "found = attribution.occlusion(model, batch, target, groups=groups)",
        ],
        "gradient": ["found = attribution.gradient_x_input(model, batch, target)"],
        "integrated": [
            f"keep = {marked}",
            f"found = attribution.integrated_gradients(model, batch, target, baseline={mask}, keep=keep)",
        ],
    }[method]
    call[-1] = call[-1].replace("found =", "scores =") + f".scores{which}.tolist()"
    added = []
    if by_words:
        kept = [place for place, stays in enumerate(question.keep) if stays]
        added = [
            "from bertlab.analysis import words",
            f"numbers = {question.word_numbers}  # the word of each token",
            f"scores = [0.0 if place in {kept} else score for place, score in enumerate(scores)]",
            "scores = words.total(torch.tensor(scores), numbers).tolist()",
        ]
    return ["from bertlab.analysis import attribution, targets", *question.code, *call, *added]
