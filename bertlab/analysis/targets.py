"""Which number of a model's output is meant: the one that an ablation changes or an attribution explains.

    target = masked_token(place=5, token=lab.tokenizer.convert_tokens_to_ids("paris"), measure="log_probability")
    target(model(**batch))              # (batch,)

Any function of the model's output that gives one number (or a row of them) a text serves as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from bertlab.analysis.passes import Batch, checked, rows_of
from bertlab.model import BertPreTrainedModel
from bertlab.recording import anybody_listens

MEASURES = ("logit", "log_probability", "probability")

# The names under which the documented outputs carry each head's logits, the special one first.
LOGITS = {
    "token": ("prediction_logits", "logits"),
    "next_sentence": ("seq_relationship_logits", "logits"),
    "label": ("logits",),
    "tag": ("logits",),
    "choice": ("logits",),
    "start": ("start_logits",),
    "end": ("end_logits",),
}
AXES = {"token": 3, "tag": 3}  # (batch, sequence, classes); all others (batch, classes)


@dataclass(frozen=True)
class Target:
    """One number a text.

    `head` is a key of `LOGITS`; `index` the vocabulary item, label, choice or answer place, the most probable one
    when None; `place` the position in the sequence, where the head has one for each. Both may be tensors (batch,).
    `measure` is "logit", "log_probability" or "probability" (natural logarithms); with `independent` each class has a
    probability of its own, as in multi-label tasks (sigmoid instead of softmax).
    """

    head: str
    index: int | torch.Tensor | None = None
    place: int | torch.Tensor | None = None
    measure: str = "logit"
    independent: bool = False

    def __post_init__(self) -> None:
        if self.head not in LOGITS:
            raise LookupError(f"there is no head {self.head!r}; there are {', '.join(LOGITS)}")
        if self.measure not in MEASURES:
            raise ValueError(f"measure is {self.measure!r}; allowed are {', '.join(MEASURES)}")
        if (self.head in AXES) != (self.place is not None):
            needed = "needs a place in the sequence" if self.head in AXES else "has no place; leave it out"
            raise ValueError(f"a target of the {self.head} head {needed}")

    def __call__(self, output: Any) -> torch.Tensor:
        """(batch,): the number in the model's output."""
        return self.of(self.logits(output))

    def logits(self, output: Any) -> torch.Tensor:
        """(batch, classes): the logits among which the target is one.

        Raises:
            LookupError: when the output has no such logits. ValueError: for a place beyond the sequence.
        """
        name = next((name for name in LOGITS[self.head] if getattr(output, name, None) is not None), None)
        if name is None or getattr(output, name).dim() != AXES.get(self.head, 2):
            raise LookupError(
                f"{type(output).__name__} has no logits of the {self.head} head; run the model of that task"
            )
        logits = getattr(output, name)
        return self.at_place(logits) if self.head in AXES else logits

    def at_place(self, values: torch.Tensor) -> torch.Tensor:
        """(batch, sequence, features) -> (batch, features), at the target's place."""
        place = _per_row(self.place, values, values.shape[1], "place")
        return values[torch.arange(len(values), device=values.device), place]

    def of(self, logits: torch.Tensor) -> torch.Tensor:
        """(batch, classes) -> (batch,), as `measure` says; float32 at least."""
        logits = logits if logits.dtype == torch.float64 else logits.float()
        if logits.shape[-1] == 1 and self.measure != "logit" and not self.independent:
            raise ValueError(f"the {self.head} head gives one number, which has no {self.measure}; measure its logit")
        index = logits.argmax(-1) if self.index is None else _per_row(self.index, logits, logits.shape[-1], "index")
        if self.measure != "logit":
            logits = torch.nn.functional.logsigmoid(logits) if self.independent else logits.log_softmax(-1)
        chosen = logits.gather(-1, index[:, None]).squeeze(-1)
        return chosen.exp() if self.measure == "probability" else chosen


def masked_token(place: int | torch.Tensor, token: int | torch.Tensor | None = None, measure: str = "logit") -> Target:
    """A vocabulary item at a place, in a model with the vocabulary head; the most probable one when None."""
    return Target("token", token, place, measure)


def next_sentence(index: int | torch.Tensor | None = 0, measure: str = "logit") -> Target:
    """The next-sentence head: 0 is "B follows A", 1 "B is random"."""
    return Target("next_sentence", index, None, measure)


def label(index: int | torch.Tensor | None = None, measure: str = "logit", independent: bool = False) -> Target:
    """A label of a sequence classifier, or the number of a regression (index 0)."""
    return Target("label", index, None, measure, independent)


def tag(place: int | torch.Tensor, index: int | torch.Tensor | None = None, measure: str = "logit") -> Target:
    """A label of a token classifier at a place (the first piece of a word)."""
    return Target("tag", index, place, measure)


def choice(index: int | torch.Tensor | None = None, measure: str = "logit") -> Target:
    """One of several continuations."""
    return Target("choice", index, None, measure)


def answer_start(place: int | torch.Tensor | None = None, measure: str = "logit") -> Target:
    """The place of the answer's first token in question answering."""
    return Target("start", place, None, measure)


def answer_end(place: int | torch.Tensor | None = None, measure: str = "logit") -> Target:
    """The place of the answer's last token in question answering."""
    return Target("end", place, None, measure)


Metric = Callable[[Any], torch.Tensor]  # a Target, or any function of the output


def evaluate(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], metric: Metric) -> torch.Tensor:
    """Run the model and take the number: (batch,), or (batch, ...) from a function that gives several.

    For a vocabulary item at a place the vocabulary head reads that place only, which saves a fifth of the time.

    Raises:
        TypeError, ValueError: when the metric gives no tensor, or one with another number of rows.
    """
    batch = checked(batch, model)
    if isinstance(metric, Target):
        return metric.of(_logits(model, batch, metric))
    if not callable(metric):
        raise TypeError(f"the metric is a {type(metric).__name__}; give a Target, or a function of the model's output")
    value = metric(model(**batch, return_dict=True))
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"the metric returned {type(value).__name__}; it must return a tensor with a number a text")
    if value.dim() == 0 or len(value) != rows_of(batch):
        raise ValueError(
            f"the metric returned shape {tuple(value.shape)} for a batch of {rows_of(batch)}; "
            "it must return a number a text, (batch,)"
        )
    return value


def one_number(value: torch.Tensor) -> torch.Tensor:
    """(batch,) of what a metric gave, float32 at least.

    Raises:
        ValueError: when it gave several numbers a text.
    """
    if value.dim() != 1:
        raise ValueError(f"the metric gave shape {tuple(value.shape)}; here it must give one number a text, (batch,)")
    return value if value.dtype == torch.float64 else value.float()


@torch.no_grad()
def resolved(model: BertPreTrainedModel, batch: Mapping[str, torch.Tensor], metric: Metric) -> Metric:
    """The metric with its open choice made: a `Target` without an index gets the model's own prediction."""
    if not isinstance(metric, Target) or metric.index is not None:
        return metric
    return replace(metric, index=_logits(model, checked(batch, model), metric).argmax(-1))


def _logits(model: BertPreTrainedModel, batch: Batch, target: Target) -> torch.Tensor:
    heads = getattr(model, "cls", None)
    if target.head == "token" and hasattr(heads, "predictions") and not anybody_listens(heads):
        hidden = model.base_model(**batch, return_dict=True).last_hidden_state  # (batch, sequence, hidden)
        return heads.predictions(target.at_place(hidden))
    return target.logits(model(**batch, return_dict=True))


def _per_row(value: int | torch.Tensor, rows: torch.Tensor, limit: int, name: str) -> torch.Tensor:
    """One whole number for each row; those of a batch that was repeated are repeated with it."""
    value = torch.as_tensor(value, device=rows.device)
    if value.is_floating_point() or value.dtype == torch.bool:
        raise TypeError(f"the target's {name} is {value.dtype}; give whole numbers")
    if value.dim() == 0:
        value = value.expand(len(rows))
    elif value.dim() > 1 or not len(value) or len(rows) % len(value):
        raise ValueError(f"the target's {name} has shape {tuple(value.shape)}; give one number, or one a text")
    else:
        value = value.repeat(len(rows) // len(value))
    wrong = (value < 0) | (value >= limit)
    if bool(wrong.any()):
        raise ValueError(f"the target's {name} is {int(value[wrong][0])}; allowed are 0 to {limit - 1}")
    return value
