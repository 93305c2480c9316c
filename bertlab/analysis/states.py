"""Hidden states of many texts, and one vector for each: what similarity, neighbours and comparisons are made of.

Hidden states are numbered from 0, what the embeddings give to the first layer, to the number of layers; negative
numbers count from the end. A token is real when it is no padding: [CLS] and [SEP] are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from bertlab.analysis.parts import lower_layers
from bertlab.analysis.passes import Progress, evaluating, report, whole_number

POOLINGS = ("mean", "cls", "max", "pooler")
TOKENS_PER_PASS = 2048


@dataclass(frozen=True)
class TextBatch:
    """Some texts of a list: their `numbers` in it, `ids` (texts, sequence) and `real`, which marks what is no padding
    (texts, sequence). Padding stands on the right, whatever side the tokenizer prefers, so that positions do not
    depend on the company a text is in."""

    numbers: list[int]
    ids: torch.Tensor
    real: torch.Tensor

    @property
    def inputs(self) -> dict[str, torch.Tensor]:
        """The model's arguments."""
        return {"input_ids": self.ids, "attention_mask": self.real.long()}


def text_list(texts: Any) -> list[str]:
    """One string or several, as a list of at least one.

    Raises:
        TypeError: for anything else. ValueError: when there are none.
    """
    if isinstance(texts, str):
        return [texts]
    if not isinstance(texts, Iterable) or isinstance(texts, (bytes, dict)):
        raise TypeError(f"texts are a list of strings, not {type(texts).__name__}; put a single text into a list")
    texts = list(texts)
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {number} is a {type(text).__name__}: {str(text)[:60]!r}; give strings")
    if not texts:
        raise ValueError("there are no texts; give at least one")
    return texts


def token_ids(lab: Any, texts: list[str]) -> list[list[int]]:
    """The ids of each text with [CLS] and [SEP].

    Raises:
        ValueError: for a text that does not fit into the model, naming its number.
    """
    rows = lab.tokenizer(texts, verbose=False)["input_ids"]
    for number, row in enumerate(rows):
        if len(row) > lab.max_length:
            raise ValueError(
                f"text {number} has {len(row)} tokens with [CLS] and [SEP]; {lab.name} takes at most "
                f"{lab.max_length}; shorten it, or cut it into windows"
            )
    return rows


def text_batches(lab: Any, rows: list[list[int]], tokens_per_pass: int = TOKENS_PER_PASS) -> Iterator[TextBatch]:
    """Rows of ids in batches of similar length on the lab's device, the longest first."""
    order = sorted(range(len(rows)), key=lambda number: -len(rows[number]))
    while order:
        width = len(rows[order[0]])
        some, order = order[: max(1, tokens_per_pass // width)], order[max(1, tokens_per_pass // width) :]
        padding = lab.tokenizer.pad_token_id or 0
        ids = torch.tensor([rows[n] + [padding] * (width - len(rows[n])) for n in some])
        lengths = torch.tensor([len(rows[n]) for n in some])
        real = torch.arange(width)[None, :] < lengths[:, None]
        yield TextBatch(some, ids.to(lab.device), real.to(lab.device))


@torch.no_grad()
def stream_states(
    lab: Any, rows: list[list[int]], layer: int, *, progress: Progress | None = None
) -> Iterator[tuple[TextBatch, torch.Tensor]]:
    """Each batch of `text_batches` with one hidden state of its texts: (texts, sequence, hidden). Layers above it do
    not run."""
    lower, done, total = lower_layers(lab.model, layer), 0, sum(map(len, rows))
    for batch in text_batches(lab, rows):
        with evaluating(lower, every_row=False):
            hidden = lower(**batch.inputs, return_dict=True).last_hidden_state
        yield batch, hidden
        done += int(batch.real.sum())
        report(progress, done / total)


@torch.no_grad()
def embed(
    lab: Any, texts: Any, *, layer: int = -1, pooling: str = "mean", progress: Progress | None = None
) -> torch.Tensor:
    """One vector for each text, in the order given: (texts, hidden), float32 at least; one string gives (1, hidden).

    Args:
        texts: a string, or several.
        layer: the hidden state, 0 (embeddings) to the number of layers, or from the end.
        pooling: "mean" or "max" over all real tokens, [CLS] and [SEP] included, as sentence-transformers takes them;
            "cls", the first token; "pooler", the model's pooler on the first token.

    Raises:
        TypeError: for what are no strings. ValueError: for no texts, a text that does not fit into the model, another
            layer or pooling, and "pooler" of a model that has none.
    """
    layer = state_number(lab.model, layer)
    check_pooling(lab.model, pooling)
    rows = token_ids(lab, text_list(texts))
    vectors: list[Any] = [None] * len(rows)
    for batch, hidden in stream_states(lab, rows, layer, progress=progress):
        for number, vector in zip(batch.numbers, pooled(lab.model, hidden, batch.real, pooling)):
            vectors[number] = vector
    return torch.stack(vectors)


@torch.no_grad()
def pooled(model: Any, hidden: torch.Tensor, real: torch.Tensor, pooling: str) -> torch.Tensor:
    """(texts, sequence, hidden) -> (texts, hidden); `real` (texts, sequence) marks what is no padding."""
    if pooling == "pooler":
        with evaluating(model, every_row=False):
            hidden = model.base_model.pooler(hidden)
        return in_float(hidden)
    hidden = in_float(hidden)
    if pooling == "cls":
        return hidden[:, 0].clone()
    if pooling == "max":
        return hidden.masked_fill(~real[..., None], -torch.inf).amax(1)
    return (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)


def in_float(values: torch.Tensor) -> torch.Tensor:
    """Float32 for half precision; doubles stay doubles."""
    return values if values.dtype == torch.float64 else values.float()


def state_number(model: Any, layer: int) -> int:
    """A hidden state's number from 0; negative ones count from the end.

    Raises:
        TypeError: when it is no whole number. ValueError: when the model has no such state.
    """
    layers = len(model.base_model.encoder.layer)
    return whole_number(layer, "layer", -layers - 1, layers, "0 is the embeddings") % (layers + 1)


def check_pooling(model: Any, pooling: str) -> None:
    """Raise ValueError for a pooling that does not exist, or that the model has no part for."""
    if pooling not in POOLINGS:
        raise ValueError(f"pooling is {pooling!r}; allowed are {', '.join(POOLINGS)}")
    if pooling == "pooler" and model.base_model.pooler is None:
        raise ValueError("pooling is 'pooler', but the model has no pooler; use 'cls' or 'mean'")
